//! Rows that the database refuses, among rows that it takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::{
    error::Error as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use cofferdam_store::{BatchWriter, ErrorKind};
use common::{coded, trade, trades};
use sea_orm::{ActiveValue, ConnectionTrait, EntityTrait, PaginatorTrait, Set, sea_query::ValueTuple};

#[tokio::test]
async fn bad_rows_are_singled_out_and_the_others_are_kept_in_order() {
    let (_file, database) = trades().await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).rows(1_000).build().unwrap();
    // The check refuses every seventh; one key is taken twice; one row misses what must be there.
    for id in 0..1_000 {
        let quantity = if id % 7 == 3 { -1 } else { id };
        let row = trade::ActiveModel { id: Set(i64::from(id % 999)), ..trade(quantity) };
        let row = if id == 500 { trade::ActiveModel { quantity: ActiveValue::NotSet, ..row } } else { row };
        writer.add(row).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    let bad: Vec<i32> = (0..1_000).filter(|id| id % 7 == 3 || *id == 500 || *id == 999).collect();
    assert_eq!(summary.counts.rejected, bad.len() as u64);
    assert_eq!(summary.counts.written, 1_000 - bad.len() as u64);
    let keys: Vec<_> = summary.rejected.iter().map(|row| row.key().unwrap()).collect();
    let expected: Vec<_> = bad.iter().map(|id| ValueTuple::One(i64::from(id % 999).into())).collect();
    assert_eq!(keys, expected);
    for row in &summary.rejected {
        assert_eq!(row.error.kind(), ErrorKind::Constraint);
        assert!(row.error.is_row());
        assert!(row.error.source().unwrap().to_string().contains("constraint failed"));
    }
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 1_000 - bad.len() as u64);
    // A rejected row can be corrected and added again.
    let again = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    for row in summary.rejected {
        again
            .add(trade::ActiveModel { id: ActiveValue::NotSet, quantity: Set(1), ..row.model })
            .await
            .unwrap();
    }
    assert_eq!(again.close().await.unwrap().counts.written, bad.len() as u64);
}

#[tokio::test]
async fn a_batch_of_nothing_but_bad_rows_does_not_stop_the_writer() {
    let (_file, database) = trades().await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    writer.add_many((0..50).map(|_| trade(-1))).await.unwrap();
    assert_eq!(writer.flush().await.unwrap().rejected.len(), 50);
    writer.add(trade(1)).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert!(summary.rejected.is_empty(), "the rows were handed out before");
    assert_eq!((summary.counts.written, summary.counts.rejected), (1, 50));
}

#[tokio::test]
async fn a_trigger_that_rolls_the_transaction_back_costs_only_its_row() {
    let (_file, database) = trades().await;
    database
        .execute_unprepared(
            "CREATE TRIGGER strict BEFORE INSERT ON trade WHEN new.quantity = 13 \
             BEGIN SELECT RAISE(ROLLBACK, 'thirteen'); END",
        )
        .await
        .unwrap();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).rows(40).build().unwrap();
    writer.add_many((0..40).map(trade)).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!(summary.rejected.len(), 1);
    assert_eq!(summary.rejected[0].model.quantity, Set(13));
    let quantities: Vec<i32> =
        trade::Entity::find().all(&database).await.unwrap().iter().map(|row| row.quantity).collect();
    assert_eq!(quantities, (0..40).filter(|quantity| *quantity != 13).collect::<Vec<_>>());
}

mod child {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "child")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub parent: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn deferred_foreign_keys_are_told_at_commit_and_still_cost_only_their_rows() {
    let (_file, database) = trades().await;
    database
        .execute_unprepared(
            "CREATE TABLE child (id INTEGER PRIMARY KEY, \
             parent INTEGER REFERENCES child(id) DEFERRABLE INITIALLY DEFERRED)",
        )
        .await
        .unwrap();
    let writer = BatchWriter::<child::Entity>::builder(database.clone()).rows(32).build().unwrap();
    for id in 0..32 {
        let parent = if id == 20 { Some(999) } else { None };
        writer.add(child::ActiveModel { id: Set(id), parent: Set(parent) }).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    assert_eq!(summary.rejected.len(), 1);
    assert_eq!(summary.rejected[0].model.id, Set(20));
    assert_eq!(child::Entity::find().count(&database).await.unwrap(), 31);
}

#[tokio::test]
async fn a_callback_gets_the_rows_instead() {
    let (_file, database) = trades().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writer = BatchWriter::<trade::Entity>::builder(database)
        .on_rejected({
            let seen = Arc::clone(&seen);
            move |row| seen.lock().unwrap().push((row.model.code.clone(), row.error.kind()))
        })
        .build()
        .unwrap();
    writer.add_many(["a", "b", "a"].map(|code| coded(code, 1))).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert!(summary.rejected.is_empty());
    assert_eq!(summary.counts.rejected, 1);
    assert_eq!(*seen.lock().unwrap(), [(Set(Some("a".to_owned())), ErrorKind::Constraint)]);
}

#[tokio::test]
async fn a_panicking_callback_stops_the_writer_and_nothing_else() {
    let (_file, database) = trades().await;
    let writer = BatchWriter::<trade::Entity>::builder(database)
        .linger(Duration::from_secs(3_600))
        .on_rejected(|_| panic!("the callback's own fault"))
        .build()
        .unwrap();
    writer.add(trade(-1)).await.unwrap();
    assert_eq!(writer.flush().await.unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(writer.add(trade(1)).await.unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Stopped);
}

#[tokio::test]
async fn rejected_rows_that_nobody_collects_stop_the_writer_instead_of_filling_the_memory() {
    let (_file, database) = trades().await;
    let writer = BatchWriter::<trade::Entity>::builder(database).max_rejected(10).rows(5).build().unwrap();
    let mut refused = None;
    for _ in 0..100_000 {
        if let Err(error) = writer.add(trade(-1)).await {
            refused = Some(error);
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(refused.unwrap().kind(), ErrorKind::Backlog);
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Backlog);
    let counts = writer.counts();
    let kept = writer.take_rejected().len() as u64;
    assert!(kept >= 10);
    assert_eq!(kept, counts.rejected);
    assert_eq!(writer.take_unwritten().len() as u64 + kept, counts.accepted);
}
