//! What a worker tells its publisher between two beats.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Takes note of a worker's tasks. Clones are cheap and speak for the same worker.
///
/// A note is a lock of nanoseconds and no beat: it goes out with the next one, so ten thousand tasks a second cost
/// the store nothing.
#[derive(Debug, Clone, Default)]
pub struct Reporter {
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Notes {
    pub(crate) processed: u64,
    pub(crate) failed: u64,
    /// Running tasks by the order of their start, so that the first is the longest-running one.
    running: BTreeMap<u64, String>,
    started: u64,
}

impl Notes {
    pub(crate) fn current_task(&self) -> Option<&str> {
        self.running.first_key_value().map(|(_, task_id)| task_id.as_str())
    }
}

impl Reporter {
    /// A task runs from now until the guard ends. A worker may have many at a time; it is idle when none is left.
    pub fn processing(&self, task_id: impl Into<String>) -> Processing {
        let mut notes = self.lock();
        let order = notes.started;
        notes.started += 1;
        notes.running.insert(order, task_id.into());
        drop(notes);
        Processing { reporter: self.clone(), order }
    }

    pub(crate) fn notes(&self) -> Notes {
        self.lock().clone()
    }

    // The notes are whole after every statement, so a poisoned lock is used on.
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that runs. Dropped without a word (handed back, cancelled), it ends without being counted.
#[derive(Debug)]
#[must_use = "the task counts as running only while this guard lives"]
pub struct Processing {
    reporter: Reporter,
    order: u64,
}

impl Processing {
    /// The task ended well.
    pub fn processed(self) {
        self.reporter.lock().processed += 1;
    }

    /// The task ended badly.
    pub fn failed(self) {
        let mut notes = self.reporter.lock();
        notes.processed += 1;
        notes.failed += 1;
    }
}

impl Drop for Processing {
    fn drop(&mut self) {
        self.reporter.lock().running.remove(&self.order);
    }
}
