//! The report: plain data.

use serde::{Deserialize, Serialize};

use super::OverfittingSettings;

/// How often the choice on one half of a history disappointed on the other.
///
/// `Display` gives a table in plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OverfittingReport {
    /// The settings.
    pub settings: OverfittingSettings,
    /// How many bars there are.
    pub observations: usize,
    /// How many parameter sets were tried, failed ones included.
    pub trials: usize,
    /// How many of them could be evaluated: N.
    pub candidates: usize,
    /// On how many halves a choice was made. Less than C(S, S/2) only if on some half no parameter set varied.
    pub halves: usize,
    /// The probability of backtest overfitting: the share of logits ≤ 0.
    pub probability: f64,
    /// The share of halves whose choice lost on the other half (score below 0).
    pub probability_of_loss: f64,
    /// The mean logit.
    pub mean_logit: f64,
    /// The median logit.
    pub median_logit: f64,
    /// How the score on the other half hangs on the score of the choice; `None` when all choices scored the same.
    pub degradation: Option<Degradation>,
    /// The parameter set that was chosen most often: its column in the matrix, and of equal ones the first.
    pub most_chosen: usize,
    /// The share of halves on which it was chosen.
    pub most_chosen_share: f64,
    /// The logit of each half, in a fixed order.
    pub logits: Vec<f64>,
    /// What the probability is when no parameter set is better than another; `None` if it was not asked for.
    pub null: Option<NullSpread>,
}

/// The line of least squares through the choices: score on the other half = intercept + slope × score where chosen. A
/// negative slope means that the better a choice looked, the worse it did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Degradation {
    /// The slope.
    pub slope: f64,
    /// The intercept, per bar.
    pub intercept: f64,
    /// The share of the variance that the line explains (R²).
    pub determination: f64,
}

/// The probability of backtest overfitting over histories in which no parameter set is better than another: the rows of the
/// matrix, each column less its mean, drawn in stationary blocks. Columns that resemble each other still do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NullSpread {
    /// How many histories were drawn.
    pub replicates: usize,
    /// The mean length of their blocks of bars: the median over the columns of what [`BlockLength`](crate::BlockLength)
    /// finds.
    pub block_length: f64,
    /// The mean over the histories.
    pub mean: f64,
    /// Their sample standard deviation.
    pub deviation: f64,
    /// The 5th percentile.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The 95th percentile.
    pub high: f64,
    /// How likely a probability as low as the one that was found is under the null: (1 + histories at or below it) / (1 +
    /// histories).
    pub p_value: f64,
}
