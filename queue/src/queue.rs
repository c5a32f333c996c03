//! One named queue of a broker, as programs use it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits::{MAX_BATCH, MAX_BATCH_BYTES, MAX_DEPENDENCIES, check_setting};
use crate::{
    AnyBroker, Bound, Broker, Cancelled, Delivery, Ending, Enqueued, Error, Follow, Lease, Listener, NewTask,
    Note, Novelty, Observer, Operation, OperationEvent, QueueName, QueueSettings, QueueStats, ReapScope,
    Reaped, Section, Setting, Settlement, Step, StepReply, TaskId, TaskState, TaskView, Topic, Verdict,
    WorkerId, WorkerLoad,
};

/// The pause of a waiting caller between looks at the task, at most, whatever the signals say.
pub(crate) const LONGEST_LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// One named queue: the calls of a [`Broker`] without its name in each, and reports to an [`Observer`]. Cheap to
/// clone; clones are the same queue.
#[derive(Clone)]
pub struct Queue {
    broker: AnyBroker,
    name: QueueName,
    observer: Arc<dyn Observer>,
    bound: Bound,
}

impl Queue {
    /// The queue of this name at a broker. A queue needs no creation: it exists as soon as it holds a task.
    ///
    /// # Errors
    /// [`Error::InvalidName`] if the name cannot be used; see [`QueueName`].
    pub fn new(broker: impl Broker, name: &str) -> Result<Self, Error> {
        Ok(Self {
            broker: broker.into_any(),
            name: QueueName::new(name)?,
            observer: Arc::new(()),
            bound: Bound::default(),
        })
    }

    /// Reports to this observer, also for the workers that are built on this queue.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Refuses to enqueue, through this handle and its clones, while more waits than this: a producer that is faster
    /// than the workers learns it from [`Error::QueueFull`] in place of filling the store.
    #[must_use]
    pub const fn with_bound(mut self, bound: Bound) -> Self {
        self.bound = bound;
        self
    }

    /// The queue's name.
    #[must_use]
    pub const fn name(&self) -> &QueueName {
        &self.name
    }

    /// Puts one task in.
    ///
    /// # Errors
    /// When the payload is too large or the store fails; then the task was not added.
    pub async fn submit(&self, task: NewTask) -> Result<Enqueued, Error> {
        let id = task.id.clone();
        let answers = self.enqueue(vec![task]).await?;
        answers.into_iter().next().ok_or(Error::UnknownTask { id })
    }

    /// Puts any number of tasks in, in as many trips of at most [`MAX_BATCH`] tasks, [`MAX_BATCH_BYTES`] and
    /// [`MAX_DEPENDENCIES`] as it takes, and answers in their order.
    ///
    /// # Errors
    /// When a payload is too large or the store fails. The tasks of earlier trips are in the queue then; give tasks
    /// an id to be able to repeat the call.
    pub async fn enqueue(&self, tasks: Vec<NewTask>) -> Result<Vec<Enqueued>, Error> {
        let mut answers = Vec::with_capacity(tasks.len());
        for trip in trips(tasks) {
            answers.extend(self.enqueue_trip(trip).await?);
        }
        Ok(answers)
    }

    async fn enqueue_trip(&self, trip: Vec<NewTask>) -> Result<Vec<Enqueued>, Error> {
        let priorities: Vec<_> = trip.iter().map(|task| task.priority).collect();
        let answers =
            self.observed(Operation::Enqueue, self.broker.enqueue(&self.name, trip, self.bound)).await?;
        for priority in crate::Priority::ALL {
            let count = answers
                .iter()
                .zip(&priorities)
                .filter(|(answer, of)| **of == priority && answer.novelty == Novelty::New)
                .count();
            if count > 0 {
                self.observer.enqueued(self.name.as_str(), priority, count as u64);
            }
        }
        Ok(answers)
    }

    /// Settles and claims in one trip. It is reported as the first of acknowledgement, negative acknowledgement and
    /// claim that it contains.
    ///
    /// # Errors
    /// As for [`Broker::step`].
    ///
    /// # Cancellation
    /// As for [`Broker`]: a dropped step may have taken effect. Settlements can be repeated, claimed tasks come back.
    pub async fn step(&self, step: Step) -> Result<StepReply, Error> {
        let operation = match step.settle.as_slice() {
            [] => Operation::Claim,
            some if some.iter().any(|one| matches!(one.ending, Ending::Done(_))) => Operation::Ack,
            _ => Operation::Nack,
        };
        let priorities: Vec<_> = step.settle.iter().map(|one| one.lease.priority).collect();
        let reply = self.observed(operation, self.broker.step(&self.name, step)).await?;
        let queue = self.name.as_str();
        for (verdict, priority) in reply.settled.iter().zip(priorities) {
            match verdict {
                Verdict::Recorded => self.observer.acked(queue, priority),
                Verdict::Retrying => self.observer.retried(queue, priority),
                Verdict::Dead => self.observer.dead_lettered(queue, priority),
                Verdict::HandedBack | Verdict::LeaseLost | Verdict::Unanswered => {}
            }
        }
        for delivery in &reply.claimed {
            self.observer.dequeued(queue, delivery.lease.priority, delivery.waited);
        }
        Ok(reply)
    }

    /// Claims at most `max` ready tasks.
    ///
    /// # Errors
    /// As for [`Broker::step`].
    pub async fn claim(
        &self,
        worker: &WorkerId,
        max: usize,
        lease: Duration,
    ) -> Result<Vec<Delivery>, Error> {
        Ok(self.step(Step::new(worker.clone()).claim(max, lease)).await?.claimed)
    }

    /// Settles tasks, and answers in their order.
    ///
    /// # Errors
    /// As for [`Broker::step`].
    pub async fn settle(
        &self,
        worker: &WorkerId,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Verdict>, Error> {
        Ok(self.step(Step::new(worker.clone()).settle(settlements)).await?.settled)
    }

    /// Makes leases last for another `lease` from now, and answers which of the tasks are lost.
    ///
    /// # Errors
    /// As for [`Broker::renew`].
    pub async fn renew(
        &self,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        self.observed(Operation::Renew, self.broker.renew(&self.name, worker, leases, lease)).await
    }

    /// Takes tasks back from workers that are gone, until none is left. [`Worker`](crate::Worker)s do this for
    /// expired leases on their own; call it with [`ReapScope::Worker`] when a worker is known to be dead.
    ///
    /// # Errors
    /// As for [`Broker::reap`]; what was taken back before stays so.
    pub async fn reap(&self, scope: ReapScope) -> Result<Vec<Reaped>, Error> {
        let mut all = Vec::new();
        loop {
            let call = self.broker.reap(&self.name, scope.clone(), MAX_BATCH);
            let reaped = self.observed(Operation::Reap, call).await?;
            for task in &reaped {
                self.observer.lease_expired(self.name.as_str(), task.priority);
                if task.dead {
                    self.observer.dead_lettered(self.name.as_str(), task.priority);
                }
            }
            let last = reaped.len() < MAX_BATCH;
            all.extend(reaped);
            if last {
                return Ok(all);
            }
        }
    }

    /// Writes what running tasks leave behind, and answers which of them are lost.
    ///
    /// # Errors
    /// As for [`Broker::note`].
    pub async fn note(&self, worker: &WorkerId, notes: Vec<Note>) -> Result<Vec<TaskId>, Error> {
        self.broker.note(&self.name, worker, notes).await
    }

    /// Cancels a task, waiting or running. It is dead afterwards, unless it had ended before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cancel(&self, task: &TaskId) -> Result<Cancelled, Error> {
        let answers = self.cancel_all(vec![task.clone()]).await?;
        Ok(answers.into_iter().next().unwrap_or(Cancelled::Unknown))
    }

    /// Cancels tasks, waiting or running, and answers in their order.
    ///
    /// # Errors
    /// As for [`Broker::cancel`].
    pub async fn cancel_all(&self, tasks: Vec<TaskId>) -> Result<Vec<Cancelled>, Error> {
        self.broker.cancel(&self.name, tasks).await
    }

    /// Makes dead tasks ready again, as if they were new, and answers in their order whether each was dead.
    ///
    /// # Errors
    /// As for [`Broker::replay`].
    pub async fn replay(&self, tasks: Vec<TaskId>) -> Result<Vec<bool>, Error> {
        self.broker.replay(&self.name, tasks).await
    }

    /// Deletes all tasks of a section with all that is known of them, and answers how many.
    ///
    /// # Errors
    /// As for [`Broker::purge`]; what was deleted before stays so.
    pub async fn purge(&self, section: Section) -> Result<u64, Error> {
        let mut total = 0;
        loop {
            let gone = self.broker.purge(&self.name, section, MAX_BATCH).await?;
            total += gone;
            if gone < MAX_BATCH as u64 {
                return Ok(total);
            }
        }
    }

    /// Shows at most `max` tasks of a section; see [`Broker::peek`].
    ///
    /// # Errors
    /// As for [`Broker::peek`].
    pub async fn peek(&self, section: Section, max: usize) -> Result<Vec<TaskView>, Error> {
        self.broker.peek(&self.name, section, max).await
    }

    /// Changes a setting of the queue, for everybody.
    ///
    /// # Errors
    /// As for [`Broker::set`], and [`Error::TooLarge`] for a schedule over [`MAX_SCHEDULE_BYTES`](crate::MAX_SCHEDULE_BYTES).
    pub async fn set(&self, setting: Setting) -> Result<(), Error> {
        check_setting(&setting)?;
        self.broker.set(&self.name, setting).await
    }

    /// Reads the settings of the queue.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settings(&self) -> Result<QueueSettings, Error> {
        self.broker.settings(&self.name).await
    }

    /// Lists the workers that hold leases.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn workers(&self) -> Result<Vec<WorkerLoad>, Error> {
        self.broker.workers(&self.name).await
    }

    /// Tells where a task stands; `None` if the queue has no record of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn state(&self, task: &TaskId) -> Result<Option<TaskState>, Error> {
        Ok(self.states(vec![task.clone()]).await?.into_iter().next().flatten())
    }

    /// Tells where tasks stand, in their order; `None` for each without a record.
    ///
    /// # Errors
    /// When there are more than [`MAX_BATCH`] ids or the store fails.
    pub async fn states(&self, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        self.observed(Operation::Stats, self.broker.lookup(&self.name, tasks)).await
    }

    /// Waits until a task is done or dead, and answers where it stands; after `timeout` at the latest, finished or
    /// not. A timeout of zero looks once.
    ///
    /// # Errors
    /// [`Error::UnknownTask`] if the queue has no record of the task, and any error of the store.
    ///
    /// # Cancellation
    /// Waiting changes nothing, so the future can be dropped at any time.
    pub async fn wait(&self, task: &TaskId, timeout: Duration) -> Result<TaskState, Error> {
        let mut listener = self.listen(&Topic::Task(task.clone()));
        let start = Instant::now();
        loop {
            let state = self.state(task).await?.ok_or_else(|| Error::UnknownTask { id: task.clone() })?;
            let left = timeout.saturating_sub(start.elapsed());
            if state.is_finished() || left.is_zero() {
                return Ok(state);
            }
            listener.changed(left.min(LONGEST_LOOK_INTERVAL)).await;
        }
    }

    /// Watches a task while it runs: what its handler [`report`](crate::Job::report)s, as it comes, until the end.
    ///
    /// ```no_run
    /// # async fn watch(queue: cofferdam_queue::Queue, id: cofferdam_queue::TaskId) -> Result<(), cofferdam_queue::Error> {
    /// let mut follow = queue.follow(&id);
    /// while let Some(progress) = follow.next().await? {
    ///     println!("{}", String::from_utf8_lossy(&progress));
    /// }
    /// println!("{:?}", follow.outcome());
    /// # Ok(())
    /// # }
    /// ```
    pub fn follow(&self, task: &TaskId) -> Follow {
        Follow::new(self.clone(), task.clone(), self.listen(&Topic::Task(task.clone())))
    }

    /// Counts the queue's tasks; see [`Broker::stats`] for the cost.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stats(&self) -> Result<QueueStats, Error> {
        self.observed(Operation::Stats, self.broker.stats(&self.name)).await
    }

    /// Deletes the records of all tasks that were done or dead at least `age` ago, and answers how many. Without it
    /// records are kept for ever, and with them the protection against a second enqueue of the same id.
    ///
    /// # Errors
    /// When the store fails; what was deleted before stays so.
    pub async fn forget(&self, age: Duration) -> Result<u64, Error> {
        let mut total = 0;
        loop {
            let gone = self.forget_some(age).await?;
            total += gone;
            if gone < MAX_BATCH as u64 {
                return Ok(total);
            }
        }
    }

    /// Listens for a change.
    pub fn listen(&self, topic: &Topic) -> Listener {
        self.broker.listen(&self.name, topic)
    }

    /// One bounded step of [`forget`](Self::forget).
    pub(crate) async fn forget_some(&self, age: Duration) -> Result<u64, Error> {
        self.broker.forget(&self.name, age, MAX_BATCH).await
    }

    async fn observed<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let answer = call.await;
        let error = answer.as_ref().err().map(Error::kind);
        self.observer.operation(&OperationEvent { operation, duration: start.elapsed(), error });
        answer
    }
}

/// Parts of at most [`MAX_BATCH`] tasks and [`MAX_BATCH_BYTES`], in order, which wait for at most [`MAX_DEPENDENCIES`]
/// others: each costs a store about as much as a task, and it serves nobody else meanwhile.
pub(crate) fn trips(tasks: Vec<NewTask>) -> impl Iterator<Item = Vec<NewTask>> {
    let mut rest = tasks.into_iter().peekable();
    std::iter::from_fn(move || {
        let (mut bytes, mut dependencies) = (0_usize, 0_usize);
        let mut trip = Vec::new();
        while let Some(task) = rest.next_if(|task| {
            bytes = bytes.saturating_add(task.weight());
            dependencies = dependencies.saturating_add(task.after.len());
            trip.is_empty() || bytes <= MAX_BATCH_BYTES && dependencies <= MAX_DEPENDENCIES
        }) {
            trip.push(task);
            if trip.len() == MAX_BATCH {
                break;
            }
        }
        (!trip.is_empty()).then_some(trip)
    })
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trip_is_bounded_by_its_tasks_its_bytes_and_what_they_wait_for() {
        let sizes = |tasks| trips(tasks).map(|trip| trip.len()).collect::<Vec<_>>();
        let waits = |count| NewTask::marker().after((0..count).map(|_| TaskId::random()));
        assert!(sizes(Vec::new()).is_empty());
        assert_eq!(sizes((0..=MAX_BATCH).map(|_| NewTask::new("")).collect()), [MAX_BATCH, 1]);
        let half = || NewTask::new(vec![0; MAX_BATCH_BYTES / 2]);
        assert_eq!(sizes(vec![half(), half(), half()]), [2, 1]);
        // What is too large in any case is left to the store to refuse.
        let most = MAX_DEPENDENCIES;
        assert_eq!(sizes(vec![waits(most + 1), waits(most), waits(1), waits(most - 1)]), [1, 1, 2]);
    }
}
