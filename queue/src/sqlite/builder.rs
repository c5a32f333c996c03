//! How a file is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::{Sqlite, schema};
use crate::clock::Timeline;
use crate::{Clock, Error, SystemClock};

/// How long a call waits for another process by default. Its transactions take milliseconds; five seconds without
/// the lock mean that somebody holds it wrongly.
const DEFAULT_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often those who wait look for changes of other processes by default: a fifth of a second is soon enough for
/// people and costs one indexed read each time. Changes of this process are heard at once.
const DEFAULT_POLL: Duration = Duration::from_millis(200);

/// The smallest size that a file may be bounded to: the empty tables and room for some tasks.
const MIN_MAX_BYTES: u64 = 256 << 10;

/// Settings for a [`Sqlite`] broker.
#[must_use = "settings do nothing until `open`"]
pub struct SqliteBuilder {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    busy_timeout: Duration,
    poll: Duration,
    max_bytes: Option<u64>,
}

impl SqliteBuilder {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            clock: Arc::new(SystemClock),
            busy_timeout: DEFAULT_BUSY_TIMEOUT,
            poll: DEFAULT_POLL,
            max_bytes: None,
        }
    }

    /// Measures leases and delays on this clock; the clock of the host by default, which processes that share a file
    /// must share as well.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How long a call waits while another process writes, before it fails with [`Error::Busy`]; five seconds by
    /// default.
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How often those who wait look for changes of other processes; 200 ms by default, at least 1 ms.
    pub const fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll = interval;
        self
    }

    /// Bounds what new tasks may make the file grow to, in bytes; at least 256 KiB, unbounded by default. At the bound
    /// an enqueue fails with [`Error::StorageFull`] until records are forgotten. Claims and results are not bound, so
    /// that a full queue can be worked off: leave them room. Nor are the write-ahead log beside the file and other
    /// connections to it.
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a setting out of range. An error of the kind
    /// [`UnusableFile`](crate::ErrorKind::UnusableFile) if the file exists but is not a database, is cut short, belongs
    /// to another application or comes from a later version: then it is left as it is. [`Error::Busy`] if another
    /// process keeps it locked.
    pub async fn open(self) -> Result<Sqlite, Error> {
        self.check()?;
        // An absolute path keeps its meaning when the process changes its folder, and SQLite's special names
        // (":memory:" and the empty one) lose theirs.
        let path = std::path::absolute(&self.path)
            .map_err(|source| Error::CannotOpen { path: self.path.clone(), source: Box::new(source) })?;
        let (busy_timeout, max_bytes) = (self.busy_timeout, self.max_bytes);
        let open = move || schema::open(&path, busy_timeout);
        let engine = Engine::start(open, Timeline::new(self.clock), busy_timeout, max_bytes).await?;
        Ok(Sqlite::new(engine, self.poll))
    }

    fn check(&self) -> Result<(), Error> {
        if self.poll < Duration::from_millis(1) {
            let problem = "the shortest is one millisecond";
            let value = format!("{:?}", self.poll);
            return Err(Error::InvalidSetting { setting: "poll_interval", value, problem });
        }
        if let Some(bytes) = self.max_bytes.filter(|bytes| *bytes < MIN_MAX_BYTES) {
            let problem = "the empty tables alone need 256 KiB";
            return Err(Error::InvalidSetting { setting: "max_bytes", value: bytes.to_string(), problem });
        }
        Ok(())
    }
}
