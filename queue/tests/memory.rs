//! The memory broker passes the suite of every broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conformance;

use std::sync::Arc;

use cofferdam_queue::{Broker, ManualClock, Memory};

async fn setup() -> conformance::Setup {
    let clock = ManualClock::new();
    let broker = Memory::with_clock(Arc::new(clock.clone()));
    conformance::Setup { broker: broker.into_any(), clock, _folder: None }
}

conformance!(setup);
