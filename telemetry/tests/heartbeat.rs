//! Workers as series: stable places, honest absences, bounded numbers.
#![cfg(feature = "heartbeat")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cofferdam_heartbeat::{ManualClock, MemoryStore, Monitor, Observer, Store};
use cofferdam_telemetry::Telemetry;
use proptest::prelude::*;

const TTL: Duration = Duration::from_secs(30);

/// A real monitor over a real store, on a clock that stands still.
struct World {
    clock: Arc<ManualClock>,
    store: MemoryStore,
    monitor: Monitor<MemoryStore>,
    telemetry: Telemetry,
}

impl World {
    fn new() -> Self {
        let clock =
            Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_430_046)));
        let store = MemoryStore::with_clock(clock.clone());
        let telemetry = Telemetry::new();
        let observer = Arc::new(telemetry.heartbeat_observer());
        let monitor =
            Monitor::builder(store.clone()).clock(clock.clone()).observer(observer).build().unwrap();
        Self { clock, store, monitor, telemetry }
    }

    async fn beat(&self, name: &str, epoch: u64, processed: u64, failed: u64) {
        let document = format!(
            r#"{{"worker_id":"{name}#{epoch}","worker_name":"{name}","timestamp":"2026-11-23T10:34:06Z","status":"idle","tasks_processed":{processed},"tasks_failed":{failed},"uptime_seconds":6,"current_task_id":null,"heartbeat_interval":10,"heartbeat_ttl":30}}"#
        );
        self.store.put(&format!("{name}#{epoch}"), document, TTL).await.unwrap();
    }

    /// The heartbeat's samples after another round.
    async fn look(&mut self) -> Vec<String> {
        self.monitor.observe().await.unwrap();
        let text = self.telemetry.encode().unwrap();
        text.lines().filter(|line| line.starts_with("cofferdam_heartbeat_")).map(str::to_owned).collect()
    }
}

fn value(samples: &[String], series: &str) -> Option<f64> {
    samples.iter().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[tokio::test]
async fn a_worker_is_shown_from_birth_to_ten_minutes_after_death() {
    let mut world = World::new();
    assert!(world.telemetry.encode().unwrap().contains("cofferdam_heartbeat_reclaimed_tasks_total 0"));
    world.beat("a", 1, 5, 2).await;
    let samples = world.look().await;
    assert_eq!(
        samples,
        [
            "cofferdam_heartbeat_reclaimed_tasks_total 0",
            "cofferdam_heartbeat_workers{state=\"alive\"} 1.0",
            "cofferdam_heartbeat_workers{state=\"suspect\"} 0.0",
            "cofferdam_heartbeat_workers{state=\"dead\"} 0.0",
            "cofferdam_heartbeat_worker_up{worker_id=\"a\"} 1.0",
            "cofferdam_heartbeat_worker_start_timestamp_seconds{worker_id=\"a\"} 1795430040.0",
            "cofferdam_heartbeat_worker_last_seen_timestamp_seconds{worker_id=\"a\"} 1795430046.0",
            "cofferdam_heartbeat_worker_tasks_total{worker_id=\"a\"} 5.0",
            "cofferdam_heartbeat_worker_task_failures_total{worker_id=\"a\"} 2.0",
        ]
    );
    world.clock.advance(TTL);
    let samples = world.look().await;
    assert_eq!(value(&samples, "cofferdam_heartbeat_workers{state=\"dead\"}"), Some(1.0));
    assert_eq!(value(&samples, "cofferdam_heartbeat_worker_up{worker_id=\"a\"}"), Some(0.0));
    world.clock.advance(Duration::from_secs(599));
    assert!(value(&world.look().await, "cofferdam_heartbeat_worker_up{worker_id=\"a\"}").is_some());
    world.clock.advance(Duration::from_secs(1));
    assert!(!world.look().await.iter().any(|line| line.contains("worker_id")));
}

#[tokio::test]
async fn a_restart_takes_the_dead_predecessors_place_and_its_counters_go_on() {
    let mut world = World::new();
    world.beat("a", 1, 5, 2).await;
    world.look().await;
    // While the first still lives, a second of the same name has a place of its own.
    world.beat("a", 2, 10, 0).await;
    let samples = world.look().await;
    assert_eq!(value(&samples, "cofferdam_heartbeat_worker_tasks_total{worker_id=\"a\"}"), Some(5.0));
    assert_eq!(value(&samples, "cofferdam_heartbeat_worker_tasks_total{worker_id=\"a/1\"}"), Some(10.0));

    world.clock.advance(TTL);
    world.beat("a", 2, 11, 0).await;
    world.look().await;
    world.beat("a", 3, 1, 1).await;
    let samples = world.look().await;
    assert_eq!(value(&samples, "cofferdam_heartbeat_worker_up{worker_id=\"a\"}"), Some(1.0));
    assert_eq!(value(&samples, "cofferdam_heartbeat_worker_tasks_total{worker_id=\"a\"}"), Some(6.0));
    assert_eq!(value(&samples, "cofferdam_heartbeat_worker_task_failures_total{worker_id=\"a\"}"), Some(3.0));
    assert_eq!(value(&samples, "cofferdam_heartbeat_worker_tasks_total{worker_id=\"a/1\"}"), Some(11.0));
    assert_eq!(value(&samples, "cofferdam_heartbeat_workers{state=\"dead\"}"), Some(1.0));
}

#[tokio::test]
async fn ten_thousand_restarts_make_no_new_series_and_no_counter_ever_falls() {
    let mut world = World::new();
    let mut last = 0.0;
    let mut series = None;
    for epoch in 0..10_000 {
        world.beat("a", epoch, 3, 1).await;
        let samples = world.look().await;
        assert_eq!(*series.get_or_insert(samples.len()), samples.len());
        let tasks = value(&samples, "cofferdam_heartbeat_worker_tasks_total{worker_id=\"a\"}").unwrap();
        assert!(tasks >= last, "{tasks} after {last}");
        last = tasks;
        world.clock.advance(Duration::from_secs(300));
        world.look().await;
    }
    assert_eq!(last, 30_000.0);
}

#[tokio::test]
async fn a_fleet_beyond_the_bound_is_counted_whole_and_shown_in_part() {
    let mut world = World::new();
    for n in 0..500 {
        world.beat(&format!("w{n:03}"), n, 1, 0).await;
    }
    let samples = world.look().await;
    assert_eq!(value(&samples, "cofferdam_heartbeat_workers{state=\"alive\"}"), Some(500.0));
    assert_eq!(samples.iter().filter(|line| line.contains("_worker_up{")).count(), 100);
}

#[tokio::test]
async fn reclaimed_tasks_are_counted_over_all_clones_of_the_observer() {
    let telemetry = Telemetry::new();
    telemetry.heartbeat_observer().reclaimed(2);
    telemetry.clone().heartbeat_observer().reclaimed(3);
    let text = telemetry.encode().unwrap();
    assert_eq!(text.matches("cofferdam_heartbeat_reclaimed_tasks_total 5").count(), 1, "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whoever comes and goes under whatever name, the number of series is bounded.
    #[test]
    fn random_names_never_make_more_series_than_there_are_places(
        rounds in prop::collection::vec(prop::collection::vec("[a-z]{1,12}", 0..60), 1..12),
        pause in 1u64..400,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            let mut epoch = 0;
            for names in rounds {
                for name in names {
                    epoch += 1;
                    world.beat(&name, epoch, epoch, 0).await;
                }
                let samples = world.look().await;
                assert!(samples.len() <= 4 + 5 * 100, "{} samples", samples.len());
                world.clock.advance(Duration::from_secs(pause));
            }
        });
    }
}
