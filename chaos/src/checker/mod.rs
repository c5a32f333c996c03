//! Judges a history, as the "total queue" checker of Jepsen does and further: what went in must come out, once.
//!
//! [`judge`] is a function of the history and the terms alone. It knows no queue and no cluster, so the histories in its
//! tests can hold what no queue of ours should ever do. What may happen under a weak promise (a loss by asynchronous
//! replication after a master was lost) is found and counted all the same, and excused.

mod calls;
mod finding;
mod interruptions;
mod judgement;
mod story;
mod table;
mod tasks;
mod terms;

pub use finding::{Finding, Kind};
pub use judgement::{Judgement, judge};
pub use table::table;
pub use terms::{Promise, Terms};
