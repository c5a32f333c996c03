//! Workers that beat fast, and a monitor that watches them all the time.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cofferdam_heartbeat::{Liveness, Monitor, Publisher, RedisStore, WorkerState, Workers};
use tokio::task::JoinHandle;

use crate::common::{Diary, first_beat};

pub(crate) const INTERVAL: Duration = Duration::from_millis(400);
pub(crate) const TTL: Duration = Duration::from_millis(1600);

pub(crate) struct Fleet {
    pub(crate) publishers: Vec<Publisher>,
    pub(crate) diary: Arc<Diary>,
    pub(crate) workers: Workers,
    watching: JoinHandle<()>,
}

impl Fleet {
    /// Starts workers and waits until each has beaten and the monitor knows its store for longer than a TTL: from then
    /// on it is ready to call anyone dead.
    pub(crate) async fn start(store: &RedisStore, size: usize) -> Self {
        let publishers: Vec<Publisher> = (0..size)
            .map(|n| {
                let publisher = Publisher::builder(store.clone(), format!("worker-{n}"));
                publisher.interval(INTERVAL).ttl(TTL).build().unwrap()
            })
            .collect();
        for publisher in &publishers {
            first_beat(publisher).await;
        }
        let diary = Arc::new(Diary::default());
        let monitor = Monitor::builder(store.clone()).observer(diary.clone());
        let monitor = monitor.period(Duration::from_millis(50)).build().unwrap();
        let workers = monitor.workers();
        let watching = tokio::spawn(async move {
            monitor.run().await;
        });
        let mut fleet = Self { publishers, diary, workers, watching };
        tokio::time::sleep(TTL + INTERVAL).await;
        fleet.all_beat_again(TTL).await;
        fleet
    }

    pub(crate) fn alive(&self) -> usize {
        self.workers.latest().iter().filter(|worker| worker.liveness == Liveness::Alive).count()
    }

    /// Waits until all have beaten after now and are seen alive; how long that took.
    pub(crate) async fn all_beat_again(&mut self, within: Duration) -> Duration {
        let (begin, wall) = (Instant::now(), SystemTime::now());
        let size = self.publishers.len();
        let beaten = |worker: &WorkerState| worker.liveness == Liveness::Alive && worker.last_seen > wall;
        while self.workers.latest().iter().filter(|worker| beaten(worker)).count() < size {
            assert!(begin.elapsed() < within, "{:?} after {within:?}", self.workers.latest());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        begin.elapsed()
    }

    pub(crate) fn died(&self) -> Vec<String> {
        self.diary.died.lock().unwrap().clone()
    }

    /// One worker falls silent, and is found dead: the monitor still sees what there is to see.
    pub(crate) async fn one_dies(&mut self) {
        let id = self.publishers.pop().unwrap().worker_id().to_owned();
        let begin = Instant::now();
        while self.died() != [id.as_str()] {
            assert!(begin.elapsed() < 3 * TTL, "{:?}", self.died());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.all_beat_again(TTL).await;
        assert_eq!(self.died(), [id.as_str()]);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Calls that must all end within the time, well or badly.
pub(crate) async fn every_call_ends(store: &RedisStore, within: Duration) -> Vec<String> {
    use cofferdam_heartbeat::Store as _;
    let mut errors = Vec::new();
    let document = crate::common::document("bounded#1");
    for call in ["put", "list", "forget", "delete"] {
        let begin = Instant::now();
        let outcome = match call {
            "put" => store.put("bounded#1", document.clone(), TTL).await,
            "list" => store.list().await.map(drop),
            "forget" => store.forget("bounded#1").await,
            _ => store.delete("bounded#1").await,
        };
        let took = begin.elapsed();
        assert!(took < within, "{call} took {took:?}");
        errors.extend(outcome.err().map(|error| {
            let cause = std::error::Error::source(&error).unwrap();
            format!("{error}: {cause}")
        }));
    }
    errors
}
