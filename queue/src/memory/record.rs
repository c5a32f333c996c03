//! What is known of each task, found by its id or by its number.

use std::collections::HashMap;

use super::names::ByNumber;
use crate::clock::span;
use crate::rules::Tally;
use crate::{DeathReason, Lease, LeaseToken, NewTask, TaskId, WorkerId};

/// The records of one queue. Everything else refers to a task by its number, the order of its arrival: it is never
/// given twice, so what refers to a deleted task finds nothing, even when its id has come back.
#[derive(Default)]
pub(super) struct Records {
    numbers: HashMap<TaskId, u64>,
    records: ByNumber<Box<Record>>,
    arrivals: u64,
}

pub(super) struct Record {
    pub(super) number: u64,
    /// As it was enqueued, except for what is spent: the list of those it waited for, and the payload once it is done.
    pub(super) task: NewTask,
    pub(super) tally: Tally,
    pub(super) enqueued_at: i64,
    /// From when on it can be claimed; while it waits for others, when it could have been without them.
    pub(super) ready_at: i64,
    pub(super) checkpoint: Option<Vec<u8>>,
    /// Those that waited for this one when they were enqueued, each once.
    pub(super) children: Vec<u64>,
    pub(super) phase: Phase,
}

/// Where a task stands; each phase but `New` has an index of its own in the shelf.
pub(super) enum Phase {
    /// On its way into the queue.
    New,
    Blocked {
        remaining: u32,
    },
    Delayed,
    Ready,
    Leased(Held),
    /// The token of the recording lease stays, so that a repeated settlement is recognised. A marker has none.
    Done {
        result: Vec<u8>,
        token: Option<LeaseToken>,
        at: i64,
    },
    Dead {
        reason: DeathReason,
        error: String,
        at: i64,
    },
}

/// One lease.
pub(super) struct Held {
    pub(super) worker: WorkerId,
    pub(super) token: LeaseToken,
    pub(super) until: i64,
    /// What the tenant was charged for the run; nothing where no tenants shared the lane.
    pub(super) charge: Option<u64>,
    pub(super) progress: Option<Vec<u8>>,
}

impl Record {
    /// The moment after which a claim drops the task.
    pub(super) fn deadline(&self) -> Option<i64> {
        self.task.deadline.map(|deadline| self.enqueued_at.saturating_add(span(deadline)))
    }

    /// The lease, if this delivery still holds it.
    pub(super) fn held(&mut self, worker: &WorkerId, lease: &Lease) -> Option<&mut Held> {
        match &mut self.phase {
            Phase::Leased(held) if held.worker == *worker && held.token == lease.token => Some(held),
            _ => None,
        }
    }
}

impl Records {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn number(&self, id: &TaskId) -> Option<u64> {
        self.numbers.get(id).copied()
    }

    pub(super) fn get(&self, number: u64) -> Option<&Record> {
        self.records.get(&number).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Record> {
        self.records.get_mut(&number).map(Box::as_mut)
    }

    pub(super) fn find(&self, id: &TaskId) -> Option<&Record> {
        self.get(self.number(id)?)
    }

    pub(super) fn find_mut(&mut self, id: &TaskId) -> Option<&mut Record> {
        self.get_mut(self.number(id)?)
    }

    /// Takes in a task whose id is free.
    pub(super) fn add(&mut self, task: NewTask, now: i64) -> u64 {
        self.arrivals += 1;
        let number = self.arrivals;
        let tally = Tally {
            failures: 0,
            crashes: 0,
            max_attempts: task.max_attempts.get(),
            max_crashes: task.max_crashes.get(),
        };
        let ready_at = now.saturating_add(span(task.delay));
        self.numbers.insert(task.id.clone(), number);
        let record = Record {
            number,
            task,
            tally,
            enqueued_at: now,
            ready_at,
            checkpoint: None,
            children: Vec::new(),
            phase: Phase::New,
        };
        self.records.insert(number, Box::new(record));
        number
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Record> {
        let record = self.records.remove(&number)?;
        self.numbers.remove(&record.task.id);
        Some(*record)
    }
}
