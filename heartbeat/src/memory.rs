//! The store inside one process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Clock, Entry, Error, Listing, Store, SystemClock, key};

/// How long the index remembers a silent worker if no monitor forgets it first. Without it a service that starts
/// many short-lived workers and runs no monitor would grow for ever. One hour is six times what a monitor needs.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// Heartbeats of the workers of one process. Clones share the documents and are cheap.
#[derive(Clone)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    slots: Arc<Mutex<HashMap<String, Slot>>>,
}

struct Slot {
    document: String,
    written: Duration,
    ttl: Duration,
}

impl Slot {
    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.written)
    }

    fn expired(&self, now: Duration) -> bool {
        self.age(now) >= self.ttl
    }
}

impl MemoryStore {
    /// An empty store on the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// An empty store on a clock of your own.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, slots: Arc::default() }
    }

    /// The document under a [`key`], unless it expired.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        let now = self.clock.elapsed();
        self.lock().get(key).filter(|slot| !slot.expired(now)).map(|slot| slot.document.clone())
    }

    // A panic while the lock is held can only come from the allocator and leaves the map whole, so a poisoned
    // lock is used on.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("workers", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    async fn put(&self, worker_id: &str, document: String, ttl: Duration) -> Result<(), Error> {
        let now = self.clock.elapsed();
        let mut slots = self.lock();
        slots.retain(|_, slot| slot.age(now) < slot.ttl.saturating_add(REMEMBERED));
        slots.insert(key(worker_id), Slot { document, written: now, ttl });
        Ok(())
    }

    async fn delete(&self, worker_id: &str) -> Result<(), Error> {
        self.lock().remove(&key(worker_id));
        Ok(())
    }

    async fn list(&self) -> Result<Listing, Error> {
        let now = self.clock.elapsed();
        let prefix = key("");
        let slots = self.lock();
        let entries = slots.iter().map(|(key, slot)| Entry {
            worker_id: key.strip_prefix(&prefix).unwrap_or(key).to_owned(),
            age: slot.age(now),
            document: (!slot.expired(now)).then(|| slot.document.clone()),
        });
        Ok(Listing { entries: entries.collect(), era: 0 })
    }

    async fn forget(&self, worker_id: &str) -> Result<(), Error> {
        let now = self.clock.elapsed();
        let key = key(worker_id);
        let mut slots = self.lock();
        if slots.get(&key).is_some_and(|slot| slot.expired(now)) {
            slots.remove(&key);
        }
        Ok(())
    }
}
