//! When a batch goes out, and why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::time::{Duration, Instant};

use cofferdam_store::{BatchWriter, ErrorKind, Trigger};
use common::{Kind, Log, coded, trade, trades};
use sea_orm::{EntityTrait, PaginatorTrait, Set};

const NEVER: Duration = Duration::from_secs(3_600);

/// Waits until the database holds so many rows, without asking the writer for anything.
async fn until_count(database: &sea_orm::DatabaseConnection, rows: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while trade::Entity::find().count(database).await.unwrap() < rows {
        assert!(Instant::now() < deadline, "the batch never came");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn enough_rows_go_out_at_once_and_fewer_do_not(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .rows(10)
        .linger(NEVER)
        .observer(log.clone())
        .build()
        .unwrap();
    writer.add_many((0..9).map(trade)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(log.flushes(), []);
    writer.add(trade(9)).await.unwrap();
    until_count(&database, 10).await;
    drop(writer.close().await.unwrap());
    assert_eq!(log.flushes(), [(Trigger::Rows, 10, None)]);
}

async fn heavy_rows_go_out_before_there_are_enough(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .bytes(100_000)
        .linger(NEVER)
        .observer(log.clone())
        .build()
        .unwrap();
    let heavy = || trade::ActiveModel { note: Set(Some("x".repeat(60_000))), ..trade(1) };
    writer.add(heavy()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(log.flushes(), []);
    writer.add(heavy()).await.unwrap();
    // A batch does not exceed the weight, so the second row is left for the next.
    until_count(&database, 1).await;
    assert_eq!(writer.close().await.unwrap().counts.written, 2);
    assert_eq!(log.flushes(), [(Trigger::Bytes, 1, None), (Trigger::Shutdown, 1, None)]);
}

async fn a_row_that_nothing_follows_goes_out_after_the_linger_time(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let linger = Duration::from_millis(150);
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .linger(linger)
        .observer(log.clone())
        .build()
        .unwrap();
    let started = Instant::now();
    writer.add(trade(1)).await.unwrap();
    until_count(&database, 1).await;
    assert!(started.elapsed() >= linger);
    // The next row's time begins anew.
    writer.add(trade(2)).await.unwrap();
    until_count(&database, 2).await;
    assert!(started.elapsed() >= 2 * linger);
    drop(writer.close().await.unwrap());
    assert_eq!(log.flushes(), [(Trigger::Linger, 1, None); 2]);
}

async fn flush_returns_when_the_rows_are_there(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .linger(NEVER)
        .observer(log.clone())
        .build()
        .unwrap();
    for round in 1..=3 {
        writer.add_many((0..7).map(trade)).await.unwrap();
        let summary = writer.flush().await.unwrap();
        assert_eq!(summary.counts.written, round * 7);
        assert_eq!(trade::Entity::find().count(&database).await.unwrap(), round * 7);
    }
    // With nothing to write, it returns at once and writes nothing.
    drop(writer.flush().await.unwrap());
    assert_eq!(log.flushes(), [(Trigger::Flush, 7, None); 3]);
}

async fn close_writes_what_waits_and_may_be_called_again(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .linger(NEVER)
        .observer(log.clone())
        .build()
        .unwrap();
    let other = writer.clone();
    writer.add_many((0..5).map(trade)).await.unwrap();
    let (first, second) = tokio::join!(writer.close(), other.close());
    assert_eq!(first.unwrap().counts.written, 5);
    assert_eq!(second.unwrap().counts.written, 5);
    assert_eq!(log.flushes(), [(Trigger::Shutdown, 5, None)]);
    assert_eq!(other.close().await.unwrap().counts.accepted, 5);
    assert_eq!(other.flush().await.unwrap().counts.written, 5);
    assert_eq!(other.add(trade(6)).await.unwrap_err().kind(), ErrorKind::Closed);
}

async fn rows_that_arrive_during_a_flush_form_one_larger_batch(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .rows(10)
        .max_rows(300)
        .linger(NEVER)
        .observer(log.clone())
        .build()
        .unwrap();
    // Nothing in this loop waits, so the rows pile up while the first batch is written.
    writer.add_many((0..1_000).map(trade)).await.unwrap();
    drop(writer.close().await.unwrap());
    let sizes: Vec<u64> = log.flushes().iter().map(|(_, rows, _)| *rows).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 1_000);
    assert_eq!(sizes.iter().max(), Some(&300));
    assert!(sizes.len() <= 6, "a hundred batches of 10 were to merge: {sizes:?}");
}

async fn the_observer_sees_how_full_the_buffer_is_and_how_many_rows_were_refused(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database)
        .rows(4)
        .capacity(64)
        .observer(log.clone())
        .build()
        .unwrap();
    writer.add_many(["a", "b", "a", "c"].map(|code| coded(code, 1))).await.unwrap();
    assert_eq!(writer.close().await.unwrap().rejected.len(), 1);
    let told = log.0.lock().unwrap();
    assert_eq!(told.rejected, 1);
    assert_eq!(told.buffered, [(4, 64), (0, 64)]);
}

everywhere! {
    enough_rows_go_out_at_once_and_fewer_do_not
    heavy_rows_go_out_before_there_are_enough
    a_row_that_nothing_follows_goes_out_after_the_linger_time
    flush_returns_when_the_rows_are_there
    close_writes_what_waits_and_may_be_called_again
    rows_that_arrive_during_a_flush_form_one_larger_batch
    the_observer_sees_how_full_the_buffer_is_and_how_many_rows_were_refused
}
