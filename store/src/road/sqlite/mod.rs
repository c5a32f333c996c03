//! The road to SQLite.
//!
//! What makes it fast: one transaction a batch, and two ways to write its rows.
//! - Stepping: a prepared statement is stepped over the rows on the driver's own handle, and the values are bound where
//!   they lie. It blocks, so it is for runtimes that have a thread to spare, and for batches that are worth locking
//!   the handle.
//! - Statements of many rows through the driver, because each trip to the driver's thread costs some 60 µs whatever
//!   it carries. They write what is left: all rows of a small batch or on a runtime with one thread, and from the
//!   first row on that was refused. They alone tell why it was.
//!
//! In both, a text is built once for a shape and a size. The query builder, which costs most of the client's time in a
//! plain multi-row insert, is not on this path.
//!
//! What it must never do: write outside a transaction. SQLite ends a transaction by itself in some failures (a full
//! disk, `RAISE(ROLLBACK)`), and a pool's own transaction type then counts wrong; so [`session`] speaks BEGIN and
//! COMMIT itself and closes a connection whose state is not known.

mod cell;
mod fault;
#[cfg(test)]
mod plan;
mod raw;
mod session;
mod shared;
mod statement;
mod steps;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sea_orm::sqlx::SqlitePool;
use tokio::runtime::{Handle, RuntimeFlavor};

pub(super) use self::fault::severity;
use self::{cell::cell, session::Session, steps::Steps};
use super::{
    bound,
    database::{Asked, Database, Touched},
    fault::Fault,
    part::Part,
    texts::Texts,
};
use crate::{
    conflict::Conflict,
    operation::Operation,
    row::{Row, Shape},
    table::Table,
};

/// How many variables SQLite binds in one statement (`SQLITE_MAX_VARIABLE_NUMBER` since 3.32).
const MAX_VARIABLES: usize = 32_766;

/// From so many rows on, stepping over them is faster than one INSERT of them all, which needs no transaction around
/// it. An UPDATE needs one, so any two are stepped; a row alone goes by the driver, so that it tells why it refuses it.
const INSERT_FROM: usize = 8;
const UPDATE_FROM: usize = 2;

/// How many rows an INSERT takes that is stepped. Between 16 and 64 SQLite is some 15 % faster than row by row, and
/// not beyond.
const TUPLES: usize = 25;

/// From so many rows on, an INSERT of [`TUPLES`] rows is worth its preparing, which costs as much as 30 rows.
const TUPLES_FROM: usize = 250;

/// A table of a SQLite database.
pub(super) struct Sqlite {
    pool: SqlitePool,
    table: Arc<Table>,
    conflict: Arc<Conflict>,
    texts: Texts,
    /// The statements that are stepped.
    stepped: Texts,
    /// The queries for updates that are not to be done.
    absent: Texts,
}

impl Sqlite {
    /// `rows` is the size at which batches become due.
    pub(super) fn new(pool: SqlitePool, table: Arc<Table>, conflict: Arc<Conflict>, rows: usize) -> Self {
        let texts = || Texts::new(rows, MAX_VARIABLES);
        Self { pool, table, conflict, texts: texts(), stepped: texts(), absent: texts() }
    }

    /// Whether the rows are stepped over.
    fn steps(operation: Operation, rows: usize) -> bool {
        let threads = || {
            Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
        };
        let enough = match operation {
            Operation::Insert => INSERT_FROM,
            Operation::Update => UPDATE_FROM,
        };
        rows >= enough && threads()
    }

    /// The statements to step over so many rows of a shape.
    fn stepped(&mut self, shape: &Shape, rows: usize) -> steps::Texts {
        let columns = shape.width();
        let tuples = match shape.operation() {
            Operation::Insert if rows >= TUPLES_FROM && columns > 0 => {
                TUPLES.min(MAX_VARIABLES / columns).max(1)
            }
            _ => 1,
        };
        let mut sizes = vec![tuples, 1];
        sizes.dedup();
        let text = |rows| {
            let text = self.stepped.text(shape, rows, || match shape.operation() {
                Operation::Insert => statement::insert(&self.table, shape, rows, &self.conflict),
                Operation::Update => statement::update_one(&self.table, shape),
            });
            (rows, text)
        };
        sizes.into_iter().map(text).collect()
    }

    /// What [`Asked::absent`] says of the rows with these numbers.
    async fn absent_of(
        &mut self,
        session: &mut Session,
        part: Part<'_>,
        shape: &Shape,
        mut numbers: &[usize],
    ) -> Result<Touched, Fault> {
        let mut touched = Touched::default();
        while !numbers.is_empty() {
            let (asked, rest) = numbers.split_at(self.absent.fit(shape.width(), numbers.len()));
            let places: Vec<usize> = asked.iter().filter_map(|number| part.place(*number)).collect();
            let found = self.absent(session, part.at(&places), shape).await?;
            let numbered = |found: Vec<usize>| found.into_iter().filter_map(|number| asked.get(number));
            touched.missing.extend(numbered(found.missing));
            touched.stale.extend(numbered(found.stale));
            numbers = rest;
        }
        Ok(touched)
    }
}

impl Asked for Sqlite {
    async fn change(&mut self, session: &mut Session, part: Part<'_>, shape: &Shape) -> Result<u64, Fault> {
        let text = self.texts.text(shape, part.len(), || statement::update(&self.table, shape, part.len()));
        Ok(session.execute(text, bound::values(part)).await?.rows_affected())
    }

    /// Nobody else writes while the transaction is open.
    async fn absent(
        &mut self,
        session: &mut Session,
        part: Part<'_>,
        shape: &Shape,
    ) -> Result<Touched, Fault> {
        let text = self.absent.text(shape, part.len(), || statement::absent(&self.table, shape, part.len()));
        session.absent(text, bound::names(&self.table, part)).await
    }
}

impl Database for Sqlite {
    type Session = Session;

    /// SQLite undoes a failed statement alone.
    fn forgets(&self) -> bool {
        false
    }

    /// Never so for updates: when a key is missing, a second statement finds out which, and must see the same table.
    fn alone(&self, rows: &[&Row]) -> bool {
        rows.iter().all(|row| row.operation() == Operation::Insert)
            && !Self::steps(Operation::Insert, rows.len())
    }

    async fn learn(&mut self) -> Result<(), Fault> {
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

    async fn rush(
        &mut self,
        session: &mut Session,
        part: Part<'_>,
        last: bool,
    ) -> Result<(usize, Touched), Fault> {
        let first = part.rows().next().filter(|row| Self::steps(row.operation(), part.len()));
        let Some(row) = first.filter(|row| row.values.iter().all(|value| cell(value).is_some())) else {
            return Ok((0, Touched::default()));
        };
        let texts = self.stepped(&row.shape, part.len());
        tracing::trace!(table = self.table.name, rows = part.len(), way = "steps", "writing rows");
        let updates = row.operation() == Operation::Update;
        let locked = session.lock().await?;
        let steps = tokio::task::block_in_place(move || {
            // Why an update did not touch its row is to be asked in the same transaction.
            Steps::over(locked, &texts, part, |steps| last && (!updates || steps.untouched.is_empty()))
        })?;
        if steps.committed {
            session.has_committed();
        }
        let touched = if updates {
            self.absent_of(session, part, &row.shape, &steps.untouched).await?
        } else {
            Touched::default()
        };
        Ok((steps.rows, Touched { written: steps.written, ..touched }))
    }

    fn fit(&self, part: Part<'_>) -> usize {
        let columns = part.shape().map_or(0, Shape::width);
        self.texts.fit(columns, part.len())
    }

    async fn write(&mut self, session: &mut Session, part: Part<'_>) -> Result<Touched, Fault> {
        let Some(shape) = part.shape() else { return Ok(Touched::default()) };
        tracing::trace!(table = self.table.name, rows = part.len(), way = "values", "writing rows");
        if shape.operation() == Operation::Update {
            return self.update(session, part, shape).await;
        }
        let text = self
            .texts
            .text(shape, part.len(), || statement::insert(&self.table, shape, part.len(), &self.conflict));
        Ok(Touched::rows(session.execute(text, bound::values(part)).await?.rows_affected()))
    }
}
