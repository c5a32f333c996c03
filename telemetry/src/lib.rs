//! Prometheus metrics for the Cofferdam family, and the HTTP endpoint that serves them.
//!
//! Each crate of the family tells its work to a small observer trait of its own. This crate implements those
//! traits, one feature a crate, and renders what it heard as OpenMetrics text.
//!
//! ```
//! use cofferdam_telemetry::Telemetry;
//!
//! let telemetry = Telemetry::builder().component("my-service", "1.2.3").build();
//! let text = telemetry.encode()?;
//! assert!(text.contains("cofferdam_build_info{crate=\"my-service\",version=\"1.2.3\","));
//! assert!(text.ends_with("# EOF\n"));
//! # Ok::<(), cofferdam_telemetry::Error>(())
//! ```
//!
//! # What it never does
//! - **No label of unbounded size.** Labels are closed enumerations, known at 0 before the first event. Names that
//!   a service chooses (queues, tables, workers) get series of their own up to a fixed number; the rest is counted
//!   together. The id of a task, a job, a tenant or a user is never a label.
//! - **No stale state.** The state of queues and workers is rendered from the last snapshot that was told, and not
//!   at all once that is two minutes old: an absent series is truer than a number that stands still.
//! - **No work on the caller's thread** beyond a few atomic additions and a short lock for each event.
//!
//! # Limits
//! - The endpoint speaks plain HTTP without authentication. It listens on the loopback address unless told
//!   otherwise; whoever opens it wider decides who may read it.
//! - `process_*` is there on Linux only.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod gauges;
#[cfg(feature = "heartbeat")]
mod heartbeat;
#[cfg(any(feature = "queue", feature = "sandbox", feature = "store"))]
mod names;
#[cfg(feature = "optimize")]
mod optimize;
mod plain_text;
mod process;
#[cfg(feature = "queue")]
mod queue;
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "each feature uses another part of it"))]
mod register;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "heartbeat")]
mod slots;
#[cfg(any(feature = "heartbeat", feature = "queue"))]
mod snapshot;
#[cfg(feature = "store")]
mod store;
mod telemetry;

pub use error::{Error, ErrorKind};
#[cfg(feature = "heartbeat")]
pub use heartbeat::HeartbeatObserver;
#[cfg(feature = "optimize")]
pub use optimize::OptimizeObserver;
#[cfg(feature = "queue")]
pub use queue::QueueObserver;
#[cfg(feature = "sandbox")]
pub use sandbox::SandboxObserver;
#[cfg(feature = "server")]
pub use server::{Server, ServerBuilder};
#[cfg(feature = "store")]
pub use store::StoreObserver;
pub use telemetry::{Telemetry, TelemetryBuilder};

#[cfg(all(doctest, feature = "heartbeat", feature = "queue", feature = "server"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
