//! What a monitor saw, for those who do not drive it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::WorkerState;

/// What the latest round of a [`Monitor`](crate::Monitor) saw. Clones are cheap; all see the same rounds.
#[derive(Debug, Clone)]
pub struct Workers(pub(crate) watch::Receiver<Arc<[WorkerState]>>);

impl Workers {
    /// The workers of the latest round, ordered by id; empty before the first.
    #[must_use]
    pub fn latest(&self) -> Arc<[WorkerState]> {
        Arc::clone(&self.0.borrow())
    }

    /// Waits for a round that this handle has not seen yet; `None` once the monitor is gone.
    ///
    /// # Cancellation safety
    /// A dropped call misses nothing: the round is still new to the next call.
    pub async fn next(&mut self) -> Option<Arc<[WorkerState]>> {
        self.0.changed().await.ok()?;
        Some(Arc::clone(&self.0.borrow_and_update()))
    }
}
