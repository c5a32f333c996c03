//! Rows that are known for good by a key of their own, however often they are added.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;
mod proxy;

use std::time::Duration;

use cofferdam_store::{BatchWriter, ErrorKind, OnConflict, Store};
use common::{Kind, coded, trade, trades};
use proxy::{Loss, breaking};
use sea_orm::{ActiveValue::Unchanged, DatabaseConnection, EntityTrait, QueryOrder, Set};

fn store(database: &DatabaseConnection) -> Store<trade::Entity> {
    let builder = Store::builder(database.clone()).idempotency_key([trade::Column::Code]);
    builder.key([trade::Column::Code]).rows(5_000).linger(Duration::from_secs(3_600)).build().unwrap()
}

async fn rows(database: &DatabaseConnection) -> Vec<(String, i32)> {
    let rows = trade::Entity::find().order_by_asc(trade::Column::Id).all(database).await.unwrap();
    rows.into_iter().map(|row| (row.code.unwrap(), row.quantity)).collect()
}

fn change(code: &str, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel {
        code: Unchanged(Some(code.to_owned())),
        quantity: Set(quantity),
        ..Default::default()
    }
}

async fn a_task_that_is_delivered_again_writes_nothing_twice(kind: Kind) {
    let (_place, database) = trades(kind).await;
    for delivery in 0..3 {
        let store = store(&database);
        for task in 0..100 + delivery {
            let code = format!("task {task}");
            store.insert(coded(&code, 1)).await.unwrap();
            store.update(change(&code, 2)).await.unwrap();
        }
        let summary = store.close().await.unwrap();
        assert!(summary.rejected.is_empty());
        let skipped = if delivery == 0 { 0 } else { 99 + delivery };
        assert_eq!(summary.counts.skipped, skipped);
    }
    let expected: Vec<_> = (0..102).map(|task| (format!("task {task}"), 2)).collect();
    assert_eq!(rows(&database).await, expected);
}

async fn a_row_that_would_be_another_one_each_time_is_refused_by_add(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database)
        .idempotency_key([trade::Column::Code])
        .build()
        .unwrap();
    for (model, words) in [
        (trade(1), "column code is part of the idempotency key and is not set"),
        (trade::ActiveModel { code: Set(None), ..trade(1) }, "column code is part of the key and is NULL"),
    ] {
        let error = writer.add(model).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRow);
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(writer.close().await.unwrap().counts.accepted, 0);
}

#[tokio::test]
async fn it_stands_alone_among_the_settings_and_is_not_empty() {
    let (_place, database) = trades(Kind::Sqlite).await;
    let builder = || BatchWriter::<trade::Entity>::builder(database.clone());
    let both = builder().idempotency_key([trade::Column::Code]).on_conflict(OnConflict::DoNothing);
    for (error, words) in [
        (both.build().unwrap_err(), "set it alone"),
        (builder().idempotency_key([]).build().unwrap_err(), "idempotency_key: is empty"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(words), "{error}");
    }
}

async fn a_commit_in_doubt_is_repeated_and_each_row_is_there_once(kind: Kind) {
    for loss in [Loss::Answer, Loss::Request] {
        let (place, database) = trades(kind).await;
        let store = store(&breaking(&place, "COMMIT", loss).await);
        for task in 0..100 {
            let code = format!("task {task}");
            store.insert(coded(&code, 1)).await.unwrap();
            store.update(change(&code, 2)).await.unwrap();
        }
        let counts = store.close().await.unwrap().counts;
        let skipped = if loss == Loss::Answer { 100 } else { 0 };
        assert_eq!((counts.written, counts.skipped, counts.rejected), (200 - skipped, skipped, 0));
        let expected: Vec<_> = (0..100).map(|task| (format!("task {task}"), 2)).collect();
        assert_eq!(rows(&database).await, expected);
    }
}

/// The update finds no row the first time, and would find one the second.
async fn a_commit_in_doubt_is_not_repeated_where_that_would_do_more(kind: Kind) {
    let (place, database) = trades(kind).await;
    let store = store(&breaking(&place, "COMMIT", Loss::Answer).await);
    store.update(change("task", 2)).await.unwrap();
    store.insert(coded("task", 1)).await.unwrap();
    assert_eq!(store.close().await.unwrap_err().kind(), ErrorKind::InDoubt);
    assert_eq!(store.take_unwritten().len(), 2);
    assert_eq!(rows(&database).await, [("task".to_owned(), 1)]);
}

everywhere! {
    a_task_that_is_delivered_again_writes_nothing_twice
    a_row_that_would_be_another_one_each_time_is_refused_by_add
}

#[tokio::test]
async fn a_commit_in_doubt_is_repeated_on_postgres() {
    a_commit_in_doubt_is_repeated_and_each_row_is_there_once(Kind::Postgres).await;
    a_commit_in_doubt_is_not_repeated_where_that_would_do_more(Kind::Postgres).await;
}

#[tokio::test]
async fn a_commit_in_doubt_is_repeated_on_mariadb() {
    a_commit_in_doubt_is_repeated_and_each_row_is_there_once(Kind::Mariadb).await;
    a_commit_in_doubt_is_not_repeated_where_that_would_do_more(Kind::Mariadb).await;
}
