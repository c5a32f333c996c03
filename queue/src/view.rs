//! How people look at the tasks of a queue.

use std::time::SystemTime;

use crate::{DeathReason, Label, Priority, TaskId, WorkerId};

/// Where tasks stand that somebody wants to look at or to throw away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Section {
    /// Can be claimed, or wait for a limit.
    Ready,
    /// Wait for their time.
    Delayed,
    /// Wait for other tasks.
    Blocked,
    /// Belong to a worker.
    Leased,
    /// Were given up.
    Dead,
}

impl Section {
    /// All sections.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Delayed, Self::Blocked, Self::Leased, Self::Dead];

    /// The name that stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Delayed => "delayed",
            Self::Blocked => "blocked",
            Self::Leased => "leased",
            Self::Dead => "dead",
        }
    }
}

/// A task as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskView {
    /// The task.
    pub id: TaskId,
    /// Of what kind it is.
    pub kind: Option<Label>,
    /// How urgent it is.
    pub priority: Priority,
    /// Which resources it needs.
    pub class: Option<Label>,
    /// For whom it is.
    pub tenant: Option<Label>,
    /// The payload as it was enqueued.
    pub payload: Vec<u8>,
    /// How often it failed.
    pub failures: u32,
    /// How often it crashed.
    pub crashes: u32,
    /// When it was enqueued.
    pub enqueued_at: SystemTime,
    /// From when on it could or can be claimed.
    pub ready_at: SystemTime,
    /// Who has it.
    pub worker: Option<WorkerId>,
    /// Why it was given up, in a word and in the last error's words.
    pub death: Option<(DeathReason, String)>,
}

/// What became of a request to cancel a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cancelled {
    /// It waited and is dead now.
    Waiting,
    /// It ran and is dead now: its worker has lost the lease and will hear of it at the next renewal.
    Running,
    /// It had ended before, so nothing was changed.
    Finished,
    /// The queue has no record of it.
    Unknown,
}
