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
    operation: Arc<Operation>,
    texts: Texts,
    /// The queries for missing keys; of the one shape that is the key.
    absent: Texts,
    key: Shape,
}

impl Sqlite {
    /// `rows` is the size at which batches become due.
    pub(super) fn new(pool: SqlitePool, table: Arc<Table>, operation: Arc<Operation>, rows: usize) -> Self {
        let mut key = Shape::empty(table.columns.len());
        table.key.iter().for_each(|column| key.insert(*column));
        let texts = || Texts::new(rows, MAX_ROWS, MAX_VARIABLES);
        Self { pool, table, operation, texts: texts(), absent: texts(), key }
    }

    /// The numbers of the rows whose key the table does not hold.
    async fn missing(&mut self, session: &mut Session, part: Part<'_>) -> Result<Vec<usize>, Fault> {
        let text = self.absent.text(&self.key, part.len(), || statement::absent(&self.table, part.len()));
        let numbers = session.numbers(text, bound::keys(&self.table, part)).await?;
        Ok(numbers.into_iter().filter_map(|number| usize::try_from(number).ok()).collect())
    }
}

impl Database for Sqlite {
    type Session = Session;

    /// SQLite undoes a failed statement alone.
    fn forgets(&self) -> bool {
        false
    }

    /// Never so for updates: when a key is missing, a second statement finds out which, and must see the same table.
    fn alone(&self, _: &[Row]) -> bool {
        matches!(*self.operation, Operation::Insert(_))
    }

    async fn learn(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    async fn begin(&self) -> Result<Session, Fault> {
        Session::begin(&self.pool).await
    }

    async fn single(&self) -> Result<Session, Fault> {
        Session::single(&self.pool).await
    }

    fn fit(&self, part: Part<'_>) -> usize {
        let columns = part.shape().map_or(0, |shape| shape.columns().count());
        self.texts.fit(columns, part.len())
    }

    async fn write(&mut self, session: &mut Session, part: Part<'_>) -> Result<Touched, Fault> {
        let Some(shape) = part.shape() else { return Ok(Touched::default()) };
        let text = self.texts.text(shape, part.len(), || match &*self.operation {
            Operation::Insert(conflict) => statement::insert(&self.table, shape, part.len(), conflict),
            Operation::Update => statement::update(&self.table, shape, part.len()),
        });
        let written = session.execute(text, bound::values(part)).await?.rows_affected();
        let missing = match *self.operation {
            Operation::Update if written < part.len() as u64 => self.missing(session, part).await?,
            _ => Vec::new(),
        };
        Ok(Touched { written, missing })
    }
}
