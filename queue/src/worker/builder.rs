//! How a worker is set up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::desk::Desk;
use super::{Settings, Worker};
use crate::limits::{MAX_BATCH, MAX_LEASE};
use crate::{Backoff, Error, Label, Queue, WorkerId};

/// The lease by default. A dead worker's tasks lie still for this long, and its third is the time between renewals,
/// so it also bounds how long the whole process may stop (a laptop that sleeps, a host that swaps) without loss.
const DEFAULT_LEASE: Duration = Duration::from_secs(10);

/// The shortest lease: three renewals must fit in it on a busy machine.
const MIN_LEASE: Duration = Duration::from_millis(100);

/// How often an idle worker looks for tasks whose delay has passed; others it hears of.
const DEFAULT_POLL: Duration = Duration::from_millis(250);

/// How long running tasks may go on after the shutdown by default: within the thirty seconds that service managers
/// commonly grant before they kill.
const DEFAULT_DRAIN: Duration = Duration::from_secs(20);

/// Settings for a [`Worker`].
#[derive(Debug)]
#[must_use = "settings do nothing until `build`"]
pub struct WorkerBuilder {
    queue: Queue,
    name: String,
    settings: Settings,
}

impl WorkerBuilder {
    pub(super) fn new(queue: Queue) -> Self {
        let settings = Settings {
            places: BTreeMap::from([(None, 1)]),
            lease: DEFAULT_LEASE,
            poll: DEFAULT_POLL,
            drain: DEFAULT_DRAIN,
            backoff: Backoff::default(),
            forget_after: None,
            #[cfg(feature = "cron")]
            clock: Arc::new(crate::SystemClock),
        };
        Self { queue, name: "worker".to_owned(), settings }
    }

    /// Names the worker; its identity is this name and a random epoch. "worker" by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many tasks without a resource class run at the same time; 1 by default. With the places of all classes it
    /// makes 1 to [`MAX_BATCH`], so it may be nought for a worker that has classes.
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.settings.places.insert(None, tasks);
        self
    }

    /// Offers a resource class, and so many places for its tasks beside the ordinary ones: memory, a graphics card, a
    /// licence. The worker claims no task of a class that it does not offer.
    ///
    /// ```
    /// use cofferdam_queue::{Label, Memory, Queue, Worker};
    ///
    /// let queue = Queue::new(Memory::new(), "models")?;
    /// let worker = Worker::builder(queue).concurrency(8).class(Label::new("gpu")?, 2).build()?;
    /// # let _ = worker;
    /// # Ok::<(), cofferdam_queue::Error>(())
    /// ```
    pub fn class(mut self, class: Label, places: usize) -> Self {
        self.settings.places.insert(Some(class), places);
        self
    }

    /// How long a task stays with this worker without a sign of life, 100 ms to one hour; 10 s by default. Renewed
    /// every third of it.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How often the idle worker looks for tasks whose delay has passed, at least 1 ms; 250 ms by default.
    pub const fn poll_interval(mut self, interval: Duration) -> Self {
        self.settings.poll = interval;
        self
    }

    /// How long running tasks may go on after the shutdown before they are cancelled and handed back; 20 s by
    /// default, and zero is allowed.
    pub const fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.settings.drain = deadline;
        self
    }

    /// How long failed tasks wait that have no back-off of their own; one second to one minute by default.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// Forgets the records of tasks that were done or dead this long ago, bit by bit while the worker runs; never by
    /// default. With a record go its result and the protection against a second enqueue of its id, so choose it longer
    /// than anybody may want either.
    pub const fn forget_after(mut self, age: Duration) -> Self {
        self.settings.forget_after = Some(age);
        self
    }

    /// Fires the queue's schedules by this clock; by that of the host by default. Whichever worker's clock reaches a
    /// time first fires for it.
    #[cfg(feature = "cron")]
    #[cfg_attr(docsrs, doc(cfg(feature = "cron")))]
    pub fn clock(mut self, clock: Arc<dyn crate::Clock>) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Checks the settings and draws the worker's epoch.
    ///
    /// # Errors
    /// [`Error::InvalidName`] for the name, [`Error::InvalidSetting`] for a setting out of range.
    pub fn build(self) -> Result<Worker, Error> {
        let Settings { ref places, lease, poll, .. } = self.settings;
        let refuse = |setting, value, problem| Err(Error::InvalidSetting { setting, value, problem });
        let all = places.values().fold(0_usize, |all, places| all.saturating_add(*places));
        if all == 0 || all > MAX_BATCH {
            return refuse(
                "concurrency",
                all.to_string(),
                "a worker runs 1 to 500 tasks at a time, all classes together",
            );
        }
        if let Some((Some(class), _)) = places.iter().find(|(class, places)| class.is_some() && **places == 0)
        {
            return refuse(
                "class",
                format!("{class} with no places"),
                "a class that is offered has at least one",
            );
        }
        if lease < MIN_LEASE || lease > MAX_LEASE {
            return refuse("lease", format!("{lease:?}"), "a worker's lease lasts from 100 ms to one hour");
        }
        if poll < Duration::from_millis(1) {
            return refuse("poll_interval", format!("{poll:?}"), "the shortest is one millisecond");
        }
        let id = WorkerId::new(&self.name)?;
        Ok(Worker { queue: self.queue, id, settings: self.settings, desk: Arc::new(Desk::default()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn settings_out_of_range_are_refused() {
        let queue = Queue::new(Memory::new(), "q").unwrap();
        let build = |change: fn(WorkerBuilder) -> WorkerBuilder| {
            change(Worker::builder(queue.clone())).build().map(drop)
        };
        assert!(build(|builder| builder.concurrency(500)).is_ok());
        assert!(build(|builder| builder.concurrency(0).class(Label::new("gpu").unwrap(), 1)).is_ok());
        for change in [
            (|builder| builder.concurrency(0)) as fn(WorkerBuilder) -> WorkerBuilder,
            |builder| builder.concurrency(501),
            |builder| builder.concurrency(499).class(Label::new("gpu").unwrap(), 2),
            |builder| builder.class(Label::new("gpu").unwrap(), 0),
            |builder| builder.lease(Duration::from_millis(99)),
            |builder| builder.lease(Duration::from_secs(3601)),
            |builder| builder.poll_interval(Duration::ZERO),
            |builder| builder.name(""),
            |builder| builder.name("a#b"),
        ] {
            assert_eq!(build(change).unwrap_err().kind().as_str(), "invalid_input");
        }
    }
}
