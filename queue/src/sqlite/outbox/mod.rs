//! Tasks that are durable here before the queue has them.
//!
//! [`Outbox::enqueue`] writes tasks into a local SQLite file and answers; a relay brings them to the queue and watches
//! over them until they have ended there. What the queue has lost meanwhile, by a failover of a store that replicates
//! late, is brought again. So a task that was answered runs, whatever the queue forgets and however often the process
//! is killed, as long as the file is kept.
//!
//! Nothing here may let go of a row before the queue has said that its task has ended.

mod builder;
mod relay;
mod rows;
mod state;

pub use builder::OutboxBuilder;
pub use state::{OutboxState, OutboxStats};

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::engine::{Engine, Work};
use crate::limits::check_enqueue;
use crate::queue::{LONGEST_LOOK_INTERVAL, trips};
use crate::signal::Signal;
use crate::{Enqueued, Error, NewTask, Queue, QueueName, TaskId};
use relay::Trouble;

/// A durable road to a queue. Cheap to clone; clones are the same outbox, and when the last is dropped its relay ends.
///
/// ```
/// # use std::time::Duration;
/// use cofferdam_queue::{Job, Memory, NewTask, Outbox, Queue, TaskId, Worker};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cofferdam_queue::Error> {
/// # let folder = tempfile::tempdir().expect("a folder for temporary files");
/// # let path = folder.path().join("outbox.sqlite3");
/// let queue = Queue::new(Memory::new(), "orders")?;
/// let outbox = Outbox::open(&path, queue.clone()).await?;
/// let id = TaskId::new("order-17")?;
/// // From here on the task will run, whatever happens to the queue or to this process.
/// outbox.submit(NewTask::new("order 17").id(id.clone())).await?;
///
/// # let worker = Worker::builder(queue.clone()).build()?;
/// # let until_sent = async {
/// #     while queue.state(&id).await.is_ok_and(|state| state.is_none()) {
/// #         tokio::time::sleep(Duration::from_millis(5)).await;
/// #     }
/// #     drop(queue.wait(&id, Duration::from_secs(10)).await);
/// # };
/// worker.run(|job: Job| async move { Ok(job.payload().to_vec()) }, until_sent).await?;
/// outbox.close().await;
/// # Ok(())
/// # }
/// ```
///
/// # What it does not promise
///
/// A queue that has forgotten a finished task looks like one that has lost it, so the task would run again: let the
/// queue keep its records for longer than the outbox may be closed or cut off. The file must lie on a local disk.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    queue: QueueName,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    relay: Mutex<Option<JoinHandle<()>>>,
}

/// What the handles and the relay tell each other.
#[derive(Default)]
struct Shared {
    /// There is something to send.
    written: Notify,
    /// Something has ended.
    ended: Signal,
    trouble: Mutex<Trouble>,
}

impl Outbox {
    /// Opens the outbox of this queue in a file, with the settings of [`builder`](Self::builder), and begins to send
    /// what it holds. Must be called on a tokio runtime with time enabled.
    ///
    /// # Errors
    /// As for [`OutboxBuilder::open`].
    pub async fn open(path: impl AsRef<Path>, queue: Queue) -> Result<Self, Error> {
        Self::builder(path, queue).open().await
    }

    /// Settings for the outbox of this queue in a file. Several queues may have their outboxes in one file, and
    /// several processes the outbox of one queue.
    pub fn builder(path: impl AsRef<Path>, queue: Queue) -> OutboxBuilder {
        OutboxBuilder::new(path.as_ref(), queue)
    }

    /// Writes one task down; see [`enqueue`](Self::enqueue).
    ///
    /// # Errors
    /// As for [`enqueue`](Self::enqueue).
    pub async fn submit(&self, task: NewTask) -> Result<Enqueued, Error> {
        let id = task.id.clone();
        let answers = self.enqueue(vec![task]).await?;
        answers.into_iter().next().ok_or(Error::UnknownTask { id })
    }

    /// Writes tasks down and answers when they are on the disk: [`New`](crate::Novelty::New), or
    /// [`Existing`](crate::Novelty::Existing) for an id that the outbox holds. The relay sends them in this order, with
    /// what is left of their delays and deadlines then.
    ///
    /// # Errors
    /// When a task is too large or cannot be enqueued anywhere, or the file cannot be written. The tasks of earlier
    /// transactions of [`MAX_BATCH`](crate::MAX_BATCH) are written then.
    pub async fn enqueue(&self, tasks: Vec<NewTask>) -> Result<Vec<Enqueued>, Error> {
        let mut answers = Vec::with_capacity(tasks.len());
        for trip in trips(tasks) {
            check_enqueue(&trip)?;
            let queue = self.inner.queue.clone();
            let work = Work::write(move |ledger| rows::write(ledger, &queue, &trip));
            answers.extend(self.inner.engine.call("write tasks into the outbox", work).await?);
            self.inner.shared.written.notify_one();
        }
        Ok(answers)
    }

    /// Tells where a task stands; `None` if the outbox does not hold it, for instance because it has ended and
    /// outcomes are not kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn state(&self, task: &TaskId) -> Result<Option<OutboxState>, Error> {
        let (queue, task) = (self.inner.queue.clone(), task.clone());
        let work = Work::read(move |ledger| rows::state(ledger, &queue, &task));
        self.inner.engine.call("look up a task", work).await
    }

    /// Waits until the outcome of a task is known here, and answers where it stands; after `timeout` at the latest.
    /// Asks for an outbox that [keeps outcomes](OutboxBuilder::keep_outcomes).
    ///
    /// # Errors
    /// [`Error::UnknownTask`] if the outbox does not hold the task, and any error of the file.
    pub async fn wait(&self, task: &TaskId, timeout: Duration) -> Result<OutboxState, Error> {
        let mut ended = self.inner.shared.ended.listen();
        let start = Instant::now();
        loop {
            let state = self.state(task).await?.ok_or_else(|| Error::UnknownTask { id: task.clone() })?;
            let left = timeout.saturating_sub(start.elapsed());
            if state.is_final() || left.is_zero() {
                return Ok(state);
            }
            ended.changed(left.min(LONGEST_LOOK_INTERVAL)).await;
        }
    }

    /// Sends refused tasks again, and answers how many of these there were.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn retry(&self, tasks: Vec<TaskId>) -> Result<u64, Error> {
        let queue = self.inner.queue.clone();
        let work = Work::write(move |ledger| rows::retry(ledger, &queue, &tasks));
        let found = self.inner.engine.call("retry refused tasks", work).await?;
        self.inner.shared.written.notify_one();
        Ok(found)
    }

    /// Deletes refused tasks, and answers how many of these there were.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn discard(&self, tasks: Vec<TaskId>) -> Result<u64, Error> {
        let queue = self.inner.queue.clone();
        let work = Work::write(move |ledger| rows::discard(ledger, &queue, &tasks));
        self.inner.engine.call("discard refused tasks", work).await
    }

    /// Counts what the outbox holds, and tells what keeps the relay from sending. The cost grows with the number of
    /// tasks held.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn stats(&self) -> Result<OutboxStats, Error> {
        let queue = self.inner.queue.clone();
        let work = Work::read(move |ledger| rows::stats(ledger, &queue));
        let mut stats = self.inner.engine.call("count the tasks of the outbox", work).await?;
        let trouble = self.inner.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        stats.sent_again = trouble.sent_again;
        stats.problem.clone_from(&trouble.problem);
        Ok(stats)
    }

    /// Ends the relay and closes the file. What is held stays there for the next time.
    pub async fn close(&self) {
        self.inner.stop.send_replace(true);
        let relay = self.inner.relay.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(relay) = relay {
            // It ends in any case; a panic of it has been reported by the runtime.
            drop(relay.await);
        }
        self.inner.engine.close().await;
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("queue", &self.inner.queue).finish_non_exhaustive()
    }
}
