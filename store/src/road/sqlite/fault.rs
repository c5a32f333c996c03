//! SQLite's failures.

use std::{borrow::Cow, error, ffi::c_int};

use sea_orm::sqlx::{
    self,
    error::{DatabaseError, ErrorKind},
};

use crate::road::fault::{Fault, Severity};

// Primary result codes, <https://sqlite.org/rescode.html>. An extended code holds its primary one in its low byte.
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const FULL: i32 = 13;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;

pub(super) fn fault(source: sqlx::Error) -> Fault {
    Fault::new(severity(&source), source)
}

/// What a failed call calls for.
pub(in crate::road) fn severity(error: &sqlx::Error) -> Severity {
    match error {
        sqlx::Error::Database(error) => of_database(error.as_ref()),
        // Every connection of the pool is taken: by others, who will give them back.
        sqlx::Error::PoolTimedOut => Severity::Busy,
        _ => Severity::Other,
    }
}

fn of_database(error: &dyn DatabaseError) -> Severity {
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

/// What SQLite says where the driver was not asked, as the driver would tell it.
#[derive(Debug, thiserror::Error)]
#[error("(code: {code}) {message}")]
pub(super) struct Refusal {
    code: c_int,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: c_int, message: String) -> Self {
        Self { code, message }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        fault(sqlx::Error::Database(Box::new(refusal)))
    }
}

impl DatabaseError for Refusal {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
