//! Walk-forward analysis: choose on the past, judge on what came next, again and again.

mod assemble;
mod builder;
mod display;
mod efficiency;
mod evidence;
mod report;
mod run;
mod score;
mod settings;
mod stability;
mod windows;

pub use builder::{WalkForward, WalkForwardBuilder};
pub use evidence::Record;
pub use report::{
    Efficiency, FailedTrial, Luck, ParameterStability, Performance, Stability, WalkForwardReport,
    WindowReport, Winner,
};
pub use settings::{Alignment, Metric, PartialWindow, Scheme, Settings, Warmup};
pub use windows::Window;
