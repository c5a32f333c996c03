//! Run untrusted Python safely and at scale.
//!
//! A service that lets customers or language models write Python (strategies, scores, transforms) must validate that
//! code, run it where it can do no harm, spread thousands of such jobs over workers, lose none when one dies, store
//! every result, search the parameters honestly and show what goes on. This crate is the family that does it, and
//! [`Cofferdam`] is its members composed: what you would write by hand, written once.
//!
//! | module | crate | job |
//! |---|---|---|
//! | [`sandbox`] | `cofferdam-sandbox` | the policy over the syntax tree, CPython in WebAssembly, output validation |
//! | [`queue`] | `cofferdam-queue` | tasks under leases, results recorded once, workers |
//! | [`heartbeat`] | `cofferdam-heartbeat` | who is there, and who is gone |
//! | [`store`] | `cofferdam-store` | batched INSERT and UPDATE over sea-orm entities |
//! | [`optimize`] | `cofferdam-optimize` | walk-forward, Monte Carlo, and how much to believe of them |
//! | [`telemetry`] | `cofferdam-telemetry` | Prometheus metrics and their endpoint |
//!
//! Each is usable alone, and none but `telemetry` knows another.
//!
//! # Example
//!
//! ```
//! use cofferdam::{Cofferdam, Dataset, Job};
//! use serde_json::json;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path();
//! let cofferdam = Cofferdam::embedded(path).open().await?; // one SQLite file, nothing to install
//! let workers = tokio::spawn(cofferdam.run_worker("worker-1", std::future::pending()));
//!
//! let program = cofferdam.check("result = max(data['close']) * params['factor']")?;
//! let data = Dataset::new().series("close", vec![10.0, 12.0, 11.0])?;
//! let job = Job::new(program, data).call([("factor", json!(2))]).call([("factor", json!(3))]);
//! let id = cofferdam.submit(&job).await?;
//! let outcomes = cofferdam.outcome(&id).await?;
//! assert_eq!(outcomes[1].result, Some(json!(36.0)));
//! # workers.abort();
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! Each member is a feature under its short name; `full` (default) is all of them and [`Cofferdam`] itself.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "heartbeat")]
pub use cofferdam_heartbeat as heartbeat;
#[cfg(feature = "optimize")]
pub use cofferdam_optimize as optimize;
#[cfg(feature = "queue")]
pub use cofferdam_queue as queue;
#[cfg(feature = "sandbox")]
pub use cofferdam_sandbox as sandbox;
#[cfg(feature = "store")]
pub use cofferdam_store as store;
#[cfg(feature = "telemetry")]
pub use cofferdam_telemetry as telemetry;

#[cfg(feature = "full")]
mod builder;
#[cfg(feature = "full")]
mod cofferdam;
#[cfg(feature = "full")]
mod database;
#[cfg(feature = "full")]
mod dataset;
#[cfg(feature = "full")]
mod error;
#[cfg(feature = "full")]
mod job;
#[cfg(feature = "full")]
mod presence;
#[cfg(feature = "full")]
mod runner;
#[cfg(feature = "full")]
mod study;

#[cfg(feature = "full")]
pub use self::{
    builder::EmbeddedBuilder,
    cofferdam::Cofferdam,
    dataset::Dataset,
    error::{Error, ErrorKind},
    job::{CallFailure, CallOutcome, Job, JobId},
    study::{Progress, Study, StudyReport},
};

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
