//! Opening the broker of a mode: the one place that knows which backends there are.

use cofferdam_queue::{AnyBroker, Broker, Durability, Error, Redis, Sqlite};

use crate::mode::{DEADLINE, Mode};

/// Opens the broker of a mode at its place: a file, or the addresses of a cluster with commas between.
///
/// # Errors
/// When it cannot be reached or used.
pub(crate) async fn open(mode: Mode, place: &str) -> Result<AnyBroker, Error> {
    match mode {
        Mode::Sqlite => {
            // A call may wait for the lock twice: behind the group before it, and with its own.
            Ok(Sqlite::builder(place).busy_timeout(DEADLINE / 2).open().await?.into_any())
        }
        Mode::Async | Mode::Outbox => redis(place, Durability::Async).await,
        Mode::Replicated1 | Mode::OutboxReplicated1 => redis(place, Durability::Replicated(1)).await,
    }
}

async fn redis(urls: &str, durability: Durability) -> Result<AnyBroker, Error> {
    Ok(Redis::builder(urls).deadline(DEADLINE).durability(durability).connect().await?.into_any())
}
