//! What a backend must do.

use std::future::Future;
use std::time::Duration;

use crate::{
    AnyBroker, Bound, Cancelled, Enqueued, Error, Lease, Listener, NewTask, Note, Priority, QueueName,
    QueueSettings, QueueStats, Section, Setting, Step, StepReply, TaskId, TaskState, TaskView, WorkerId,
    WorkerLoad,
};

/// A store of queues that hands out tasks under leases.
///
/// Every call is a batch. On an embedded store it is one atomic step, which takes effect as a whole or not at all; on
/// a cluster it is one such step on each shard that it touches. Leases, delays and ages are measured on the broker's
/// clock. The rules that every backend keeps:
///
/// - A task belongs to at most one lease. Whoever settles must show the token of that lease; any other settlement
///   answers [`Verdict::LeaseLost`](crate::Verdict::LeaseLost) and changes nothing.
/// - A lease ends when it is settled or when [`reap`](Self::reap) takes it back. Between its expiry and the reaping
///   it can still be settled or renewed, since nobody else has the task yet.
/// - Each lease is renewed by name. A task whose delivery never reached the worker is not renewed with the others,
///   so it comes back.
/// - A task that ends, well or badly, ends once: of all endings that are reported for it one counts, and only that one
///   releases what waits for the task, frees its limit and its unique key.
///
/// # Cancellation
/// A future that is dropped after its first poll may have taken effect. A task claimed by such a call comes back when
/// its lease ends; everything else can be repeated.
pub trait Broker: Send + Sync + 'static {
    /// Puts tasks in, at most [`MAX_BATCH`](crate::MAX_BATCH) of them, and answers in their order.
    ///
    /// # Errors
    /// When the batch is too large, the queue is full by `bound` or drained, a task waits for one that the queue does
    /// not know, or the store fails; then no task was added, on a cluster none on the shard that refused.
    fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> impl Future<Output = Result<Vec<Enqueued>, Error>> + Send;

    /// Settles finished tasks, then claims ready ones: the most urgent first, within a priority the one that has
    /// been ready longest.
    ///
    /// # Errors
    /// When the step is too large or the store fails; then nothing was settled or claimed.
    fn step(&self, queue: &QueueName, step: Step) -> impl Future<Output = Result<StepReply, Error>> + Send;

    /// Makes these leases last for another `lease` from now, and answers which of the tasks are lost.
    ///
    /// # Errors
    /// When there are more than [`MAX_BATCH`](crate::MAX_BATCH) leases or the store fails; then none was renewed.
    fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> impl Future<Output = Result<Vec<TaskId>, Error>> + Send;

    /// Takes back at most `max` tasks (up to [`MAX_BATCH`](crate::MAX_BATCH)) from workers that are gone. Each counts
    /// as a crash; a task that has crashed too often is dead, the others are ready at once.
    ///
    /// # Errors
    /// When `max` is too large or the store fails; then nothing was taken back.
    fn reap(
        &self,
        queue: &QueueName,
        scope: ReapScope,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Reaped>, Error>> + Send;

    /// Writes what running tasks leave behind, and answers which of them are lost.
    ///
    /// # Errors
    /// When there are more than [`MAX_BATCH`](crate::MAX_BATCH) notes, one is too large or the store fails; then none
    /// was written.
    fn note(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        notes: Vec<Note>,
    ) -> impl Future<Output = Result<Vec<TaskId>, Error>> + Send;

    /// Cancels tasks, waiting or running, and answers in their order. They are dead afterwards.
    ///
    /// # Errors
    /// When there are more than [`MAX_BATCH`](crate::MAX_BATCH) ids or the store fails.
    fn cancel(
        &self,
        queue: &QueueName,
        tasks: Vec<TaskId>,
    ) -> impl Future<Output = Result<Vec<Cancelled>, Error>> + Send;

    /// Makes dead tasks ready again, with no failures and no crashes to their name, and answers in their order whether
    /// each was dead.
    ///
    /// # Errors
    /// When there are more than [`MAX_BATCH`](crate::MAX_BATCH) ids or the store fails.
    fn replay(
        &self,
        queue: &QueueName,
        tasks: Vec<TaskId>,
    ) -> impl Future<Output = Result<Vec<bool>, Error>> + Send;

    /// Deletes at most `max` tasks (up to [`MAX_BATCH`](crate::MAX_BATCH)) of a section with all that is known of them,
    /// and answers how many. Leased tasks cannot be deleted: cancel them. What waits for a deleted task that had not
    /// ended dies.
    ///
    /// # Errors
    /// For [`Section::Leased`], when `max` is too large or the store fails.
    fn purge(
        &self,
        queue: &QueueName,
        section: Section,
        max: usize,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Shows at most `max` tasks (up to [`MAX_BATCH`](crate::MAX_BATCH)) of a section: those that come next, or that
    /// ended last. On a cluster the order holds shard by shard.
    ///
    /// # Errors
    /// When `max` is too large or the store fails.
    fn peek(
        &self,
        queue: &QueueName,
        section: Section,
        max: usize,
    ) -> impl Future<Output = Result<Vec<TaskView>, Error>> + Send;

    /// Changes a setting of the queue, for everybody.
    ///
    /// # Errors
    /// When the store fails; on a cluster the change may have reached some shards then, so repeat it.
    fn set(&self, queue: &QueueName, setting: Setting) -> impl Future<Output = Result<(), Error>> + Send;

    /// Reads the settings of the queue.
    ///
    /// # Errors
    /// When the store fails.
    fn settings(&self, queue: &QueueName) -> impl Future<Output = Result<QueueSettings, Error>> + Send;

    /// Lists the workers that hold leases, in the order of their identities.
    ///
    /// # Errors
    /// When the store fails.
    fn workers(&self, queue: &QueueName) -> impl Future<Output = Result<Vec<WorkerLoad>, Error>> + Send;

    /// Lists the queues that hold anything, in the order of their names.
    ///
    /// # Errors
    /// When the store fails.
    fn queues(&self) -> impl Future<Output = Result<Vec<QueueName>, Error>> + Send;

    /// Tells where tasks stand, in the order of the request; `None` for an id without a record.
    ///
    /// # Errors
    /// When there are more than [`MAX_BATCH`](crate::MAX_BATCH) ids or the store fails.
    fn lookup(
        &self,
        queue: &QueueName,
        tasks: Vec<TaskId>,
    ) -> impl Future<Output = Result<Vec<Option<TaskState>>, Error>> + Send;

    /// Counts tasks. The cost grows with the number of waiting, leased and dead tasks; ask every few seconds, not
    /// with every task.
    ///
    /// # Errors
    /// When the store fails.
    fn stats(&self, queue: &QueueName) -> impl Future<Output = Result<QueueStats, Error>> + Send;

    /// Deletes at most `max` records (up to [`MAX_BATCH`](crate::MAX_BATCH)) of tasks that were done or dead at least
    /// `age` ago, the oldest first, and answers how many. Their ids are free again.
    ///
    /// # Errors
    /// When `max` is too large or the store fails; then nothing was deleted.
    fn forget(
        &self,
        queue: &QueueName,
        age: Duration,
        max: usize,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Listens for a change. A change that happens after this call is not missed.
    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener;

    /// Forgets the type, for programs that choose a backend when they run.
    fn into_any(self) -> AnyBroker
    where
        Self: Sized,
    {
        AnyBroker::new(self)
    }
}

/// What a [`Listener`] listens for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Topic {
    /// Tasks that can be claimed were added or came back.
    Ready,
    /// This task was done or died, or its run showed progress.
    Task(TaskId),
}

/// From whom to take tasks back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReapScope {
    /// From every worker whose lease ran out.
    Expired,
    /// From this life of a worker, at once: somebody knows that it is dead.
    Worker(WorkerId),
}

/// A task that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reaped {
    /// The task.
    pub task: TaskId,
    /// The task's priority.
    pub priority: Priority,
    /// Who had it.
    pub worker: WorkerId,
    /// Whether it is dead now, because it had crashed as often as it was allowed to.
    pub dead: bool,
}

impl Reaped {
    /// An answer, for those who write a broker.
    #[must_use]
    pub const fn new(task: TaskId, priority: Priority, worker: WorkerId, dead: bool) -> Self {
        Self { task, priority, worker, dead }
    }
}
