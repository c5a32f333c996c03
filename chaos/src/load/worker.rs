//! Running tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cofferdam_queue::{Job, Worker};

use super::{Behaviour, Setup, asked_to_end, note};
use crate::error::{Context, Result};

/// The lease: a third of it is between renewals, so a worker that stands still for longer loses its tasks.
const LEASE: Duration = Duration::from_secs(5);

/// How many tasks one worker runs at a time: with all but one worker dead, the load still fits.
const CONCURRENCY: usize = 16;

/// How long running tasks may go on when the worker is asked to end. Shorter than the slow tasks, so that some are handed
/// back.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs tasks until the process is asked to end, and then what is in hand for a while.
///
/// # Errors
/// When the queue cannot be opened, or does not take the last settlements.
pub async fn work(setup: Setup) -> Result {
    // Some tasks panic by design, and their traces would bury everything else in the log.
    std::panic::set_hook(Box::new(|panic| note(&panic.to_string().replace('\n', " "))));
    let end = asked_to_end().await?;
    let queue = setup.queue(&setup.recorder()?).await?;
    let worker =
        Worker::builder(queue).name(&setup.name).concurrency(CONCURRENCY).lease(LEASE).drain_deadline(DRAIN);
    let worker = worker.build().context(|| "set up the worker".to_owned())?;
    let (id, runs) = (Arc::<str>::from(worker.id().to_string()), Arc::new(AtomicU64::new(0)));
    let handler = move |job: Job| {
        // No other run of any task has this result: the identity is that of one life of one worker.
        let result = format!("{id} {}", runs.fetch_add(1, Ordering::Relaxed));
        async move {
            let behaviour: Behaviour = serde_json::from_slice(job.payload())?;
            behaviour.run(job.attempt(), job.crashes()).await?;
            Ok(result.into_bytes())
        }
    };
    let counters = worker.run(handler, end).await.context(|| "work to the end".to_owned())?;
    note(&format!("{counters:?}"));
    Ok(())
}
