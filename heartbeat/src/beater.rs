//! The loop on the publisher's thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::{Clock, Error, Heartbeat, Reporter, Status, Store};

/// After a failed put the next try comes after this part of the interval, so that a store that comes back late in
/// the TTL still finds the worker alive, while a store that is down meets four calls an interval at most.
const RETRY_PART: u32 = 4;

/// How it goes, for those who ask the publisher.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) beats: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) last_error: Mutex<Option<String>>,
}

/// What runs on the thread.
pub(crate) struct Beater<S> {
    pub(crate) store: S,
    pub(crate) worker_id: String,
    pub(crate) name: String,
    pub(crate) interval: Duration,
    pub(crate) ttl: Duration,
    pub(crate) started: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reporter: Reporter,
    pub(crate) shared: Arc<Shared>,
}

impl<S: Store> Beater<S> {
    pub(crate) async fn run(self, mut stop: watch::Receiver<()>) -> Result<(), Error> {
        loop {
            // A put that hangs is given up after one interval, and at once when the worker stops.
            let put = tokio::time::timeout(self.interval, self.beat());
            let pause = tokio::select! {
                biased;
                asked = stop.changed() => return self.end(asked.is_ok()).await,
                put = put => {
                    let timeout = Error::Timeout { operation: "put", after: self.interval };
                    if self.note(put.unwrap_or(Err(timeout))) { self.interval } else { self.interval / RETRY_PART }
                }
            };
            tokio::select! {
                biased;
                asked = stop.changed() => return self.end(asked.is_ok()).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn beat(&self) -> Result<(), Error> {
        let document = serde_json::to_string(&self.document()).map_err(|e| Error::store("put", e))?;
        self.store.put(&self.worker_id, document, self.ttl).await
    }

    fn document(&self) -> Heartbeat {
        let notes = self.reporter.notes();
        let current_task_id = notes.current_task().map(str::to_owned);
        Heartbeat {
            worker_id: self.worker_id.clone(),
            worker_name: self.name.clone(),
            timestamp: self.clock.wall(),
            status: if current_task_id.is_some() { Status::Processing } else { Status::Idle },
            tasks_processed: notes.processed,
            tasks_failed: notes.failed,
            uptime_seconds: self.clock.elapsed().saturating_sub(self.started).as_secs(),
            current_task_id,
            heartbeat_interval: self.interval,
            heartbeat_ttl: self.ttl,
        }
    }

    /// Counts the outcome, and logs only when it changes: a store that is down for an hour is one line.
    fn note(&self, outcome: Result<(), Error>) -> bool {
        let mut last_error = self.shared.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => {
                self.shared.beats.fetch_add(1, Ordering::Relaxed);
                if last_error.take().is_some() {
                    tracing::info!(worker_id = self.worker_id, "heartbeat is back");
                }
                true
            }
            Err(error) => {
                self.shared.failures.fetch_add(1, Ordering::Relaxed);
                let text = describe(&error);
                if last_error.is_none() {
                    tracing::warn!(worker_id = self.worker_id, error = text, "heartbeat failed");
                }
                *last_error = Some(text);
                false
            }
        }
    }

    /// A publisher that was dropped leaves its document to expire; one that was stopped takes it away.
    async fn end(self, gracefully: bool) -> Result<(), Error> {
        if !gracefully {
            return Ok(());
        }
        let delete = tokio::time::timeout(self.interval, self.store.delete(&self.worker_id));
        delete.await.unwrap_or(Err(Error::Timeout { operation: "delete", after: self.interval }))
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
