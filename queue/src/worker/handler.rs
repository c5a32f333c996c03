//! What runs on a task, what it is given and how it says no.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use super::Cancellation;
use crate::{Delivery, QueueName, TaskId};

/// Runs on a task. A closure `Fn(Job) -> impl Future<Output = Result<Vec<u8>, Failure>>` is one.
///
/// The same task may be handed out again after a crash or a lost lease, so effects outside the result must bear
/// repetition. A panic is contained and counts as a crash of the task. The future is dropped when the lease is lost
/// or the drain deadline passes; it must not block the runtime (use `spawn_blocking` and the job's
/// [`Cancellation`]).
pub trait Handler: Send + Sync + 'static {
    /// Runs one task and answers its result.
    fn handle(&self, job: Job) -> impl Future<Output = Result<Vec<u8>, Failure>> + Send;
}

impl<F, Answer> Handler for F
where
    F: Fn(Job) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Vec<u8>, Failure>> + Send,
{
    fn handle(&self, job: Job) -> impl Future<Output = Result<Vec<u8>, Failure>> + Send {
        self(job)
    }
}

/// One task in the hands of a handler. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Job {
    queue: QueueName,
    delivery: Arc<Delivery>,
    cancellation: Cancellation,
}

impl Job {
    pub(super) fn new(queue: QueueName, delivery: Delivery, cancellation: Cancellation) -> Self {
        Self { queue, delivery: Arc::new(delivery), cancellation }
    }

    /// The queue that the task came from.
    #[must_use]
    pub const fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.delivery.lease.task
    }

    /// The payload as it was enqueued.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.delivery.payload
    }

    /// Which attempt this is, from 1. Crashes and hand-backs do not count as attempts.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.delivery.attempt
    }

    /// How many runs of this task broke down before without an answer.
    #[must_use]
    pub fn crashes(&self) -> u32 {
        self.delivery.crashes
    }

    /// When the task was enqueued, on the broker's clock.
    #[must_use]
    pub fn enqueued_at(&self) -> SystemTime {
        self.delivery.enqueued_at
    }

    /// The word that the work is no longer wanted.
    #[must_use]
    pub const fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }
}

/// How a handler says no. Any error becomes one that may be tried again, so `?` works.
#[derive(Debug, Clone)]
#[must_use = "a failure must be returned to count"]
pub struct Failure {
    message: String,
    permanent: bool,
}

impl Failure {
    /// The next attempt may succeed.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self { message: message.into(), permanent: false }
    }

    /// No further attempt can help: the task goes to the dead letters at once.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), permanent: true }
    }

    /// Whether no further attempt can help.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// What went wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    /// Takes the messages of the error and of its sources.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::retryable(message)
    }
}
