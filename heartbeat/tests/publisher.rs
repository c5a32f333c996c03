//! How a worker publishes itself, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use cofferdam_heartbeat::{Error, ErrorKind, Listing, MemoryStore, Monitor, Publisher, Store, key};
use common::{Cable, first_beat, settled, until, world};
use proptest::prelude::*;

const FAST: Duration = Duration::from_millis(20);

#[tokio::test]
async fn stop_takes_the_document_away_and_drop_leaves_it_to_expire() {
    let (clock, store) = world();
    let stopped = Publisher::builder(store.clone(), "stopped").build().unwrap();
    let dropped = Publisher::builder(store.clone(), "dropped").build().unwrap();
    first_beat(&stopped).await;
    first_beat(&dropped).await;
    let (stopped_id, dropped_id) = (stopped.worker_id().to_owned(), dropped.worker_id().to_owned());
    stopped.stop().await.unwrap();
    drop(dropped);

    assert!(store.get(&key(&stopped_id)).is_none());
    assert!(store.get(&key(&dropped_id)).is_some());
    clock.advance(Duration::from_millis(29_999));
    assert!(store.get(&key(&dropped_id)).is_some());
    clock.advance(Duration::from_millis(1));
    assert!(store.get(&key(&dropped_id)).is_none());
    assert_eq!(store.list().await.unwrap().entries.len(), 1, "the index still tells that someone died");
}

#[tokio::test]
async fn a_stop_whose_future_is_dropped_takes_the_document_away_all_the_same() {
    let store = MemoryStore::new();
    let publisher = Publisher::builder(store.clone(), "worker").build().unwrap();
    first_beat(&publisher).await;
    let id = publisher.worker_id().to_owned();
    drop(publisher.stop());
    until(|| store.get(&key(&id)).is_none()).await;
}

#[test]
fn a_blocked_runtime_does_not_silence_its_worker() {
    let store = MemoryStore::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let publisher = Publisher::builder(store, "busy").interval(FAST).build().unwrap();
        settled(&publisher).await;
        let before = publisher.stats().beats;
        // No await in here: this runtime has one thread, and it does nothing else meanwhile.
        let begin = std::time::Instant::now();
        while publisher.stats().beats < before + 3 {
            assert!(begin.elapsed() < Duration::from_secs(20), "no beat while the runtime was blocked");
            std::thread::yield_now();
        }
        publisher.stop().await.unwrap();
    });
}

#[tokio::test]
async fn a_store_out_of_reach_is_counted_retried_and_got_over() {
    let cable = Cable::new(MemoryStore::new());
    cable.pull(true);
    let publisher = Publisher::builder(cable.clone(), "worker").interval(FAST).build().unwrap();
    until(|| publisher.stats().failures >= 2).await;
    let stats = publisher.stats();
    assert_eq!(stats.beats, 0);
    let last_error = stats.last_error.unwrap();
    assert!(last_error.contains("could not put") && last_error.contains("cable pulled"), "{last_error}");

    cable.pull(false);
    settled(&publisher).await;
    assert_eq!(publisher.stats().last_error, None);

    cable.pull(true);
    let error = publisher.stop().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
}

#[tokio::test]
async fn a_store_that_hangs_is_given_up_and_does_not_hold_up_the_stop() {
    let cable = Cable::new(MemoryStore::new());
    cable.hanging.store(true, Ordering::SeqCst);
    let publisher = Publisher::builder(cable.clone(), "worker").interval(FAST).build().unwrap();
    until(|| publisher.stats().failures >= 2).await;
    let last_error = publisher.stats().last_error.unwrap();
    assert!(last_error.contains("did not put within 20ms"), "{last_error}");
    assert_eq!(publisher.stop().await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_store_that_panics_ends_the_thread_and_the_stop_says_so() {
    #[derive(Clone)]
    struct Bomb;
    impl Store for Bomb {
        async fn put(&self, _: &str, _: String, _: Duration) -> Result<(), Error> {
            panic!("this panic belongs to the test")
        }
        async fn delete(&self, _: &str) -> Result<(), Error> {
            Ok(())
        }
        async fn list(&self) -> Result<Listing, Error> {
            Ok(Listing { entries: Vec::new(), era: 0 })
        }
        async fn forget(&self, _: &str) -> Result<(), Error> {
            Ok(())
        }
    }
    let publisher = Publisher::builder(Bomb, "worker").build().unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = publisher.stop().await.unwrap_err();
    assert!(matches!(error, Error::Ended), "{error}");
}

#[test]
fn names_and_times_out_of_range_are_refused_with_the_remedy() {
    let build = |name: &str| Publisher::builder(MemoryStore::new(), name).build();
    for name in ["", "a{b}c", "a\nb", "a\0", &"x".repeat(129)] {
        let error = build(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("use 1 to 128 bytes"), "{error}");
    }
    for (interval, ttl) in [(0, 30_000), (9, 30_000), (10_000, 19_999), (10_000, 86_400_001), (u64::MAX, 1)] {
        let error = Publisher::builder(MemoryStore::new(), "w")
            .interval(Duration::from_millis(interval))
            .ttl(Duration::from_millis(ttl))
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("out of range: use "), "{error}");
    }
}

#[tokio::test]
async fn the_memory_store_does_not_grow_for_ever_without_a_monitor() {
    let (clock, store) = world();
    for n in 0..1000 {
        store.put(&format!("w#{n}"), "{}".to_owned(), Duration::from_secs(30)).await.unwrap();
        clock.advance(Duration::from_secs(36));
    }
    assert!(store.list().await.unwrap().entries.len() <= 102, "one hour and 30 s hold at most 101 of them");
}

#[tokio::test]
async fn the_epoch_of_the_id_is_the_one_that_was_given_and_the_monitor_reads_it_back() {
    let store = MemoryStore::new();
    let given = Publisher::builder(store.clone(), "a#name").epoch(0x0af).build().unwrap();
    let drawn = Publisher::builder(store.clone(), "z").build().unwrap();
    assert_eq!(given.worker_id(), "a#name#00000000000000af");
    first_beat(&given).await;
    first_beat(&drawn).await;
    store.put("x#of another program", "{}".to_owned(), Duration::from_secs(30)).await.unwrap();
    let workers = Monitor::builder(store).build().unwrap().observe().await.unwrap();
    let seen: Vec<_> = workers.iter().map(|worker| (worker.worker_name(), worker.epoch())).collect();
    let epoch = u64::from_str_radix(drawn.worker_id().strip_prefix("z#").unwrap(), 16).unwrap();
    assert_eq!(seen, [("a#name", Some(0xaf)), ("x", None), ("z", Some(epoch))]);
}

proptest! {
    #[test]
    fn any_name_that_is_accepted_comes_back_whole_and_ids_never_repeat(name in "[^{}\\p{Cc}]{1,30}") {
        prop_assume!(name.len() <= 128);
        let one = Publisher::builder(MemoryStore::new(), name.clone()).build().unwrap();
        let two = Publisher::builder(MemoryStore::new(), name.clone()).build().unwrap();
        prop_assert_ne!(one.worker_id(), two.worker_id());
        prop_assert_eq!(one.worker_id().rsplit_once('#').unwrap().0, name.as_str());
    }
}
