//! Rows that are there already.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use cofferdam_store::{BatchWriter, ErrorKind, OnConflict};
use common::{Kind, coded, trade, trades};
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder, Set};

fn keyed(id: i64, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { id: Set(id), ..trade(quantity) }
}

async fn a_repeat_after_an_unknown_outcome_writes_nothing_twice(kind: Kind) {
    let (_file, database) = trades(kind).await;
    for repeat in 0..3 {
        let writer = BatchWriter::<trade::Entity>::builder(database.clone())
            .on_conflict(OnConflict::DoNothing)
            .build()
            .unwrap();
        // Each repeat knows ten rows more.
        writer.add_many((1..=100 + repeat * 10).map(|id| keyed(id, 1))).await.unwrap();
        let counts = writer.close().await.unwrap().counts;
        let new = if repeat == 0 { 100 } else { 10 };
        assert_eq!((counts.written, counts.skipped, counts.rejected), (new, counts.accepted - new, 0));
    }
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 120);
}

async fn the_target_may_be_another_unique_index_and_other_conflicts_are_still_rejected(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .on_conflict(OnConflict::DoNothing)
        .conflict_target([trade::Column::Code])
        .build()
        .unwrap();
    let key = |id, code| trade::ActiveModel { id: Set(id), ..coded(code, 1) };
    writer.add_many([key(1, "a"), key(2, "a"), key(1, "b"), key(3, "c")]).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.skipped), (2, 1));
    assert_eq!(summary.rejected.len(), 1);
    assert_eq!(summary.rejected[0].model.code, Set(Some("b".to_owned())));
    assert_eq!(summary.rejected[0].error.kind(), ErrorKind::Constraint);
}

async fn rows_without_a_value_in_the_target_conflict_elsewhere_or_not_at_all(kind: Kind) {
    let (_place, database) = trades(kind).await;
    for on_conflict in [OnConflict::DoNothing, OnConflict::Update(vec![trade::Column::Quantity])] {
        let writer = BatchWriter::<trade::Entity>::builder(database.clone())
            .on_conflict(on_conflict)
            .conflict_target([trade::Column::Code])
            .build()
            .unwrap();
        // The second of each has the primary key of the first, and the third nothing in common with them.
        writer.add_many([keyed(1, 1), keyed(1, 2), keyed(2, 3)]).await.unwrap();
        let summary = writer.close().await.unwrap();
        assert_eq!((summary.counts.written, summary.counts.skipped, summary.counts.rejected), (2, 0, 1));
        assert_eq!(summary.rejected[0].error.kind(), ErrorKind::Constraint);
        assert_eq!(summary.rejected[0].model.quantity, Set(2));
        let rows = trade::Entity::find().all(&database).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.quantity).sum::<i32>(), 4);
        trade::Entity::delete_many().exec(&database).await.unwrap();
    }
}

async fn chosen_columns_are_overwritten_and_others_are_kept(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let first = trade::ActiveModel {
        state: Set("shut".to_owned()),
        note: Set(Some("kept".to_owned())),
        ..keyed(1, 1)
    };
    trade::Entity::insert(first).exec(&database).await.unwrap();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .on_conflict(OnConflict::Update(vec![trade::Column::Quantity, trade::Column::State]))
        .build()
        .unwrap();
    let new = trade::ActiveModel { note: Set(Some("lost".to_owned())), ..keyed(1, 2) };
    writer.add_many([new, keyed(2, 5), keyed(2, 6)]).await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.skipped, counts.rejected), (3, 0, 0));
    let rows = trade::Entity::find().order_by_asc(trade::Column::Id).all(&database).await.unwrap();
    // The new row did not set the state, so the old state is kept, not reset to the default.
    assert_eq!(
        (rows[0].quantity, rows[0].state.as_str(), rows[0].note.as_deref()),
        (2, "shut", Some("kept"))
    );
    assert_eq!((rows[1].quantity, rows.len()), (6, 2));
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_with_the_remedy() {
    let (_file, database) = trades(Kind::Sqlite).await;
    let builder = || BatchWriter::<trade::Entity>::builder(database.clone());
    for (error, words) in [
        (builder().rows(0).build().unwrap_err(), "rows: is 0"),
        (builder().max_rows(10).build().unwrap_err(), "max_rows: 10 is below rows (50)"),
        (builder().capacity(49).build().unwrap_err(), "capacity: 49 is below rows (50)"),
        (builder().bytes(0).build().unwrap_err(), "bytes: is 0"),
        (builder().capacity_bytes(1).build().unwrap_err(), "capacity_bytes: 1 is below bytes"),
        (builder().max_rejected(0).build().unwrap_err(), "max_rejected: is 0"),
        (builder().on_conflict(OnConflict::Update(vec![])).build().unwrap_err(), "use DoNothing"),
        (builder().conflict_target([trade::Column::Code]).build().unwrap_err(), "set on_conflict too"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(words), "{error}");
    }
    let unconnected = BatchWriter::<trade::Entity>::builder(sea_orm::DatabaseConnection::default());
    assert_eq!(unconnected.build().unwrap_err().kind(), ErrorKind::Unsupported);
    let elsewhere = std::thread::spawn(move || BatchWriter::<trade::Entity>::builder(database).build());
    let error = elsewhere.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("tokio runtime"), "{error}");
}

everywhere! {
    a_repeat_after_an_unknown_outcome_writes_nothing_twice
    the_target_may_be_another_unique_index_and_other_conflicts_are_still_rejected
    chosen_columns_are_overwritten_and_others_are_kept
    rows_without_a_value_in_the_target_conflict_elsewhere_or_not_at_all
}
