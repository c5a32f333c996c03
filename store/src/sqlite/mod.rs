//! The road to SQLite.
//!
//! What makes it fast: one transaction a batch; statements of many rows, because each trip to the driver's thread
//! costs some 60 µs whatever it carries; and a text that is built once for a shape and a size, so that the driver
//! finds it prepared and only values move. The query builder, which costs most of the client's time in a plain
//! multi-row insert, is not on this path.
//!
//! What it must never do: leave half a batch behind, or write outside a transaction. SQLite ends a transaction by
//! itself in some failures (a full disk, `RAISE(ROLLBACK)`), and a pool's own transaction type then counts wrong;
//! so [`session`] speaks BEGIN and COMMIT itself and closes a connection whose state is not known.

mod apply;
mod fault;
#[cfg(test)]
mod plan;
mod session;
mod statement;

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseConnectionType, sqlx::SqlitePool};

pub(crate) use self::statement::Operation;
use self::{
    fault::{Fault, Severity},
    session::Session,
    statement::Statements,
};
use crate::{Error, batch::Verdict, row::Row, table::Table};

/// Writes batches of one kind into one table of one SQLite database.
pub(crate) struct Road {
    pool: SqlitePool,
    table: Arc<Table>,
    statements: Statements,
}

impl Road {
    pub(crate) fn new(
        connection: &DatabaseConnection,
        table: Arc<Table>,
        operation: Operation,
        rows: usize,
    ) -> Result<Self, Error> {
        if !matches!(connection.inner, DatabaseConnectionType::SqlxSqlitePoolConnection(_)) {
            return Err(Error::Unsupported {
                what: format!("a {connection:?}"),
                remedy: "connect to SQLite through sea-orm's sqlx-sqlite feature",
            });
        }
        Ok(Self {
            pool: connection.get_sqlite_connection_pool().clone(),
            statements: Statements::new(Arc::clone(&table), operation, rows),
            table,
        })
    }

    /// Writes the rows that `verdict` does not say are settled, in order, and settles them.
    ///
    /// All rows go in one transaction. Only if the database refuses a transaction as a whole for a constraint
    /// (deferred foreign keys, `RAISE(ROLLBACK)`) is it cut in halves, to single out the rows at fault.
    ///
    /// Not cancellation safe in what it reports: a dropped call may have committed rows that `verdict` does not
    /// show. It leaves no transaction open.
    pub(crate) async fn write(&mut self, rows: &[Row], verdict: &mut Verdict) -> Result<(), Error> {
        let mut size = rows.len();
        while verdict.settled < rows.len() {
            let part = rows.get(verdict.settled..).unwrap_or_default();
            let part = part.get(..size).unwrap_or(part);
            match self.transaction(part).await {
                Ok(decided) => {
                    verdict.absorb(decided);
                    size = rows.len();
                }
                Err(fault) if fault.severity == Severity::Row && part.len() > 1 => size = part.len() / 2,
                Err(fault) => {
                    let row = fault.severity == Severity::Row;
                    let error = fault.into_error(&self.table);
                    if !row {
                        return Err(error);
                    }
                    let mut refused = Verdict { settled: 1, ..Verdict::default() };
                    refused.reject(0, error);
                    verdict.absorb(refused);
                    size = rows.len();
                }
            }
        }
        Ok(())
    }

    /// Writes the rows in one transaction: all are decided, or nothing has happened.
    async fn transaction(&mut self, rows: &[Row]) -> Result<Verdict, Fault> {
        if apply::is_one_statement(&self.statements, rows) {
            // A statement alone is a transaction by itself, and saves two trips of three. If a row is at fault, the
            // search for it needs a real one.
            match apply::apply_one(&self.pool, &mut self.statements, rows).await {
                Err(fault) if fault.severity == Severity::Row => {}
                end => return end,
            }
        }
        let mut session = Session::begin(&self.pool).await?;
        let decided = match apply::apply(&mut session, &mut self.statements, &self.table, rows).await {
            Ok(decided) => decided,
            Err(fault) => {
                session.roll_back().await;
                return Err(fault);
            }
        };
        session.commit().await?;
        Ok(decided)
    }
}
