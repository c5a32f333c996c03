//! Studies: a program is tried with many parameter sets, through the queue.

mod causality;
mod objective;
mod positions;
mod report;
mod settings;

pub use report::StudyReport;
pub use settings::{Progress, Study};
