//! A task queue with leases, retries and **exactly-once recorded results**: over all masters of a Redis Cluster, in one
//! SQLite file, or in memory.
//!
//! Producers put tasks into a named [`Queue`]; [`Worker`]s take them under a lease, run a handler and record its
//! result. Delivery is *at least once*: a task whose worker dies is run again. Recording is *exactly once*: of all
//! the runs that a task may have, one result is kept, and a run that lost its lease changes nothing.
//!
//! ```
//! use std::time::Duration;
//! use cofferdam_queue::{Job, Memory, NewTask, Queue, TaskState, Worker};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), cofferdam_queue::Error> {
//! let queue = Queue::new(Memory::new(), "greetings")?;
//! let task = queue.submit(NewTask::new("world")).await?;
//!
//! let handler = |job: Job| async move { Ok([b"hello ", job.payload()].concat()) };
//! let until_done = {
//!     let (queue, id) = (queue.clone(), task.id.clone());
//!     async move { drop(queue.wait(&id, Duration::from_secs(10)).await) }
//! };
//! Worker::builder(queue.clone()).build()?.run(handler, until_done).await?;
//!
//! let state = queue.wait(&task.id, Duration::ZERO).await?;
//! assert!(matches!(state, TaskState::Done { result, .. } if result == b"hello world"));
//! # Ok(())
//! # }
//! ```
//!
//! # The parts
//!
//! - [`Broker`] is what a backend must do, in batches. [`Memory`] keeps tasks in the process; [`Sqlite`] keeps them
//!   in one file, which several processes may share; `Redis` (feature `redis`) keeps them on one server or spreads each
//!   queue over all masters of a cluster. All pass the same suite of conformance tests.
//! - [`Queue`] is one named queue of a broker, cheap to clone, and reports to an [`Observer`].
//! - [`NewTask`] says how a task is to be treated: priority, delay, deadline, attempts and back-off, resource class,
//!   tenant, limit, unique key, group and what it waits for.
//! - [`Worker`] runs a [`Handler`] on tasks: concurrency by class, renewal of leases, retries, checkpoints, graceful
//!   drain. [`Setting`]s change a queue while it runs.
//!
//! # What it does not promise
//!
//! - A handler may run more than once, and for a moment even twice at the same time, when a worker is cut off from
//!   its broker. Effects outside the recorded result must bear that.
//! - Priorities are strict: as long as tasks of a higher priority keep coming, a lower one waits.
//! - Leases are measured on the broker's clock: the host's wall clock, or the time of the Redis server. A clock that is
//!   set forward ends leases early; this costs a second run, never a second result.
//! - On a cluster, order and priority are strict within a shard and approximate across shards; what a lost master had not
//!   passed on is lost unless the call asked for replicas (`Durability`) or came through an `Outbox`.
//! - [`Memory`] is bounded by the memory of the process, and nothing of it survives the process.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod any;
#[cfg(feature = "apalis")]
mod apalis;
mod backoff;
mod batch;
mod broker;
mod clock;
mod envelope;
mod error;
mod follow;
mod id;
mod label;
mod limits;
mod memory;
mod observer;
mod priority;
mod queue;
mod random;
#[cfg(feature = "redis")]
mod redis;
mod rules;
#[cfg(feature = "cron")]
mod schedule;
mod settings;
mod signal;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod stats;
mod step;
mod task;
mod unique;
mod view;
mod worker;

pub use any::AnyBroker;
#[cfg(feature = "apalis")]
pub use apalis::{ApalisConfig, ApalisLayer, ApalisService, ApalisStorage};
pub use backoff::Backoff;
pub use batch::{Batch, BatchProgress, BatchTicket};
pub use broker::{Broker, ReapScope, Reaped, Topic};
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Error, ErrorKind};
pub use follow::Follow;
pub use id::{QueueName, TaskId, WorkerId};
pub use label::{Label, MAX_LABEL_BYTES};
pub use limits::{
    MAX_BATCH, MAX_BATCH_BYTES, MAX_DEPENDENCIES, MAX_ERROR_BYTES, MAX_LEASE, MAX_NAME_BYTES, MAX_NOTE_BYTES,
    MAX_PAYLOAD_BYTES, MAX_SCHEDULE_BYTES,
};
pub use memory::Memory;
pub use observer::{Observer, Operation, OperationEvent};
pub use priority::Priority;
pub use queue::Queue;
#[cfg(feature = "redis")]
pub use redis::{Durability, Redis, RedisBuilder};
#[cfg(feature = "cron")]
pub use schedule::{MissedFire, Schedule, ScheduleView};
pub use settings::{Bound, Limit, Mode, QueueSettings, Rate, Setting, WorkerLoad};
pub use signal::{Listener, Signal};
#[cfg(feature = "sqlite")]
pub use sqlite::{Outbox, OutboxBuilder, OutboxState, OutboxStats, Sqlite, SqliteBuilder};
pub use state::{DeathReason, TaskState};
pub use stats::{Counts, QueueStats};
pub use step::{Delivery, Ending, Lease, LeaseToken, Note, Places, Settlement, Step, StepReply, Verdict};
pub use task::{Enqueued, NewTask, Novelty};
pub use unique::Unique;
pub use view::{Cancelled, Section, TaskView};
#[cfg(feature = "tower")]
pub use worker::ServiceHandler;
pub use worker::{
    Cancellation, Failure, Handler, Job, Progress, ProgressSnapshot, Router, Worker, WorkerBuilder,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
