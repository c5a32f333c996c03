//! How many sessions there may be at once, and who is told.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::BACKEND;
use crate::{Error, Observer};

/// The slots of one sandbox.
pub(super) struct Slots {
    free: Arc<Semaphore>,
    count: usize,
    observer: Arc<dyn Observer>,
}

impl Slots {
    pub(super) fn new(count: usize, observer: Arc<dyn Observer>) -> Arc<Self> {
        let slots = Arc::new(Self { free: Arc::new(Semaphore::new(count)), count, observer });
        slots.report();
        slots
    }

    /// Waits for a free slot and takes it.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Place, Error> {
        let permit = Arc::clone(&self.free)
            .acquire_owned()
            .await
            .map_err(|error| Error::backend(BACKEND, "wait for a free slot", error))?;
        self.report();
        Ok(Place { permit: Some(permit), slots: Arc::clone(self) })
    }

    fn report(&self) {
        let idle = self.free.available_permits();
        self.observer.slots(BACKEND, self.count.saturating_sub(idle) as u64, idle as u64);
    }
}

/// A slot that is taken. It is free when this is dropped, which must not happen before its container is gone.
pub(super) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    slots: Arc<Slots>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit = None;
        self.slots.report();
    }
}
