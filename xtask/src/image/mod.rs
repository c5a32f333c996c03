//! `cargo xtask image`: the image that the Docker backend runs programs in, made without a registry.
//!
//! `sandbox/docker/Dockerfile` makes the same from Alpine, where a registry and Alpine's packages can be reached. Here
//! Debian's packages are unpacked into a folder, all but the interpreter, numpy, pandas and what they need is removed,
//! and the rest is imported. Nothing is installed on this machine and no package's script is run.

mod command;
mod engine;
mod packages;
mod recipe;
mod root;

pub(crate) use command::{Arguments, provide, run};
