//! Whether the best of many is better than the benchmark: Reality Check, superior predictive ability, step-wise p-values.

mod builder;
mod contest;
mod display;
mod kernel;
mod prefix;
mod report;
mod summary;

#[cfg(test)]
mod tests;

pub use builder::{Superiority, SuperiorityBuilder, SuperioritySettings};
pub use report::{StepWise, SuperiorityReport, Verdict};
