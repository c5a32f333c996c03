//! What a writer tells the outside about its work, as plain data.
//!
//! An [`Observer`] is called on the task that writes, and on those that add, so an implementation must not block and
//! must not panic. It never sees a row.

use std::time::Duration;

use crate::Trigger;

/// Receives the events of a writer. Every method has an empty default.
pub trait Observer: Send + Sync + 'static {
    /// A batch went to the database, well or badly.
    fn flushed(&self, event: &Flushed<'_>) {
        let _ = event;
    }

    /// The number of rows that wait in memory changed.
    fn buffered(&self, table: &str, rows: u64, capacity: u64) {
        let _ = (table, rows, capacity);
    }

    /// A call of `add` waited so long because the buffer, or the spool, was full. Told once the wait has ended, also if
    /// the call was cancelled.
    fn waited(&self, table: &str, time: Duration) {
        let _ = (table, time);
    }

    /// Rows were refused by the database, one by one, and reported to whoever added them.
    fn rejected(&self, table: &str, rows: u64) {
        let _ = (table, rows);
    }
}

/// The observer that looks away.
impl Observer for () {}

/// A batch that went to the database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Flushed<'a> {
    /// The table's name.
    pub table: &'a str,
    /// What started the flush.
    pub trigger: Trigger,
    /// How many rows the batch held. A batch that is tried again is told again, with the same number.
    pub rows: u64,
    /// How many of them this attempt put into the database: neither rejected nor skipped ones, nor those that an
    /// earlier attempt had committed. An attempt that failed may have written some.
    pub written: u64,
    /// How long the database took.
    pub duration: Duration,
    /// The kind of the error, if the flush failed.
    pub error: Option<crate::ErrorKind>,
}
