//! The road to SQLite.
//!
//! What makes it fast: one transaction a batch; statements of many rows, because each trip to the driver's thread
//! costs some 60 µs whatever it carries; and a text that is built once for a shape and a size, so that the driver
//! finds it prepared and only values move. The query builder, which costs most of the client's time in a plain
//! multi-row insert, is not on this path.
//!
//! What it must never do: write outside a transaction. SQLite ends a transaction by itself in some failures (a full
//! disk, `RAISE(ROLLBACK)`), and a pool's own transaction type then counts wrong; so [`session`] speaks BEGIN and
//! COMMIT itself and closes a connection whose state is not known.

mod fault;
#[cfg(test)]
mod plan;
mod session;
mod shared;
mod statement;

use std::sync::Arc;

use sea_orm::sqlx::SqlitePool;

pub(super) use self::fault::severity;
use self::session::Session;
use super::{
    bound,
    database::{Database, Touched},
    fault::Fault,
    part::Part,
    texts::{MAX_ROWS, Texts},
};
use crate::{
    conflict::Conflict,
    operation::Operation,
    row::{Row, Shape},
    table::Table,
};

/// How many variables SQLite binds in one statement (`SQLITE_MAX_VARIABLE_NUMBER` since 3.32).
const MAX_VARIABLES: usize = 32_766;

/// A table of a SQLite database.
pub(super) struct Sqlite {
    pool: SqlitePool,
    table: Arc<Table>,
    conflict: Arc<Conflict>,
    texts: Texts,
    /// The queries for updates that are not to be done.
    absent: Texts,
}

impl Sqlite {
    /// `rows` is the size at which batches become due.
    pub(super) fn new(pool: SqlitePool, table: Arc<Table>, conflict: Arc<Conflict>, rows: usize) -> Self {
        let texts = || Texts::new(rows, MAX_ROWS, MAX_VARIABLES);
        Self { pool, table, conflict, texts: texts(), absent: texts() }
    }

    /// The updates whose row the table does not hold, or not as they expect it.
    async fn absent(
        &mut self,
        session: &mut Session,
        part: Part<'_>,
        shape: &Shape,
    ) -> Result<Touched, Fault> {
        let text = self.absent.text(shape, part.len(), || statement::absent(&self.table, shape, part.len()));
        session.absent(text, bound::names(&self.table, part)).await
    }

    /// What a condition says of a row is asked before the update, which changes it; nobody else writes in between. Of
    /// other updates it is asked only if some were not done.
    async fn update(
        &mut self,
        session: &mut Session,
        part: Part<'_>,
        shape: &Shape,
    ) -> Result<Touched, Fault> {
        let mut touched = Touched::default();
        if shape.is_conditional() {
            touched = self.absent(session, part, shape).await?;
        }
        let text = self.texts.text(shape, part.len(), || statement::update(&self.table, shape, part.len()));
        let written = session.execute(text, bound::values(part)).await?.rows_affected();
        if !shape.is_conditional() && written < part.len() as u64 {
            touched = self.absent(session, part, shape).await?;
        }
        Ok(Touched { written, ..touched })
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

    fn fit(&self, part: Part<'_>) -> usize {
        let columns = part.shape().map_or(0, Shape::width);
        self.texts.fit(columns, part.len())
    }

    async fn write(&mut self, session: &mut Session, part: Part<'_>) -> Result<Touched, Fault> {
        let Some(shape) = part.shape() else { return Ok(Touched::default()) };
        if shape.operation() == Operation::Update {
            return self.update(session, part, shape).await;
        }
        let text = self
            .texts
            .text(shape, part.len(), || statement::insert(&self.table, shape, part.len(), &self.conflict));
        Ok(Touched::rows(session.execute(text, bound::values(part)).await?.rows_affected()))
    }
}
