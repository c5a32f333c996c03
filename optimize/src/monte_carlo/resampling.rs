//! How a path is drawn from the returns that were seen.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::draws::Plan;
use crate::{BlockLength, Error};

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
    /// [`StationaryBlock`](Self::StationaryBlock) with the mean length that [`BlockLength`] finds in the returns.
    StationaryAutomatic,
    /// Runs of exactly this many consecutive returns, each starting anywhere, the end joined to the start. Politis & Romano,
    /// "A circular block-resampling procedure for stationary data" (1992).
    CircularBlock(usize),
    /// [`CircularBlock`](Self::CircularBlock) with the length that [`BlockLength`] finds in the returns, rounded.
    CircularAutomatic,
    /// The returns in their order, each left out with this probability, from 0 to 1: *does it hang on trades that one might
    /// have missed?* A return that is left out counts as 0.
    SkipTrades(f64),
    /// The returns in their order, each reduced by a further cost: *does it bear worse fills?* The cost is one of sixteen
    /// equally likely ones, evenly spaced from 0 to this share of the equity (from 0 to below 1), and the equity is
    /// multiplied by (1 + return) · (1 − cost). A return of exactly 0, as a bar out of the market has it, costs nothing.
    CostStress(f64),
}

impl Resampling {
    /// Checks what can be checked without the returns.
    pub(crate) fn check(self) -> Result<(), Error> {
        match self {
            Self::StationaryBlock(mean) if !(mean.is_finite() && mean >= 1.0) => {
                Err(Error::invalid_setting("the mean block length", mean, "at least 1"))
            }
            Self::CircularBlock(0) => Err(Error::invalid_setting("the block length", 0, "at least 1")),
            Self::SkipTrades(probability) if !(0.0..=1.0).contains(&probability) => {
                Err(Error::invalid_setting("the probability of a skip", probability, "between 0 and 1"))
            }
            Self::CostStress(cost) if !(0.0..1.0).contains(&cost) => {
                Err(Error::invalid_setting("the highest cost", cost, "at least 0 and below 1"))
            }
            _ => Ok(()),
        }
    }

    /// Whether it draws with replacement, so that each path is another sample of the same kind.
    pub(crate) const fn is_bootstrap(self) -> bool {
        !matches!(self, Self::Shuffle | Self::SkipTrades(_) | Self::CostStress(_))
    }

    /// The order of draws, with the lengths that are right for these checked returns.
    pub(crate) fn plan(self, returns: &[f64]) -> Result<Plan, Error> {
        self.check()?;
        Ok(match self {
            Self::Bootstrap => Plan::Independent,
            Self::Shuffle => Plan::Permutation,
            Self::StationaryBlock(mean) => Plan::Stationary(mean),
            Self::StationaryAutomatic => Plan::Stationary(BlockLength::of(returns)?.mean_run()),
            Self::CircularBlock(length) => Plan::Circular(length),
            Self::CircularAutomatic => Plan::Circular(BlockLength::of(returns)?.run()),
            Self::SkipTrades(probability) => Plan::Skips(probability),
            Self::CostStress(_) => Plan::Costs,
        })
    }
}

impl fmt::Display for Resampling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap => formatter.write_str("bootstrap"),
            Self::Shuffle => formatter.write_str("shuffle"),
            Self::StationaryBlock(mean) => write!(formatter, "stationary blocks of mean length {mean}"),
            Self::StationaryAutomatic => formatter.write_str("stationary blocks of automatic length"),
            Self::CircularBlock(length) => write!(formatter, "circular blocks of {length}"),
            Self::CircularAutomatic => formatter.write_str("circular blocks of automatic length"),
            Self::SkipTrades(probability) => write!(formatter, "each return skipped with {probability}"),
            Self::CostStress(cost) => write!(formatter, "further costs up to {cost}"),
        }
    }
}
