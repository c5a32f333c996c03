//! A broker with a fault in the road to it: parts that do not answer, calls that hang, no room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cofferdam_queue::{
    AnyBroker, Bound, Broker, Cancelled, Enqueued, Error, Lease, Listener, NewTask, Note, QueueName,
    QueueSettings, QueueStats, ReapScope, Reaped, Section, Setting, Step, StepReply, TaskId, TaskState,
    TaskView, Topic, Verdict, WorkerId, WorkerLoad,
};

/// Tasks whose id begins with "far" seem to lie on shard 1, which can be cut off.
#[derive(Clone)]
pub(crate) struct Faulty {
    inner: AnyBroker,
    pub(crate) faults: Arc<Faults>,
}

#[derive(Default)]
pub(crate) struct Faults {
    /// Shard 1 does not answer.
    pub(crate) far_is_down: AtomicBool,
    /// How many trips had something for shard 1 while it was down.
    pub(crate) trips_in_vain: AtomicU64,
    /// Nothing can be enqueued or looked up.
    pub(crate) unreachable: AtomicBool,
    /// Steps do not return.
    pub(crate) steps_hang: AtomicBool,
    /// There is no room for results.
    pub(crate) full: AtomicBool,
}

impl Faults {
    pub(crate) fn set(&self, flag: impl Fn(&Self) -> &AtomicBool, value: bool) {
        flag(self).store(value, Ordering::SeqCst);
    }
}

impl Faulty {
    pub(crate) fn before(broker: impl Broker) -> Self {
        Self { inner: broker.into_any(), faults: Arc::default() }
    }

    fn reach(&self) -> Result<(), Error> {
        if is(&self.faults.unreachable) {
            let problem = "the network is down".to_owned();
            return Err(Error::Unanswered { action: "reach the store", waited: Duration::ZERO, problem });
        }
        Ok(())
    }
}

fn is(flag: &AtomicBool) -> bool {
    flag.load(Ordering::SeqCst)
}

impl Broker for Faulty {
    async fn step(&self, queue: &QueueName, mut step: Step) -> Result<StepReply, Error> {
        if is(&self.faults.steps_hang) {
            std::future::pending::<()>().await;
        }
        if is(&self.faults.full) && !step.settle.is_empty() {
            return Err(Error::StorageFull { source: "no space left on device".into() });
        }
        let down = is(&self.faults.far_is_down);
        let order: Vec<bool> = step.settle.iter().map(|one| down && one.lease.shard == 1).collect();
        if order.contains(&true) {
            self.faults.trips_in_vain.fetch_add(1, Ordering::SeqCst);
        }
        step.settle.retain(|one| !(down && one.lease.shard == 1));
        let mut reply = self.inner.step(queue, step).await?;
        let mut answered = reply.settled.into_iter();
        let verdict = |cut_off: bool| if cut_off { Verdict::Unanswered } else { answered.next().unwrap() };
        reply.settled = order.into_iter().map(verdict).collect();
        for delivery in &mut reply.claimed {
            if delivery.lease.task.as_str().starts_with("far") {
                delivery.lease.shard = 1;
            }
        }
        Ok(reply)
    }

    async fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        self.inner.renew(queue, worker, leases, lease).await
    }

    async fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        self.reach()?;
        self.inner.enqueue(queue, tasks, bound).await
    }

    async fn reap(&self, queue: &QueueName, scope: ReapScope, max: usize) -> Result<Vec<Reaped>, Error> {
        self.inner.reap(queue, scope, max).await
    }

    async fn note(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        notes: Vec<Note>,
    ) -> Result<Vec<TaskId>, Error> {
        self.inner.note(queue, worker, notes).await
    }

    async fn cancel(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Cancelled>, Error> {
        self.inner.cancel(queue, tasks).await
    }

    async fn replay(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<bool>, Error> {
        self.inner.replay(queue, tasks).await
    }

    async fn purge(&self, queue: &QueueName, section: Section, max: usize) -> Result<u64, Error> {
        self.inner.purge(queue, section, max).await
    }

    async fn peek(&self, queue: &QueueName, section: Section, max: usize) -> Result<Vec<TaskView>, Error> {
        self.inner.peek(queue, section, max).await
    }

    async fn set(&self, queue: &QueueName, setting: Setting) -> Result<(), Error> {
        self.inner.set(queue, setting).await
    }

    async fn settings(&self, queue: &QueueName) -> Result<QueueSettings, Error> {
        self.inner.settings(queue).await
    }

    async fn workers(&self, queue: &QueueName) -> Result<Vec<WorkerLoad>, Error> {
        self.inner.workers(queue).await
    }

    async fn queues(&self) -> Result<Vec<QueueName>, Error> {
        self.inner.queues().await
    }

    async fn lookup(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        self.reach()?;
        self.inner.lookup(queue, tasks).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        self.inner.stats(queue).await
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        self.inner.forget(queue, age, max).await
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.inner.listen(queue, topic)
    }
}
