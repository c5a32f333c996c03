//! What is left out of sample of what was seen in sample.

use super::report::{Efficiency, Winner};
use crate::statistics::mean;

pub(super) fn efficiency(winners: &[&Winner]) -> Efficiency {
    let before: Vec<f64> = winners.iter().map(|winner| winner.in_sample.annualised_return).collect();
    let after: Vec<f64> = winners
        .iter()
        .map(|winner| winner.out_of_sample.map_or(0.0, |performance| performance.annualised_return))
        .collect();
    let sharpe_before: Vec<f64> =
        winners.iter().map(|winner| winner.in_sample.sharpe.unwrap_or(0.0)).collect();
    let sharpe_after: Vec<f64> = winners
        .iter()
        .map(|winner| winner.out_of_sample.and_then(|performance| performance.sharpe).unwrap_or(0.0))
        .collect();
    let ratios: Option<Vec<f64>> =
        after.iter().zip(&before).map(|(after, before)| ratio(*after, *before)).collect();
    Efficiency {
        ratio_of_mean_returns: ratio_of_means(&after, &before),
        mean_of_return_ratios: ratios.and_then(|ratios| mean(&ratios)),
        ratio_of_mean_sharpes: ratio_of_means(&sharpe_after, &sharpe_before),
    }
}

fn ratio_of_means(after: &[f64], before: &[f64]) -> Option<f64> {
    ratio(mean(after)?, mean(before)?)
}

fn ratio(after: f64, before: f64) -> Option<f64> {
    let ratio = after / before;
    (before > 0.0 && ratio.is_finite()).then_some(ratio)
}

/// The share of the values that meet a condition; `None` of nothing.
pub(super) fn share(values: &[f64], condition: impl Fn(f64) -> bool) -> Option<f64> {
    let met: Vec<f64> = values.iter().map(|value| f64::from(u8::from(condition(*value)))).collect();
    mean(&met)
}

/// The largest value as a share of the sum; `None` when the sum is not positive.
pub(super) fn largest_share(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().sum();
    ratio(values.iter().copied().reduce(f64::max)?, sum)
}
