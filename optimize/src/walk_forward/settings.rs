//! The settings of a walk-forward analysis. They are part of its report.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::statistics::{annualised_return, calmar, sharpe, sortino};

/// How the training window moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scheme {
    /// It keeps its length and moves on: the past is forgotten.
    Rolling,
    /// It starts at the first bar and grows.
    Anchored,
}

/// What a program sees before the window that is judged. There is no default, because the answer changes the result
/// more than most parameters do: on one study of the S&P 500 the efficiency is 0.47 with sliced windows and 0.80 with
/// warmed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warmup {
    /// All earlier bars: each parameter set runs **once** over the whole history and every window is cut out of its
    /// returns. Right for causal strategies with fixed parameters, and by far the cheapest.
    FullHistory,
    /// This many bars before each window, as far as the history reaches back. Their returns are left out. One run for
    /// each parameter set and window.
    Bars(usize),
    /// Nothing: each window is a history of its own, in which indicators must warm up anew. One run for each parameter
    /// set and window.
    None,
}

impl Warmup {
    /// The bars that must be evaluated so that the returns of `window` are known, in a history of `bars` bars.
    #[must_use]
    pub fn evaluated(self, window: &Range<usize>, bars: usize) -> Range<usize> {
        match self {
            Self::FullHistory => 0..bars,
            Self::Bars(count) => window.start.saturating_sub(count)..window.end,
            Self::None => window.clone(),
        }
    }
}

/// What to do with bars at the end of the history that do not fill a test window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartialWindow {
    /// Leave them out.
    #[default]
    Drop,
    /// Test on them, in a shorter last window.
    Keep,
}

/// Which end of the history the windows are laid from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alignment {
    /// The first training window starts at the first bar. A maximum of windows keeps the first ones.
    #[default]
    Start,
    /// The last test window ends at the last bar, so no recent bar is left out. A maximum of windows keeps the last ones.
    End,
}

/// The figure by which parameter sets are compared in a training window. It does not exist where a set did not trade,
/// and a set without a figure never wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// Annualised Sharpe ratio, as in [`Metrics::sharpe`](crate::Metrics::sharpe).
    #[default]
    Sharpe,
    /// Annualised Sortino ratio, as in [`Metrics::sortino`](crate::Metrics::sortino).
    Sortino,
    /// Calmar ratio, as in [`Metrics::calmar`](crate::Metrics::calmar).
    Calmar,
    /// Annualised return, as in [`Metrics::annualised_return`](crate::Metrics::annualised_return).
    AnnualisedReturn,
}

impl Metric {
    pub(super) fn of(self, returns: &[f64], bars_per_year: f64) -> Option<f64> {
        // Without this a set that never traded would have a return of 0 and beat every set that lost.
        if returns.iter().all(|value| *value == 0.0) {
            return None;
        }
        match self {
            Self::Sharpe => sharpe(returns).map(|ratio| ratio * bars_per_year.sqrt()),
            Self::Sortino => sortino(returns, bars_per_year),
            Self::Calmar => calmar(returns, bars_per_year),
            Self::AnnualisedReturn => annualised_return(returns, bars_per_year),
        }
    }
}

/// The settings of a walk-forward analysis, as its report shows them. They are made by
/// [`WalkForwardBuilder`](crate::WalkForwardBuilder), whose methods explain them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Settings {
    /// How the training window moves.
    pub scheme: Scheme,
    /// Bars in the (first) training window.
    pub train: usize,
    /// Bars in a test window.
    pub test: usize,
    /// Bars from one window to the next.
    pub step: usize,
    /// Bars left out between training and test.
    pub gap: usize,
    /// At most this many windows.
    pub maximum_windows: Option<usize>,
    /// What to do with a test window that is cut short.
    pub partial_window: PartialWindow,
    /// Which end of the history the windows are laid from.
    pub alignment: Alignment,
    /// What a program sees before a window.
    pub warmup: Warmup,
    /// The figure that chooses.
    pub metric: Metric,
    /// Bars in a year.
    pub bars_per_year: f64,
    /// The fewest trades with which a set may win a training window.
    pub minimum_trades: Option<usize>,
    /// The fewest bars with a return other than 0 with which a set may win a training window.
    pub minimum_active_bars: usize,
    /// Whether every set is evaluated out of sample, not only the winner.
    pub all_out_of_sample: bool,
    /// How far a neighbour on the parameter grid may be, in steps.
    pub plateau_radius: usize,
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Rolling => "rolling",
            Self::Anchored => "anchored",
        })
    }
}

impl fmt::Display for Warmup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FullHistory => formatter.write_str("full history"),
            Self::Bars(count) => write!(formatter, "{count} bars"),
            Self::None => formatter.write_str("none"),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Sharpe => "Sharpe ratio",
            Self::Sortino => "Sortino ratio",
            Self::Calmar => "Calmar ratio",
            Self::AnnualisedReturn => "annualised return",
        })
    }
}
