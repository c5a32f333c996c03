//! How a path is drawn from the returns that were seen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a path is drawn from the returns that were seen. They answer different questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resampling {
    /// Each return is drawn anew, with replacement (the bootstrap of Efron 1979): *what if the future brings returns like
    /// these?* Final equity and drawdown both vary. Dependence between neighbours is lost.
    Bootstrap,
    /// The returns are put into another order, each used once (a permutation): *was the order lucky?* The final equity is
    /// the same on each full path; only what happens on the way varies, so a probability of profit is 0 or 1.
    Shuffle,
    /// Runs of consecutive returns of random length, geometric with this mean (at least 1), each starting anywhere, the end
    /// joined to the start: dependence within the runs is kept, and the series stays stationary. Politis & Romano, "The
    /// Stationary Bootstrap", JASA 89 (1994).
    StationaryBlock(f64),
    /// Runs of exactly this many consecutive returns, each starting anywhere, the end joined to the start. Politis & Romano,
    /// "A circular block-resampling procedure for stationary data" (1992).
    CircularBlock(usize),
}

impl fmt::Display for Resampling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap => formatter.write_str("bootstrap"),
            Self::Shuffle => formatter.write_str("shuffle"),
            Self::StationaryBlock(mean) => write!(formatter, "stationary blocks of mean length {mean}"),
            Self::CircularBlock(length) => write!(formatter, "circular blocks of {length}"),
        }
    }
}
