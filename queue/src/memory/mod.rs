//! The broker that keeps tasks in the memory of the process.
//!
//! It is for tests and for programs whose tasks may die with them. It must never block for long: one lock guards
//! everything, and no call holds it across an await. A call does the work of one batch, and what has come due since the
//! last one: delayed tasks whose time has come, expired ones that stand before those that can be claimed, what waited
//! for a task that ended. Each of these is done once for a task, whichever call it falls on.

mod codes;
mod control;
mod family;
mod gates;
mod intake;
mod keys;
mod lane;
mod lanes;
mod names;
mod record;
mod shares;
mod shelf;
mod views;
mod work;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Timeline, span};
use crate::limits::{check_count, check_enqueue, check_lease, check_notes, check_step};
use crate::random::TokenSource;
use crate::rules::check_purge;
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

    /// Runs one call on a queue, then wakes those whom it concerns. A shelf's methods check before they change, so even
    /// a panic in one of them (out of memory apart, which aborts) leaves a shelf that others can use: the poison is
    /// ignored.
    fn on_shelf<T>(&self, queue: &QueueName, work: impl FnOnce(&mut Shelf, i64) -> T) -> T {
        let mut shelves = self.inner.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the order of calls is the order of their times.
        let now = self.inner.timeline.now();
        let run = |shelf: &mut Shelf| {
            shelf.tick(now);
            (work(shelf, now), std::mem::take(&mut shelf.news))
        };
        let (answer, news) = if let Some(shelf) = shelves.get_mut(queue) {
            run(shelf)
        } else {
            // A queue that is only looked at leaves nothing behind.
            let mut shelf = Shelf::default();
            let answer = run(&mut shelf);
            if !shelf.is_disposable() {
                shelves.insert(queue.clone(), shelf);
            }
            answer
        };
        drop(shelves);
        self.inner.hub.tell(queue, &news);
        answer
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
        bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        check_enqueue(&tasks)?;
        self.on_shelf(queue, |shelf, now| shelf.enqueue(queue, tasks, bound, now))
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        check_step(&step)?;
        Ok(self.on_shelf(queue, |shelf, now| {
            let settled = step.settle.iter().map(|one| shelf.settle(&step.worker, one, now)).collect();
            StepReply { settled, claimed: shelf.claim(&step, now, &self.inner.tokens) }
        }))
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
        Ok(self.on_shelf(queue, |shelf, now| shelf.reap(&scope, max, now)))
    }

    async fn note(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        notes: Vec<Note>,
    ) -> Result<Vec<TaskId>, Error> {
        check_notes(&notes)?;
        Ok(self.on_shelf(queue, |shelf, _| {
            notes.into_iter().filter_map(|note| shelf.note(worker, note)).collect()
        }))
    }

    async fn cancel(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Cancelled>, Error> {
        check_count("ids", tasks.len())?;
        Ok(self.on_shelf(queue, |shelf, now| tasks.iter().map(|task| shelf.cancel(task, now)).collect()))
    }

    async fn replay(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<bool>, Error> {
        check_count("ids", tasks.len())?;
        Ok(self.on_shelf(queue, |shelf, now| tasks.iter().map(|task| shelf.replay(task, now)).collect()))
    }

    async fn purge(&self, queue: &QueueName, section: Section, max: usize) -> Result<u64, Error> {
        check_count("tasks", max)?;
        check_purge(section)?;
        Ok(self.on_shelf(queue, |shelf, now| shelf.purge(section, max, now)))
    }

    async fn peek(&self, queue: &QueueName, section: Section, max: usize) -> Result<Vec<TaskView>, Error> {
        check_count("tasks", max)?;
        Ok(self.on_shelf(queue, |shelf, _| shelf.peek(section, max)))
    }

    async fn set(&self, queue: &QueueName, setting: Setting) -> Result<(), Error> {
        self.on_shelf(queue, |shelf, _| shelf.set(setting));
        Ok(())
    }

    async fn settings(&self, queue: &QueueName) -> Result<QueueSettings, Error> {
        Ok(self.on_shelf(queue, |shelf, _| shelf.settings.clone()))
    }

    async fn workers(&self, queue: &QueueName) -> Result<Vec<WorkerLoad>, Error> {
        Ok(self.on_shelf(queue, |shelf, _| shelf.workers()))
    }

    async fn queues(&self) -> Result<Vec<QueueName>, Error> {
        let shelves = self.inner.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> =
            shelves.iter().filter(|(_, shelf)| !shelf.is_blank()).map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn lookup(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        check_count("ids", tasks.len())?;
        Ok(self.on_shelf(queue, |shelf, _| tasks.iter().map(|task| shelf.state(task)).collect()))
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        Ok(self.on_shelf(queue, |shelf, _| shelf.stats()))
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        check_count("records", max)?;
        Ok(self.on_shelf(queue, |shelf, now| shelf.forget(now.saturating_sub(span(age)), max)))
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.inner.hub.listen(queue, topic)
    }
}
