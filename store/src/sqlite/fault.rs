//! SQLite's failures, sorted by what a writer does about them.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, error::DatabaseError},
};

use crate::{Error, table::Table};

// Primary result codes, <https://sqlite.org/rescode.html>. An extended code holds its primary one in its low byte.
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const FULL: i32 = 13;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;

/// What a failure calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// A row is at fault: single it out.
    Row,
    /// Somebody else holds the database: try again.
    Busy,
    /// The disk is full: stop.
    Full,
    /// The statement does not fit the schema: stop.
    Schema,
    /// Anything else: stop.
    Other,
}

/// A failed call and what it calls for.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) severity: Severity,
    source: sqlx::Error,
}

impl From<sqlx::Error> for Fault {
    fn from(source: sqlx::Error) -> Self {
        let severity = match &source {
            sqlx::Error::Database(error) => severity(error.as_ref()),
            // Every connection of the pool is taken: by others, who will give them back.
            sqlx::Error::PoolTimedOut => Severity::Busy,
            _ => Severity::Other,
        };
        Self { severity, source }
    }
}

fn severity(error: &dyn DatabaseError) -> Severity {
    let code = error.code().and_then(|code| code.parse::<i32>().ok());
    match code.map(|code| code & 0xff) {
        Some(CONSTRAINT | MISMATCH | TOO_BIG) => Severity::Row,
        Some(BUSY | LOCKED) => Severity::Busy,
        Some(FULL) => Severity::Full,
        // The statements are this crate's own, so what does not compile misses a table or a column.
        Some(ERROR) => Severity::Schema,
        _ => Severity::Other,
    }
}

impl Fault {
    pub(super) fn into_error(self, table: &Table) -> Error {
        let table = table.name;
        let source = DbErr::Exec(RuntimeErr::SqlxError(Arc::new(self.source)));
        match self.severity {
            Severity::Row => Error::Constraint { table, source },
            Severity::Busy => Error::Busy { table, waited: Duration::ZERO, source },
            Severity::Full => Error::Full { table, source },
            Severity::Schema => Error::Schema { table, source },
            Severity::Other => Error::Database { table, source },
        }
    }
}
