//! Monte Carlo: what else could have happened with the same returns.

mod builder;
mod display;
mod report;
mod resampling;
mod simulate;
mod summary;
mod walk;

#[cfg(test)]
mod tests;

pub use builder::{MonteCarlo, MonteCarloBuilder, MonteCarloSettings};
pub use report::{Distribution, Estimate, MonteCarloReport, PathOutcome, Percentile};
pub use resampling::Resampling;
