//! A fault that the history shows.

use std::fmt;

use serde::Serialize;

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A task was acknowledged, and at the end the queue had no record of it.
    Lost,
    /// A task was there that nobody had put in, or a result that no run of the task had.
    Unexpected,
    /// Two different results of one task were acknowledged as recorded.
    RecordedTwice,
    /// The end that was acknowledged is not the one that stood in the end.
    Contradicted,
    /// A task was handed out after its end had been acknowledged.
    Revived,
    /// A task was not finished after the quiet time.
    Stuck,
    /// A task was not read at the end, so that nothing can be said of it.
    Unread,
    /// The queue counts other tasks than there were.
    Miscounted,
    /// A call took longer than its deadline allows.
    Hung,
    /// A new master was there, and the clients did not find it in time.
    SlowReturn,
    /// A process ended by itself.
    Died,
    /// Too little happened for the run to mean anything.
    Idle,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its kind.
    pub kind: Kind,
    /// The task, process or call that it is about.
    pub subject: String,
    /// What the history says.
    pub detail: String,
    /// Whether the terms of the run allow it.
    pub excused: bool,
}

impl Finding {
    pub(super) fn new(kind: Kind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into(), excused: false }
    }

    pub(super) const fn excused_if(mut self, excused: bool) -> Self {
        self.excused = excused;
        self
    }
}

impl Kind {
    /// The kind in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Unexpected => "unexpected",
            Self::RecordedTwice => "recorded twice",
            Self::Contradicted => "contradicted",
            Self::Revived => "revived",
            Self::Stuck => "stuck",
            Self::Unread => "unread",
            Self::Miscounted => "miscounted",
            Self::Hung => "hung",
            Self::SlowReturn => "slow return",
            Self::Died => "died",
            Self::Idle => "idle",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let excuse = if self.excused { " (allowed)" } else { "" };
        write!(f, "{}{excuse}: {}: {}", self.kind.as_str(), self.subject, self.detail)
    }
}
