//! A broker whose type is chosen when the program runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::{
    Bound, Broker, Cancelled, Enqueued, Error, Lease, Listener, NewTask, Note, QueueName, QueueSettings,
    QueueStats, ReapScope, Reaped, Section, Setting, Step, StepReply, TaskId, TaskState, TaskView, Topic,
    WorkerId, WorkerLoad,
};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Any [`Broker`] behind one type. Cheap to clone; clones are the same broker. Costs one allocation a call.
#[derive(Clone)]
pub struct AnyBroker(Arc<dyn Erased>);

impl AnyBroker {
    /// Forgets the type of a broker.
    #[must_use]
    pub fn new(broker: impl Broker) -> Self {
        Self(Arc::new(broker))
    }
}

impl fmt::Debug for AnyBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyBroker").finish_non_exhaustive()
    }
}

impl Broker for AnyBroker {
    async fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        self.0.enqueue(queue, tasks, bound).await
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        self.0.step(queue, step).await
    }

    async fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        self.0.renew(queue, worker, leases, lease).await
    }

    async fn reap(&self, queue: &QueueName, scope: ReapScope, max: usize) -> Result<Vec<Reaped>, Error> {
        self.0.reap(queue, scope, max).await
    }

    async fn note(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        notes: Vec<Note>,
    ) -> Result<Vec<TaskId>, Error> {
        self.0.note(queue, worker, notes).await
    }

    async fn cancel(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Cancelled>, Error> {
        self.0.cancel(queue, tasks).await
    }

    async fn replay(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<bool>, Error> {
        self.0.replay(queue, tasks).await
    }

    async fn purge(&self, queue: &QueueName, section: Section, max: usize) -> Result<u64, Error> {
        self.0.purge(queue, section, max).await
    }

    async fn peek(&self, queue: &QueueName, section: Section, max: usize) -> Result<Vec<TaskView>, Error> {
        self.0.peek(queue, section, max).await
    }

    async fn set(&self, queue: &QueueName, setting: Setting) -> Result<(), Error> {
        self.0.set(queue, setting).await
    }

    async fn settings(&self, queue: &QueueName) -> Result<QueueSettings, Error> {
        self.0.settings(queue).await
    }

    async fn workers(&self, queue: &QueueName) -> Result<Vec<WorkerLoad>, Error> {
        self.0.workers(queue).await
    }

    async fn queues(&self) -> Result<Vec<QueueName>, Error> {
        self.0.queues().await
    }

    async fn lookup(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        self.0.lookup(queue, tasks).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        self.0.stats(queue).await
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        self.0.forget(queue, age, max).await
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.0.listen(queue, topic)
    }

    fn into_any(self) -> Self {
        self
    }
}

/// [`Broker`] in a shape that allows dynamic dispatch. The method names are the same on purpose: one line each.
trait Erased: Send + Sync {
    fn enqueue<'a>(
        &'a self,
        queue: &'a QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> Answer<'a, Vec<Enqueued>>;
    fn step<'a>(&'a self, queue: &'a QueueName, step: Step) -> Answer<'a, StepReply>;
    fn renew<'a>(
        &'a self,
        queue: &'a QueueName,
        worker: &'a WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Answer<'a, Vec<TaskId>>;
    fn reap<'a>(&'a self, queue: &'a QueueName, scope: ReapScope, max: usize) -> Answer<'a, Vec<Reaped>>;
    fn note<'a>(
        &'a self,
        queue: &'a QueueName,
        worker: &'a WorkerId,
        notes: Vec<Note>,
    ) -> Answer<'a, Vec<TaskId>>;
    fn cancel<'a>(&'a self, queue: &'a QueueName, tasks: Vec<TaskId>) -> Answer<'a, Vec<Cancelled>>;
    fn replay<'a>(&'a self, queue: &'a QueueName, tasks: Vec<TaskId>) -> Answer<'a, Vec<bool>>;
    fn purge<'a>(&'a self, queue: &'a QueueName, section: Section, max: usize) -> Answer<'a, u64>;
    fn peek<'a>(&'a self, queue: &'a QueueName, section: Section, max: usize) -> Answer<'a, Vec<TaskView>>;
    fn set<'a>(&'a self, queue: &'a QueueName, setting: Setting) -> Answer<'a, ()>;
    fn settings<'a>(&'a self, queue: &'a QueueName) -> Answer<'a, QueueSettings>;
    fn workers<'a>(&'a self, queue: &'a QueueName) -> Answer<'a, Vec<WorkerLoad>>;
    fn queues(&self) -> Answer<'_, Vec<QueueName>>;
    fn lookup<'a>(&'a self, queue: &'a QueueName, tasks: Vec<TaskId>) -> Answer<'a, Vec<Option<TaskState>>>;
    fn stats<'a>(&'a self, queue: &'a QueueName) -> Answer<'a, QueueStats>;
    fn forget<'a>(&'a self, queue: &'a QueueName, age: Duration, max: usize) -> Answer<'a, u64>;
    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener;
}

impl<B: Broker> Erased for B {
    fn enqueue<'a>(
        &'a self,
        queue: &'a QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> Answer<'a, Vec<Enqueued>> {
        Box::pin(Broker::enqueue(self, queue, tasks, bound))
    }

    fn step<'a>(&'a self, queue: &'a QueueName, step: Step) -> Answer<'a, StepReply> {
        Box::pin(Broker::step(self, queue, step))
    }

    fn renew<'a>(
        &'a self,
        queue: &'a QueueName,
        worker: &'a WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Answer<'a, Vec<TaskId>> {
        Box::pin(Broker::renew(self, queue, worker, leases, lease))
    }

    fn reap<'a>(&'a self, queue: &'a QueueName, scope: ReapScope, max: usize) -> Answer<'a, Vec<Reaped>> {
        Box::pin(Broker::reap(self, queue, scope, max))
    }

    fn note<'a>(
        &'a self,
        queue: &'a QueueName,
        worker: &'a WorkerId,
        notes: Vec<Note>,
    ) -> Answer<'a, Vec<TaskId>> {
        Box::pin(Broker::note(self, queue, worker, notes))
    }

    fn cancel<'a>(&'a self, queue: &'a QueueName, tasks: Vec<TaskId>) -> Answer<'a, Vec<Cancelled>> {
        Box::pin(Broker::cancel(self, queue, tasks))
    }

    fn replay<'a>(&'a self, queue: &'a QueueName, tasks: Vec<TaskId>) -> Answer<'a, Vec<bool>> {
        Box::pin(Broker::replay(self, queue, tasks))
    }

    fn purge<'a>(&'a self, queue: &'a QueueName, section: Section, max: usize) -> Answer<'a, u64> {
        Box::pin(Broker::purge(self, queue, section, max))
    }

    fn peek<'a>(&'a self, queue: &'a QueueName, section: Section, max: usize) -> Answer<'a, Vec<TaskView>> {
        Box::pin(Broker::peek(self, queue, section, max))
    }

    fn set<'a>(&'a self, queue: &'a QueueName, setting: Setting) -> Answer<'a, ()> {
        Box::pin(Broker::set(self, queue, setting))
    }

    fn settings<'a>(&'a self, queue: &'a QueueName) -> Answer<'a, QueueSettings> {
        Box::pin(Broker::settings(self, queue))
    }

    fn workers<'a>(&'a self, queue: &'a QueueName) -> Answer<'a, Vec<WorkerLoad>> {
        Box::pin(Broker::workers(self, queue))
    }

    fn queues(&self) -> Answer<'_, Vec<QueueName>> {
        Box::pin(Broker::queues(self))
    }

    fn lookup<'a>(&'a self, queue: &'a QueueName, tasks: Vec<TaskId>) -> Answer<'a, Vec<Option<TaskState>>> {
        Box::pin(Broker::lookup(self, queue, tasks))
    }

    fn stats<'a>(&'a self, queue: &'a QueueName) -> Answer<'a, QueueStats> {
        Box::pin(Broker::stats(self, queue))
    }

    fn forget<'a>(&'a self, queue: &'a QueueName, age: Duration, max: usize) -> Answer<'a, u64> {
        Box::pin(Broker::forget(self, queue, age, max))
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        Broker::listen(self, queue, topic)
    }
}
