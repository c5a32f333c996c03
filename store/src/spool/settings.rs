//! What a user says about a spool.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::Error;

/// A write-ahead log for the rows of one writer, for [`spool`](crate::WriterBuilder::spool): rows that `add` took
/// survive the death of the process and are written by the next writer with the same spool.
///
/// The spool is a folder of files, which one writer holds by a lock. Each row is appended to it before it may go to
/// the database, files whose rows are all settled are removed, and a spool that was closed in order is one small
/// file. What was not settled is replayed when a writer is built on it, in order and before any new row.
///
/// What it guarantees:
/// - A row whose `add` has returned is kept from the moment on at which it is on the disk: with
///   [`sync_each_add`](Self::sync_each_add) before `add` returns, otherwise at most the
///   [`sync_interval`](Self::sync_interval) and the time of one fsync later. A process that is killed, where the
///   machine lives on, loses less: what was added in its last milliseconds, or while an fsync was under way.
/// - **No row is written twice.** Each batch writes, in its own transaction, how far the spool is settled into the
///   table [`table`](Self::table) of the same database; whatever moment the process dies at, the replay goes on
///   behind what is committed, with or without a key.
/// - No row is skipped silently: a record that the crash cut short at the end of the spool is dropped with a warning
///   in the log (its `add` had no promise yet); any other damage is [`Error::SpoolDamaged`].
/// - A refused row is handed over before the spool lets go of it. After a crash it is tried again, so that a sink of
///   [`DeadLetters`](crate::DeadLetters) may be given it twice.
///
/// What it does not:
/// - It is as good as the database's commit. SQLite with `synchronous=NORMAL` in WAL mode may lose the last commits
///   with the power, and the spool has let go of them by then; use `synchronous=FULL` where that matters.
/// - Refused rows that are kept in memory for `flush` or `close` die with the process; give the writer a sink.
/// - If the disk fails so badly that what was written cannot be taken back either, rows are handed back in memory
///   that the spool may hold as well.
#[derive(Debug, Clone)]
#[must_use = "it has no effect until a builder is given it"]
pub struct Spool {
    pub(super) folder: PathBuf,
    pub(super) interval: Duration,
    pub(super) sync_bytes: usize,
    pub(super) each_add: bool,
    pub(super) max_bytes: usize,
    pub(super) table: String,
    pub(super) quarantine: bool,
}

impl Spool {
    /// A spool in this folder, which is created if need be and should hold nothing else.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            // As long as a row lingers in memory by default: the same age is at risk.
            interval: Duration::from_millis(100),
            sync_bytes: 1 << 20,
            each_add: false,
            max_bytes: 1 << 30,
            table: "cofferdam_spool".to_owned(),
            quarantine: false,
        }
    }

    /// How long a row may wait for its fsync, which it shares with all that came in that time; 100 ms by default.
    pub fn sync_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How many bytes may wait for an fsync before it is due; 1 MiB by default.
    pub fn sync_bytes(mut self, bytes: usize) -> Self {
        self.sync_bytes = bytes;
        self
    }

    /// Makes `add` return only once its row is on the disk. Tasks that add at the same time share an fsync, so many
    /// of them make it fast.
    ///
    /// A call of `add` that is cancelled while it waits for the fsync **has** added its row; one that is cancelled
    /// before, while it waits for room, has not. If the fsync fails, `add` fails with [`Error::SpoolFailed`], and
    /// the row is in `take_unwritten`.
    pub fn sync_each_add(mut self) -> Self {
        self.each_add = true;
        self
    }

    /// The most bytes of rows on the disk, 1 GiB by default and at least 64 KiB; when they are reached, `add` waits
    /// until files can be removed. Headers and notes take a little more. A row that is larger is still taken, alone.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The name of the table that says how far spools are settled, `cofferdam_spool` by default. It is created when
    /// it is not there, holds one row a spool, and may be shared by any number of them.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Whether to go on with a damaged spool: a copy of each damaged file is put beside it, with `.damaged` at the
    /// end of its name, and all records that are whole are replayed. By default the writer is not built.
    pub fn quarantine(mut self, quarantine: bool) -> Self {
        self.quarantine = quarantine;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.max_bytes < 64 << 10 {
            return Err(Error::Configuration {
                setting: "max_bytes",
                reason: format!("{} is below 64 KiB; make it at least that", self.max_bytes),
            });
        }
        if self.max_bytes > tokio::sync::Semaphore::MAX_PERMITS {
            return Err(Error::Configuration {
                setting: "max_bytes",
                reason: format!("{} is more than can be counted; make it smaller", self.max_bytes),
            });
        }
        Ok(())
    }

    /// The size at which a file is followed by the next. Small enough that a full spool frees room soon, and that a
    /// file may be read in one go.
    pub(super) fn file_bytes(&self) -> u64 {
        (self.max_bytes as u64 / 8).min(32 << 20)
    }
}

impl From<PathBuf> for Spool {
    fn from(folder: PathBuf) -> Self {
        Self::new(folder)
    }
}

impl From<&Path> for Spool {
    fn from(folder: &Path) -> Self {
        Self::new(folder)
    }
}

impl From<&str> for Spool {
    fn from(folder: &str) -> Self {
        Self::new(folder)
    }
}

impl From<String> for Spool {
    fn from(folder: String) -> Self {
        Self::new(folder)
    }
}
