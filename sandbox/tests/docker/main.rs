//! The Docker backend, on a real engine, against programs that behave and programs that do not.
//!
//! They need an engine and the image: `cargo xtask image`. Without either they fail, and say what is missing.
#![cfg(all(feature = "docker", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
mod bad;
mod benign;
mod confinement;
#[path = "../containers/mod.rs"]
mod containers;
#[path = "../corpus/mod.rs"]
mod corpus;
mod engine;
mod forgery;
mod full;
mod leftovers;
mod limits;
mod outside;
mod pool;
mod restart;
mod results;
mod sessions;
mod support;
