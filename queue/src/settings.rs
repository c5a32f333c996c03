//! What people set for a queue while it runs, and how they read it.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::{Duration, SystemTime};

use crate::Label;

/// One change to the settings of a queue. Every program that uses the queue is subject to it from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// Lets the queue run, pauses or drains it.
    Mode(Mode),
    /// Sets a limit, or lifts it.
    Limit(Label, Option<Limit>),
    /// Sets how much of the workers a tenant gets beside the others; 100 until it is set.
    Weight(Label, NonZeroU32),
    /// After how many crashes code is quarantined; `None` for never, five until it is set.
    QuarantineAfter(Option<NonZeroU32>),
    /// Quarantines code.
    Quarantine(Label),
    /// Lets quarantined code run again and forgets its crashes.
    Release(Label),
    /// Keeps a value of at most [`MAX_SCHEDULE_BYTES`](crate::MAX_SCHEDULE_BYTES) under this name, in place of an older
    /// one, or deletes it. What is in it is no concern of a broker.
    Schedule(Label, Option<Vec<u8>>),
}

/// Whether a queue takes tasks and hands them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// It does both.
    #[default]
    Running,
    /// It takes tasks and hands out none. Running ones may end.
    Paused,
    /// It takes no tasks, and hands out what it has.
    Draining,
}

impl Mode {
    /// The name that stands in metrics, logs and storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
        }
    }
}

/// How many tasks of one limit may run. A task names its limit with [`NewTask::limit`](crate::NewTask::limit);
/// without a setting of that name it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limit {
    /// At the same time.
    pub concurrency: Option<NonZeroU32>,
    /// Started within a span of time.
    pub rate: Option<Rate>,
}

/// So many starts within so long, evenly spread, after a first burst of as many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many starts.
    pub starts: NonZeroU32,
    /// Within how many milliseconds.
    pub per_millis: NonZeroU64,
}

impl Limit {
    /// At most so many at the same time.
    #[must_use]
    pub const fn concurrency(tasks: NonZeroU32) -> Self {
        Self { concurrency: Some(tasks), rate: None }
    }

    /// At most so many starts within so many milliseconds.
    #[must_use]
    pub const fn rate(starts: NonZeroU32, per_millis: NonZeroU64) -> Self {
        Self { concurrency: None, rate: Some(Rate { starts, per_millis }) }
    }

    /// Adds a rate to a bound on concurrency.
    #[must_use]
    pub const fn and_rate(mut self, starts: NonZeroU32, per_millis: NonZeroU64) -> Self {
        self.rate = Some(Rate { starts, per_millis });
        self
    }
}

/// All settings of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QueueSettings {
    /// Whether it takes tasks and hands them out.
    pub mode: Mode,
    /// The limits by name.
    pub limits: BTreeMap<Label, Limit>,
    /// The weights of tenants that differ from 100.
    pub weights: BTreeMap<Label, NonZeroU32>,
    /// After how many crashes code is quarantined, if ever.
    pub quarantine_after: Option<NonZeroU32>,
    /// The code that is in quarantine.
    pub quarantined: Vec<Label>,
    /// What is kept for schedules, by name, in the form that [`Setting::Schedule`] gave it.
    pub schedules: BTreeMap<Label, Vec<u8>>,
}

/// The weight of a tenant of which nothing is set.
pub(crate) const DEFAULT_WEIGHT: u32 = 100;

/// After how many crashes code is quarantined unless it is set: one task may bring down three workers by itself, so
/// five mean a second one.
pub(crate) const DEFAULT_QUARANTINE_AFTER: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// What a tenant is charged at a claim until the run has told what it used, in microseconds: the mean of interpreted
/// programs is unknown here, so a tenth of a second, which the first settlement corrects.
pub(crate) const FIRST_CHARGE_MICROS: u64 = 100_000;

/// A bound on what may wait in a queue, to be met by those who enqueue. It counts the tasks that a call would add: those
/// that the queue knows already are answered as ever, so that a refused call can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Bound {
    /// The most tasks that may be ready. On a cluster it is shared out evenly over the shards.
    pub ready: Option<u64>,
    /// The longest that the oldest ready task may have waited.
    pub age: Option<Duration>,
}

impl Bound {
    /// At most so many ready tasks.
    #[must_use]
    pub const fn ready(tasks: u64) -> Self {
        Self { ready: Some(tasks), age: None }
    }

    /// No ready task older than this.
    #[must_use]
    pub const fn age(age: Duration) -> Self {
        Self { ready: None, age: Some(age) }
    }

    /// Adds the longest wait to a bound on the number.
    #[must_use]
    pub const fn and_age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }
}

/// A worker that holds leases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerLoad {
    /// Which.
    pub worker: crate::WorkerId,
    /// How many tasks it holds.
    pub leased: u64,
    /// When the first of its leases ends unless it is renewed.
    pub until: SystemTime,
}

impl WorkerLoad {
    /// An answer, for those who write a broker.
    #[must_use]
    pub const fn new(worker: crate::WorkerId, leased: u64, until: SystemTime) -> Self {
        Self { worker, leased, until }
    }
}
