//! The report: plain data.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::IntervalSettings;

/// A figure and what it may be instead.
///
/// `Display` gives a table in plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IntervalReport {
    /// The settings.
    pub settings: IntervalSettings,
    /// How many returns there are.
    pub observations: usize,
    /// The (mean) length of the blocks that were drawn; 1 for independent draws.
    pub block_length: f64,
    /// How many resamples have the figure: all, unless it does not exist for some.
    pub replicates: usize,
    /// The figure of the returns themselves.
    pub estimate: f64,
    /// Its standard error: the sample deviation over the resamples.
    pub standard_error: f64,
    /// How much higher the mean over the resamples is.
    pub bias: f64,
    /// The bias-corrected and accelerated interval (BCa), the one to quote; `None` when the resamples all lie on one side of
    /// the estimate, or too far to correct it.
    pub accelerated: Option<Bounds>,
    /// The interval between percentiles of the resamples.
    pub percentile: Bounds,
    /// The percentile interval mirrored at the estimate (basic, or reverse percentile).
    pub basic: Bounds,
    /// The bias correction z₀; `None` where it would be infinite.
    pub bias_correction: Option<f64>,
    /// The acceleration.
    pub acceleration: f64,
}

/// Two ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bounds {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Display for IntervalReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { settings, estimate, standard_error, .. } = self;
        writeln!(
            formatter,
            "Interval of {} % by {}: {} resamples of {} returns, seed {}",
            settings.confidence * 100.0,
            settings.resampling,
            self.replicates,
            self.observations,
            settings.seed
        )?;
        writeln!(formatter, "{:<12} {estimate:>12.6} ± {standard_error:.6}", "estimate")?;
        let intervals =
            [("BCa", self.accelerated), ("percentile", Some(self.percentile)), ("basic", Some(self.basic))];
        for (place, (name, bounds)) in intervals.into_iter().enumerate() {
            let text = bounds.map_or_else(
                || format!("{:>12}", "-"),
                |Bounds { low, high }| format!("{low:>12.6} … {high:.6}"),
            );
            write!(formatter, "{}{name:<12} {text}", if place == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
