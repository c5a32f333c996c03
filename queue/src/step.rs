//! What a worker and a broker say to each other: settlements of finished tasks one way, deliveries the other.

use std::time::{Duration, SystemTime};

use crate::{Backoff, Priority, TaskId, WorkerId};

/// One trip to the broker: finished tasks are settled, then free places are filled, in one atomic step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Who asks. It must be the identity under which the settled tasks were claimed.
    pub worker: WorkerId,
    /// The tasks that ended, at most [`MAX_BATCH`](crate::MAX_BATCH).
    pub settle: Vec<Settlement>,
    /// How many tasks to claim at most, up to [`MAX_BATCH`](crate::MAX_BATCH).
    pub claim: usize,
    /// How long the claimed tasks belong to the worker unless renewed; one millisecond to
    /// [`MAX_LEASE`](crate::MAX_LEASE).
    pub lease: Duration,
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
}

/// A task handed to a worker.
#[derive(Debug, Clone)]
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
}

/// The end of one run of a task.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The right to settle, as it was delivered.
    pub lease: Lease,
    /// How the run ended.
    pub ending: Ending,
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
}

impl Settlement {
    pub(crate) fn result_bytes(&self) -> usize {
        match &self.ending {
            Ending::Done(result) => result.len(),
            _ => 0,
        }
    }
}
