//! The report of a simulation: plain data.

use serde::{Deserialize, Serialize};

use super::MonteCarloSettings;
use crate::statistics::count;

/// What came of a simulation. Each figure carries its Monte Carlo error: how far it may be off because the paths are not
/// infinitely many. It says nothing about whether the future resembles the returns.
///
/// `Display` gives a table in plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MonteCarloReport {
    /// The settings.
    pub settings: MonteCarloSettings,
    /// How many returns the paths were drawn from.
    pub observations: usize,
    /// The (mean) length of the blocks that were drawn; 1 where there are none.
    pub block_length: f64,
    /// Steps in each path.
    pub horizon: usize,
    /// How many paths were walked.
    pub paths: usize,
    /// The equity at the end of a path that starts at 1.
    pub final_equity: Distribution,
    /// The deepest fall below the peak, as a share of the peak; the start counts as a peak.
    pub maximum_drawdown: Distribution,
    /// The longest run of steps below the peak.
    pub longest_under_water: Distribution,
    /// The root of the mean squared fall below the peak (Martin & McCann 1989), if it was asked for.
    pub ulcer_index: Option<Distribution>,
    /// The probability that a path ends above 1.
    pub probability_of_profit: Estimate,
    /// The probability that the drawdown reaches [`MonteCarloSettings::ruin_drawdown`], if that is set.
    pub probability_of_drawdown: Option<Estimate>,
    /// The probability that the equity touches [`MonteCarloSettings::ruin_floor`] at any step, if that is set.
    pub probability_of_floor: Option<Estimate>,
    /// The mean loss over the worst share [`MonteCarloSettings::tail`] of the paths, as a share of the start; negative if
    /// even these gained. Acerbi & Tasche (2002), definition 2.6.
    pub conditional_value_at_risk: Estimate,
    /// What each path came to, by its number, if that was asked for.
    pub outcomes: Option<Vec<PathOutcome>>,
}

impl MonteCarloReport {
    /// Whether no error is larger than this part of its figure.
    pub(super) fn is_precise(&self, part: f64) -> bool {
        let precise = |estimate: &Estimate| estimate.error <= part * estimate.value.abs();
        [&self.final_equity, &self.maximum_drawdown].into_iter().all(|figure| {
            precise(&figure.mean) && figure.percentiles.iter().all(|percentile| precise(&percentile.value))
        })
    }
}

/// What one path came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PathOutcome {
    /// The equity at its end; it starts at 1.
    pub final_equity: f64,
    /// The lowest equity.
    pub lowest_equity: f64,
    /// The deepest fall below the peak, as a share of the peak.
    pub maximum_drawdown: f64,
    /// The longest run of steps below the peak.
    pub longest_under_water: usize,
    /// The root of the mean squared fall, if it was asked for.
    pub ulcer_index: Option<f64>,
}

/// How a figure is distributed over the paths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Distribution {
    /// Its mean.
    pub mean: Estimate,
    /// Its sample standard deviation.
    pub deviation: f64,
    /// Its percentiles, rising, interpolated linearly between neighbours.
    pub percentiles: Vec<Percentile>,
}

impl Distribution {
    /// The value at a percentile that was asked for; `None` for others.
    #[must_use]
    pub fn percentile(&self, percentile: f64) -> Option<Estimate> {
        let found = self.percentiles.iter().find(|found| found.percentile == percentile)?;
        Some(found.value)
    }
}

/// A percentile and its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Percentile {
    /// Between 0 and 100.
    pub percentile: f64,
    /// The value below which this percentage of the paths lies.
    pub value: Estimate,
}

/// A figure with its Monte Carlo standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// One standard error. Means: deviation / √paths. Percentiles: half the distance between the order statistics one
    /// binomial deviation to each side. Probabilities: half the width of Wilson's interval (JASA 22, 1927) at one
    /// deviation, which is not 0 where nothing was seen. Mean losses: the deviation of the excess over the quantile,
    /// divided by share · √paths.
    pub error: f64,
}

impl Estimate {
    /// The share of hits, with the error of a probability.
    pub(crate) fn share(hits: usize, tries: usize) -> Self {
        let (hits, tries) = (count(hits), count(tries));
        let value = hits / tries;
        let error = (value * (1.0 - value) / tries + 0.25 / (tries * tries)).sqrt() / (1.0 + 1.0 / tries);
        Self { value, error }
    }
}
