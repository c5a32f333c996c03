//! The report of a walk-forward analysis: plain data.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::{FailureReason, Metrics, ParameterSet};

/// What came of a walk-forward analysis. It is a function of the settings, the parameter sets and the set of trials;
/// neither the machine, nor the number of threads, nor the order in which trials ended shows in it.
///
/// `Display` gives a table in plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WalkForwardReport {
    /// The settings.
    pub settings: Settings,
    /// Bars in the history.
    pub bars: usize,
    /// The windows, in order.
    pub windows: Vec<WindowReport>,
    /// The returns of the test windows, stitched together: each bar once, for the choice made last before it. A window
    /// without a winner, or whose winner failed, earned 0 on its bars.
    pub returns: Vec<f64>,
    /// The figures about the stitched returns; `None` when there are fewer than two.
    pub out_of_sample: Option<Metrics>,
    /// What is left out of sample of what was seen in sample.
    pub efficiency: Efficiency,
    /// 1 − mean out-of-sample Sharpe ratio / mean in-sample Sharpe ratio, over the windows that have a winner. `None`
    /// when the denominator is not positive.
    pub degradation: Option<f64>,
    /// The share of the windows with a winner that ended with a profit; `None` when no window has a winner.
    pub profitable_windows: Option<f64>,
    /// The share of the summed profit of all windows that the best window made: above 1 when the others together lost.
    /// `None` when the sum is not positive.
    pub largest_window_share: Option<f64>,
    /// How steady the choice was.
    pub stability: Stability,
    /// How far the result may be luck.
    pub luck: Luck,
    /// The trials that failed, by parameter set and then by bars.
    pub failures: Vec<FailedTrial>,
}

impl WalkForwardReport {
    /// The equity after each stitched return, starting from 1 (which is not contained).
    pub fn equity(&self) -> impl Iterator<Item = f64> {
        self.returns.iter().scan(1.0, |equity, value| {
            *equity *= 1.0 + value;
            Some(*equity)
        })
    }
}

/// One window of a walk-forward analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowReport {
    /// The bars on which parameters were chosen.
    pub train: Range<usize>,
    /// The bars on which the choice was judged.
    pub test: Range<usize>,
    /// The part of the test bars whose returns stand in [`WalkForwardReport::returns`].
    pub stitched: Range<usize>,
    /// How many parameter sets failed in the training window.
    pub failed: usize,
    /// How many parameter sets had no score in the training window, most often because they did not trade.
    pub unscored: usize,
    /// The chosen parameter set; `None` when no set could be chosen.
    pub winner: Option<Winner>,
    /// Spearman's correlation between the scores of all sets in training and in test: whether being good lasts. `None`
    /// unless all sets were evaluated out of sample.
    pub rank_correlation: Option<f64>,
}

/// The parameter set that a training window chose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Winner {
    /// Its place in the study's list.
    pub parameter_set: usize,
    /// Its parameters.
    pub parameters: ParameterSet,
    /// What it did in the training window.
    pub in_sample: Performance,
    /// What it did in the test window; `None` when it failed there.
    pub out_of_sample: Option<Performance>,
    /// Its rank in the test window, 1 being the best, among all sets that were evaluated there; `None` unless all were.
    pub rank: Option<usize>,
    /// The mean score of its neighbours on the parameter grid over its own score: near 1 on a plateau, low on a spike. A
    /// neighbour that did not trade or failed counts as 0. `None` without neighbours, or when its own score is not
    /// positive.
    pub plateau_ratio: Option<f64>,
    /// The probability that its true Sharpe ratio is positive, by its training returns alone; see
    /// [`SharpeEstimate::probabilistic`](crate::SharpeEstimate::probabilistic).
    pub probabilistic_sharpe: Option<f64>,
    /// The same, after what the best of all trials shows by luck is taken off; see
    /// [`SharpeEstimate::deflated`](crate::SharpeEstimate::deflated). Every trial counts, failed ones as well.
    pub deflated_sharpe: Option<f64>,
}

/// What a parameter set did in one window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Performance {
    /// How many returns the window has.
    pub observations: usize,
    /// The chosen metric; `None` where it does not exist, as without trades.
    pub score: Option<f64>,
    /// Annualised Sharpe ratio; `None` when the returns do not vary.
    pub sharpe: Option<f64>,
    /// Compounded return.
    pub total_return: f64,
    /// Compounded return per year.
    pub annualised_return: f64,
    /// The deepest fall below the peak, as a share of the peak.
    pub maximum_drawdown: f64,
    /// How many trades were opened, where the program tells.
    pub trades: Option<usize>,
}

/// Walk-forward efficiency (Pardo, "The Evaluation and Optimization of Trading Strategies", 2nd edition 2008): what is
/// left out of sample of what was seen in sample. Pardo asks for at least 0.5.
///
/// Authors aggregate over the windows in different ways, and on one and the same run the results differ by half; so each
/// way has its name. A window without a winner is left out; a winner that did not trade, or failed, out of sample earned
/// 0. Each is `None` when a denominator is not positive, since a loss in sample cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Efficiency {
    /// Mean annualised return out of sample / mean annualised return in sample.
    pub ratio_of_mean_returns: Option<f64>,
    /// The mean over the windows of annualised return out of sample / annualised return in sample. `None` when a single
    /// window's denominator is not positive: leaving windows out would flatter the rest.
    pub mean_of_return_ratios: Option<f64>,
    /// Mean Sharpe ratio out of sample / mean Sharpe ratio in sample.
    pub ratio_of_mean_sharpes: Option<f64>,
}

/// How steady the choice of parameters was from window to window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stability {
    /// The share of the steps from one winner to the next that changed no parameter; `None` with fewer than two winners.
    pub unchanged: Option<f64>,
    /// Shannon's entropy of the chosen sets, in nats: 0 when one set always won, ln(windows) when each window chose
    /// another. `None` without a winner.
    pub entropy: Option<f64>,
    /// Each parameter by itself, in the order of the parameter sets.
    pub parameters: Vec<ParameterStability>,
}

/// How steady one parameter was from window to window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParameterStability {
    /// The parameter's name.
    pub name: String,
    /// Sample standard deviation (divisor n − 1) of the chosen values over the size of their mean; `None` when they are no
    /// numbers, fewer than two, or their mean is 0.
    pub coefficient_of_variation: Option<f64>,
    /// Mean size of the step from one chosen value to the next, as a share of the range of values that were tried; `None`
    /// when they are no numbers, fewer than two, or only one value was tried.
    pub mean_step: Option<f64>,
    /// Shannon's entropy of the chosen values, in nats; `None` without a winner.
    pub entropy: Option<f64>,
}

/// How far the result may be luck.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Luck {
    /// How many parameter sets were tried, failed ones included: what the deflated Sharpe ratio counts.
    pub trials: usize,
    /// How many parameter sets failed at least once.
    pub failed_trials: usize,
    /// The probability that the true Sharpe ratio of the stitched returns is positive.
    pub probabilistic_sharpe: Option<f64>,
    /// The annualised Sharpe ratio that the best of all trials would show in a training window by luck alone; the
    /// variance is the mean over the windows of the variance between the sets.
    pub luckiest_sharpe: f64,
    /// The probability that the true Sharpe ratio of the stitched returns exceeds
    /// [`luckiest_sharpe`](Self::luckiest_sharpe). A strict bound: it treats the test windows as if the winner had been
    /// chosen on them, which is what they become once a study is repeated until it pleases.
    pub deflated_sharpe: Option<f64>,
    /// How many returns it takes to say with 95 percent confidence that the true Sharpe ratio is positive; `None` when it
    /// is not positive here.
    pub minimum_track_record: Option<f64>,
}

/// A trial that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailedTrial {
    /// The parameters.
    pub parameters: ParameterSet,
    /// The bars on which it was evaluated.
    pub bars: Range<usize>,
    /// What sort of failure it was.
    pub reason: FailureReason,
    /// The failure in words.
    pub detail: String,
}
