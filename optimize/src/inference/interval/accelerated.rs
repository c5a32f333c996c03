//! Makes intervals out of what the resamples gave.

use super::Bounds;
use crate::statistics::{count, interpolated, normal_cumulative, normal_quantile};

/// Resamples may equal the estimate, above all those of blocks that divide the series, and the order of a sum rounds some of
/// them up and some down. What is as near as this part of the largest is equal.
const ROUNDING: f64 = 1e-13;

/// The intervals around an estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Intervals {
    pub(super) bias_correction: Option<f64>,
    pub(super) accelerated: Option<Bounds>,
    pub(super) percentile: Bounds,
    pub(super) basic: Bounds,
}

impl Intervals {
    /// Of sorted resamples. Efron, "Better Bootstrap Confidence Intervals", JASA 82 (1987), equations 2.3 and 4.1: the ends
    /// are the percentiles Φ(z₀ + (z₀ + z)/(1 − a·(z₀ + z))) with z the quantiles of the level, and z₀ the normal quantile
    /// of the share of resamples below the estimate, those equal to it counting half. `None` of nothing.
    pub(super) fn of(sorted: &[f64], estimate: f64, acceleration: f64, confidence: f64) -> Option<Self> {
        let tail = (1.0 - confidence) / 2.0;
        let between = |low: f64, high: f64| {
            Some(Bounds { low: interpolated(sorted, low)?, high: interpolated(sorted, high)? })
        };
        let percentile = between(tail, 1.0 - tail)?;
        let basic = Bounds { low: 2.0 * estimate - percentile.high, high: 2.0 * estimate - percentile.low };
        let rounding = ROUNDING * sorted.iter().fold(estimate.abs(), |most, value| most.max(value.abs()));
        let below = sorted.partition_point(|value| *value < estimate - rounding);
        let up_to = sorted.partition_point(|value| *value <= estimate + rounding);
        let share = (count(below) + count(up_to)) / (2.0 * count(sorted.len()));
        let bias_correction = Some(normal_quantile(share)).filter(|correction| correction.is_finite());
        let accelerated = bias_correction.and_then(|correction| {
            let level = |probability: f64| {
                let moved = correction + normal_quantile(probability);
                let squeeze = 1.0 - acceleration * moved;
                (squeeze > 0.0).then(|| normal_cumulative(correction + moved / squeeze))
            };
            between(level(tail)?, level(1.0 - tail)?)
        });
        Some(Self { bias_correction, accelerated, percentile, basic })
    }
}
