//! The broker that keeps tasks in one SQLite file.
//!
//! One thread per broker owns the connection; calls reach it over a channel, and it commits as many of them at once
//! as wait. Another thread waits for the disk. A call is answered after its transaction is there, so nothing that was
//! answered is lost when the process or the machine stops. The file may hold tables of others: this module's all
//! begin with `cofferdam_queue_`, and it touches no other.

mod broker;
mod builder;
mod choice;
mod claim;
mod codes;
mod control;
#[cfg(test)]
mod cost;
mod disk;
mod door;
mod engine;
mod enqueue;
mod facts;
mod fair;
mod fault;
mod groups;
mod held;
mod inspect;
mod keys;
mod lanes;
mod ledger;
mod limits;
mod moves;
mod notes;
mod outbox;
mod payloads;
mod peek;
mod schema;
mod settings;
mod settle;
mod tables;
mod thread;
mod upgrade;
mod upkeep;
mod view;

pub use builder::SqliteBuilder;
pub use outbox::{Outbox, OutboxBuilder, OutboxState, OutboxStats};

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::signal::Hub;
use engine::Engine;

/// A durable broker in one SQLite file, which several processes on one host may share. Cheap to clone; clones are
/// the same broker. When the last clone is dropped, its thread ends and the file is closed.
///
/// The file must lie on a local disk: SQLite's locks and its shared memory do not work over network file systems.
#[derive(Clone)]
pub struct Sqlite {
    engine: Engine,
    hub: Arc<Hub>,
    poll: Duration,
}

impl Sqlite {
    /// Opens the queue in this file, with the settings of [`builder`](Self::builder); makes the file, or the
    /// queue's tables in it, if they are not there.
    ///
    /// # Errors
    /// As for [`SqliteBuilder::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder(path).open().await
    }

    /// Settings for a broker in this file.
    pub fn builder(path: impl AsRef<Path>) -> SqliteBuilder {
        SqliteBuilder::new(path.as_ref())
    }

    /// Closes the file when all calls made before are answered. Later calls, on every clone, answer
    /// [`Error::Closed`].
    pub async fn close(&self) {
        self.engine.close().await;
    }

    fn new(engine: Engine, poll: Duration) -> Self {
        Self { engine, hub: Arc::new(Hub::default()), poll }
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").finish_non_exhaustive()
    }
}
