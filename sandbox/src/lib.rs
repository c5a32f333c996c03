//! Validate untrusted Python and run it where it can do no harm: AST policy, WASM isolation and output validation behind one trait.

#![forbid(unsafe_code)]

mod policy;
mod program;

pub use policy::{Bounds, Code, Exports, Policy, Rejection, Violation};
pub use program::Program;
