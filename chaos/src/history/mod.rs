//! What happened in a run, as the processes themselves wrote it down.
//!
//! Every process appends to a file of its own, one line an event, written before the process goes on: what a killed
//! process wrote is there, and its last line at most is torn. The history is all files together in the order of the one
//! clock. Nothing here judges.

mod event;
mod read;
mod recorder;

pub use event::{Answer, Ask, Delivery, Event, Run, RunEnding, Signal, Standing, Verdict, What};
pub use read::read;
pub use recorder::Recorder;
