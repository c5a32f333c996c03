//! `cargo xtask test`: every gate that a change must pass, cheapest first.
//!
//! The run stops at the first failure, because the later gates mostly repeat it; `--keep-going` runs them all. What
//! could not be checked is named in the table: a gate that silently does less than its name says is worse than none.

mod deny;
mod features;
mod package;
mod quickstart;
mod run;
mod step;
mod summary;

pub(crate) use run::{Arguments, run};
