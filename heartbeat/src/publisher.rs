//! The worker's side: it writes the document again and again until it is stopped.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::beater::{Beater, Shared};
use crate::random::random_u64;
use crate::{Clock, Error, Reporter, Store, SystemClock};

/// A key of Redis may have 512 MiB, but a name is for people and stands in every document and label.
pub(crate) const NAME_MAX_BYTES: usize = 128;

/// The promised interval.
const INTERVAL: Duration = Duration::from_secs(10);

/// The promised TTL: a worker may lose two beats to the network before it counts as dead.
const TTL: Duration = Duration::from_secs(30);

/// Below this a beat would cost more than it tells.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Above this a TTL is a mistake of the unit, and sums of durations could overflow.
const TTL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Publishes the presence of one worker.
///
/// It beats from an operating-system thread of its own with a small runtime on it: a service whose own runtime is
/// blocked by a long computation is slow, but not dead, and is not reported so. For the same reason a beat says
/// that the *process* lives, not that its tasks progress.
///
/// Dropped without [`stop`](Self::stop), it falls silent and leaves its document to expire, as a crash would.
#[must_use = "the heartbeat ends when the publisher is dropped"]
pub struct Publisher {
    worker_id: String,
    reporter: Reporter,
    shared: Arc<Shared>,
    /// A message means "stop in order"; a closed channel means "dropped".
    stop: watch::Sender<()>,
    stopped: oneshot::Receiver<Result<(), Error>>,
}

/// How publishing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublisherStats {
    /// Documents that the store accepted.
    pub beats: u64,
    /// Documents that it refused or did not answer for.
    pub failures: u64,
    /// What it said last time, unless a document was accepted since.
    pub last_error: Option<String>,
}

impl Publisher {
    /// Begins to describe the worker of this name. The name has 1 to 128 bytes without control characters or
    /// braces, and need not be unique.
    pub fn builder<S: Store>(store: S, name: impl Into<String>) -> PublisherBuilder<S> {
        PublisherBuilder {
            store,
            name: name.into(),
            epoch: random_u64(),
            interval: INTERVAL,
            ttl: TTL,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The worker's id: its name, `#`, and the epoch of this publisher.
    #[must_use]
    pub fn worker_id(&self) -> &str {
        &self.worker_id
    }

    /// The handle through which the worker reports its tasks.
    #[must_use]
    pub fn reporter(&self) -> Reporter {
        self.reporter.clone()
    }

    /// How publishing goes.
    #[must_use]
    pub fn stats(&self) -> PublisherStats {
        PublisherStats {
            beats: self.shared.beats.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
            last_error: self.shared.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Stops beating and takes the document away, so that nobody takes the worker for dead.
    ///
    /// # Errors
    /// If the store refuses or does not answer within one interval; the document then expires by itself.
    ///
    /// # Cancellation safety
    /// Once called, the document is taken away even if this future is dropped.
    pub fn stop(self) -> impl Future<Output = Result<(), Error>> + Send {
        self.stop.send_replace(());
        async move { self.stopped.await.unwrap_or(Err(Error::Ended)) }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("worker_id", &self.worker_id)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Describes a [`Publisher`].
#[must_use = "nothing is published before build()"]
pub struct PublisherBuilder<S> {
    store: S,
    name: String,
    epoch: u64,
    interval: Duration,
    ttl: Duration,
    clock: Arc<dyn Clock>,
}

impl<S: Store> PublisherBuilder<S> {
    /// The epoch of this life of the worker: random by default. A service whose queue has drawn one for the same life
    /// gives it here, so that whoever sees the worker die knows by [`WorkerState::epoch`](crate::WorkerState::epoch)
    /// whose tasks to take back.
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }

    /// The time between two beats: 10 s by default, 10 ms at least.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long after its last beat the worker counts as dead: 30 s by default, twice the interval at least, one
    /// day at most.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Where the timestamp and the uptime come from: the machine's clocks by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts to publish. The first document goes out at once.
    ///
    /// # Errors
    /// If the name or the times are out of range, or if no thread can be started. A store out of reach is no
    /// error here: the publisher goes on trying and [`Publisher::stats`] tells.
    pub fn build(self) -> Result<Publisher, Error> {
        let Self { store, name, epoch, interval, ttl, clock } = self;
        let braces_or_control = |c: char| c.is_control() || matches!(c, '{' | '}');
        if name.is_empty() || name.len() > NAME_MAX_BYTES || name.contains(braces_or_control) {
            return Err(Error::Name { name });
        }
        if interval < INTERVAL_MIN || interval > TTL_MAX {
            let remedy = "10 ms to 12 h";
            return Err(Error::Timing { what: "heartbeat interval", given: interval, remedy });
        }
        if ttl < interval * 2 || ttl > TTL_MAX {
            let remedy = "at least twice the interval and at most one day";
            return Err(Error::Timing { what: "heartbeat ttl", given: ttl, remedy });
        }

        let worker_id = format!("{name}#{epoch:016x}");
        let reporter = Reporter::default();
        let shared = Arc::new(Shared::default());
        let (stop, stop_seen) = watch::channel(());
        let (done, stopped) = oneshot::channel();
        let beater = Beater {
            store,
            worker_id: worker_id.clone(),
            name,
            interval,
            ttl,
            started: clock.elapsed(),
            clock,
            reporter: reporter.clone(),
            shared: Arc::clone(&shared),
        };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        std::thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || {
                let outcome = runtime.block_on(beater.run(stop_seen));
                // The receiver is gone if the publisher was dropped, and then nobody asks.
                let _ = done.send(outcome);
            })
            .map_err(Error::Thread)?;
        Ok(Publisher { worker_id, reporter, shared, stop, stopped })
    }
}

impl<S> fmt::Debug for PublisherBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherBuilder")
            .field("name", &self.name)
            .field("interval", &self.interval)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
