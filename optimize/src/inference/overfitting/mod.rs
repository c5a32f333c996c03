//! The probability of backtest overfitting, by combinatorially symmetric cross-validation.

mod blocks;
mod builder;
mod contest;
mod display;
mod halves;
mod null;
mod report;
mod summary;

#[cfg(test)]
mod tests;

pub use builder::{Criterion, Overfitting, OverfittingBuilder, OverfittingSettings};
pub use report::{Degradation, NullSpread, OverfittingReport};
