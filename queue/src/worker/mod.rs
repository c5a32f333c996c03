//! The runtime that claims tasks, runs a handler on them and settles how they ended.
//!
//! [`run`](Worker::run) drives everything from one future: one trip to the broker settles what has ended and fills
//! the free places. Leases are renewed from a thread of their own, since a handler that hogs the runtime must not
//! cost the worker its tasks. Nothing here may run a handler on a task whose lease it knows to be lost.

mod builder;
mod cancellation;
mod desk;
mod failure;
mod handler;
mod job;
mod pending;
mod renewal;
mod roster;
mod router;
mod run;
#[cfg(feature = "tower")]
mod service;
mod settle;
mod upkeep;

pub use builder::WorkerBuilder;
pub use cancellation::Cancellation;
pub use desk::{Progress, ProgressSnapshot};
pub use failure::Failure;
#[cfg(feature = "apalis")]
pub(crate) use failure::in_full;
pub use handler::Handler;
pub use job::Job;
pub use router::Router;
#[cfg(feature = "tower")]
pub use service::ServiceHandler;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::{Backoff, Error, Label, Queue, WorkerId};
use desk::Desk;

/// Runs a [`Handler`] on the tasks of a queue.
///
/// ```
/// # use std::time::Duration;
/// use cofferdam_queue::{Failure, Job, Memory, Queue, Worker};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cofferdam_queue::Error> {
/// let worker = Worker::builder(Queue::new(Memory::new(), "checks")?).name("node-1").concurrency(8).build()?;
/// let handler = |job: Job| async move {
///     if job.payload().is_empty() {
///         return Err(Failure::permanent("there is nothing to check"));
///     }
///     Ok(b"checked".to_vec())
/// };
/// let shutdown = tokio::time::sleep(Duration::from_millis(10));
/// let summary = worker.run(handler, shutdown).await?;
/// assert_eq!(summary.processed, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a worker does nothing until `run`"]
pub struct Worker {
    queue: Queue,
    id: WorkerId,
    settings: Settings,
    desk: Arc<Desk>,
}

#[derive(Debug, Clone)]
struct Settings {
    /// By resource class; `None` for tasks without one.
    places: BTreeMap<Option<Label>, usize>,
    lease: Duration,
    poll: Duration,
    drain: Duration,
    backoff: Backoff,
    forget_after: Option<Duration>,
    /// Tells when schedules are due.
    #[cfg(feature = "cron")]
    clock: Arc<dyn crate::Clock>,
}

impl Worker {
    /// Settings for a worker on this queue, which also reports to the queue's observer.
    pub fn builder(queue: Queue) -> WorkerBuilder {
        WorkerBuilder::new(queue)
    }

    /// The identity of this life of the worker.
    #[must_use]
    pub const fn id(&self) -> &WorkerId {
        &self.id
    }

    /// The worker's counters, to be read while it runs.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::new(Arc::clone(&self.desk))
    }

    /// Runs tasks until `shutdown` completes; then claims no more, lets the running tasks end for as long as the
    /// drain deadline allows, cancels the rest and hands them back unharmed. Answers the final counters.
    ///
    /// Errors of the broker that may pass are logged and the calls repeated; results that wait to be recorded are
    /// kept, and their leases renewed, until the broker takes them. A part of a cluster that is down holds up only
    /// what belongs to it. Beside its tasks the worker takes back what dead workers held and fires
    /// the queue's schedules. Must be called on a tokio runtime with time
    /// enabled.
    ///
    /// # Errors
    /// When the thread for renewals cannot start, when the broker is closed, when its storage stays full for about ten
    /// seconds, or when at the end of the drain the broker did not take the last settlements: the tasks concerned
    /// will run again.
    ///
    /// # Cancellation
    /// Dropping the future drops the running handlers and settles nothing: to the broker it is a crash, and the
    /// tasks come back when their leases end. Use `shutdown` to stop without that.
    pub async fn run(
        self,
        handler: impl Handler,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<ProgressSnapshot, Error> {
        run::run(self, handler, shutdown).await
    }
}
