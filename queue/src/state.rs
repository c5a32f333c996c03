//! Where a task stands.

use std::time::SystemTime;

use crate::WorkerId;

/// Where a task stands, as the queue sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits for a worker, or for its time.
    Waiting {
        /// From when on it may be claimed.
        ready_at: SystemTime,
    },
    /// A worker runs it.
    Leased {
        /// Which.
        worker: WorkerId,
        /// Until when, unless the worker renews.
        until: SystemTime,
    },
    /// It ended well.
    Done {
        /// Its one recorded result.
        result: Vec<u8>,
        /// When it was recorded.
        at: SystemTime,
    },
    /// It was given up.
    Dead {
        /// Why.
        reason: DeathReason,
        /// The last error, in the handler's or the broker's words.
        error: String,
        /// When it was given up.
        at: SystemTime,
    },
}

impl TaskState {
    /// Whether the task will not change any more.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Dead { .. })
    }
}

/// Why a task was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeathReason {
    /// It failed as often as it was allowed to.
    Failures,
    /// It brought down as many runs as it was allowed to.
    Crashes,
    /// The handler said that no further attempt can help.
    Rejected,
}

impl DeathReason {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Crashes => "crashes",
            Self::Rejected => "rejected",
        }
    }
}
