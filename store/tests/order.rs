//! Inserts and updates of one entity, in the order in which they were added.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::time::Duration;

use cofferdam_store::{ErrorKind, OnConflict, Operation, Rejected, Store, WriterBuilder};
use common::{Kind, Log, coded, trade, trades};
use sea_orm::{ActiveValue::Unchanged, ConnectionTrait, DatabaseConnection, EntityTrait, QueryOrder, Set};

/// A store whose rows all meet in one batch.
fn builder(database: &DatabaseConnection) -> WriterBuilder<trade::Entity, Store<trade::Entity>> {
    let builder = Store::builder(database.clone()).rows(5_000).capacity(20_000);
    builder.max_rows(20_000).linger(Duration::from_secs(3_600))
}

fn keyed(id: i64, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { id: Set(id), ..trade(quantity) }
}

fn change(id: i64, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { id: Unchanged(id), quantity: Set(quantity), ..Default::default() }
}

fn shut(id: i64) -> trade::ActiveModel {
    trade::ActiveModel { id: Unchanged(id), state: Set("shut".to_owned()), ..Default::default() }
}

/// The rows by key: quantity, state and code.
async fn rows(database: &DatabaseConnection) -> Vec<(i64, i32, String, Option<String>)> {
    let rows = trade::Entity::find().order_by_asc(trade::Column::Id).all(database).await.unwrap();
    rows.into_iter().map(|row| (row.id, row.quantity, row.state, row.code)).collect()
}

async fn the_life_of_a_row_is_written_in_one_batch(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let log = Log::default();
    let store = builder(&database).observer(log.clone()).build().unwrap();
    // While a row is young the next ones come; the last of each hundred stays as it was made.
    for id in 1..=1_000 {
        store.insert(keyed(id, 1)).await.unwrap();
        if id % 100 != 0 {
            store.update(change(id, 2)).await.unwrap();
        }
        if id > 3 && (id - 3) % 100 != 0 {
            store.update(shut(id - 3)).await.unwrap();
        }
    }
    let summary = store.close().await.unwrap();
    assert!(summary.rejected.is_empty(), "{:?}", summary.rejected.first());
    let counts = summary.counts;
    assert_eq!((counts.written + counts.coalesced, counts.skipped), (counts.accepted, 0));
    assert_eq!(log.flushes().len(), 1);
    let rows = rows(&database).await;
    assert_eq!(rows.len(), 1_000);
    for (id, quantity, state, _) in rows {
        let young = id % 100 == 0;
        assert_eq!(quantity, if young { 1 } else { 2 }, "row {id}");
        assert_eq!(state, if young || id > 997 { "open" } else { "shut" }, "row {id}");
    }
}

async fn an_update_reaches_only_what_was_there_before_it(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let store = builder(&database).build().unwrap();
    store.update(change(1, 7)).await.unwrap();
    for id in 1..=200 {
        store.insert(keyed(id, 1)).await.unwrap();
        store.update(change(id, 2)).await.unwrap();
    }
    store.update(change(201, 7)).await.unwrap();
    let summary = store.close().await.unwrap();
    let refused: Vec<_> = summary.rejected.iter().map(|row| (row.operation, row.error.kind())).collect();
    assert_eq!(refused, [(Operation::Update, ErrorKind::Missing); 2]);
    assert_eq!(summary.rejected[1].model.id, Set(201));
    let counts = summary.counts;
    assert_eq!((counts.written + counts.coalesced, counts.rejected), (400, 2));
    assert!(rows(&database).await.iter().all(|row| row.1 == 2));
}

/// Servers leave gaps in what they make up, so that nobody could name such a row before it is there.
#[tokio::test]
async fn an_update_finds_a_row_whose_key_the_database_made_up() {
    let (_place, database) = trades(Kind::Sqlite).await;
    let store = builder(&database).build().unwrap();
    store.update(change(1, 7)).await.unwrap();
    for id in 1..=20 {
        store.insert(trade(1)).await.unwrap();
        store.update(change(id, 2)).await.unwrap();
    }
    store.update(change(21, 7)).await.unwrap();
    let summary = store.close().await.unwrap();
    let refused: Vec<_> = summary.rejected.iter().map(|row| row.model.id.clone().unwrap()).collect();
    assert_eq!(refused, [1, 21]);
    assert!(rows(&database).await.into_iter().map(|row| row.1).eq([2; 20]));
}

async fn bad_rows_among_them_are_told_in_order(kind: Kind) {
    let (_place, database) = trades(kind).await;
    trade::Entity::insert_many((1..=10).map(|id| keyed(id, 1))).exec(&database).await.unwrap();
    let store = builder(&database).build().unwrap();
    let shut = |quantity| trade::ActiveModel { quantity: Set(quantity), ..Default::default() };
    for id in 1..=100 {
        // It is there; the next is refused by the check; and that is why the last one is missing.
        let quantity = if id % 20 == 13 { -1 } else { 1 };
        store.insert(keyed(id, quantity)).await.unwrap();
        store.update(change(id, 2)).await.unwrap();
        store.update_if(change(id, 3), shut(if id % 25 == 0 { 1 } else { 2 })).await.unwrap();
        store.insert(keyed(id + 1_000, 1)).await.unwrap();
        store.update(change(id + 2_000, 1)).await.unwrap();
    }
    let summary = store.close().await.unwrap();
    let told = |row: &Rejected<trade::Entity>| (row.model.id.clone().unwrap(), row.error.kind());
    let refused: Vec<_> = summary.rejected.iter().map(told).collect();
    let expected = (1..=100).flat_map(|id| {
        let bad = id > 10 && id % 20 == 13;
        let mut told = Vec::new();
        if id <= 10 || bad {
            told.push((id, ErrorKind::Constraint));
        }
        if bad {
            told.extend([(id, ErrorKind::Missing); 2]);
        } else if id % 25 == 0 {
            told.push((id, ErrorKind::Stale));
        }
        told.push((id + 2_000, ErrorKind::Missing));
        told
    });
    assert_eq!(refused, expected.collect::<Vec<_>>());
    let quantities: Vec<_> = rows(&database).await.into_iter().map(|row| row.1).take(90).collect();
    let found: Vec<_> =
        (1..=100).filter(|id| id % 20 != 13).map(|id| if id % 25 == 0 { 2 } else { 3 }).collect();
    assert_eq!(quantities, found[..90]);
}

async fn a_unique_value_goes_from_row_to_row_in_order(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let code = |code: &str| Set(Some(code.to_owned()));
    let store = builder(&database).build().unwrap();
    let keyed = |id, text: &str| trade::ActiveModel { code: code(text), ..keyed(id, 1) };
    store.insert(keyed(1, "a")).await.unwrap();
    // It is not free yet.
    store.insert(keyed(2, "a")).await.unwrap();
    let free = trade::ActiveModel { id: Unchanged(1), code: code("b"), ..Default::default() };
    store.update(free).await.unwrap();
    store.insert(keyed(3, "a")).await.unwrap();
    let taken = trade::ActiveModel { id: Unchanged(3), code: code("b"), ..Default::default() };
    store.update(taken).await.unwrap();
    let summary = store.close().await.unwrap();
    let refused: Vec<_> = summary.rejected.iter().map(|row| (row.operation, row.model.id.clone())).collect();
    assert_eq!(refused, [(Operation::Insert, Set(2)), (Operation::Update, Set(3))]);
    let codes: Vec<_> = rows(&database).await.into_iter().map(|row| (row.0, row.3.unwrap())).collect();
    assert_eq!(codes, [(1, "b".to_owned()), (3, "a".to_owned())]);
}

async fn an_upsert_and_an_update_of_one_row_keep_their_order(kind: Kind) {
    let (_place, database) = trades(kind).await;
    trade::Entity::insert_many((1..=3).map(|id| keyed(id, 1))).exec(&database).await.unwrap();
    let store =
        builder(&database).on_conflict(OnConflict::Update(vec![trade::Column::Quantity])).build().unwrap();
    store.insert(keyed(1, 2)).await.unwrap();
    store.update(change(1, 3)).await.unwrap();
    store.update(change(2, 3)).await.unwrap();
    store.insert(keyed(2, 2)).await.unwrap();
    store.update(change(3, 3)).await.unwrap();
    assert_eq!(store.close().await.unwrap().counts.rejected, 0);
    let quantities: Vec<_> = rows(&database).await.into_iter().map(|row| row.1).collect();
    assert_eq!(quantities, [3, 2, 3]);
}

async fn an_upsert_by_another_key_than_that_of_the_updates_keeps_its_order(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let row = |id| trade::ActiveModel { id: Set(id), ..coded(&format!("c{id}"), 1) };
    trade::Entity::insert_many((1..=20).map(row)).exec(&database).await.unwrap();
    let store = builder(&database)
        .on_conflict(OnConflict::Update(vec![trade::Column::Quantity]))
        .conflict_target([trade::Column::Code])
        .build()
        .unwrap();
    for id in 1..=20 {
        // It means the row `id`, not a new one.
        store.insert(trade::ActiveModel { id: Set(id + 100), ..coded(&format!("c{id}"), 2) }).await.unwrap();
        store.update(change(id, 3)).await.unwrap();
    }
    assert_eq!(store.close().await.unwrap().counts.written, 40);
    assert!(rows(&database).await.into_iter().map(|row| (row.0, row.1)).eq((1..=20).map(|id| (id, 3))));
}

/// The server takes "A" and "a" for one key.
#[tokio::test]
async fn another_spelling_of_a_key_keeps_the_order_too() {
    let (_place, database) = trades(Kind::Mariadb).await;
    for texts in [["one", "ONE"], ["é", "e"]] {
        database.execute_unprepared("DELETE FROM trade").await.unwrap();
        trade::Entity::insert(coded(texts[0], 1)).exec(&database).await.unwrap();
        let store = builder(&database)
            .key([trade::Column::Code])
            .on_conflict(OnConflict::Update(vec![trade::Column::Quantity]))
            .conflict_target([trade::Column::Code])
            .build()
            .unwrap();
        store.insert(coded(texts[0], 2)).await.unwrap();
        store.update(coded(texts[1], 3)).await.unwrap();
        assert_eq!(store.close().await.unwrap().counts.written, 2);
        assert_eq!(rows(&database).await[0].1, 3, "{texts:?}");
    }
}

/// The row undoes all that its transaction has done, wherever it stands.
#[tokio::test]
async fn a_trigger_that_rolls_the_transaction_back_costs_only_its_row() {
    let (_place, database) = trades(Kind::Sqlite).await;
    let trigger = "CREATE TRIGGER strict BEFORE UPDATE ON trade WHEN new.quantity = 13 \
                   BEGIN SELECT RAISE(ROLLBACK, 'thirteen'); END";
    database.execute_unprepared(trigger).await.unwrap();
    let store = builder(&database).build().unwrap();
    for id in 1..=20 {
        store.insert(keyed(id, 1)).await.unwrap();
        store.update(change(id, if id == 7 { 13 } else { 2 })).await.unwrap();
        store.update(change(id + 1_000, 2)).await.unwrap();
    }
    let summary = store.close().await.unwrap();
    let refused = |kind| summary.rejected.iter().filter(|row| row.error.kind() == kind).count();
    assert_eq!((refused(ErrorKind::Constraint), refused(ErrorKind::Missing)), (1, 20));
    let quantities: Vec<_> = rows(&database).await.into_iter().map(|row| row.1).collect();
    assert_eq!(quantities, (1..=20).map(|id| if id == 7 { 1 } else { 2 }).collect::<Vec<_>>());
}

async fn writers_of_one_store_share_its_order_and_its_end(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let store = builder(&database).build().unwrap();
    let (inserts, updates) = (store.inserts(), store.updates());
    for id in 1..=20 {
        inserts.add(keyed(id, 1)).await.unwrap();
        updates.add(change(id, 2)).await.unwrap();
    }
    assert_eq!(updates.flush().await.unwrap().counts.accepted, 40);
    assert!(rows(&database).await.iter().all(|row| row.1 == 2));
    assert_eq!(inserts.close().await.unwrap().counts, store.counts());
    assert_eq!(store.update(shut(1)).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(updates.add(shut(1)).await.unwrap_err().kind(), ErrorKind::Closed);
}

async fn what_could_not_be_written_says_what_it_was_for(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let store = builder(&database).build().unwrap();
    database.execute_unprepared("DROP TABLE trade").await.unwrap();
    let expected = trade::ActiveModel { quantity: Set(2), ..Default::default() };
    store.insert(keyed(1, 1)).await.unwrap();
    store.update(change(1, 2)).await.unwrap();
    store.update_if(change(1, 3), expected.clone()).await.unwrap();
    assert_eq!(store.close().await.unwrap_err().kind(), ErrorKind::Schema);
    assert_eq!(store.inserts().take_unwritten(), [keyed(1, 1)]);
    let left = store.take_unwritten();
    let left: Vec<_> =
        left.into_iter().map(|row| (row.operation, row.model.quantity, row.expected)).collect();
    let update = |quantity, expected| (Operation::Update, Set(quantity), expected);
    assert_eq!(left, [update(2, None), update(3, Some(expected))]);
    assert!(store.take_unwritten().is_empty());
}

everywhere! {
    the_life_of_a_row_is_written_in_one_batch
    an_update_reaches_only_what_was_there_before_it
    bad_rows_among_them_are_told_in_order
    a_unique_value_goes_from_row_to_row_in_order
    an_upsert_and_an_update_of_one_row_keep_their_order
    an_upsert_by_another_key_than_that_of_the_updates_keeps_its_order
    writers_of_one_store_share_its_order_and_its_end
    what_could_not_be_written_says_what_it_was_for
}
