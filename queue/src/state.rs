//! Where a task stands.

use std::time::SystemTime;

use crate::WorkerId;

/// Where a task stands, as the queue sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits for other tasks.
    Blocked {
        /// How many have not ended yet.
        remaining: u32,
    },
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
        /// What the run last showed of its progress.
        progress: Option<Vec<u8>>,
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
    /// Somebody cancelled it.
    Cancelled,
    /// No worker took it before its deadline.
    Expired,
    /// A task that it waited for died.
    Dependency,
    /// Its code has crashed too often.
    Quarantined,
    /// Its record cannot be read: a later version of this crate wrote it, or something else did.
    Unreadable,
}

impl DeathReason {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Crashes => "crashes",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Dependency => "dependency",
            Self::Quarantined => "quarantined",
            Self::Unreadable => "unreadable",
        }
    }

    /// All reasons, in the order of their codes in storage.
    pub const ALL: [Self; 8] = [
        Self::Failures,
        Self::Crashes,
        Self::Rejected,
        Self::Cancelled,
        Self::Expired,
        Self::Dependency,
        Self::Quarantined,
        Self::Unreadable,
    ];

    /// The code in storage; part of the format.
    #[cfg(any(feature = "redis", feature = "sqlite"))]
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Failures => 0,
            Self::Crashes => 1,
            Self::Rejected => 2,
            Self::Cancelled => 3,
            Self::Expired => 4,
            Self::Dependency => 5,
            Self::Quarantined => 6,
            Self::Unreadable => 7,
        }
    }

    #[cfg(any(feature = "redis", feature = "sqlite"))]
    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| i64::from(reason.code()) == code)
    }
}
