//! The static check, by subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bounds;
mod corpus;
mod data;
mod differential;
mod escapes;
mod explain;
mod grammar;
mod guest;
mod human_eval;
#[path = "../humaneval/mod.rs"]
mod humaneval;
mod positions;
mod program;
mod reports;
mod rules;
mod soup;
mod tables;

use cofferdam_sandbox::{Code, Policy};

/// The codes of all violations under the default policy, in the order of the text.
fn codes(source: &str) -> Vec<Code> {
    match Policy::default().check(source) {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection.violations().iter().map(|violation| violation.code).collect(),
    }
}
