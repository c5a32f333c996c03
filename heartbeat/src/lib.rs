//! Worker heartbeats: presence for people and dashboards, and the detection of dead workers.
//!
//! A [`Publisher`] writes one small JSON document every ten seconds under a key that expires after thirty. A
//! [`Monitor`] lists those documents and says of each worker whether it is alive, suspect or dead.
//!
//! ```
//! use cofferdam_heartbeat::{Liveness, MemoryStore, Monitor, Publisher};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), cofferdam_heartbeat::Error> {
//! let store = MemoryStore::new();
//! let publisher = Publisher::builder(store.clone(), "worker-1").build()?;
//! let task = publisher.reporter().processing("task-42");
//! task.processed();
//! # while publisher.stats().beats == 0 { tokio::time::sleep(std::time::Duration::from_millis(1)).await }
//!
//! let mut monitor = Monitor::builder(store).build()?;
//! let workers = monitor.observe().await?;
//! assert_eq!(workers[0].liveness, Liveness::Alive);
//! assert_eq!(workers[0].worker_name(), "worker-1");
//!
//! publisher.stop().await?;
//! assert!(monitor.observe().await?.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Stores
//! - [`MemoryStore`]: one process.
#![cfg_attr(
    feature = "redis",
    doc = "- [`RedisStore`]: many processes, through Redis or Valkey, alone or as a cluster."
)]
#![cfg_attr(not(feature = "redis"), doc = "- `RedisStore`, with the feature `redis`: many processes.")]
//! - Your own: a [`Store`] puts documents that expire, and lists them by an index.
//!
//! # What it is not
//! - **Not a lease.** A heartbeat says who is there; it does not say who may work on a task. A queue must decide
//!   with its own leases, since a paused worker may wake up after it was called dead.
//! - **Not a failure detector with a bound.** A worker is called dead no earlier than its TTL; how much later
//!   depends on how often the monitor looks, and on how long the store was out of reach.
//! - **Not a log.** Only the last document of a worker exists.
//!
//! # How clocks are used
//! Liveness comes from the age of a document by the *store's* clock, so the clocks of workers and monitors need
//! not agree. Only [`Heartbeat::timestamp`] is the worker's own time, and nothing is decided by it.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod beater;
mod clock;
mod document;
mod error;
mod judge;
mod memory;
mod monitor;
mod monitor_builder;
mod observer;
mod publisher;
mod random;
#[cfg(feature = "redis")]
mod redis;
mod reporter;
mod seconds;
mod state;
mod store;
mod workers;

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use crate::redis::{RedisStore, RedisStoreBuilder};
pub use clock::{Clock, ManualClock, SystemClock};
pub use document::{Heartbeat, Status};
pub use error::{Error, ErrorKind};
pub use memory::MemoryStore;
pub use monitor::Monitor;
pub use monitor_builder::MonitorBuilder;
pub use observer::Observer;
pub use publisher::{Publisher, PublisherBuilder, PublisherStats};
pub use reporter::{Processing, Reporter};
pub use state::{Liveness, WorkerState};
pub use store::{Entry, Listing, Store, key};
pub use workers::Workers;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
