//! Who works here: heartbeats, the monitor, and what happens when a worker dies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::Error;
use crate::heartbeat::{Liveness, MemoryStore, Monitor, Observer as _, Publisher, Reporter};
use crate::queue::{Queue, ReapScope, WorkerId};
use crate::telemetry::Telemetry;

/// How often the queue's state is read for the metrics; a dashboard refreshes every ten seconds.
const STATS_PERIOD: Duration = Duration::from_secs(5);

/// The heartbeats of this process's workers, and the background work that watches them and the queue.
pub(crate) struct Presence {
    beats: MemoryStore,
    /// The queue's name for the worker that beats under an id.
    workers: Workers,
    /// Ended when this is dropped.
    _background: JoinSet<()>,
}

type Workers = Arc<Mutex<HashMap<String, WorkerId>>>;

impl Presence {
    pub(crate) fn start(queue: &Queue, telemetry: &Telemetry) -> Result<Self, Error> {
        let beats = MemoryStore::new();
        let workers = Workers::default();
        let observer = telemetry.heartbeat_observer();
        let monitor = Monitor::builder(beats.clone()).observer(Arc::new(observer.clone())).build()?;
        let mut seen = monitor.workers();
        let mut background = JoinSet::new();

        let (dead_queue, known) = (queue.clone(), Arc::clone(&workers));
        background.spawn(async move {
            while let Some(states) = seen.next().await {
                for state in states.iter().filter(|state| state.liveness == Liveness::Dead) {
                    let worker = lock(&known).remove(&state.worker_id);
                    let Some(worker) = worker else { continue };
                    // The lease would run out by itself; this is sooner.
                    match dead_queue.reap(ReapScope::Worker(worker)).await {
                        Ok(reaped) => observer.reclaimed(reaped.len() as u64),
                        Err(error) => {
                            tracing::warn!(%error, "a dead worker's jobs wait for their lease to run out")
                        }
                    }
                }
            }
        });
        background.spawn(async move {
            monitor.run().await;
        });
        let (watched, telemetry) = (queue.clone(), telemetry.clone());
        background.spawn(async move {
            loop {
                match watched.stats().await {
                    Ok(stats) => telemetry.set_queue_stats(watched.name().as_str(), &stats),
                    Err(error) => tracing::warn!(%error, "the queue's state cannot be read for the metrics"),
                }
                tokio::time::sleep(STATS_PERIOD).await;
            }
        });
        Ok(Self { beats, workers, _background: background })
    }

    /// Starts the heartbeat of a worker.
    pub(crate) fn join(&self, name: &str, worker: &WorkerId) -> Result<(Publisher, Reporter), Error> {
        let publisher = Publisher::builder(self.beats.clone(), name).build()?;
        lock(&self.workers).insert(publisher.worker_id().to_owned(), worker.clone());
        let reporter = publisher.reporter();
        Ok((publisher, reporter))
    }

    /// Ends the heartbeat of a worker that stops in order.
    pub(crate) async fn leave(&self, publisher: Publisher) -> Result<(), Error> {
        lock(&self.workers).remove(publisher.worker_id());
        Ok(publisher.stop().await?)
    }
}

fn lock(workers: &Workers) -> std::sync::MutexGuard<'_, HashMap<String, WorkerId>> {
    // The map is whole after every operation, so a panic elsewhere while it was held broke nothing.
    workers.lock().unwrap_or_else(PoisonError::into_inner)
}
