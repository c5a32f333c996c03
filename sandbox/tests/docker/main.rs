//! The Docker backend, on a real engine.
#![cfg(all(feature = "docker", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unused)]
mod results;
mod support;
