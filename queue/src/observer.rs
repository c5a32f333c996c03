//! What a queue tells the outside about its work, as plain data.
//!
//! An [`Observer`] is called on the task that drives the broker or the worker, so an implementation must not
//! block and must not panic. It never sees a payload, nor a task's, tenant's or user's id.

use std::time::Duration;

use crate::Priority;

/// Receives the events of a broker and of the workers on it. Every method has an empty default.
pub trait Observer: Send + Sync + 'static {
    /// Tasks were accepted into the queue.
    fn enqueued(&self, queue: &str, priority: Priority, count: u64) {
        let _ = (queue, priority, count);
    }

    /// A task was handed to a worker; `wait` is the time since it became ready.
    fn dequeued(&self, queue: &str, priority: Priority, wait: Duration) {
        let _ = (queue, priority, wait);
    }

    /// A task ended well and its result was recorded.
    fn acked(&self, queue: &str, priority: Priority) {
        let _ = (queue, priority);
    }

    /// A task failed and was put back to be tried again.
    fn retried(&self, queue: &str, priority: Priority) {
        let _ = (queue, priority);
    }

    /// A lease ran out, so its task was taken from its worker and put back.
    fn lease_expired(&self, queue: &str, priority: Priority) {
        let _ = (queue, priority);
    }

    /// A task was given up and moved to the dead letters.
    fn dead_lettered(&self, queue: &str, priority: Priority) {
        let _ = (queue, priority);
    }

    /// A call to the broker ended.
    fn operation(&self, event: &OperationEvent) {
        let _ = event;
    }
}

/// The observer that looks away.
impl Observer for () {}

/// A call to the broker that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OperationEvent {
    /// Which call it was.
    pub operation: Operation,
    /// How long it took.
    pub duration: Duration,
    /// The kind of the error, if it failed.
    pub error: Option<crate::ErrorKind>,
}

/// The calls of a [`Broker`](crate::Broker).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Put tasks in.
    Enqueue,
    /// Take tasks out under a lease.
    Claim,
    /// Record a task's end.
    Ack,
    /// Give a task back.
    Nack,
    /// Prolong leases.
    Renew,
    /// Take tasks back from workers whose lease ran out.
    Reap,
    /// Read the state of the queue.
    Stats,
}

impl Operation {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue",
            Self::Claim => "claim",
            Self::Ack => "ack",
            Self::Nack => "nack",
            Self::Renew => "renew",
            Self::Reap => "reap",
            Self::Stats => "stats",
        }
    }
}
