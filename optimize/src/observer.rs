//! What a study tells the outside about its work, as plain data.
//!
//! An [`Observer`] is called on the thread that gathers results, so an implementation must not block and must not
//! panic.

use std::time::Duration;

/// Receives the events of a study. Every method has an empty default.
pub trait Observer: Send + Sync + 'static {
    /// A study of this method began.
    fn began(&self, method: Method) {
        let _ = method;
    }

    /// A study of this method ended, well or badly.
    fn ended(&self, method: Method) {
        let _ = method;
    }

    /// A parameter set was evaluated (`failure` is `None`) or could not be.
    fn trial(&self, event: &TrialEvent) {
        let _ = event;
    }
}

/// The observer that looks away.
impl Observer for () {}

/// A trial that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrialEvent {
    /// The study's method.
    pub method: Method,
    /// How long the evaluation took, where it was measured.
    pub duration: Option<Duration>,
    /// Why it failed, as one word of a closed list.
    pub failure: Option<&'static str>,
}

/// The methods of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Walk-forward analysis.
    WalkForward,
    /// Monte Carlo simulation.
    MonteCarlo,
}

impl Method {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WalkForward => "walk_forward",
            Self::MonteCarlo => "monte_carlo",
        }
    }
}
