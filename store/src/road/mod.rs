//! The roads: how a batch of rows gets into a database.
//!
//! What all databases share is written once. [`batches`] puts a batch into a transaction, retries it in halves where
//! the database refuses it as a whole, and counts; [`order`] and [`apart`] say in which order; [`apply`] makes
//! statements of it and searches the rows that are refused; [`texts`] keeps the texts of the statements; [`fault`] sorts failures by what they call for. A database's
//! folder holds only what differs: its SQL, its limits, its error codes, and its faster ways.
//!
//! What a road must never do: leave half a batch behind, or say of a row what is not so. Everything here works on flat
//! rows, so it is compiled once and not once an entity.

mod apart;
mod apply;
mod batches;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
mod bound;
mod busy;
mod database;
mod fault;
mod order;
mod part;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod spare;
mod sql;
mod texts;

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseConnectionType, DbBackend};

use self::batches::Batches;
pub(crate) use self::busy::is_busy;
use crate::{Error, batch::Verdict, beside::Beside, conflict::Conflict, row::Row, table::Table};

/// Writes batches into one table of one database.
pub(crate) struct Road(To);

/// The databases.
enum To {
    #[cfg(feature = "sqlite")]
    Sqlite(Batches<sqlite::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(Batches<postgres::Postgres>),
    #[cfg(feature = "mysql")]
    Mysql(Batches<mysql::Mysql>),
}

impl Road {
    /// `rows` is the size at which batches become due.
    pub(crate) fn new(
        connection: &DatabaseConnection,
        table: Arc<Table>,
        conflict: Conflict,
        rows: usize,
    ) -> Result<Self, Error> {
        let conflict = Arc::new(conflict);
        match &connection.inner {
            #[cfg(feature = "sqlite")]
            DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
                let pool = connection.get_sqlite_connection_pool().clone();
                let database = sqlite::Sqlite::new(pool, Arc::clone(&table), Arc::clone(&conflict), rows);
                Ok(Self(To::Sqlite(Batches::new(database, table, conflict))))
            }
            #[cfg(feature = "postgres")]
            DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
                let pool = connection.get_postgres_connection_pool().clone();
                let database = postgres::Postgres::new(pool, Arc::clone(&table), Arc::clone(&conflict), rows);
                Ok(Self(To::Postgres(Batches::new(database, table, conflict))))
            }
            #[cfg(feature = "mysql")]
            DatabaseConnectionType::SqlxMySqlPoolConnection(_) => {
                let pool = connection.get_mysql_connection_pool().clone();
                let database = mysql::Mysql::new(pool, Arc::clone(&table), Arc::clone(&conflict), rows);
                Ok(Self(To::Mysql(Batches::new(database, table, conflict))))
            }
            _ => Err(Error::no_road(connection)),
        }
    }

    /// Asks the server once for what the writing depends on; [`write`](Self::write) does it too, if need be.
    ///
    /// Cancellation safe: a dropped call has learned nothing.
    pub(crate) async fn learn(&mut self) {
        match &mut self.0 {
            #[cfg(feature = "sqlite")]
            To::Sqlite(batches) => batches.learn().await,
            #[cfg(feature = "postgres")]
            To::Postgres(batches) => batches.learn().await,
            #[cfg(feature = "mysql")]
            To::Mysql(batches) => batches.learn().await,
        }
    }

    /// Gives back what is kept for a next batch. To be called whenever none is due.
    pub(crate) fn rest(&self) {
        match &self.0 {
            #[cfg(feature = "sqlite")]
            To::Sqlite(batches) => batches.rest(),
            #[cfg(feature = "postgres")]
            To::Postgres(batches) => batches.rest(),
            #[cfg(feature = "mysql")]
            To::Mysql(batches) => batches.rest(),
        }
    }

    /// Writes the rows that `verdict` does not say are settled, in order, and settles them.
    ///
    /// Not cancellation safe in what it reports: a dropped call may have committed rows that `verdict` does not show.
    /// It leaves no transaction open.
    ///
    /// Each transaction also runs the statement of `beside`, if there is one. [`Error::InDoubt`] then comes with what
    /// is to be found out in `verdict`, and the call may be repeated once that is taken out or taken over.
    pub(crate) async fn write(
        &mut self,
        rows: &[Row],
        verdict: &mut Verdict,
        beside: Option<&dyn Beside>,
    ) -> Result<(), Error> {
        match &mut self.0 {
            #[cfg(feature = "sqlite")]
            To::Sqlite(batches) => batches.write(rows, verdict, beside).await,
            #[cfg(feature = "postgres")]
            To::Postgres(batches) => batches.write(rows, verdict, beside).await,
            #[cfg(feature = "mysql")]
            To::Mysql(batches) => batches.write(rows, verdict, beside).await,
        }
    }
}

/// The database behind a connection, if there is a road to it.
pub(crate) fn backend(connection: &DatabaseConnection) -> Result<DbBackend, Error> {
    match &connection.inner {
        #[cfg(feature = "sqlite")]
        DatabaseConnectionType::SqlxSqlitePoolConnection(_) => Ok(DbBackend::Sqlite),
        #[cfg(feature = "postgres")]
        DatabaseConnectionType::SqlxPostgresPoolConnection(_) => Ok(DbBackend::Postgres),
        #[cfg(feature = "mysql")]
        DatabaseConnectionType::SqlxMySqlPoolConnection(_) => Ok(DbBackend::MySql),
        _ => Err(Error::no_road(connection)),
    }
}
