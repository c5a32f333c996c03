//! The document's exact text, since dashboards and scripts read it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use cofferdam_heartbeat::{Heartbeat, Publisher, Status, key};
use common::{first_beat, settled, start, world};

#[tokio::test]
async fn the_json_has_the_promised_fields_in_the_promised_order() {
    let (clock, store) = world();
    let publisher = Publisher::builder(store.clone(), "worker-1").clock(clock.clone()).build().unwrap();
    let id = publisher.worker_id().to_owned();
    first_beat(&publisher).await;

    assert_eq!(key(&id), format!("worker:heartbeat:{id}"));
    let expected = format!(
        r#"{{"worker_id":"{id}","worker_name":"worker-1","timestamp":"2026-11-23T10:34:06.123Z","status":"idle","tasks_processed":0,"tasks_failed":0,"uptime_seconds":0,"current_task_id":null,"heartbeat_interval":10,"heartbeat_ttl":30}}"#
    );
    assert_eq!(store.get(&format!("worker:heartbeat:{id}")).unwrap(), expected);
}

#[tokio::test]
async fn a_working_worker_names_its_longest_running_task_and_counts_failures_among_the_processed() {
    let (clock, store) = world();
    let publisher = Publisher::builder(store.clone(), "worker-1")
        .clock(clock.clone())
        .interval(Duration::from_millis(20))
        .build()
        .unwrap();
    let reporter = publisher.reporter();
    reporter.processing("t-0").processed();
    reporter.processing("t-1").failed();
    let longest = reporter.processing("t-2");
    let other = reporter.processing("t-3");
    clock.advance(Duration::from_millis(61_900));
    settled(&publisher).await;

    let text = store.get(&key(publisher.worker_id())).unwrap();
    let tail = r#""timestamp":"2026-11-23T10:35:08.023Z","status":"processing","tasks_processed":2,"tasks_failed":1,"uptime_seconds":61,"current_task_id":"t-2","heartbeat_interval":0.02,"heartbeat_ttl":30}"#;
    assert!(text.ends_with(tail), "{text}");

    drop(longest);
    settled(&publisher).await;
    let beat: Heartbeat = serde_json::from_str(&store.get(&key(publisher.worker_id())).unwrap()).unwrap();
    assert_eq!(beat.current_task_id.as_deref(), Some("t-3"));
    assert_eq!(beat.tasks_processed, 2, "a task that was handed back is not counted");

    drop(other);
    settled(&publisher).await;
    let beat: Heartbeat = serde_json::from_str(&store.get(&key(publisher.worker_id())).unwrap()).unwrap();
    assert_eq!((beat.status, beat.current_task_id), (Status::Idle, None));
}

#[test]
fn a_document_survives_the_way_through_json_and_unknown_fields_are_skipped() {
    let text = r#"{"worker_id":"w#1","worker_name":"w","timestamp":"2026-11-23T10:34:06.123Z","status":"idle","tasks_processed":3,"tasks_failed":1,"uptime_seconds":7,"current_task_id":null,"heartbeat_interval":10,"heartbeat_ttl":30,"added_later":[1]}"#;
    let beat: Heartbeat = serde_json::from_str(text).unwrap();
    assert_eq!(beat.started_at(), start().checked_sub(Duration::from_secs(7)).unwrap());
    assert_eq!(serde_json::to_string(&beat).unwrap(), text.replace(r#","added_later":[1]"#, ""));
}

#[test]
fn a_hostile_document_is_refused_and_never_panics() {
    let good = r#"{"worker_id":"w#1","worker_name":"w","timestamp":"2026-11-23T10:34:06.123Z","status":"idle","tasks_processed":3,"tasks_failed":1,"uptime_seconds":7,"current_task_id":null,"heartbeat_interval":10,"heartbeat_ttl":30}"#;
    for (from, to) in [
        (":10,", ":-10,"),
        (":30}", ":1e300}"),
        (":30}", ":null}"),
        ("2026-11-23T10", "9999999-11-23T10"),
        ("\"idle\"", "\"asleep\""),
        ("\"tasks_failed\":1", "\"tasks_failed\":-1"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        assert!(serde_json::from_str::<Heartbeat>(&bad).is_err(), "{bad}");
    }
    let old = good.replace(":7,", ":18446744073709551615,");
    let beat: Heartbeat = serde_json::from_str(&old).unwrap();
    assert_eq!(
        beat.started_at(),
        std::time::SystemTime::UNIX_EPOCH,
        "an uptime beyond all time is held at the epoch"
    );
}
