//! Who is called alive, suspect and dead, and when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cofferdam_heartbeat::{ErrorKind, Liveness, Monitor, Publisher, Store, WorkerState};
use common::{Cable, Diary, document, first_beat, start, world};
use proptest::prelude::*;

const TTL: Duration = Duration::from_secs(30);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn verdicts(workers: &[WorkerState]) -> Vec<(&str, Liveness)> {
    workers.iter().map(|worker| (worker.worker_id.as_str(), worker.liveness)).collect()
}

#[tokio::test]
async fn silence_makes_suspect_then_dead_then_forgotten_and_death_is_told_once() {
    let (clock, store) = world();
    let diary = Arc::new(Diary::default());
    let mut monitor =
        Monitor::builder(store.clone()).clock(clock.clone()).observer(diary.clone()).build().unwrap();
    store.put("w#1", document("w#1"), TTL).await.unwrap();

    let mut seen = Vec::new();
    for at in [0, 15, 16, 29, 30, 35, 629, 630] {
        let now = clock.clone();
        let passed = cofferdam_heartbeat::Clock::elapsed(&*now);
        clock.advance(seconds(at) - passed);
        let workers = monitor.observe().await.unwrap();
        seen.push((at, workers.first().map(|worker| worker.liveness)));
        if let Some(worker) = workers.first() {
            assert_eq!(worker.last_seen, start(), "last seen is when it wrote, not when it was looked at");
            assert_eq!(worker.started_at, start().checked_sub(seconds(4)));
            assert_eq!(worker.worker_name(), "w");
        }
    }
    use Liveness::{Alive, Dead, Suspect};
    assert_eq!(
        seen,
        [
            (0, Some(Alive)),
            (15, Some(Alive)),
            (16, Some(Suspect)),
            (29, Some(Suspect)),
            (30, Some(Dead)),
            (35, Some(Dead)),
            (629, Some(Dead)),
            (630, None)
        ]
    );
    assert_eq!(*diary.died.lock().unwrap(), ["w#1"]);
    assert_eq!(diary.rounds.load(Ordering::SeqCst), 8);
    assert!(store.list().await.unwrap().entries.is_empty(), "the index forgets too");
}

#[tokio::test]
async fn nobody_is_called_dead_for_one_ttl_after_the_store_was_out_of_reach() {
    let (clock, store) = world();
    let cable = Cable::new(store);
    let diary = Arc::new(Diary::default());
    let mut monitor =
        Monitor::builder(cable.clone()).clock(clock.clone()).observer(diary.clone()).build().unwrap();
    cable.put("w#1", document("w#1"), TTL).await.unwrap();
    cable.put("w#2", document("w#2"), TTL).await.unwrap();
    monitor.observe().await.unwrap();

    cable.pull(true);
    clock.advance(seconds(300));
    let error = monitor.observe().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("could not list"), "{error}");

    cable.pull(false);
    let workers = monitor.observe().await.unwrap();
    assert_eq!(verdicts(&workers), [("w#1", Liveness::Suspect), ("w#2", Liveness::Suspect)]);

    // One worker comes back within its TTL, the other does not.
    clock.advance(seconds(29));
    cable.put("w#1", document("w#1"), TTL).await.unwrap();
    let workers = monitor.observe().await.unwrap();
    assert_eq!(verdicts(&workers), [("w#1", Liveness::Alive), ("w#2", Liveness::Suspect)]);
    assert!(diary.died.lock().unwrap().is_empty());

    clock.advance(seconds(1));
    let workers = monitor.observe().await.unwrap();
    assert_eq!(verdicts(&workers), [("w#1", Liveness::Alive), ("w#2", Liveness::Dead)]);
    assert_eq!(*diary.died.lock().unwrap(), ["w#2"]);
}

#[tokio::test]
async fn the_dead_stay_dead_through_an_outage_and_a_later_outage_starts_the_wait_again() {
    let (clock, store) = world();
    let cable = Cable::new(store);
    let diary = Arc::new(Diary::default());
    let mut monitor =
        Monitor::builder(cable.clone()).clock(clock.clone()).observer(diary.clone()).build().unwrap();
    cable.put("w#1", document("w#1"), TTL).await.unwrap();
    monitor.observe().await.unwrap();
    clock.advance(seconds(30));
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Dead)]);

    cable.put("w#2", document("w#2"), TTL).await.unwrap();
    for _ in 0..3 {
        cable.pull(true);
        clock.advance(seconds(29));
        monitor.observe().await.unwrap_err();
        cable.pull(false);
        let workers = monitor.observe().await.unwrap();
        assert_eq!(workers[0].liveness, Liveness::Dead);
        assert_ne!(workers[1].liveness, Liveness::Dead, "an outage every 29 s hides every beat");
    }
    assert_eq!(*diary.died.lock().unwrap(), ["w#1"]);
}

#[tokio::test]
async fn a_monitor_that_just_started_waits_one_ttl_before_it_calls_anyone_dead() {
    let (clock, store) = world();
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    clock.advance(seconds(100));
    let mut monitor = Monitor::builder(store).clock(clock.clone()).build().unwrap();
    let workers = monitor.observe().await.unwrap();
    assert_eq!(verdicts(&workers), [("w#1", Liveness::Suspect)]);
    assert_eq!((workers[0].heartbeat.as_ref(), workers[0].started_at), (None, None));
    clock.advance(TTL);
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Dead)]);
}

#[tokio::test]
async fn a_worker_that_wakes_up_lives_again_and_may_die_again() {
    let (clock, store) = world();
    let diary = Arc::new(Diary::default());
    let mut monitor =
        Monitor::builder(store.clone()).clock(clock.clone()).observer(diary.clone()).build().unwrap();
    for _ in 0..2 {
        store.put("w#1", document("w#1"), TTL).await.unwrap();
        assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Alive)]);
        clock.advance(seconds(31));
        assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Dead)]);
    }
    assert_eq!(*diary.died.lock().unwrap(), ["w#1", "w#1"]);
}

#[tokio::test]
async fn a_dead_worker_that_the_store_cannot_forget_is_not_reported_twice() {
    let (clock, store) = world();
    let stubborn = Stubborn(store.clone());
    let diary = Arc::new(Diary::default());
    let mut monitor =
        Monitor::builder(stubborn).clock(clock.clone()).observer(diary.clone()).build().unwrap();
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    monitor.observe().await.unwrap();
    for _ in 0..30 {
        clock.advance(seconds(60));
        assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Dead)]);
    }
    assert_eq!(*diary.died.lock().unwrap(), ["w#1"]);
}

#[derive(Clone)]
struct Stubborn(cofferdam_heartbeat::MemoryStore);

impl Store for Stubborn {
    async fn put(&self, id: &str, document: String, ttl: Duration) -> Result<(), cofferdam_heartbeat::Error> {
        self.0.put(id, document, ttl).await
    }
    async fn delete(&self, id: &str) -> Result<(), cofferdam_heartbeat::Error> {
        self.0.delete(id).await
    }
    async fn list(&self) -> Result<cofferdam_heartbeat::Listing, cofferdam_heartbeat::Error> {
        self.0.list().await
    }
    async fn forget(&self, _: &str) -> Result<(), cofferdam_heartbeat::Error> {
        Err(cofferdam_heartbeat::Error::store("forget", "no permission"))
    }
}

#[tokio::test]
async fn a_new_era_of_the_store_starts_the_wait_again() {
    let (clock, store) = world();
    let fickle = Fickle { store: store.clone(), era: Arc::default(), lost: Arc::default() };
    let mut monitor = Monitor::builder(fickle.clone()).clock(clock.clone()).build().unwrap();
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    monitor.observe().await.unwrap();
    clock.advance(TTL);
    fickle.era.store(1, Ordering::SeqCst);
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Suspect)]);
    clock.advance(seconds(29));
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Suspect)]);
    clock.advance(seconds(1));
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Dead)]);
    fickle.era.store(2, Ordering::SeqCst);
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Dead)], "the dead stay dead");
}

#[tokio::test]
async fn a_document_that_is_missing_before_its_time_is_no_death() {
    let (clock, store) = world();
    let fickle = Fickle { store: store.clone(), era: Arc::default(), lost: Arc::default() };
    let mut monitor = Monitor::builder(fickle.clone()).clock(clock.clone()).build().unwrap();
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    monitor.observe().await.unwrap();
    clock.advance(TTL);
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    fickle.lost.store(true, Ordering::SeqCst);
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Suspect)]);
    clock.advance(seconds(29));
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Suspect)]);
    clock.advance(seconds(1));
    assert_eq!(verdicts(&monitor.observe().await.unwrap()), [("w#1", Liveness::Dead)]);
}

/// A store that may lose documents, and knows when.
#[derive(Clone)]
struct Fickle {
    store: cofferdam_heartbeat::MemoryStore,
    era: Arc<std::sync::atomic::AtomicU64>,
    lost: Arc<std::sync::atomic::AtomicBool>,
}

impl Store for Fickle {
    async fn put(&self, id: &str, document: String, ttl: Duration) -> Result<(), cofferdam_heartbeat::Error> {
        self.store.put(id, document, ttl).await
    }
    async fn delete(&self, id: &str) -> Result<(), cofferdam_heartbeat::Error> {
        self.store.delete(id).await
    }
    async fn list(&self) -> Result<cofferdam_heartbeat::Listing, cofferdam_heartbeat::Error> {
        let mut listing = self.store.list().await?;
        listing.era = self.era.load(Ordering::SeqCst);
        if self.lost.load(Ordering::SeqCst) {
            listing.entries.iter_mut().for_each(|entry| entry.document = None);
        }
        Ok(listing)
    }
    async fn forget(&self, id: &str) -> Result<(), cofferdam_heartbeat::Error> {
        self.store.forget(id).await
    }
}

#[tokio::test]
async fn a_reused_name_is_another_worker_and_inherits_neither_life_nor_death() {
    let (clock, store) = world();
    let mut monitor = Monitor::builder(store.clone()).clock(clock.clone()).build().unwrap();
    let crashed = Publisher::builder(store.clone(), "worker-1").clock(clock.clone()).build().unwrap();
    crashed.reporter().processing("t").failed();
    first_beat(&crashed).await;
    let old = crashed.worker_id().to_owned();
    drop(crashed);
    monitor.observe().await.unwrap();
    clock.advance(seconds(31));

    let reborn = Publisher::builder(store, "worker-1").clock(clock.clone()).build().unwrap();
    first_beat(&reborn).await;
    assert_ne!(reborn.worker_id(), old);
    let workers = monitor.observe().await.unwrap();
    let find = |id: &str| workers.iter().find(|worker| worker.worker_id == id).unwrap();
    assert_eq!(find(&old).liveness, Liveness::Dead);
    assert_eq!(find(reborn.worker_id()).liveness, Liveness::Alive);
    assert_eq!(find(reborn.worker_id()).heartbeat.as_ref().unwrap().tasks_failed, 0);
    assert_eq!(find(&old).worker_name(), find(reborn.worker_id()).worker_name());
}

#[tokio::test]
async fn a_broken_document_hides_neither_its_worker_nor_the_others() {
    let (clock, store) = world();
    let mut monitor = Monitor::builder(store.clone()).clock(clock.clone()).build().unwrap();
    store.put("broken", "{\"worker_id\":".to_owned(), TTL).await.unwrap();
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    let workers = monitor.observe().await.unwrap();
    assert_eq!(verdicts(&workers), [("broken", Liveness::Alive), ("w#1", Liveness::Alive)]);
    assert!(workers[0].heartbeat.is_none());
}

#[tokio::test]
async fn a_running_monitor_publishes_rounds_and_survives_an_outage() {
    let (clock, store) = world();
    let cable = Cable::new(store);
    cable.put("w#1", document("w#1"), TTL).await.unwrap();
    let monitor =
        Monitor::builder(cable.clone()).clock(clock).period(Duration::from_millis(5)).build().unwrap();
    let mut workers = monitor.workers();
    assert!(workers.latest().is_empty());
    let running = tokio::spawn(monitor.run());
    assert_eq!(verdicts(&workers.next().await.unwrap()), [("w#1", Liveness::Alive)]);
    cable.pull(true);
    tokio::time::sleep(Duration::from_millis(30)).await;
    cable.pull(false);
    cable.delete("w#1").await.unwrap();
    while !workers.next().await.unwrap().is_empty() {}
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert!(workers.next().await.is_none(), "the stream ends with its monitor");
}

proptest! {
    /// Whatever happens, a worker is dead only if its TTL ran out and the store was in reach for a whole TTL.
    #[test]
    fn death_needs_a_whole_ttl_of_silence_in_reach(steps in prop::collection::vec((0u64..40, 0u8..4), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (clock, store) = world();
            let cable = Cable::new(store);
            let mut monitor = Monitor::builder(cable.clone()).clock(clock.clone()).build().unwrap();
            let (mut now, mut wrote, mut reachable, mut was_dead) = (0, None, None, false);
            for (wait, action) in steps {
                clock.advance(seconds(wait));
                now += wait;
                match action {
                    0 => {
                        cable.store.put("w#1", document("w#1"), TTL).await.unwrap();
                        wrote = Some(now);
                    }
                    1 => {
                        cable.pull(true);
                        monitor.observe().await.unwrap_err();
                        cable.pull(false);
                        reachable = None;
                    }
                    _ => {
                        let since = *reachable.get_or_insert(now);
                        let workers = monitor.observe().await.unwrap();
                        let dead = workers.iter().any(|worker| worker.liveness == Liveness::Dead);
                        let silent = wrote.is_some_and(|wrote| now - wrote >= 30);
                        if dead {
                            assert!(silent && (was_dead || now - since >= 30));
                        } else if silent && now - since >= 30 {
                            assert!(workers.is_empty(), "a silent worker must be dead or forgotten");
                        }
                        was_dead = dead;
                    }
                }
            }
        });
    }
}
