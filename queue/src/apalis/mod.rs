//! A queue as the backend of apalis workers.
//!
//! A [`Worker`](crate::Worker) of ours claims, renews and settles, and hands each job to the apalis worker, which runs
//! its layers and its service on it. So an apalis user gets leases that are fenced, results that are recorded once and
//! a drain that hands back, without anything of that being written twice. Nothing here may settle a task by itself.

mod config;
mod hatch;
mod layer;
mod results;
mod sink;
mod wire;

pub use config::ApalisConfig;
pub use layer::{ApalisLayer, ApalisService};

use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll, ready};

use apalis_codec::json::JsonCodec;
use apalis_core::backend::finalize::Durable;
use apalis_core::backend::{Backend, BackendConfig, Vacuum, WireFormatBackend};
use apalis_core::task::Task;
use apalis_core::worker::context::WorkerContext;

use crate::{Error, Queue};
use hatch::Hatch;
use sink::Outgoing;

/// A queue as an apalis backend for tasks with these arguments. Cheap to clone; a clone pushes into the same queue,
/// and takes part in the work when a worker runs it.
///
/// An apalis program moves its tasks to a queue of ours by one line:
///
/// ```
/// use apalis::prelude::*;
/// use cofferdam_queue::{ApalisStorage, Memory, Queue};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let mut storage = ApalisStorage::new(Queue::new(Memory::new(), "greetings")?);
/// storage.push("world".to_owned()).await?;
///
/// async fn greet(name: String, worker: WorkerContext) -> Result<String, BoxDynError> {
///     worker.stop()?;
///     Ok(format!("hello {name}"))
/// }
/// WorkerBuilder::new("greeter").backend(storage).build(greet).run().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What becomes what
///
/// - An error is tried again by the back-off, up to the task's `max_attempts` (25 unless it says otherwise, as with
///   other backends). An `AbortError` is permanent, a `RetryAfterError` names the delay, a `DeferredError` is tried
///   again at once. A panic that no layer catches ends the apalis worker and counts as a crash
///   of the tasks that it was running.
/// - A priority above zero is [`High`](crate::Priority::High), any other [`Normal`](crate::Priority::Normal).
/// - An idempotency key becomes the task's id, so it holds for as long as the queue keeps the record.
/// - Without metadata the payload is the encoded arguments and nothing else, so tasks of other producers are welcome.
/// - Arguments that cannot be decoded end an apalis worker with any backend. Here they count as a crash of the task, so
///   that after three crashes it lies among the dead letters.
/// - The [`Job`](crate::Job) is there as `Data<Job>`, with its checkpoint and its progress.
///
/// A worker needs a tokio runtime with time enabled.
#[cfg_attr(docsrs, doc(cfg(feature = "apalis")))]
pub struct ApalisStorage<Args> {
    queue: Queue,
    config: ApalisConfig,
    codec: JsonCodec<Vec<u8>>,
    outgoing: Outgoing,
    /// Open while an apalis worker runs this very value.
    hatch: Option<Hatch>,
    arguments: PhantomData<fn() -> Args>,
}

impl<Args> ApalisStorage<Args> {
    /// This queue as a backend, with the default settings.
    #[must_use]
    pub fn new(queue: Queue) -> Self {
        Self {
            outgoing: Outgoing::new(queue.clone()),
            queue,
            config: ApalisConfig::default(),
            codec: JsonCodec::default(),
            hatch: None,
            arguments: PhantomData,
        }
    }

    /// Sets how workers use the queue.
    #[must_use]
    pub fn with_config(mut self, config: ApalisConfig) -> Self {
        self.config = config;
        self
    }

    /// The queue.
    #[must_use]
    pub const fn queue(&self) -> &Queue {
        &self.queue
    }
}

impl<Args> Clone for ApalisStorage<Args> {
    fn clone(&self) -> Self {
        Self::new(self.queue.clone()).with_config(self.config.clone())
    }
}

impl<Args> fmt::Debug for ApalisStorage<Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApalisStorage").field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl<Args> Backend for ApalisStorage<Args> {
    type Task = Task<Vec<u8>>;
    type Error = Error;

    fn poll_ready(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Error>> {
        let hatch = match &mut self.hatch {
            Some(hatch) => hatch,
            none => none.insert(Hatch::open(&self.queue, &self.config, worker.name())?),
        };
        hatch.beat(cx, worker);
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Error>>> {
        match &mut self.hatch {
            Some(hatch) => hatch.poll_next(cx),
            // Nobody has asked whether we are ready.
            None => Poll::Ready(None),
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Error>> {
        if let Some(hatch) = &mut self.hatch {
            let ended = ready!(hatch.poll_close(cx));
            self.hatch = None;
            ended?;
        }
        self.outgoing.poll_flush(cx)
    }
}

impl<Args> BackendConfig for ApalisStorage<Args> {
    type Args = Args;
    type Id = String;
    type Kind = Durable;
    type Config = ApalisConfig;
    type Layer = ApalisLayer;

    fn config(&self) -> &ApalisConfig {
        &self.config
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> ApalisLayer {
        ApalisLayer::new()
    }
}

impl<Args> WireFormatBackend for ApalisStorage<Args> {
    type Codec = JsonCodec<Vec<u8>>;
    type Compact = Vec<u8>;

    fn codec(&self) -> &Self::Codec {
        &self.codec
    }
}

/// Vacuuming forgets the records of tasks that have ended, their results and dead letters included.
impl<Args: Send + 'static> Vacuum for ApalisStorage<Args> {
    async fn vacuum(&mut self) -> Result<usize, Error> {
        self.vacuum_before(std::time::Duration::ZERO).await
    }

    async fn vacuum_before(&mut self, duration: std::time::Duration) -> Result<usize, Error> {
        Ok(usize::try_from(self.queue.forget(duration).await?).unwrap_or(usize::MAX))
    }
}
