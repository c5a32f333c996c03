//! How an outbox is opened.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::relay::Relay;
use super::{Inner, Outbox, Shared, rows};
use crate::clock::Timeline;
use crate::sqlite::engine::Engine;
use crate::sqlite::schema;
use crate::{Clock, Error, Queue, SystemClock};

/// How long a call waits for another process that writes to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How soon after it was sent a task is looked up by default. Later looks come at half of the task's age.
const DEFAULT_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Settings for an [`Outbox`].
#[must_use = "settings do nothing until `open`"]
pub struct OutboxBuilder {
    path: PathBuf,
    queue: Queue,
    clock: Arc<dyn Clock>,
    look_interval: Duration,
    keep: Option<Duration>,
}

impl OutboxBuilder {
    pub(super) fn new(path: &Path, queue: Queue) -> Self {
        Self {
            path: path.to_owned(),
            queue,
            clock: Arc::new(SystemClock),
            look_interval: DEFAULT_LOOK_INTERVAL,
            keep: None,
        }
    }

    /// Measures on this clock how long tasks have waited here; the clock of the host by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How soon after it was sent a task is first looked up in the queue, at least 1 ms; one second by default. Later
    /// looks come at half of the task's age, at most sixty of these intervals apart. So this is also how soon a loss
    /// is noticed.
    pub const fn look_interval(mut self, interval: Duration) -> Self {
        self.look_interval = interval;
        self
    }

    /// Keeps the outcome of each task here for so long after it was learned, its result included. Without this a task
    /// that has ended leaves the outbox.
    pub const fn keep_outcomes(mut self, age: Duration) -> Self {
        self.keep = Some(age);
        self
    }

    /// Opens the file, or makes it, and starts the relay on this runtime.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a setting out of range. An error of the kind
    /// [`UnusableFile`](crate::ErrorKind::UnusableFile) if the file cannot serve; then it is left as it is.
    pub async fn open(self) -> Result<Outbox, Error> {
        if self.look_interval < Duration::from_millis(1) {
            let (value, problem) = (format!("{:?}", self.look_interval), "the shortest is one millisecond");
            return Err(Error::InvalidSetting { setting: "look_interval", value, problem });
        }
        let path = std::path::absolute(&self.path)
            .map_err(|source| Error::CannotOpen { path: self.path.clone(), source: Box::new(source) })?;
        let open = move || {
            let (connection, log) = schema::open(&path, BUSY_TIMEOUT)?;
            rows::prepare(&connection, &path)?;
            Ok((connection, log))
        };
        let engine = Engine::start(open, Timeline::new(self.clock), BUSY_TIMEOUT, None).await?;
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = watch::channel(false);
        let queue = self.queue.name().clone();
        let relay = Relay {
            engine: engine.clone(),
            queue: self.queue,
            shared: Arc::clone(&shared),
            look_interval: self.look_interval,
            keep: self.keep,
        };
        let relay = Mutex::new(Some(tokio::spawn(relay.run(stopped))));
        Ok(Outbox { inner: Arc::new(Inner { engine, queue, shared, stop, relay }) })
    }
}
