//! The watcher's side: who is alive, who is suspect, who is dead.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::judge::{Known, Round};
use crate::{Clock, Error, Listing, Observer, Store, WorkerState, Workers};

/// How long one call to the store may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Watches the workers of one store.
///
/// Several monitors may watch the same store; each reports on its own.
///
/// # When a worker is called dead
/// When its document expired *and* the monitor has been able to read the store for one full TTL of that worker. A
/// monitor that just started, or whose store was out of reach, cannot know whether the workers could write
/// meanwhile, so it calls the silent ones suspect until then. The same holds after the store's [era](Listing::era)
/// changed. A store that answers, yet lost everything it held, reports nobody and so nobody dies by it.
pub struct Monitor<S> {
    pub(crate) store: S,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) period: Duration,
    pub(crate) forget_after: Duration,
    pub(crate) known: BTreeMap<String, Known>,
    /// Since when, on the monitor's clock, every call to the store succeeded, and it was in the same era.
    pub(crate) reachable_since: Option<Duration>,
    /// The store's era at the last round that succeeded.
    pub(crate) era: Option<u64>,
    pub(crate) published: watch::Sender<Arc<[WorkerState]>>,
}

impl<S: Store> Monitor<S> {
    /// A handle on what the latest round saw.
    #[must_use]
    pub fn workers(&self) -> Workers {
        Workers(self.published.subscribe())
    }

    /// Looks once and returns all workers that are known, ordered by id: the dead ones too, until they are
    /// forgotten.
    ///
    /// # Errors
    /// If the store refuses or does not answer within five seconds. What was known stays as it was, and nobody is
    /// called dead for one full TTL after the store is back.
    ///
    /// # Cancellation safety
    /// A dropped call changes nothing, except that the store may have forgotten workers that died long ago.
    pub async fn observe(&mut self) -> Result<Arc<[WorkerState]>, Error> {
        let Listing { entries, era } = match call("list", self.store.list()).await {
            Ok(listing) => listing,
            Err(error) => {
                self.reachable_since = None;
                return Err(error);
            }
        };
        let now = self.clock.elapsed();
        if self.era.replace(era).is_some_and(|before| before != era) {
            tracing::debug!("the store may have lost heartbeats: nobody is called dead for one TTL");
            self.reachable_since = None;
        }
        let reachable_for = now.saturating_sub(*self.reachable_since.get_or_insert(now));
        let round = Round { now, wall: self.clock.wall(), reachable_for };
        let mut known = round.judge(entries, &self.known);
        self.forget_old(&mut known, now).await;

        // From here on nothing waits, so a dropped call never leaves half a round behind.
        let before = std::mem::replace(&mut self.known, known);
        for (worker_id, worker) in &self.known {
            let died_before = before.get(worker_id).is_some_and(|known| known.died_at.is_some());
            if worker.died_at.is_some() && !died_before {
                tracing::warn!(worker_id, "worker is dead");
                self.observer.died(&worker.state);
            }
        }
        let workers: Arc<[WorkerState]> = self.known.values().map(|known| known.state.clone()).collect();
        self.observer.observed(&workers);
        self.published.send_replace(Arc::clone(&workers));
        Ok(workers)
    }

    /// Looks again and again until the future is dropped. Failures of the store are logged when they begin and
    /// when they end.
    ///
    /// # Cancellation safety
    /// Made to be dropped at any moment.
    pub async fn run(mut self) -> Infallible {
        let mut failing = false;
        loop {
            match self.observe().await {
                Ok(_) if failing => tracing::info!("workers are observed again"),
                Err(error) if !failing => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "workers cannot be observed");
                }
                Ok(_) | Err(_) => {}
            }
            failing = self.reachable_since.is_none();
            tokio::time::sleep(self.period).await;
        }
    }

    /// Forgets the dead whose time is over. One that the store cannot forget now stays known as dead, so that its
    /// death is not reported twice, and the next round tries again.
    async fn forget_old(&self, known: &mut BTreeMap<String, Known>, now: Duration) {
        let is_over = |known: &Known| {
            known.died_at.is_some_and(|died_at| now.saturating_sub(died_at) >= self.forget_after)
        };
        let over: Vec<String> = known
            .iter()
            .filter(|(_, known)| is_over(known))
            .map(|(worker_id, _)| worker_id.clone())
            .collect();
        for worker_id in over {
            if let Err(error) = call("forget", self.store.forget(&worker_id)).await {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(worker_id, error, "dead worker stays in the index");
                return;
            }
            known.remove(&worker_id);
        }
    }
}

impl<S> fmt::Debug for Monitor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("workers", &self.known.len())
            .field("reachable", &self.reachable_since.is_some())
            .finish_non_exhaustive()
    }
}

async fn call<T>(
    operation: &'static str,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timeout = Error::Timeout { operation, after: CALL_TIMEOUT };
    tokio::time::timeout(CALL_TIMEOUT, future).await.unwrap_or(Err(timeout))
}
