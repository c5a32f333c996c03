//! The broker that keeps tasks in one SQLite file.
//!
//! One thread per broker owns the connection; calls reach it over a channel, and it commits as many of them at once
//! as wait. A call is answered after its transaction is on the disk (WAL, `synchronous = FULL`), so nothing that was
//! answered is lost when the process or the machine stops. The file may hold tables of others: this module's all
//! begin with `cofferdam_queue_`, and it touches no other.

mod builder;
mod engine;
mod fault;
mod inspect;
mod ledger;
mod schema;
mod upkeep;
mod view;

pub use builder::SqliteBuilder;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::span;
use crate::limits::{check_count, check_enqueue, check_lease, check_step};
use crate::signal::Hub;
use crate::{
    Bound, Broker, Cancelled, Enqueued, Error, Lease, Listener, NewTask, Note, QueueName, QueueSettings,
    QueueStats, ReapScope, Reaped, Section, Setting, Step, StepReply, TaskId, TaskState, TaskView, Topic,
    WorkerId, WorkerLoad,
};
use engine::{Engine, Work};

/// A durable broker in one SQLite file, which several processes on one host may share. Cheap to clone; clones are
/// the same broker. When the last clone is dropped, its thread ends and the file is closed.
///
/// The file must lie on a local disk: SQLite's locks and its shared memory do not work over network file systems.
#[derive(Clone)]
pub struct Sqlite {
    engine: Engine,
    hub: Arc<Hub>,
    poll: Duration,
}

impl Sqlite {
    /// Opens the queue in this file, with the settings of [`builder`](Self::builder); makes the file, or the
    /// queue's tables in it, if they are not there.
    ///
    /// # Errors
    /// As for [`SqliteBuilder::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder(path).open().await
    }

    /// Settings for a broker in this file.
    pub fn builder(path: impl AsRef<Path>) -> SqliteBuilder {
        SqliteBuilder::new(path.as_ref())
    }

    /// Closes the file when all calls made before are answered. Later calls, on every clone, answer
    /// [`Error::Closed`].
    pub async fn close(&self) {
        self.engine.close().await;
    }

    fn new(engine: Engine, poll: Duration) -> Self {
        Self { engine, hub: Arc::new(Hub::default()), poll }
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").finish_non_exhaustive()
    }
}

impl Broker for Sqlite {
    async fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        _bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        check_enqueue(&tasks)?;
        let (queue, announced, hub) = (queue.clone(), queue.clone(), Arc::clone(&self.hub));
        let work = Work::write(move |ledger| ledger.enqueue(&queue, &tasks))
            .then(move |answers: &Vec<Enqueued>| hub.enqueued(&announced, answers));
        self.engine.call("enqueue tasks", work).await
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        check_step(&step)?;
        let (queue, announced, hub) = (queue.clone(), queue.clone(), Arc::clone(&self.hub));
        let step = Arc::new(step);
        let (sought, done) = (Arc::clone(&step), Arc::clone(&step));
        let probed = queue.clone();
        let work = Work::write(move |ledger| ledger.step(&queue, &step))
            .unless(move |ledger| {
                let idle =
                    sought.settle.is_empty() && (sought.places() == 0 || !ledger.has_ready(&probed)?);
                Ok(idle.then(StepReply::default))
            })
            .then(move |reply: &StepReply| hub.stepped(&announced, &done, reply));
        self.engine.call("step", work).await
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
        let (queue, worker) = (queue.clone(), worker.to_string());
        let work = Work::write(move |ledger| ledger.renew(&queue, &worker, &leases, span(lease)));
        self.engine.call("renew leases", work).await
    }

    async fn reap(&self, queue: &QueueName, scope: ReapScope, max: usize) -> Result<Vec<Reaped>, Error> {
        check_count("tasks", max)?;
        let (queue, probed, announced) = (queue.clone(), queue.clone(), queue.clone());
        let (sought, hub) = (scope.clone(), Arc::clone(&self.hub));
        let work = Work::write(move |ledger| ledger.reap(&queue, &scope, max))
            .unless(move |ledger| {
                let idle = ledger.gone(&probed, &sought, 1)?.is_empty();
                Ok(idle.then(Vec::new))
            })
            .then(move |reaped: &Vec<Reaped>| hub.reaped(&announced, reaped));
        self.engine.call("take back leases", work).await
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
        let queue = queue.clone();
        let work = Work::read(move |ledger| ledger.lookup(&queue, &tasks));
        self.engine.call("look up tasks", work).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        let queue = queue.clone();
        self.engine.call("count tasks", Work::read(move |ledger| ledger.stats(&queue))).await
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        check_count("records", max)?;
        let queue = queue.clone();
        let work = Work::write(move |ledger| ledger.forget(&queue, span(age), max));
        self.engine.call("forget tasks", work).await
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.hub.listen(queue, topic).polling(self.poll)
    }
}
