//! The report: plain data.

use serde::{Deserialize, Serialize};

use super::SuperioritySettings;
use crate::Estimate;

/// Whether the best of many parameter sets is better than the benchmark.
///
/// `Display` gives a table in plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuperiorityReport {
    /// The settings.
    pub settings: SuperioritySettings,
    /// How many bars there are.
    pub observations: usize,
    /// How many parameter sets were tried, failed ones included.
    pub trials: usize,
    /// How many of them could be evaluated and vary.
    pub candidates: usize,
    /// The mean length of the blocks.
    pub block_length: f64,
    /// The parameter set with the highest mean over its long-run deviation: its column in the matrix, and of equal ones the
    /// first.
    pub best: usize,
    /// The test of Hansen: its statistic is the highest √T · mean / ω, at least 0.
    pub superiority: Verdict,
    /// The test of White, whose p-value is [`Verdict::upper`]: its statistic is the highest √T · mean, at least 0.
    pub reality_check: Verdict,
    /// Each parameter set that could be evaluated and varies, the highest statistic first.
    pub step_wise: Vec<StepWise>,
}

/// A test's statistic and its p-values: the share of bootstraps in which pure luck did better. Their error is half the width
/// of Wilson's interval (JASA 22, 1927), so it is not 0 where no bootstrap did better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// The statistic.
    pub statistic: f64,
    /// As if sets that did worse than the benchmark were no better than they were: a lower bound.
    pub lower: Estimate,
    /// As if sets that did clearly worse were left out. The one to quote.
    pub consistent: Estimate,
    /// As if every set were as good as the benchmark: an upper bound, and White's own.
    pub upper: Estimate,
}

/// Whether one parameter set is better than the benchmark, with all the others in mind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepWise {
    /// Its column in the matrix.
    pub parameter_set: usize,
    /// How much more than the benchmark it earns, per bar.
    pub mean: f64,
    /// √T · mean / ω.
    pub statistic: f64,
    /// The adjusted p-value: (1 + bootstraps) / (1 + all), counting those in which the best of this and all lower sets
    /// reaches the statistic; never below that of a higher set.
    pub p_value: f64,
}

impl SuperiorityReport {
    /// The parameter sets that are better than the benchmark at this level (0.05): a prefix of
    /// [`step_wise`](Self::step_wise).
    pub fn better(&self, level: f64) -> impl Iterator<Item = &StepWise> {
        self.step_wise.iter().take_while(move |set| set.p_value <= level)
    }
}
