//! The word to a handler that its work is no longer wanted.

use std::future::pending;

use tokio::sync::watch;

/// Tells a handler that its task was taken away or must be handed back. Cheap to clone.
///
/// The worker drops the handler's future by itself; this is for what the drop does not reach: threads, blocking
/// loops, processes that the handler started. It works even while the runtime is blocked.
#[derive(Debug, Clone)]
pub struct Cancellation {
    receiver: watch::Receiver<bool>,
}

impl Cancellation {
    pub(super) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self { receiver })
    }

    /// Whether the work is no longer wanted.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.receiver.borrow()
    }

    /// Completes when the work is no longer wanted; never, if it ends before that.
    ///
    /// Cancellation safe.
    pub async fn cancelled(&self) {
        let mut receiver = self.receiver.clone();
        if receiver.wait_for(|cancelled| *cancelled).await.is_err() {
            // The task was settled without a cancellation, so none will come.
            pending::<()>().await;
        }
    }
}
