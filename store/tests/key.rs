//! Updates whose rows are named by another unique key than the primary one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::time::Duration;

use cofferdam_store::{BatchUpdateWriter, DeadLetters, ErrorKind, WriterBuilder};
use common::{Kind, Place, coded, trade, trades};
use sea_orm::{ActiveValue::Unchanged, DatabaseConnection, EntityTrait, IntoActiveModel, QueryOrder, Set};

async fn hundred(kind: Kind) -> (Place, DatabaseConnection) {
    let (place, database) = trades(kind).await;
    let rows = (1..=100).map(|id| trade::ActiveModel { id: Set(id), ..coded(&format!("c{id}"), 1) });
    trade::Entity::insert_many(rows).exec(&database).await.unwrap();
    (place, database)
}

fn builder(database: &DatabaseConnection) -> WriterBuilder<trade::Entity, BatchUpdateWriter<trade::Entity>> {
    let builder = BatchUpdateWriter::builder(database.clone()).key([trade::Column::Code]);
    builder.rows(5_000).linger(Duration::from_secs(3_600))
}

fn change(code: &str, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel {
        code: Unchanged(Some(code.to_owned())),
        quantity: Set(quantity),
        ..Default::default()
    }
}

async fn quantities(database: &DatabaseConnection) -> Vec<(i64, i32)> {
    let rows = trade::Entity::find().order_by_asc(trade::Column::Id).all(database).await.unwrap();
    rows.into_iter().map(|row| (row.id, row.quantity)).collect()
}

async fn rows_are_found_by_it_and_those_that_are_not_there_are_told(kind: Kind) {
    let (place, database) = hundred(kind).await;
    let file = place.folder.path().join("dead.jsonl");
    let writer = builder(&database).dead_letters(DeadLetters::json_lines(&file)).build().unwrap();
    for round in 2..=3 {
        for number in 1..=101 {
            writer.add(change(&format!("c{number}"), round * number)).await.unwrap();
        }
    }
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.coalesced, counts.rejected), (100, 101, 1));
    let expected: Vec<_> = (1..=100).map(|id: i32| (i64::from(id), 3 * id)).collect();
    assert_eq!(quantities(&database).await, expected);
    let letter = std::fs::read_to_string(&file).unwrap();
    assert!(letter.contains(r#""key":{"code":{"type":"String","value":"c101"}}"#), "{letter}");
    assert!(letter.contains(r#""kind":"missing""#), "{letter}");
}

async fn the_primary_key_is_then_a_column_as_any_other(kind: Kind) {
    let (_place, database) = hundred(kind).await;
    let writer = builder(&database).build().unwrap();
    // As it was read: what is unchanged, the primary key too, is left alone.
    let mut read = trade::Entity::find_by_id(7).one(&database).await.unwrap().unwrap().into_active_model();
    read.quantity = Set(70);
    read.id = Unchanged(8);
    writer.add(read).await.unwrap();
    writer.add(trade::ActiveModel { id: Set(900), ..change("c9", 90) }).await.unwrap();
    // There is one already.
    writer.add(trade::ActiveModel { id: Set(1), ..change("c10", 100) }).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.rejected.len()), (2, 1));
    assert_eq!(summary.rejected[0].error.kind(), ErrorKind::Constraint);
    let rows = quantities(&database).await;
    assert_eq!((rows[6], rows[7], rows[8]), ((7, 70), (8, 1), (10, 1)));
    assert_eq!(rows[99], (900, 90));
}

async fn an_update_that_names_no_row_is_refused_by_add(kind: Kind) {
    let (_place, database) = hundred(kind).await;
    let writer = builder(&database).build().unwrap();
    let unset = trade::ActiveModel { id: Unchanged(1), quantity: Set(2), ..Default::default() };
    let null = trade::ActiveModel { code: Set(None), quantity: Set(2), ..Default::default() };
    let alone = trade::ActiveModel { code: Set(Some("c1".to_owned())), ..Default::default() };
    for (model, words) in [
        (unset, "column code is part of the key and is not set"),
        (null, "column code is part of the key and is NULL, which names no row"),
        (alone, "column code is set alone"),
    ] {
        let error = writer.add(model).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRow);
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(writer.close().await.unwrap().counts.accepted, 0);
}

#[tokio::test]
async fn a_key_of_no_columns_is_refused() {
    let (_place, database) = trades(Kind::Sqlite).await;
    let error = BatchUpdateWriter::<trade::Entity>::builder(database).key([]).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("key: is empty; name the columns of a unique index"), "{error}");
}

everywhere! {
    rows_are_found_by_it_and_those_that_are_not_there_are_told
    the_primary_key_is_then_a_column_as_any_other
    an_update_that_names_no_row_is_refused_by_add
}
