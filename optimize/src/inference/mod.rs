//! How far a result may be believed: tests and intervals that resample what was seen.

mod block_length;
mod columns;
mod interval;
mod overfitting;
mod superiority;

pub use block_length::BlockLength;
pub use interval::{Bounds, Interval, IntervalBuilder, IntervalReport, IntervalSettings};
pub use overfitting::{
    Criterion, Degradation, NullSpread, Overfitting, OverfittingBuilder, OverfittingReport,
    OverfittingSettings,
};
pub use superiority::{
    StepWise, Superiority, SuperiorityBuilder, SuperiorityReport, SuperioritySettings, Verdict,
};
