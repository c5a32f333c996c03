//! One parameter set on one range of bars: what came of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What came of evaluating one parameter set on one range of bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial {
    /// The returns, or why there are none.
    pub outcome: Outcome,
    /// How long the evaluation took, where it was measured. It is told to the observer and is no part of a report,
    /// which must not depend on the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
}

/// The returns of a trial, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The parameter set could be evaluated.
    Evaluated {
        /// Simple returns, one for each bar after the objective's [lead](crate::Objective::lead): 0.01 means one
        /// percent.
        returns: Vec<f64>,
        /// The bars at which trades were opened, counted from the start of the range; `None` when the program does
        /// not say.
        trades: Option<Vec<usize>>,
    },
    /// The parameter set could not be evaluated. It counts as tried: a search that forgets its failures
    /// overstates its winner.
    Failed {
        /// What sort of failure it was.
        reason: FailureReason,
        /// The failure in words.
        detail: String,
    },
}

/// Why a parameter set could not be evaluated: a closed list, so that it may stand in a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureReason {
    /// The program was refused before it ran.
    Rejected,
    /// The program raised an exception.
    Exception,
    /// The program ran out of time.
    Timeout,
    /// The program ran out of memory or of another resource.
    Resources,
    /// The program's result is not a list of returns.
    InvalidOutput,
    /// The program was pruned or cancelled before it ended.
    Cancelled,
    /// The platform failed, not the program.
    Platform,
}

impl FailureReason {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Exception => "exception",
            Self::Timeout => "timeout",
            Self::Resources => "resources",
            Self::InvalidOutput => "invalid_output",
            Self::Cancelled => "cancelled",
            Self::Platform => "platform",
        }
    }
}

impl Trial {
    /// A parameter set that was evaluated and gave these returns.
    #[must_use]
    pub const fn evaluated(returns: Vec<f64>) -> Self {
        Self { outcome: Outcome::Evaluated { returns, trades: None }, duration: None }
    }

    /// A parameter set that could not be evaluated.
    pub fn failed(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed { reason, detail: detail.into() }, duration: None }
    }

    /// Adds the bars at which trades were opened, counted from the start of the range. A failed trial has none and
    /// stays as it is.
    #[must_use]
    pub fn with_trades(mut self, bars: Vec<usize>) -> Self {
        if let Outcome::Evaluated { trades, .. } = &mut self.outcome {
            *trades = Some(bars);
        }
        self
    }

    /// Adds how long the evaluation took.
    #[must_use]
    pub const fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// The sort of failure, if it failed.
    #[must_use]
    pub const fn failure(&self) -> Option<FailureReason> {
        match &self.outcome {
            Outcome::Evaluated { .. } => None,
            Outcome::Failed { reason, .. } => Some(*reason),
        }
    }
}
