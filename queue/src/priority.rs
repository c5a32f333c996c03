//! How urgent a task is.

/// The urgency of a task. Among ready tasks a higher priority always goes first; within one, the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Goes before everything else.
    High,
    /// The default.
    #[default]
    Normal,
    /// Goes when nothing else waits; under steady load from above, never.
    Low,
}

impl Priority {
    /// All priorities, the most urgent first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// The order in storage; part of the file format.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }

    #[cfg(any(feature = "redis", feature = "sqlite"))]
    pub(crate) fn from_rank(rank: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| i64::from(priority.rank()) == rank)
    }
}
