//! What the monitor tells the outside, as plain data.
//!
//! An [`Observer`] is called on the monitor's task, so an implementation must not block and must not panic.

use crate::WorkerState;

/// Receives what a [`Monitor`](crate::Monitor) saw. Every method has an empty default.
pub trait Observer: Send + Sync + 'static {
    /// A round of observation ended: all workers that the monitor knows, the dead ones included until they are
    /// forgotten.
    fn observed(&self, workers: &[WorkerState]) {
        let _ = workers;
    }

    /// A worker was found dead.
    fn died(&self, worker: &WorkerState) {
        let _ = worker;
    }

    /// Tasks of a dead worker went back to the queue.
    fn reclaimed(&self, tasks: u64) {
        let _ = tasks;
    }
}

/// The observer that looks away.
impl Observer for () {}
