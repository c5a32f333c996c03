//! A real writer on a real database.

use std::time::{Duration, Instant};

use cofferdam_store::BatchWriter;
use cofferdam_telemetry::Telemetry;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Set};

use crate::Row;

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

async fn database() -> DatabaseConnection {
    let database = Database::connect("sqlite::memory:").await.unwrap();
    let table = "CREATE TABLE price (id INTEGER PRIMARY KEY, close REAL NOT NULL)";
    database.execute_unprepared(table).await.unwrap();
    database
}

/// Four rows, one of which breaks the primary key.
pub(crate) async fn work(telemetry: &Telemetry) -> &'static [Row] {
    let writer = BatchWriter::<price::Entity>::builder(database().await)
        .observer(telemetry.store_observer())
        .build()
        .unwrap();
    for id in [1, 2, 2, 3] {
        writer.add(price::ActiveModel { id: Set(id), close: Set(1.0) }).await.unwrap();
    }
    assert_eq!(writer.close().await.unwrap().rejected.len(), 1);
    &[
        ("cofferdam_store_add_wait_seconds", "counter", "seconds", &["table"]),
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
        "cofferdam_store_rows_written_total{table=\"price\"} 3\n",
        "cofferdam_store_rejected_rows_total{table=\"price\"} 1\n",
        "cofferdam_store_flushes_total{table=\"price\",trigger=\"shutdown\"} 1\n",
        "cofferdam_store_flushes_total{table=\"price\",trigger=\"rows\"} 0\n",
        "cofferdam_store_flush_failures_total{table=\"price\",kind=\"busy\"} 0\n",
        "cofferdam_store_batch_rows_sum{table=\"price\"} 4.0\n",
        "cofferdam_store_buffered_rows{table=\"price\"} 0\n",
    ] {
        assert!(text.contains(expected), "{expected}is missing in\n{text}");
    }
    assert!(!text.contains("cofferdam_store_last_flush_timestamp_seconds{table=\"price\"} 0.0"), "{text}");
}

#[tokio::test]
async fn what_started_a_batch_is_told_by_its_name_in_metrics() {
    let telemetry = Telemetry::new();
    let writer = BatchWriter::<price::Entity>::builder(database().await)
        .rows(2)
        .linger(Duration::from_millis(1))
        .observer(telemetry.store_observer())
        .build()
        .unwrap();
    writer.add(price::ActiveModel { id: Set(1), close: Set(1.0) }).await.unwrap();
    let lingered = "cofferdam_store_flushes_total{table=\"price\",trigger=\"interval\"} 1\n";
    let deadline = Instant::now() + Duration::from_secs(20);
    while !telemetry.encode().unwrap().contains(lingered) {
        assert!(Instant::now() < deadline, "{}", telemetry.encode().unwrap());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let text = telemetry.encode().unwrap();
    for trigger in ["rows", "bytes", "flush", "shutdown", "replay"] {
        let series = format!("cofferdam_store_flushes_total{{table=\"price\",trigger=\"{trigger}\"}} 0\n");
        assert!(text.contains(&series), "{text}");
    }
    assert!(!text.contains("linger"), "{text}");
}
