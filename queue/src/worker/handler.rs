//! What runs on a task.

use std::future::Future;

use super::{Failure, Job};

/// Runs on a task. A closure `Fn(Job) -> impl Future<Output = Result<Vec<u8>, Failure>>` is one.
///
/// The same task may be handed out again after a crash or a lost lease, so effects outside the result must bear
/// repetition. A panic is contained and counts as a crash of the task. The future is dropped when the lease is lost
/// or the drain deadline passes; it must not block the runtime (use `spawn_blocking` and the job's
/// [`Cancellation`](super::Cancellation)).
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
