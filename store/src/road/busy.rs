//! Whether a database that refused a statement which is not of a road will take it later: dead letters, and what is
//! asked of a spool's ledger, go through sea-orm, but their failures are sorted as those of the rows are.

use sea_orm::{ConnAcquireErr, DbBackend, DbErr, RuntimeErr, sqlx};

use super::fault::Severity;
#[cfg(feature = "mysql")]
use super::mysql;
#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;

/// Whether others hold the database, or it is out of reach for now, so that the same statement is worth another try.
pub(crate) fn is_busy(error: &DbErr, backend: DbBackend) -> bool {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => true,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => severity(error, backend) == Severity::Busy,
        _ => false,
    }
}

fn severity(error: &sqlx::Error, backend: DbBackend) -> Severity {
    match backend {
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => sqlite::severity(error),
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => postgres::severity(error),
        #[cfg(feature = "mysql")]
        DbBackend::MySql => mysql::severity(error),
        _ => Severity::Other,
    }
}
