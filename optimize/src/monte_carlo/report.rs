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
    /// Steps in each path.
    pub horizon: usize,
    /// The equity at the end of a path that starts at 1.
    pub final_equity: Distribution,
    /// The deepest fall below the peak, as a share of the peak; the start counts as a peak.
    pub maximum_drawdown: Distribution,
    /// The longest run of steps below the peak.
    pub longest_under_water: Distribution,
    /// The probability that a path ends above 1.
    pub probability_of_profit: Estimate,
    /// The probability that the drawdown reaches [`MonteCarloSettings::ruin_drawdown`], if that is set.
    pub probability_of_drawdown: Option<Estimate>,
    /// The probability that the equity touches [`MonteCarloSettings::ruin_floor`] at any step, if that is set.
    pub probability_of_floor: Option<Estimate>,
    /// The mean loss over the worst share [`MonteCarloSettings::tail`] of the paths, as a share of the start; negative if
    /// even these gained. Acerbi & Tasche (2002), definition 2.6.
    pub conditional_value_at_risk: Estimate,
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
