//! Faults against the queue, on real servers and processes, and a checker of what became of every task.
//!
//! A run starts producers and workers as processes of their own, kills and stops them and the servers that they talk to,
//! by a schedule that a seed decides, heals everything, waits until the queue is worked off, and judges the history that
//! all processes wrote.
//!
//! - [`load`] is what the processes of a run do, and [`nemesis`] what is done to them and to the [`cluster`].
//! - [`history`] is what all of them write down, and the [`checker`] judges it.
//! - [`run`] is a whole run, [`report`] what is told of it.
//!
//! What it does not show: the clocks of the processes are one, the network does not drop single packets, and a disk never
//! lies, since all of it is one machine. A run that is judged good has not met a fault; it does not prove that there is
//! none.
#![forbid(unsafe_code)]

pub mod checker;
pub mod clock;
pub mod cluster;
mod error;
pub mod history;
pub mod load;
pub mod mode;
pub mod nemesis;
mod open;
pub mod process;
mod report;
mod run;

pub use error::{Error, Result};
pub use report::report;
pub use run::{Plan, judge_history, run};
