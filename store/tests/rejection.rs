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
use common::{Kind, coded, trade, trades};
use sea_orm::{ActiveValue, ConnectionTrait, EntityTrait, PaginatorTrait, Set, sea_query::ValueTuple};

async fn bad_rows_are_singled_out_and_the_others_are_kept_in_order(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).rows(1_000).build().unwrap();
    // The check refuses every seventh; one key is taken twice; one row misses what must be there.
    for id in 0..1_000 {
        let quantity = if id % 7 == 3 { -1 } else { id };
        let row = trade::ActiveModel { id: Set(i64::from(id % 999) + 1), ..trade(quantity) };
        let row = if id == 500 { trade::ActiveModel { quantity: ActiveValue::NotSet, ..row } } else { row };
        writer.add(row).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    let bad: Vec<i32> = (0..1_000).filter(|id| id % 7 == 3 || *id == 500 || *id == 999).collect();
    assert_eq!(summary.counts.rejected, bad.len() as u64);
    assert_eq!(summary.counts.written, 1_000 - bad.len() as u64);
    let keys: Vec<_> = summary.rejected.iter().map(|row| row.key().unwrap()).collect();
    let expected: Vec<_> = bad.iter().map(|id| ValueTuple::One((i64::from(id % 999) + 1).into())).collect();
    assert_eq!(keys, expected);
    for row in &summary.rejected {
        assert_eq!(row.error.kind(), ErrorKind::Constraint);
        assert!(row.error.is_row());
        let said = row.error.source().unwrap().to_string().to_lowercase();
        assert!(
            ["constraint", "duplicate entry", "default value"].iter().any(|words| said.contains(words)),
            "{said}"
        );
    }
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 1_000 - bad.len() as u64);
    // A rejected row can be corrected and added again.
    let again = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    for (row, id) in summary.rejected.into_iter().zip(2_000..) {
        again.add(trade::ActiveModel { id: Set(id), quantity: Set(1), ..row.model }).await.unwrap();
    }
    assert_eq!(again.close().await.unwrap().counts.written, bad.len() as u64);
}

async fn a_batch_of_nothing_but_bad_rows_does_not_stop_the_writer(kind: Kind) {
    let (_file, database) = trades(kind).await;
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
    let (_file, database) = trades(Kind::Sqlite).await;
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

/// Ten thousand rows, of which one is refused.
async fn one_bad_row_in_ten_thousand(kind: Kind, bad: trade::ActiveModel, words: &[&str]) {
    const PLACE: i64 = 7_341;
    let (_place, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .rows(10_000)
        .max_rows(10_000)
        .capacity(10_000)
        .linger(Duration::from_secs(3_600))
        .build()
        .unwrap();
    for id in 1..=10_000 {
        let row = if id == PLACE { bad.clone() } else { coded(&format!("c{id}"), 1) };
        writer.add(trade::ActiveModel { id: Set(id), ..row }).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.rejected), (9_999, 1));
    let [refused] = &summary.rejected[..] else { panic!("{} rows were refused", summary.rejected.len()) };
    assert_eq!(refused.key().unwrap(), ValueTuple::One(PLACE.into()));
    assert_eq!(refused.error.kind(), ErrorKind::Constraint);
    let said = refused.error.source().unwrap().to_string();
    assert!(words.iter().any(|word| said.contains(word)), "{said}");
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 9_999);
    assert_eq!(trade::Entity::find_by_id(PLACE).one(&database).await.unwrap(), None);
}

async fn a_key_that_is_there_costs_one_row_in_ten_thousand(kind: Kind) {
    let words = ["UNIQUE constraint", "duplicate key", "Duplicate entry"];
    one_bad_row_in_ten_thousand(kind, coded("c7", 1), &words).await;
}

async fn a_text_that_is_too_long_costs_one_row_in_ten_thousand(kind: Kind) {
    if kind == Kind::Sqlite {
        // It has no limit but the table's own checks.
        return one_bad_row_in_ten_thousand(kind, trade(-1), &["CHECK constraint"]).await;
    }
    one_bad_row_in_ten_thousand(kind, coded(&"x".repeat(41), 1), &["too long"]).await;
}

async fn a_missing_value_costs_one_row_in_ten_thousand(kind: Kind) {
    let bad = trade::ActiveModel { quantity: ActiveValue::NotSet, ..coded("n", 1) };
    let words = ["NOT NULL constraint", "not-null constraint", "default value"];
    one_bad_row_in_ten_thousand(kind, bad, &words).await;
}

async fn a_nul_byte_in_a_text_costs_at_most_its_row(kind: Kind) {
    let bad = trade::ActiveModel { note: Set(Some("nul \0 byte".to_owned())), ..coded("nul", 1) };
    if kind == Kind::Postgres {
        return one_bad_row_in_ten_thousand(kind, bad, &["0x00"]).await;
    }
    // The others hold it.
    let (_place, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    writer.add(bad).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 1);
    let read = trade::Entity::find().one(&database).await.unwrap().unwrap();
    assert_eq!(read.note.as_deref(), Some("nul \0 byte"));
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

async fn deferred_foreign_keys_are_told_at_commit_and_still_cost_only_their_rows(kind: Kind) {
    let (_file, database) = trades(kind).await;
    // MariaDB has none that wait: there the statement is refused.
    let deferred = if kind == Kind::Mariadb { "" } else { "DEFERRABLE INITIALLY DEFERRED" };
    let create =
        format!("CREATE TABLE child (id BIGINT PRIMARY KEY, parent BIGINT REFERENCES child(id) {deferred})");
    database.execute_unprepared(&create).await.unwrap();
    let writer = BatchWriter::<child::Entity>::builder(database.clone()).rows(32).build().unwrap();
    for id in 1..=32 {
        let parent = if id == 20 { Some(999) } else { None };
        writer.add(child::ActiveModel { id: Set(id), parent: Set(parent) }).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    assert_eq!(summary.rejected.len(), 1);
    assert_eq!(summary.rejected[0].model.id, Set(20));
    assert_eq!(child::Entity::find().count(&database).await.unwrap(), 31);
}

async fn a_callback_gets_the_rows_instead(kind: Kind) {
    let (_file, database) = trades(kind).await;
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

async fn a_panicking_callback_stops_the_writer_and_nothing_else(kind: Kind) {
    let (_file, database) = trades(kind).await;
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

async fn rejected_rows_that_nobody_collects_stop_the_writer_instead_of_filling_the_memory(kind: Kind) {
    let (_file, database) = trades(kind).await;
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

everywhere! {
    a_key_that_is_there_costs_one_row_in_ten_thousand
    a_text_that_is_too_long_costs_one_row_in_ten_thousand
    a_missing_value_costs_one_row_in_ten_thousand
    a_nul_byte_in_a_text_costs_at_most_its_row
    bad_rows_are_singled_out_and_the_others_are_kept_in_order
    a_batch_of_nothing_but_bad_rows_does_not_stop_the_writer
    deferred_foreign_keys_are_told_at_commit_and_still_cost_only_their_rows
    a_callback_gets_the_rows_instead
    a_panicking_callback_stops_the_writer_and_nothing_else
    rejected_rows_that_nobody_collects_stop_the_writer_instead_of_filling_the_memory
}
