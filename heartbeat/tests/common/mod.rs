//! A world with a clock that stands still, and a store that can be taken out of reach.
#![allow(dead_code, reason = "each test file uses a part")]

#[cfg(feature = "redis")]
pub(crate) mod server;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cofferdam_heartbeat::{
    Error, Listing, ManualClock, MemoryStore, Observer, Publisher, Store, WorkerState,
};

/// 2026-11-23T10:34:06.123Z
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_430_046_123)
}

pub(crate) fn world() -> (Arc<ManualClock>, MemoryStore) {
    let clock = Arc::new(ManualClock::starting_at(start()));
    let store = MemoryStore::with_clock(clock.clone());
    (clock, store)
}

/// Waits until the worker is known at all.
pub(crate) async fn first_beat(publisher: &Publisher) {
    until(|| publisher.stats().beats > 0).await;
}

/// Waits for a beat that began after this call. One may be under way now, so it takes two.
pub(crate) async fn settled(publisher: &Publisher) {
    let enough = publisher.stats().beats + 2;
    until(|| publisher.stats().beats >= enough).await;
}

pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    for _ in 0..20_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the condition did not come true within 20 s");
}

/// The memory store behind a cable that can be pulled.
#[derive(Clone)]
pub(crate) struct Cable {
    pub(crate) store: MemoryStore,
    pub(crate) pulled: Arc<AtomicBool>,
    pub(crate) hanging: Arc<AtomicBool>,
    pub(crate) puts: Arc<AtomicU64>,
}

impl Cable {
    pub(crate) fn new(store: MemoryStore) -> Self {
        Self { store, pulled: Arc::default(), hanging: Arc::default(), puts: Arc::default() }
    }

    pub(crate) fn pull(&self, pulled: bool) {
        self.pulled.store(pulled, Ordering::SeqCst);
    }

    async fn check(&self, operation: &'static str) -> Result<(), Error> {
        if self.hanging.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.pulled.load(Ordering::SeqCst) {
            return Err(Error::store(operation, std::io::Error::other("cable pulled")));
        }
        Ok(())
    }
}

impl Store for Cable {
    async fn put(&self, worker_id: &str, document: String, ttl: Duration) -> Result<(), Error> {
        self.puts.fetch_add(1, Ordering::SeqCst);
        self.check("put").await?;
        self.store.put(worker_id, document, ttl).await
    }
    async fn delete(&self, worker_id: &str) -> Result<(), Error> {
        self.check("delete").await?;
        self.store.delete(worker_id).await
    }
    async fn list(&self) -> Result<Listing, Error> {
        self.check("list").await?;
        self.store.list().await
    }
    async fn forget(&self, worker_id: &str) -> Result<(), Error> {
        self.check("forget").await?;
        self.store.forget(worker_id).await
    }
}

/// Writes down what it is told.
#[derive(Default)]
pub(crate) struct Diary {
    pub(crate) rounds: AtomicU64,
    pub(crate) died: Mutex<Vec<String>>,
}

impl Observer for Diary {
    fn observed(&self, _workers: &[WorkerState]) {
        self.rounds.fetch_add(1, Ordering::SeqCst);
    }
    fn died(&self, worker: &WorkerState) {
        self.died.lock().unwrap().push(worker.worker_id.clone());
    }
}

/// A document as a worker of this id writes it.
pub(crate) fn document(worker_id: &str) -> String {
    format!(
        r#"{{"worker_id":"{worker_id}","worker_name":"w","timestamp":"2026-11-23T10:34:06.123Z","status":"idle","tasks_processed":0,"tasks_failed":0,"uptime_seconds":4,"current_task_id":null,"heartbeat_interval":10,"heartbeat_ttl":30}}"#
    )
}
