//! What the crates really tell, read back by the reference parser and held against the table of all metrics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod reference;

use std::collections::{BTreeMap, BTreeSet};

use cofferdam_telemetry::Telemetry;
use reference::{Family, parse};

/// Name as the reference parser tells it (a counter without its `_total`), type, unit, labels.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const OWN: &[Row] = &[
    ("cofferdam_build_info", "gauge", "", &["crate", "rustc", "version"]),
    ("cofferdam_telemetry_encode_duration_seconds", "histogram", "seconds", &[]),
    ("cofferdam_telemetry_series", "gauge", "", &[]),
];

#[cfg(target_os = "linux")]
const PROCESS: &[Row] = &[
    ("process_cpu_seconds", "counter", "seconds", &[]),
    ("process_open_fds", "gauge", "", &[]),
    ("process_resident_memory_bytes", "gauge", "bytes", &[]),
    ("process_start_time_seconds", "gauge", "seconds", &[]),
];
#[cfg(not(target_os = "linux"))]
const PROCESS: &[Row] = &[];

/// Reports real work to the telemetry, and tells which rows must be there afterwards.
async fn work(telemetry: &Telemetry) -> Vec<Row> {
    let mut rows = [OWN, PROCESS].concat();
    #[cfg(feature = "heartbeat")]
    rows.extend(heartbeat::work(telemetry).await);
    #[cfg(feature = "optimize")]
    rows.extend(optimize::work(telemetry));
    #[cfg(feature = "queue")]
    rows.extend(queue::work(telemetry).await);
    #[cfg(feature = "store")]
    rows.extend(store::work(telemetry).await);
    let _ = telemetry;
    rows.sort_unstable();
    rows
}

#[cfg(feature = "heartbeat")]
mod heartbeat {
    use std::sync::Arc;

    use cofferdam_heartbeat::{MemoryStore, Monitor, Publisher};
    use cofferdam_telemetry::Telemetry;

    pub(crate) async fn work(telemetry: &Telemetry) -> &'static [super::Row] {
        let store = MemoryStore::new();
        let publisher = Publisher::builder(store.clone(), "worker \"1\"\\").build().unwrap();
        publisher.reporter().processing("t").failed();
        while publisher.stats().beats == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let observer = Arc::new(telemetry.heartbeat_observer());
        Monitor::builder(store).observer(observer).build().unwrap().observe().await.unwrap();
        &[
            ("cofferdam_heartbeat_reclaimed_tasks", "counter", "", &[]),
            ("cofferdam_heartbeat_worker_last_seen_timestamp_seconds", "gauge", "seconds", &["worker_id"]),
            ("cofferdam_heartbeat_worker_start_timestamp_seconds", "gauge", "seconds", &["worker_id"]),
            ("cofferdam_heartbeat_worker_task_failures", "counter", "", &["worker_id"]),
            ("cofferdam_heartbeat_worker_tasks", "counter", "", &["worker_id"]),
            ("cofferdam_heartbeat_worker_up", "gauge", "", &["worker_id"]),
            ("cofferdam_heartbeat_workers", "gauge", "", &["state"]),
        ]
    }
}

#[cfg(feature = "optimize")]
mod optimize {
    use cofferdam_optimize::{Dimension, FailureReason, FunctionObjective, Grid, Trial, WalkForward, Warmup};
    use cofferdam_telemetry::Telemetry;

    pub(crate) fn work(telemetry: &Telemetry) -> &'static [super::Row] {
        let grid = Grid::new([Dimension::integer("shift", 1, 3, 1).unwrap()]).unwrap();
        let objective = FunctionObjective::new(|set, bars: std::ops::Range<usize>| {
            let shift = set.integer("shift").unwrap_or(0);
            if shift == 3 {
                return Trial::failed(FailureReason::Timeout, "the test says so");
            }
            let wave = |t: usize| (t as f64 * 0.1 + shift as f64).sin() * 0.01;
            Trial::evaluated(bars.skip(1).map(wave).collect())
        })
        .with_lead(1);
        let analysis = WalkForward::rolling(60, 20, Warmup::FullHistory)
            .bars_per_year(252.0)
            .observer(telemetry.optimize_observer())
            .build()
            .unwrap();
        analysis.run_blocking(&grid.parameter_sets(), 200, &objective).unwrap();
        &[
            ("cofferdam_optimize_runs_in_progress", "gauge", "", &["method"]),
            ("cofferdam_optimize_trial_duration_seconds", "histogram", "seconds", &["method"]),
            ("cofferdam_optimize_trial_failures", "counter", "", &["method", "reason"]),
            ("cofferdam_optimize_trials", "counter", "", &["method"]),
        ]
    }
}

#[cfg(feature = "queue")]
mod queue {
    use std::sync::Arc;

    use cofferdam_queue::{Memory, NewTask, Queue};
    use cofferdam_telemetry::Telemetry;

    pub(crate) async fn work(telemetry: &Telemetry) -> &'static [super::Row] {
        let observer = Arc::new(telemetry.queue_observer());
        let queue = Queue::new(Memory::new(), "squares").unwrap().with_observer(observer);
        queue.submit(NewTask::new("12")).await.unwrap();
        telemetry.set_queue_stats("squares", &queue.stats().await.unwrap());
        &[
            ("cofferdam_queue_acked", "counter", "", &["priority", "queue"]),
            ("cofferdam_queue_dead_lettered", "counter", "", &["priority", "queue"]),
            ("cofferdam_queue_dequeued", "counter", "", &["priority", "queue"]),
            ("cofferdam_queue_enqueued", "counter", "", &["priority", "queue"]),
            ("cofferdam_queue_lease_expired", "counter", "", &["priority", "queue"]),
            ("cofferdam_queue_oldest_ready_timestamp_seconds", "gauge", "seconds", &["queue"]),
            ("cofferdam_queue_operation_duration_seconds", "histogram", "seconds", &["operation"]),
            ("cofferdam_queue_operation_errors", "counter", "", &["kind", "operation"]),
            ("cofferdam_queue_retried", "counter", "", &["priority", "queue"]),
            ("cofferdam_queue_tasks", "gauge", "", &["priority", "queue", "state"]),
            ("cofferdam_queue_wait_seconds", "histogram", "seconds", &["priority", "queue"]),
        ]
    }
}

#[cfg(feature = "store")]
mod store {
    use cofferdam_store::BatchWriter;
    use cofferdam_telemetry::Telemetry;
    use sea_orm::{ConnectionTrait, Database, Set};

    #[allow(unreachable_pub, reason = "sea-orm's macro wants it so")]
    mod price {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
        #[sea_orm(table_name = "price")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: i64,
            pub close: f64,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// Four rows, one of which breaks the primary key.
    pub(crate) async fn work(telemetry: &Telemetry) -> &'static [super::Row] {
        let database = Database::connect("sqlite::memory:").await.unwrap();
        let table = "CREATE TABLE price (id INTEGER PRIMARY KEY, close REAL NOT NULL)";
        database.execute_unprepared(table).await.unwrap();
        let writer = BatchWriter::<price::Entity>::builder(database)
            .observer(telemetry.store_observer())
            .build()
            .unwrap();
        for id in [1, 2, 2, 3] {
            writer.add(price::ActiveModel { id: Set(id), close: Set(1.0) }).await.unwrap();
        }
        assert_eq!(writer.close().await.unwrap().rejected.len(), 1);
        &[
            ("cofferdam_store_batch_rows", "histogram", "", &["table"]),
            ("cofferdam_store_buffer_capacity_rows", "gauge", "", &["table"]),
            ("cofferdam_store_buffered_rows", "gauge", "", &["table"]),
            ("cofferdam_store_flush_duration_seconds", "histogram", "seconds", &["table"]),
            ("cofferdam_store_flush_failures", "counter", "", &["kind", "table"]),
            ("cofferdam_store_flushes", "counter", "", &["table", "trigger"]),
            ("cofferdam_store_last_flush_timestamp_seconds", "gauge", "seconds", &["table"]),
            ("cofferdam_store_rejected_rows", "counter", "", &["table"]),
            ("cofferdam_store_rows_written", "counter", "", &["table"]),
        ]
    }

    #[tokio::test]
    async fn a_writers_batches_and_rejected_rows_are_counted_where_they_belong() {
        let telemetry = Telemetry::new();
        work(&telemetry).await;
        let text = telemetry.encode().unwrap();
        for expected in [
            "cofferdam_store_rows_written_total{table=\"price\"} 4\n",
            "cofferdam_store_rejected_rows_total{table=\"price\"} 1\n",
            "cofferdam_store_flushes_total{table=\"price\",trigger=\"shutdown\"} 1\n",
            "cofferdam_store_flushes_total{table=\"price\",trigger=\"rows\"} 0\n",
            "cofferdam_store_flush_failures_total{table=\"price\",kind=\"busy\"} 0\n",
            "cofferdam_store_batch_rows_sum{table=\"price\"} 4.0\n",
            "cofferdam_store_buffered_rows{table=\"price\"} 0\n",
        ] {
            assert!(text.contains(expected), "{expected}is missing in\n{text}");
        }
        assert!(
            !text.contains("cofferdam_store_last_flush_timestamp_seconds{table=\"price\"} 0.0"),
            "{text}"
        );
    }
}

/// The labels of a family, without the bounds of a histogram's buckets.
fn labels(family: &Family) -> Vec<&str> {
    let names: BTreeSet<&str> =
        family.samples.iter().flat_map(|(_, labels, _)| labels.keys().map(String::as_str)).collect();
    names.into_iter().filter(|name| *name != "le").collect()
}

#[tokio::test]
async fn the_reference_parser_reads_every_metric_of_the_table_and_no_other() {
    let telemetry = Telemetry::new();
    let rows = work(&telemetry).await;
    let text = telemetry.encode().unwrap();
    let families = parse(&text, "openmetrics");

    let mut found: Vec<(&str, &str, &str, Vec<&str>)> = families
        .iter()
        .map(|family| (family.name.as_str(), family.r#type.as_str(), family.unit.as_str(), labels(family)))
        .collect();
    found.sort_unstable();
    let expected: Vec<(&str, &str, &str, Vec<&str>)> =
        rows.into_iter().map(|(name, kind, unit, labels)| (name, kind, unit, labels.to_vec())).collect();
    assert_eq!(found, expected);

    for family in &families {
        assert!(family.help.len() > 10 && family.help.ends_with('.'), "{}: {}", family.name, family.help);
        assert!(!family.help.ends_with(".."), "{}: {}", family.name, family.help);
        let sets: BTreeSet<_> = family
            .samples
            .iter()
            .map(|(_, labels, _)| labels.iter().filter(|(name, _)| *name != "le").collect::<Vec<_>>())
            .collect();
        assert!(sets.len() <= 100, "{} has {} label sets", family.name, sets.len());
    }

    // The parser counts every line with a value as a sample, and so must the telemetry.
    let samples: usize = families.iter().map(|family| family.samples.len()).sum();
    let series = families.iter().find(|family| family.name == "cofferdam_telemetry_series").unwrap();
    assert_eq!(series.samples[0].2, samples as f64);
}

#[tokio::test]
async fn the_older_text_format_says_the_same() {
    let telemetry = Telemetry::new();
    work(&telemetry).await;
    let values = |families: Vec<Family>| -> BTreeMap<String, f64> {
        let samples = families.into_iter().flat_map(|family| family.samples);
        let moving =
            |name: &str| name.starts_with("process_") || name.starts_with("cofferdam_telemetry_encode");
        samples
            .filter(|(name, _, _)| !moving(name))
            .map(|(name, labels, value)| (format!("{name}{labels:?}"), value))
            .collect()
    };
    let new = values(parse(&telemetry.encode().unwrap(), "openmetrics"));
    let plain = parse(&telemetry.encode_plain_text().unwrap(), "text");
    assert!(plain.iter().all(|family| family.r#type != "unknown"), "{plain:?}");
    assert_eq!(values(plain), new);
}

#[tokio::test]
async fn no_counter_ever_falls() {
    let telemetry = Telemetry::new();
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    for _ in 0..3 {
        work(&telemetry).await;
        let families = parse(&telemetry.encode().unwrap(), "openmetrics");
        let monotone =
            |name: &str| ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
        for (name, labels, value) in families.into_iter().flat_map(|family| family.samples) {
            // Each round of work has a store of workers of its own, so theirs begin anew.
            if monotone(&name) && !name.starts_with("cofferdam_heartbeat_worker_") {
                let key = format!("{name}{labels:?}");
                let before = last.insert(key.clone(), value).unwrap_or(0.0);
                assert!(value >= before, "{key}: {value} after {before}");
            }
        }
    }
    assert!(last.len() > 3);
}

/// The whole story of a task, with the numbers that must come of it.
#[cfg(feature = "queue")]
#[tokio::test]
async fn a_tasks_life_is_counted_where_it_belongs() {
    use std::sync::Arc;
    use std::time::Duration;

    use cofferdam_queue::{Failure, Job, Memory, NewTask, Queue, TaskId, Worker};

    let telemetry = Telemetry::new();
    let observer = Arc::new(telemetry.queue_observer());
    let queue = Queue::new(Memory::new(), "q").unwrap().with_observer(observer);
    let (good, bad) = (TaskId::new("good").unwrap(), TaskId::new("bad").unwrap());
    queue.submit(NewTask::new("good").id(good.clone())).await.unwrap();
    queue.submit(NewTask::new("bad").id(bad.clone())).await.unwrap();
    let worker = Worker::builder(queue.clone()).name("w").build().unwrap();
    let done = {
        let queue = queue.clone();
        async move {
            queue.wait(&good, Duration::from_secs(20)).await.unwrap();
            queue.wait(&bad, Duration::from_secs(20)).await.unwrap();
        }
    };
    let handler = |job: Job| async move {
        if job.payload() == b"bad" { Err(Failure::permanent("bad")) } else { Ok(Vec::new()) }
    };
    worker.run(handler, done).await.unwrap();
    telemetry.set_queue_stats("q", &queue.stats().await.unwrap());

    let text = telemetry.encode().unwrap();
    for expected in [
        "cofferdam_queue_enqueued_total{queue=\"q\",priority=\"normal\"} 2\n",
        "cofferdam_queue_enqueued_total{queue=\"q\",priority=\"high\"} 0\n",
        "cofferdam_queue_dequeued_total{queue=\"q\",priority=\"normal\"} 2\n",
        "cofferdam_queue_acked_total{queue=\"q\",priority=\"normal\"} 1\n",
        "cofferdam_queue_dead_lettered_total{queue=\"q\",priority=\"normal\"} 1\n",
        "cofferdam_queue_wait_seconds_count{queue=\"q\",priority=\"normal\"} 2\n",
        "cofferdam_queue_tasks{queue=\"q\",priority=\"normal\",state=\"dead\"} 1.0\n",
        "cofferdam_queue_tasks{queue=\"q\",priority=\"normal\",state=\"ready\"} 0.0\n",
    ] {
        assert!(text.contains(expected), "{expected}is missing in\n{text}");
    }
    assert!(!text.contains("good") && !text.contains("bad\""), "no task's id is a label");
}

/// A service that makes a queue for every tenant must not blow up the exposition.
#[cfg(feature = "queue")]
#[tokio::test]
async fn random_queue_names_make_no_more_series_than_the_bound() {
    use std::sync::Arc;

    use cofferdam_queue::{Memory, NewTask, Queue};

    let telemetry = Telemetry::new();
    let observer = Arc::new(telemetry.queue_observer());
    let broker = Memory::new();
    let mut at_bound = 0;
    for n in 0..200 {
        let name = format!("tenant-{n}");
        let queue = Queue::new(broker.clone(), &name).unwrap().with_observer(observer.clone());
        queue.submit(NewTask::new("x")).await.unwrap();
        telemetry.set_queue_stats(&name, &queue.stats().await.unwrap());
        let lines = telemetry.encode().unwrap().lines().count();
        match n {
            0..=31 => {}
            32 => at_bound = lines,
            _ => assert_eq!(lines, at_bound, "queue number {n} made new series"),
        }
    }
    let text = telemetry.encode().unwrap();
    let rest = "cofferdam_queue_enqueued_total{queue=\"(other)\",priority=\"normal\"} 168\n";
    assert!(text.contains(rest), "{text}");
}
