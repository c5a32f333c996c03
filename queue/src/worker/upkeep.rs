//! What a worker does for the queue beside its own tasks: it takes back what dead workers held, forgets what
//! ended long ago, and fires schedules.
//!
//! It runs beside the main loop, so that no settlement waits for it, and stops with the first word of a shutdown. Any
//! number of workers may do the same at once; they only find less to do.

#[cfg(feature = "cron")]
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Settings;
use crate::limits::MAX_BATCH;
use crate::{Queue, ReapScope};

/// How often expired leases of others are looked for, at least and at most; in between a quarter of the lease.
const REAP_INTERVAL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(5));

/// How often old records are looked for, at least and at most; in between a tenth of the age at which they go.
const FORGET_INTERVAL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

/// The pause between two steps of forgetting. A step keeps the store busy for a few milliseconds, and nobody waits for
/// it, so others get most of the time.
const FORGET_PAUSE: Duration = Duration::from_millis(20);

/// Ends when it is dropped, wherever it stands: each step of it is a call of its own.
#[must_use = "dropping it stops the upkeep"]
pub(super) struct Upkeep {
    task: JoinHandle<()>,
}

impl Upkeep {
    pub(super) fn start(queue: Queue, settings: &Settings) -> Self {
        let reaping = reaping(queue.clone(), settings.lease);
        let forgetting = forgetting(queue.clone(), settings.forget_after);
        #[cfg(feature = "cron")]
        let firing = crate::schedule::firing(queue, Arc::clone(&settings.clock));
        #[cfg(not(feature = "cron"))]
        let firing = async move { drop(queue) };
        let task = tokio::spawn(async {
            tokio::join!(reaping, forgetting, firing);
        });
        Self { task }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reaping(queue: Queue, lease: Duration) {
    let (shortest, longest) = REAP_INTERVAL;
    let interval = (lease / 4).clamp(shortest, longest);
    loop {
        match queue.reap(ReapScope::Expired).await {
            Ok(reaped) if reaped.is_empty() => {}
            Ok(reaped) => {
                tracing::warn!(tasks = reaped.len(), "leases ran out and their tasks were taken back");
            }
            Err(error) => tracing::warn!(error = %error, "expired leases were not looked for"),
        }
        sleep(interval).await;
    }
}

async fn forgetting(queue: Queue, age: Option<Duration>) {
    let Some(age) = age else { return };
    let (shortest, longest) = FORGET_INTERVAL;
    let interval = (age / 10).clamp(shortest, longest);
    loop {
        let pause = match queue.forget_some(age).await {
            Ok(gone) if gone >= MAX_BATCH as u64 => FORGET_PAUSE,
            Ok(_) => interval,
            Err(error) => {
                tracing::warn!(error = %error, "old records were not looked for");
                interval
            }
        };
        sleep(pause).await;
    }
}
