//! What an observer is told adds up to what the writer did.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind, OnConflict};
use common::{Kind, Log, trade, trades};
use sea_orm::{ActiveValue::Unchanged, ConnectionTrait, EntityTrait, PaginatorTrait, Set};

fn keyed(id: i64, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { id: Set(id), ..trade(quantity) }
}

async fn rejected_and_skipped_rows_are_not_told_as_written(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .on_conflict(OnConflict::DoNothing)
        .rows(100)
        .max_rows(100)
        .observer(log.clone())
        .build()
        .unwrap();
    // The first batch is good, the second is there already, the third has rows that the check refuses.
    writer.add_many((1..=100).map(|id| keyed(id, 1))).await.unwrap();
    writer.add_many((1..=100).map(|id| keyed(id, 1))).await.unwrap();
    writer.add_many((101..=200).map(|id| keyed(id, if id % 4 == 0 { -1 } else { 1 }))).await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.skipped, counts.rejected), (175, 100, 25));
    assert_eq!(log.flushes().iter().map(|(_, rows, _)| *rows).collect::<Vec<_>>(), [100; 3]);
    assert_eq!(log.written(), [100, 0, 75]);
    assert_eq!(log.0.lock().unwrap().rejected, 25);
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 175);
}

async fn updates_of_rows_that_are_not_there_are_not_told_as_written(kind: Kind) {
    let (_file, database) = trades(kind).await;
    trade::Entity::insert_many((1..=10).map(|id| keyed(id, 1))).exec(&database).await.unwrap();
    let log = Log::default();
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database).observer(log.clone()).build().unwrap();
    let change = |id| trade::ActiveModel { id: Unchanged(id), quantity: Set(2), ..Default::default() };
    // Twenty updates of fifteen rows, five of which are not there.
    writer.add_many((1..=15).chain(1..=5).map(change)).await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.coalesced, counts.rejected), (10, 5, 5));
    assert_eq!(log.written().iter().sum::<u64>(), counts.written);
}

#[tokio::test]
async fn what_was_committed_before_a_failure_is_told_with_it() {
    let (_file, database) = trades(Kind::Sqlite).await;
    // A row of the quantity 7 undoes its whole transaction, so the batch is cut until the row stands alone. One of the
    // quantity 9 fails in a way that is not a row's fault, and stops the writer.
    database
        .execute_unprepared(
            "CREATE TRIGGER seven BEFORE INSERT ON trade WHEN new.quantity = 7 \
             BEGIN SELECT raise(ROLLBACK, 'not seven'); END; \
             CREATE TRIGGER nine BEFORE INSERT ON trade WHEN new.quantity = 9 \
             BEGIN SELECT json('nine'); END",
        )
        .await
        .unwrap();
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .rows(50)
        .max_rows(50)
        .observer(log.clone())
        .build()
        .unwrap();
    let quantity = |n| match n {
        10 => 7,
        40 => 9,
        _ => 1,
    };
    writer.add_many((0..50).map(|n| trade(quantity(n)))).await.unwrap();
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Schema);
    let counts = writer.counts();
    assert_eq!((counts.written, counts.rejected, counts.unwritten), (10, 1, 39));
    assert!(matches!(log.flushes()[..], [(_, 50, Some(ErrorKind::Schema))]), "{:?}", log.flushes());
    assert_eq!(log.written(), [10]);
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 10);
}

everywhere! {
    rejected_and_skipped_rows_are_not_told_as_written
    updates_of_rows_that_are_not_there_are_not_told_as_written
}
