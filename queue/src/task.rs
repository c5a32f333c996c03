//! A task on its way into a queue.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Backoff, Priority, TaskId};

/// How often a task may fail before it is dead, unless it says otherwise.
const DEFAULT_MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// How many workers a task may outlive before it is dead, unless it says otherwise. Fewer than failures: a task that
/// kills what runs it does damage beyond itself.
const DEFAULT_MAX_CRASHES: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// A task that is to be enqueued: a payload and how to treat it.
///
/// ```
/// use std::time::Duration;
/// use cofferdam_queue::{NewTask, Priority, TaskId};
///
/// let task = NewTask::new("payload")
///     .id(TaskId::new("order-17")?)
///     .priority(Priority::High)
///     .delay(Duration::from_secs(60));
/// # let _ = task;
/// # Ok::<(), cofferdam_queue::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a task does nothing until it is enqueued"]
pub struct NewTask {
    pub(crate) id: TaskId,
    pub(crate) payload: Vec<u8>,
    pub(crate) priority: Priority,
    pub(crate) delay: Duration,
    pub(crate) max_attempts: NonZeroU32,
    pub(crate) max_crashes: NonZeroU32,
    pub(crate) backoff: Option<Backoff>,
}

impl NewTask {
    /// A task of normal priority with a random id, ready at once, with five attempts and three crashes to its name.
    /// The payload may be empty and has at most [`MAX_PAYLOAD_BYTES`](crate::MAX_PAYLOAD_BYTES) bytes.
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            id: TaskId::random(),
            payload: payload.into(),
            priority: Priority::default(),
            delay: Duration::ZERO,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            max_crashes: DEFAULT_MAX_CRASHES,
            backoff: None,
        }
    }

    /// Gives the task an id, which makes its enqueue repeatable: while the queue keeps a record of that id, waiting,
    /// running or finished, a further task of the same id is not added, whatever its payload.
    pub fn id(mut self, id: TaskId) -> Self {
        self.id = id;
        self
    }

    /// Sets the priority.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Holds the task back for so long, at millisecond resolution.
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets after how many failures the task is dead.
    pub const fn max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets after how many crashes of its worker the task is dead.
    pub const fn max_crashes(mut self, crashes: NonZeroU32) -> Self {
        self.max_crashes = crashes;
        self
    }

    /// Sets the back-off of this task in place of the worker's.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// The id that the task has or was given.
    #[must_use]
    pub const fn task_id(&self) -> &TaskId {
        &self.id
    }
}

/// The answer to one enqueued task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enqueued {
    /// The task's id.
    pub id: TaskId,
    /// Whether the task is new to the queue.
    pub novelty: Novelty,
}

/// Whether an enqueued task was new to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Novelty {
    /// It was added.
    New,
    /// The queue has a record of that id already, so nothing was added.
    Existing,
}

impl Enqueued {
    /// An answer, for those who write a broker.
    #[must_use]
    pub const fn new(id: TaskId, novelty: Novelty) -> Self {
        Self { id, novelty }
    }
}
