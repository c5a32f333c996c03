//! What a worker and a broker say to each other: settlements of finished tasks one way, deliveries the other.

use std::time::{Duration, SystemTime};

use crate::{Backoff, Label, Priority, TaskId, WorkerId};

/// One trip to the broker: finished tasks are settled, then free places are filled.
///
/// An embedded broker does all of it in one atomic step, a cluster one atomic step on each shard.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[must_use = "a step does nothing until a broker takes it"]
pub struct Step {
    /// Who asks. It must be the identity under which the settled tasks were claimed.
    pub worker: WorkerId,
    /// The tasks that ended, at most [`MAX_BATCH`](crate::MAX_BATCH).
    pub settle: Vec<Settlement>,
    /// How many tasks to claim at most, by resource class; together up to [`MAX_BATCH`](crate::MAX_BATCH).
    pub claim: Vec<Places>,
    /// How long the claimed tasks belong to the worker unless renewed; one millisecond to
    /// [`MAX_LEASE`](crate::MAX_LEASE).
    pub lease: Duration,
}

/// Free places of a worker for tasks of one resource class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The class; `None` for tasks without one.
    pub class: Option<Label>,
    /// How many tasks.
    pub count: usize,
}

/// How long a claim-free step asks to lease; the value is never used but must be valid.
const UNUSED_LEASE: Duration = Duration::from_secs(1);

impl Step {
    /// A step that does nothing yet.
    pub const fn new(worker: WorkerId) -> Self {
        Self { worker, settle: Vec::new(), claim: Vec::new(), lease: UNUSED_LEASE }
    }

    /// Settles these tasks.
    pub fn settle(mut self, settlements: Vec<Settlement>) -> Self {
        self.settle = settlements;
        self
    }

    /// Claims at most so many tasks without a class, for so long.
    pub fn claim(mut self, count: usize, lease: Duration) -> Self {
        self.claim.push(Places { class: None, count });
        self.lease = lease;
        self
    }

    /// Claims for these places, for so long.
    pub fn claim_places(mut self, places: Vec<Places>, lease: Duration) -> Self {
        self.claim.extend(places);
        self.lease = lease;
        self
    }

    /// How many tasks are asked for at most.
    #[must_use]
    pub fn places(&self) -> usize {
        self.claim.iter().map(|places| places.count).sum()
    }
}

/// The broker's answer to a [`Step`].
#[derive(Debug, Clone, Default)]
pub struct StepReply {
    /// What became of each settlement, in the order of the request.
    pub settled: Vec<Verdict>,
    /// The tasks that were claimed, the most urgent first.
    pub claimed: Vec<Delivery>,
}

/// Marks one delivery of one task. A worker proves with it that the task is still its own: after the lease was
/// taken back, the token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub u64);

/// The right to settle one task, valid until the broker takes it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The task.
    pub task: TaskId,
    /// The delivery's mark.
    pub token: LeaseToken,
    /// The task's priority, for reports.
    pub priority: Priority,
    /// The task's resource class.
    pub class: Option<Label>,
    /// Which part of a clustered store holds the task; 0 where there is but one.
    pub shard: u16,
}

/// A task handed to a worker.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// The right to settle it.
    pub lease: Lease,
    /// The payload as it was enqueued.
    pub payload: Vec<u8>,
    /// Which attempt this is, from 1. Crashes and hand-backs do not count as attempts.
    pub attempt: u32,
    /// How many workers died or panicked on this task before.
    pub crashes: u32,
    /// The task's own back-off, if it has one.
    pub backoff: Option<Backoff>,
    /// When the task was enqueued.
    pub enqueued_at: SystemTime,
    /// When the task became ready, that is after its delay or its last back-off.
    pub ready_at: SystemTime,
    /// How long it lay ready before it was claimed, on the broker's clock.
    pub waited: Duration,
    /// Of what kind the task is.
    pub kind: Option<Label>,
    /// For whom the task is.
    pub tenant: Option<Label>,
    /// The code that the task runs.
    pub code: Option<Label>,
    /// When the task stops being worth its while.
    pub deadline: Option<SystemTime>,
    /// What an earlier run left for this one.
    pub checkpoint: Option<Vec<u8>>,
}

/// What a run leaves behind while it goes on. Each note replaces what the same field held before.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Note {
    /// The right to write it.
    pub lease: Lease,
    /// For the next run, should this one not end; at most [`MAX_NOTE_BYTES`](crate::MAX_NOTE_BYTES).
    pub checkpoint: Option<Vec<u8>>,
    /// For those who watch; at most [`MAX_NOTE_BYTES`](crate::MAX_NOTE_BYTES).
    pub progress: Option<Vec<u8>>,
}

impl Note {
    /// A note that says nothing yet.
    #[must_use]
    pub const fn new(lease: Lease) -> Self {
        Self { lease, checkpoint: None, progress: None }
    }

    /// Leaves this for the next run, should this one not end.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint: Vec<u8>) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// Shows this to those who watch.
    #[must_use]
    pub fn progress(mut self, progress: Vec<u8>) -> Self {
        self.progress = Some(progress);
        self
    }
}

/// The end of one run of a task.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settlement {
    /// The right to settle, as it was delivered.
    pub lease: Lease,
    /// How the run ended.
    pub ending: Ending,
    /// The CPU time that the run used, which is charged to the task's tenant.
    pub used: Duration,
}

impl Settlement {
    /// The end of a run that used nothing worth mentioning.
    #[must_use]
    pub const fn new(lease: Lease, ending: Ending) -> Self {
        Self { lease, ending, used: Duration::ZERO }
    }

    /// Charges this CPU time to the task's tenant.
    #[must_use]
    pub const fn used(mut self, used: Duration) -> Self {
        self.used = used;
        self
    }
}

/// How a run of a task ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// Well, with this result.
    Done(Vec<u8>),
    /// The handler said no. It costs an attempt.
    Failed {
        /// What it said.
        error: String,
        /// How long to wait before the next attempt.
        retry_after: Duration,
    },
    /// The handler said that no further attempt can help.
    Rejected {
        /// What it said.
        error: String,
    },
    /// The run broke down without an answer: a panic, a killed sandbox. It costs a crash, not an attempt.
    Crashed {
        /// What is known.
        error: String,
        /// How long to wait before the next run.
        retry_after: Duration,
    },
    /// The worker gives the task back unharmed. It costs nothing, and the task keeps its place.
    HandedBack,
}

/// What became of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// The result is recorded, now or by an earlier trip with the same token whose answer was lost.
    Recorded,
    /// The task will be tried again.
    Retrying,
    /// The task is dead: it was rejected, or used up its attempts or its crashes.
    Dead,
    /// The task is back in its place.
    HandedBack,
    /// The lease had been taken back, so nothing was changed and the result was dropped.
    LeaseLost,
    /// The part of a clustered store that holds the task did not answer, while others did. Settle it again.
    Unanswered,
}

impl Settlement {
    pub(crate) fn result_bytes(&self) -> usize {
        match &self.ending {
            Ending::Done(result) => result.len(),
            _ => 0,
        }
    }
}
