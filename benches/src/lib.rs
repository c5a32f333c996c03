//! Side-by-side benchmarks of the Cofferdam family and its peers.
//!
//! Each program `compare-*` measures us and a peer in one run, turn by turn, so that whatever else the machine does
//! falls on both alike. Every figure is a time on one machine at one moment: compare the ratios, not the numbers of
//! two runs. A peer that is not installed is named as skipped, never left out silently.
//!
//! | program | question |
//! |---|---|
//! | `compare-startup` | how long from a program's text to its result, and where the time goes |
//!
//! ```text
//! cargo run --release -p cofferdam-benches --bin compare-startup
//! ```
#![forbid(unsafe_code)]

mod samples;

pub use samples::Samples;
