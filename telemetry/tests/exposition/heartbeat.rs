//! A real publisher and a real monitor.

use std::sync::Arc;

use cofferdam_heartbeat::{MemoryStore, Monitor, Publisher};
use cofferdam_telemetry::Telemetry;

use crate::Row;

pub(crate) async fn work(telemetry: &Telemetry) -> &'static [Row] {
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
