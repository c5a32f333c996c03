//! Confidence intervals by resampling.

mod accelerated;
mod builder;
mod jackknife;
mod report;
mod resample;

#[cfg(test)]
mod tests;

pub use builder::{Interval, IntervalBuilder, IntervalSettings};
pub use report::{Bounds, IntervalReport};
