//! The road to PostgreSQL.
//!
//! There are three ways, and each statement takes the fastest that its rows allow:
//! - a placeholder a value, for a few rows and for columns whose type has no binary form here;
//! - UNNEST of one array a column: one text for any number of rows, so it is always found prepared;
//! - binary COPY, for many new rows without a conflict clause into columns whose type in the database is the very
//!   type of the values, since COPY converts nothing.
//!
//! All three put the same bytes into the table. A statement that fails aborts its transaction; so the batch is first
//! written without savepoints, and with them only once a row was refused.

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
    sqlx::{AssertSqlSafe, PgPool},
};
use sea_query_sqlx::SqlxValues;

pub(super) use self::fault::severity;
use self::{catalog::Catalog, session::Session, wire::Wire};
use super::{
    database::{Database, Touched},
    fault::Fault,
    part::Part,
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

/// The most rows of an UNNEST. From 500 rows on it is as fast as it gets; more would only be more memory.
const MAX_UNNEST: usize = 2_000;

/// From so many rows on, COPY is faster than UNNEST. It could be so from some hundred on, but the driver sends the end
/// of the data in a small packet of its own, without TCP_NODELAY, and after 1,000 to 2,000 rows of 200 bytes that one
/// waits some 40 ms for the server's delayed acknowledgement: as long as UNNEST takes for the rows. From 3,000 rows on
/// the server lags behind the data and the wait is seldom met.
const COPY_FROM: usize = 3_000;

/// A table of a PostgreSQL database.
pub(super) struct Postgres {
    pool: PgPool,
    table: Arc<Table>,
    conflict: Arc<Conflict>,
    texts: Texts,
    /// The texts of the statements whose length does not depend on the number of rows, with the types they are for.
    long: HashMap<(Shape, bool), (Vec<Wire>, Arc<str>)>,
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

impl Postgres {
    /// `rows` is the size at which batches become due.
    pub(super) fn new(pool: PgPool, table: Arc<Table>, conflict: Arc<Conflict>, rows: usize) -> Self {
        let texts = Texts::new(rows, MAX_VARIABLES);
        Self { pool, table, conflict, texts, long: HashMap::new(), catalog: None }
    }

    fn way(&self, part: Part<'_>) -> Way {
        if part.len() < UNNEST_FROM {
            return Way::Values;
        }
        let Some(wires) = part.shape().and_then(|shape| wire::of(&self.table, shape, part)) else {
            return Way::Values;
        };
        let copies = part.len() >= COPY_FROM
            && matches!(*self.conflict, Conflict::Reject)
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
    fn long(&mut self, shape: &Shape, copies: bool, wires: Vec<Wire>) -> Text {
        let key = (shape.clone(), copies);
        if let Some((known, text)) = self.long.get(&key)
            && *known == wires
        {
            return AssertSqlSafe(Arc::clone(text));
        }
        let table = &self.table;
        let text: Arc<str> = match shape.operation() {
            Operation::Insert if copies => statement::copy(table, shape).into(),
            Operation::Insert => statement::insert_arrays(table, shape, &wires, &self.conflict).into(),
            Operation::Update => statement::update_arrays(table, shape, &wires).into(),
        };
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

    /// An update says in the same statement which keys are missing. A new row that would be there twice if it were
    /// written again needs a commit of its own, by which to know whether a lost connection lost it.
    fn alone(&self, rows: &[&Row]) -> bool {
        self.conflict.is_repeatable(rows, &self.table.key, None)
    }

    async fn learn(&mut self, rows: &[&Row]) -> Result<(), Fault> {
        let may_copy = matches!(*self.conflict, Conflict::Reject)
            && rows.iter().any(|row| row.operation() == Operation::Insert);
        if may_copy && self.catalog.is_none() {
            self.catalog = Some(Catalog::read(&self.pool, &self.table).await?);
        }
        Ok(())
    }

    async fn shared(&self) -> Result<Vec<Option<String>>, Fault> {
        shared::columns(&self.pool, &self.table).await
    }

    async fn begin(&self) -> Result<Session, Fault> {
        Session::begin(&self.pool).await
    }

    async fn single(&self) -> Result<Session, Fault> {
        Session::single(&self.pool).await
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
                let data = copy::data(&wires, part).map_err(fault::encoding)?;
                let text = self.long(shape, true, wires);
                session.copy(&text.0, &data).await.map(Touched::rows)
            }
            (Way::Unnest(wires), operation) => {
                let arguments = wire::arrays(&wires, part).map_err(fault::encoding)?;
                let text = self.long(shape, false, wires);
                match operation {
                    Operation::Insert => session.execute(text, arguments).await,
                    Operation::Update => session.untouched(text, arguments, rows, conditional).await,
                }
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
