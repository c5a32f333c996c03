//! The memory store does what every store must do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod conformance;

use cofferdam_heartbeat::MemoryStore;

conformance::conformance!(MemoryStore::new());
