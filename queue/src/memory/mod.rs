//! The broker that keeps tasks in the memory of the process.
//!
//! It is for tests and for programs whose tasks may die with them. It must never block for long: one lock guards
//! everything, and no call holds it across an await or for more than one batch.

mod shelf;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Timeline, span};
use crate::limits::{check_count, check_enqueue, check_lease, check_step};
use crate::random::TokenSource;
use crate::signal::Hub;
use crate::{
    Bound, Broker, Cancelled, Clock, Enqueued, Error, Lease, Listener, NewTask, Note, QueueName,
    QueueSettings, QueueStats, ReapScope, Reaped, Section, Setting, Step, StepReply, SystemClock, TaskId,
    TaskState, TaskView, Topic, WorkerId, WorkerLoad,
};
use shelf::Shelf;

/// A broker in memory: nothing to install, nothing survives the process. Cheap to clone; clones are the same broker.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

struct Inner {
    shelves: Mutex<HashMap<QueueName, Shelf>>,
    timeline: Timeline,
    tokens: TokenSource,
    hub: Hub,
}

impl Memory {
    /// A broker without any task, on the clock of the host.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// A broker without any task, on this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let inner = Inner {
            shelves: Mutex::default(),
            timeline: Timeline::new(clock),
            tokens: TokenSource::new(),
            hub: Hub::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Runs one step on a queue. A shelf's methods check before they change, so even a panic in one of them (out of
    /// memory apart, which aborts) leaves a shelf that others can use: the poison is ignored.
    fn on_shelf<T>(&self, queue: &QueueName, work: impl FnOnce(&mut Shelf, i64) -> T) -> T {
        let mut shelves = self.inner.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the order of steps is the order of their times.
        let now = self.inner.timeline.now();
        if let Some(shelf) = shelves.get_mut(queue) {
            return work(shelf, now);
        }
        work(shelves.entry(queue.clone()).or_default(), now)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Broker for Memory {
    async fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        _bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        check_enqueue(&tasks)?;
        let answers: Vec<_> = self
            .on_shelf(queue, |shelf, now| tasks.into_iter().map(|task| shelf.enqueue(task, now)).collect());
        self.inner.hub.enqueued(queue, &answers);
        Ok(answers)
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        check_step(&step)?;
        let reply = self.on_shelf(queue, |shelf, now| {
            let settled = step.settle.iter().map(|one| shelf.settle(&step.worker, one, now)).collect();
            let until = now.saturating_add(span(step.lease));
            let claimed = shelf.claim(&step.worker, step.places(), now, until, &self.inner.tokens);
            StepReply { settled, claimed }
        });
        self.inner.hub.stepped(queue, &step, &reply);
        Ok(reply)
    }

    async fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        check_count("leases", leases.len())?;
        check_lease(lease)?;
        Ok(self.on_shelf(queue, |shelf, now| {
            let until = now.saturating_add(span(lease));
            leases.into_iter().filter(|one| !shelf.renew(worker, one, until)).map(|one| one.task).collect()
        }))
    }

    async fn reap(&self, queue: &QueueName, scope: ReapScope, max: usize) -> Result<Vec<Reaped>, Error> {
        check_count("tasks", max)?;
        let reaped = self.on_shelf(queue, |shelf, now| shelf.reap(&scope, max, now));
        self.inner.hub.reaped(queue, &reaped);
        Ok(reaped)
    }

    async fn note(
        &self,
        _queue: &QueueName,
        _worker: &WorkerId,
        _notes: Vec<Note>,
    ) -> Result<Vec<TaskId>, Error> {
        Err(Error::Closed)
    }

    async fn cancel(&self, _queue: &QueueName, _tasks: Vec<TaskId>) -> Result<Vec<Cancelled>, Error> {
        Err(Error::Closed)
    }

    async fn replay(&self, _queue: &QueueName, _tasks: Vec<TaskId>) -> Result<Vec<bool>, Error> {
        Err(Error::Closed)
    }

    async fn purge(&self, _queue: &QueueName, _section: Section, _max: usize) -> Result<u64, Error> {
        Err(Error::Closed)
    }

    async fn peek(&self, _queue: &QueueName, _section: Section, _max: usize) -> Result<Vec<TaskView>, Error> {
        Err(Error::Closed)
    }

    async fn set(&self, _queue: &QueueName, _setting: Setting) -> Result<(), Error> {
        Err(Error::Closed)
    }

    async fn settings(&self, _queue: &QueueName) -> Result<QueueSettings, Error> {
        Err(Error::Closed)
    }

    async fn workers(&self, _queue: &QueueName) -> Result<Vec<WorkerLoad>, Error> {
        Err(Error::Closed)
    }

    async fn queues(&self) -> Result<Vec<QueueName>, Error> {
        Err(Error::Closed)
    }

    async fn lookup(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        check_count("ids", tasks.len())?;
        Ok(self.on_shelf(queue, |shelf, _| tasks.iter().map(|task| shelf.state(task)).collect()))
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        Ok(self.on_shelf(queue, |shelf, now| shelf.stats(now)))
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        check_count("records", max)?;
        Ok(self.on_shelf(queue, |shelf, now| shelf.forget(now.saturating_sub(span(age)), max)))
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.inner.hub.listen(queue, topic)
    }
}
