//! What a worker has in hand, shared between its main loop, the thread that renews and those who watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::Cancellation;
use crate::{Lease, LeaseToken, TaskId};

/// The tasks in hand and the counters.
#[derive(Debug, Default)]
pub(super) struct Desk {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<TaskId, Held>,
    counters: Counters,
}

/// A task in hand, from its claim until the broker has answered its settlement.
#[derive(Debug)]
struct Held {
    lease: Lease,
    since: Instant,
    /// Until when the lease surely lasts: counted from before the call that granted it, on the monotonic clock.
    sure_until: Instant,
    cancel: watch::Sender<bool>,
    lost: bool,
}

/// How tasks ended, each counted when the broker has answered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) processed: u64,
    pub(super) failed: u64,
    pub(super) handed_back: u64,
    pub(super) lost: u64,
}

impl Desk {
    pub(super) fn take(&self, lease: Lease, sure_until: Instant) -> Cancellation {
        let (cancel, cancellation) = Cancellation::new();
        let held = Held { lease, since: Instant::now(), sure_until, cancel, lost: false };
        self.state().held.insert(held.lease.task.clone(), held);
        cancellation
    }

    /// Puts a task away for good.
    pub(super) fn put_away(&self, lease: &Lease, count: impl FnOnce(&mut Counters)) {
        let mut state = self.state();
        if state.held.get(&lease.task).is_some_and(|held| held.lease.token == lease.token) {
            state.held.remove(&lease.task);
        }
        count(&mut state.counters);
    }

    pub(super) fn leases(&self) -> Vec<Lease> {
        self.state().held.values().map(|held| held.lease.clone()).collect()
    }

    /// Notes that the broker has renewed a lease.
    pub(super) fn renewed(&self, task: &TaskId, token: LeaseToken, sure_until: Instant) {
        if let Some(held) = self.state().held.get_mut(task).filter(|held| held.lease.token == token) {
            held.sure_until = held.sure_until.max(sure_until);
        }
    }

    /// Notes that a lease is lost, and cancels what runs under it.
    pub(super) fn lost(&self, task: &TaskId, token: LeaseToken) {
        if let Some(held) = self.state().held.get_mut(task).filter(|held| held.lease.token == token) {
            held.lost = true;
            held.cancel.send_replace(true);
        }
    }

    /// Gives up the leases that may have ended: the broker could not be reached for so long that somebody else may
    /// have the tasks by now. Answers how many.
    pub(super) fn give_up_unsure(&self, now: Instant) -> usize {
        let mut given_up = 0;
        for held in self.state().held.values_mut().filter(|held| held.sure_until <= now && !held.lost) {
            held.lost = true;
            held.cancel.send_replace(true);
            given_up += 1;
        }
        given_up
    }

    pub(super) fn is_lost(&self, lease: &Lease) -> bool {
        self.state().held.get(&lease.task).is_none_or(|held| held.lost || held.lease.token != lease.token)
    }

    /// Cancels everything that runs, the leases being in order.
    pub(super) fn cancel_all(&self) {
        for held in self.state().held.values() {
            held.cancel.send_replace(true);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method leaves the state half changed, so a poisoned lock protects nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the counters of a worker while it runs, for instance to publish heartbeats. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    desk: Arc<Desk>,
}

/// The counters of a worker at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgressSnapshot {
    /// Tasks whose result was recorded.
    pub processed: u64,
    /// Runs that failed or crashed.
    pub failed: u64,
    /// Tasks that were given back unharmed.
    pub handed_back: u64,
    /// Tasks that were taken away, their result dropped.
    pub lost: u64,
    /// Tasks in hand.
    pub running: u64,
    /// The task that has been in hand longest.
    pub current_task: Option<TaskId>,
}

impl Progress {
    pub(super) const fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> ProgressSnapshot {
        let state = self.desk.state();
        let Counters { processed, failed, handed_back, lost } = state.counters;
        let current = state.held.values().min_by_key(|held| held.since);
        ProgressSnapshot {
            processed,
            failed,
            handed_back,
            lost,
            running: state.held.len() as u64,
            current_task: current.map(|held| held.lease.task.clone()),
        }
    }
}
