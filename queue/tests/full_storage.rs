//! A worker whose storage is full says so, instead of trying for ever.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::future::Future;
use std::time::Duration;

use cofferdam_queue::{
    Bound, Broker, Cancelled, Enqueued, Error, ErrorKind, Job, Lease, Listener, Memory, NewTask, Note, Queue,
    QueueName, QueueSettings, QueueStats, ReapScope, Reaped, Section, Setting, Step, StepReply, TaskId,
    TaskState, TaskView, Topic, Worker, WorkerId, WorkerLoad,
};

/// A broker in memory that has no room for results.
struct Full(Memory);

impl Broker for Full {
    fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> impl Future<Output = Result<Vec<Enqueued>, Error>> + Send {
        self.0.enqueue(queue, tasks, bound)
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        if step.settle.is_empty() {
            return self.0.step(queue, step).await;
        }
        Err(Error::StorageFull { source: "no space left on device".into() })
    }

    fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> impl Future<Output = Result<Vec<TaskId>, Error>> + Send {
        self.0.renew(queue, worker, leases, lease)
    }

    fn reap(
        &self,
        queue: &QueueName,
        scope: ReapScope,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Reaped>, Error>> + Send {
        self.0.reap(queue, scope, max)
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

    fn lookup(
        &self,
        queue: &QueueName,
        tasks: Vec<TaskId>,
    ) -> impl Future<Output = Result<Vec<Option<TaskState>>, Error>> + Send {
        self.0.lookup(queue, tasks)
    }

    fn stats(&self, queue: &QueueName) -> impl Future<Output = Result<QueueStats, Error>> + Send {
        self.0.stats(queue)
    }

    fn forget(
        &self,
        queue: &QueueName,
        age: Duration,
        max: usize,
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        self.0.forget(queue, age, max)
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.0.listen(queue, topic)
    }
}

#[tokio::test]
async fn a_full_storage_ends_the_worker_with_that_error_and_loses_no_task() {
    let memory = Memory::new();
    let queue = Queue::new(Full(memory.clone()), "q").unwrap();
    let id = queue.submit(NewTask::new("work")).await.unwrap().id;
    let worker = Worker::builder(queue.clone()).name("w").build().unwrap();
    let handler = |_: Job| async { Ok(b"result".to_vec()) };
    let error = worker.run(handler, std::future::pending()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    // It was handed out and never recorded, so it runs again once its lease is over.
    assert!(matches!(queue.state(&id).await.unwrap(), Some(TaskState::Leased { .. })));
}
