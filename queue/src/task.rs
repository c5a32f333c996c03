//! A task on its way into a queue.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Backoff, Label, Priority, TaskId, Unique};

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
    pub(crate) kind: Option<Label>,
    pub(crate) class: Option<Label>,
    pub(crate) tenant: Option<Label>,
    pub(crate) code: Option<Label>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) group: Option<Label>,
    pub(crate) limit: Option<Label>,
    pub(crate) unique: Option<Unique>,
    pub(crate) after: Vec<TaskId>,
    pub(crate) tolerant: bool,
    pub(crate) marker: bool,
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
            kind: None,
            class: None,
            tenant: None,
            code: None,
            deadline: None,
            group: None,
            limit: None,
            unique: None,
            after: Vec::new(),
            tolerant: false,
            marker: false,
        }
    }

    /// A task that nobody runs: it is done, with an empty result, as soon as what it waits for has ended. It marks
    /// the completion of a batch for those who wait.
    pub fn marker() -> Self {
        Self { marker: true, ..Self::new(Vec::new()) }
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

    /// Says of what kind the task is, for workers that run several.
    pub fn kind(mut self, kind: Label) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Says which resources the task needs: only workers that offer this class claim it. Tasks without a class go to
    /// the workers' ordinary places.
    pub fn class(mut self, class: Label) -> Self {
        self.class = Some(class);
        self
    }

    /// Says for whom the task is. Ready tasks of one priority go to the tenant that has used the least CPU time for
    /// its weight, so that nobody is starved by a neighbour's backlog.
    pub fn tenant(mut self, tenant: Label) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Names the code that the task runs, for instance by a hash. Crashes are counted for each code; one that crashes
    /// too often is quarantined, and its tasks go to the dead letters unrun.
    pub fn code(mut self, code: Label) -> Self {
        self.code = Some(code);
        self
    }

    /// A task that no worker has taken so long after its enqueue is not worth running any more: it goes to the dead
    /// letters unrun. Millisecond resolution.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Tasks of one group lie together, which lets them depend on each other and keeps their order within a priority
    /// even on a cluster. Excludes a limit and a unique key.
    pub fn group(mut self, group: Label) -> Self {
        self.group = Some(group);
        self
    }

    /// Names the limit that the task is subject to; see [`Limit`](crate::Limit). Excludes a group and a unique key.
    pub fn limit(mut self, limit: Label) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Makes the task one of a kind. Excludes a group and a limit.
    pub fn unique(mut self, unique: Unique) -> Self {
        self.unique = Some(unique);
        self
    }

    /// The task waits until these of its group are done. They must be in the queue, or stand before it in the same
    /// enqueue. If one of them dies, this one dies as well. The delay begins when the last of them ends.
    pub fn after(mut self, tasks: impl IntoIterator<Item = TaskId>) -> Self {
        self.after = tasks.into_iter().collect();
        self.tolerant = false;
        self
    }

    /// As [`after`](Self::after), but it is enough that they end, well or badly.
    pub fn after_ended(mut self, tasks: impl IntoIterator<Item = TaskId>) -> Self {
        self.after = tasks.into_iter().collect();
        self.tolerant = true;
        self
    }

    /// About how many bytes the task takes on its way: those of its payload and of the ids that it waits for.
    pub(crate) fn weight(&self) -> usize {
        self.payload.len() + self.after.iter().map(|task| task.as_str().len()).sum::<usize>()
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
    /// The task's id; that of the holder of the unique key when the key was taken.
    pub id: TaskId,
    /// Whether the task is new to the queue.
    pub novelty: Novelty,
}

/// Whether an enqueued task was new to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Novelty {
    /// It was added.
    New,
    /// The queue has a record of that id already, so nothing was added.
    Existing,
    /// Another task holds its unique key, so nothing was added; the answer's id is that task's.
    Duplicate,
    /// Another task holds its unique key and took over the payload; the answer's id is that task's.
    Replaced,
}

impl Enqueued {
    /// An answer, for those who write a broker.
    #[must_use]
    pub const fn new(id: TaskId, novelty: Novelty) -> Self {
        Self { id, novelty }
    }
}
