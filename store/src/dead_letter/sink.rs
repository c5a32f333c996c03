//! The choice of a sink, and the sink at work.

use std::{path::PathBuf, sync::Arc, time::SystemTime};

use sea_orm::{DatabaseConnection, DbBackend};

use super::{
    file::File,
    letter::{self, Letter},
    table,
};
use crate::{Error, row::Row, table::Table};

/// A sink for refused rows, for [`dead_letters`](crate::WriterBuilder::dead_letters).
///
/// Rows that it has taken are counted as rejected and are not kept in memory, so they do not count towards
/// [`max_rejected`](crate::WriterBuilder::max_rejected); a callback is told about them all the same. Rows that it
/// could not take are handed back in memory, and the next [`Summary`](crate::Summary) says why.
///
/// A process that is killed between the commit of a batch and the answer of the sink loses the refused rows of that
/// batch, unless the writer has a [`Spool`](crate::Spool): then they are tried again, so that the sink may get one
/// twice but never misses one. It may also get one twice when the connection to a server breaks while it is committed.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Table(String),
}

impl DeadLetters {
    /// A file of one JSON object a line, which is created if need be, appended to, and on the disk (fsync) before
    /// the batch of its rows is settled. One writer holds it, by a lock on the file, and keeps what others wrote to
    /// it before. [`DeadLetter::read`](crate::DeadLetter::read) gives the rows back.
    ///
    /// Each object has `table`, `time` (RFC 3339, UTC), `operation` (`insert` or `update`), `kind` and `error` (the
    /// whole chain of causes), `key` (the columns by which updates name their row, as a rule the primary key; null if
    /// one of them is not set), `row` (all columns that the row sets) and, of a conditional update, `expected`. A value
    /// is `{"type": "Int", "value": 5}`, without `value` if it is NULL.
    pub fn json_lines(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::File(path.into()) }
    }

    /// A table of the writer's database, which [`create_table`](Self::create_table) shows how to make. The rows are
    /// written in a transaction of their own right after that of their batch, before the batch is settled.
    ///
    /// The column `letter` holds what a line of the file would:
    /// [`DeadLetter::from_json`](crate::DeadLetter::from_json) reads it.
    pub fn table(name: impl Into<String>) -> Self {
        Self { place: Place::Table(name.into()) }
    }

    /// The statement that makes such a table, to be put among the migrations.
    ///
    /// ```
    /// use cofferdam_store::DeadLetters;
    /// use sea_orm::DbBackend;
    ///
    /// assert_eq!(
    ///     DeadLetters::create_table("dead_rows", DbBackend::Sqlite),
    ///     "CREATE TABLE \"dead_rows\" ( \"id\" integer NOT NULL PRIMARY KEY AUTOINCREMENT, \
    ///      \"time\" text NOT NULL, \"table_name\" text NOT NULL, \"kind\" text NOT NULL, \
    ///      \"error\" text NOT NULL, \"letter\" text NOT NULL )"
    /// );
    /// ```
    #[must_use]
    pub fn create_table(name: &str, backend: DbBackend) -> String {
        table::create(name, backend)
    }
}

/// An opened sink.
#[derive(Debug)]
pub(crate) struct Sink {
    table: Arc<Table>,
    open: Open,
}

#[derive(Debug)]
enum Open {
    File(File),
    Table { name: String, connection: DatabaseConnection },
}

impl Sink {
    /// Opens the sink; blocks for the time that it takes to open a file. A table is not touched yet.
    pub(crate) fn open(
        choice: DeadLetters,
        connection: &DatabaseConnection,
        table: Arc<Table>,
    ) -> Result<Self, Error> {
        let open = match choice.place {
            Place::File(path) => Open::File(File::open(path)?),
            Place::Table(name) => Open::Table { name, connection: connection.clone() },
        };
        Ok(Self { table, open })
    }

    /// Takes all of these rows for good, or none of them.
    pub(crate) async fn take(&self, rows: &[(&Row, &Error)]) -> Result<(), Error> {
        let time = SystemTime::now();
        let letters: Vec<Letter> = rows
            .iter()
            .map(|(row, error)| letter::write(&self.table, time, row, error))
            .collect::<Result<_, _>>()
            .map_err(|reason| self.failure(reason.into()))?;
        match &self.open {
            Open::File(file) => file.append(&letters).await,
            Open::Table { name, connection } => {
                table::insert(connection, name, &letters).await.map_err(|error| self.failure(error.into()))
            }
        }
    }

    fn failure(&self, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        let sink = match &self.open {
            Open::File(file) => file.path().display().to_string(),
            Open::Table { name, .. } => format!("table {name}"),
        };
        Error::DeadLetters { sink, source: source.into() }
    }
}
