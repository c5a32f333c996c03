//! The SQLite broker passes the suite of every broker.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conformance;

use std::sync::Arc;

use cofferdam_queue::{Broker, ManualClock, Sqlite};

async fn setup() -> conformance::Setup {
    let clock = ManualClock::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let broker = Sqlite::builder(path).clock(Arc::new(clock.clone())).open().await.unwrap();
    conformance::Setup { broker: broker.into_any(), clock, _folder: Some(folder) }
}

conformance!(setup);
