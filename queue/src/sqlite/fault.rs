//! What goes wrong inside a transaction, before it becomes an error of the crate.

use std::time::Duration;

use rusqlite::ErrorCode;

use crate::Error;

/// What a broker says whose disk has failed.
const DOUBT: &str = "an earlier write did not reach the disk, so check the disk and open the file again";

/// A failure of a piece of work on the connection.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite refused.
    Sqlite(rusqlite::Error),
    /// A column holds a value that this crate never writes.
    Corrupt(&'static str),
    /// The call is not to be served, for a reason that its caller must hear as it is.
    Refused(Box<Error>),
    /// An earlier write did not reach the disk.
    Doubt,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl Fault {
    /// Whether another connection holds the lock, so that trying the neighbours would only wait again.
    pub(super) fn is_busy(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether the call was refused at the door, before it changed anything that matters.
    pub(super) fn is_clean(&self) -> bool {
        let Self::Refused(error) = self else { return false };
        matches!(**error, Error::QueueFull { .. } | Error::Draining { .. })
    }

    pub(super) fn into_error(self, action: &'static str, waited: Duration) -> Error {
        let busy = self.is_busy();
        match self {
            Self::Corrupt(what) => Error::Corrupt { what },
            Self::Refused(error) => *error,
            Self::Doubt => Error::Storage { action, source: DOUBT.into() },
            Self::Sqlite(error) if busy => Error::Busy { waited, source: Box::new(error) },
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                Error::StorageFull { source: Box::new(error) }
            }
            Self::Sqlite(error) => Error::Storage { action, source: Box::new(error) },
        }
    }
}
