//! The road to PostgreSQL.
//!
//! There are three ways, and each statement takes the fastest that its rows allow:
//! - a placeholder a value, for a few rows and for columns whose type has no binary form here;
//! - UNNEST of one array a column: one text for any number of rows, so it is always found prepared;
//! - binary COPY, for many new rows without a conflict clause into columns whose type in the database is the very
//!   type of the values, since COPY converts nothing.
//!
//! All three put the same bytes into the table. A large update first only counts the rows that it touches; which ones
//! are missing is asked, in a costlier statement, only once they were not all. A statement that fails aborts its
//! transaction; so the batch is first written without savepoints, and with them only once a row was refused.

mod catalog;
mod copy;
mod fault;
mod session;
mod shared;
mod statement;
mod wire;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sea_orm::{
    Value,
    sea_query::{ColumnType, Values},
    sqlx::{AssertSqlSafe, PgPool, Postgres as Driver},
};
use sea_query_sqlx::SqlxValues;

pub(super) use self::fault::severity;
use self::{catalog::Catalog, session::Session, wire::Wire};
use super::{
    database::{Database, Touched},
    fault::Fault,
    part::Part,
    spare::Spare,
    sql,
    texts::{MAX_SHAPES, Text, Texts},
};
use crate::{
    conflict::Conflict,
    operation::Operation,
    row::{Row, Shape},
    table::Table,
};

/// How many values one statement binds: the protocol counts them in 16 bits.
const MAX_VARIABLES: usize = 65_535;

/// From so many rows on, arrays are worth their framing.
const UNNEST_FROM: usize = 8;

/// The most rows of an UNNEST. Inserts are as fast as they get from 500 rows on, updates only from 5,000; more would
/// only be more memory.
const MAX_UNNEST: usize = 5_000;

/// From so many rows on, an update that only counts what it touched is worth a transaction around it, by which to take
/// it back if that was not every row.
const UNTOLD_FROM: usize = 500;

/// From this weight of rows on, COPY is faster than UNNEST; it is that of some 2,400 rows of 200 bytes. It would be so
/// from some hundred rows on, but the driver sends the end of the data in a small packet of its own, without
/// TCP_NODELAY: after less than 200 kB it waits, as often as not, some 40 ms for the server's delayed acknowledgement.
/// From 360 kB on, which the weight assures, the wait is seldom met: the server takes the data in many reads, and
/// acknowledges as it reads.
const COPY_FROM: usize = 1 << 20;

/// A table of a PostgreSQL database.
pub(super) struct Postgres {
    spare: Spare<Driver>,
    table: Arc<Table>,
    conflict: Arc<Conflict>,
    texts: Texts,
    /// The texts of the statements whose length does not depend on the number of rows, with the types they are for.
    long: HashMap<(Shape, Long), (Vec<Wire>, Arc<str>)>,
    /// Whether updates are expected to touch all their rows: so it is until one has not, and again once one has. A table
    /// where that comes and goes pays for it with a second attempt.
    hopeful: bool,
    /// What the server says of the table; `None` before it was asked.
    catalog: Option<Catalog>,
}

/// How rows get into the table.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Values,
    Unnest(Vec<Wire>),
    Copy(Vec<Wire>),
}

/// A statement that takes any number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Long {
    Copy,
    /// An insert, or an update that says which rows it did not touch.
    Unnest,
    /// An update that only says how many rows it touched, which is less work for the server.
    Untold,
}

impl Postgres {
    /// `rows` is the size at which batches become due.
    pub(super) fn new(pool: PgPool, table: Arc<Table>, conflict: Arc<Conflict>, rows: usize) -> Self {
        let texts = Texts::new(rows, MAX_VARIABLES);
        Self {
            spare: Spare::new(pool),
            table,
            conflict,
            texts,
            long: HashMap::new(),
            hopeful: true,
            catalog: None,
        }
    }

    fn way(&self, part: Part<'_>) -> Way {
        if part.len() < UNNEST_FROM {
            return Way::Values;
        }
        let Some(wires) = part.shape().and_then(|shape| wire::of(&self.table, shape, part)) else {
            return Way::Values;
        };
        let copies = matches!(*self.conflict, Conflict::Reject)
            && part.rows().map(|row| row.weight).sum::<usize>() >= COPY_FROM
            && part.shape().is_some_and(|shape| {
                shape.operation() == Operation::Insert
                    && self.catalog.as_ref().is_some_and(|catalog| catalog.takes(&self.table, shape, &wires))
            });
        if copies { Way::Copy(wires) } else { Way::Unnest(wires) }
    }

    /// How many rows, of those that one statement takes, come before one whose conflict target is in an earlier row:
    /// PostgreSQL refuses to update a row twice in one statement.
    fn distinct(&self, part: Part<'_>) -> usize {
        let Conflict::Update { target, .. } = &*self.conflict else { return part.len() };
        if part.shape().is_none_or(|shape| shape.operation() == Operation::Update) {
            return part.len();
        }
        // No statement takes more rows, and what comes after it is looked at when its turn comes.
        let (part, _) = part.split(MAX_UNNEST);
        let mut seen = HashSet::with_capacity(part.len());
        part.rows().take_while(|row| row.key(target).is_none_or(|key| seen.insert(key))).count().max(1)
    }

    /// The text of a statement that takes any number of rows.
    fn long(&mut self, shape: &Shape, kind: Long, wires: Vec<Wire>) -> Text {
        let key = (shape.clone(), kind);
        if let Some((known, text)) = self.long.get(&key)
            && *known == wires
        {
            return AssertSqlSafe(Arc::clone(text));
        }
        let table = &self.table;
        let text = match (kind, shape.operation()) {
            (Long::Copy, _) => statement::copy(table, shape),
            (Long::Untold, _) => statement::update_arrays_untold(table, shape, &wires),
            (Long::Unnest, Operation::Insert) => {
                statement::insert_arrays(table, shape, &wires, &self.conflict)
            }
            (Long::Unnest, Operation::Update) => statement::update_arrays(table, shape, &wires),
        };
        let text: Arc<str> = text.into();
        if self.long.len() >= MAX_SHAPES {
            self.long.clear();
        }
        self.long.insert(key, (wires, Arc::clone(&text)));
        AssertSqlSafe(text)
    }

    /// The values of the rows, as they are bound one by one.
    fn values(&self, shape: &Shape, part: Part<'_>) -> SqlxValues {
        let json: Vec<bool> = sql::chosen(&self.table, shape)
            .iter()
            .map(|column| matches!(column.kind, ColumnType::Json))
            .collect();
        let value = |(value, json): (&Value, &bool)| match value {
            // The driver has the one-byte type "char" for it, which no number column takes.
            Value::TinyInt(number) => Value::SmallInt(number.map(i16::from)),
            // As text, so that a column of type json keeps the document as it was written.
            Value::Json(document) if *json => {
                Value::String(document.as_ref().map(|document| document.to_string()))
            }
            value => value.clone(),
        };
        SqlxValues(Values(part.rows().flat_map(|row| row.values.iter().zip(&json).map(value)).collect()))
    }
}

impl Database for Postgres {
    type Session = Session;

    fn forgets(&self) -> bool {
        true
    }

    /// A small update says in the same statement which keys are missing. A new row that would be there twice if it were
    /// written again needs a commit of its own, by which to know whether a lost connection lost it.
    fn alone(&self, rows: &[&Row]) -> bool {
        let updates = rows.first().is_some_and(|row| row.operation() == Operation::Update);
        let untold = updates && self.hopeful && rows.len() >= UNTOLD_FROM;
        !untold && self.conflict.is_repeatable(rows, &self.table.key, None)
    }

    async fn learn(&mut self) -> Result<(), Fault> {
        let may_copy = matches!(*self.conflict, Conflict::Reject);
        if may_copy && self.catalog.is_none() {
            self.catalog = Some(Catalog::read(self.spare.pool(), &self.table).await?);
        }
        Ok(())
    }

    async fn shared(&self) -> Result<Vec<Option<String>>, Fault> {
        shared::columns(self.spare.pool(), &self.table).await
    }

    fn rest(&self) {
        self.spare.release();
    }

    async fn begin(&self) -> Result<Session, Fault> {
        Session::begin(&self.spare).await
    }

    async fn single(&self) -> Result<Session, Fault> {
        Session::single(&self.spare).await
    }

    fn fit(&self, part: Part<'_>) -> usize {
        let distinct = self.distinct(part);
        let (part, _) = part.split(distinct);
        match self.way(part) {
            Way::Values => {
                let columns = part.shape().map_or(0, Shape::width);
                self.texts.fit(columns, part.len())
            }
            Way::Unnest(_) => part.len().min(MAX_UNNEST),
            Way::Copy(_) => part.len(),
        }
    }

    async fn write(&mut self, session: &mut Session, part: Part<'_>) -> Result<Touched, Fault> {
        let Some(shape) = part.shape() else { return Ok(Touched::default()) };
        let way = self.way(part);
        let conditional = shape.is_conditional();
        tracing::trace!(table = self.table.name, rows = part.len(), way = way.name(), "writing rows");
        let rows = part.len() as u64;
        match (way, shape.operation()) {
            (Way::Copy(wires), _) => {
                let text = self.long(shape, Long::Copy, wires.clone());
                session.copy(&text.0, copy::data(&wires, part)).await.map(Touched::rows)
            }
            (Way::Unnest(wires), Operation::Update) if self.hopeful && session.can_be_undone() => {
                let arguments = wire::arrays(&wires, part).map_err(fault::encoding)?;
                let text = self.long(shape, Long::Untold, wires);
                let touched = session.execute(text, arguments).await?;
                self.hopeful = touched.written == rows;
                if self.hopeful { Ok(touched) } else { Err(fault::untold()) }
            }
            (Way::Unnest(wires), operation) => {
                let arguments = wire::arrays(&wires, part).map_err(fault::encoding)?;
                let text = self.long(shape, Long::Unnest, wires);
                if operation == Operation::Insert {
                    return session.execute(text, arguments).await;
                }
                let touched = session.untouched(text, arguments, rows, conditional).await?;
                self.hopeful = touched.written == rows;
                Ok(touched)
            }
            (Way::Values, Operation::Insert) => {
                let values = self.values(shape, part);
                let text = self.texts.text(shape, part.len(), || {
                    statement::insert(&self.table, shape, part.len(), &self.conflict)
                });
                session.execute(text, values).await
            }
            (Way::Values, Operation::Update) => {
                let values = self.values(shape, part);
                let text =
                    self.texts.text(shape, part.len(), || statement::update(&self.table, shape, part.len()));
                session.untouched(text, values, rows, conditional).await
            }
        }
    }
}

impl Way {
    /// The name in traces.
    const fn name(&self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Unnest(_) => "unnest",
            Self::Copy(_) => "copy",
        }
    }
}
