//! Partial updates by key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::time::Duration;

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind};
use common::{Kind, Place, coded, trade, trades};
use sea_orm::{
    ActiveModelTrait, ActiveValue, DatabaseConnection, EntityTrait, IntoActiveModel, Set,
    sea_query::ValueTuple,
};

async fn hundred(kind: Kind) -> (Place, DatabaseConnection) {
    let (file, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    writer.add_many((1..=100).map(|id| coded(&format!("c{id}"), id))).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 100);
    (file, database)
}

fn change(id: i64) -> trade::ActiveModel {
    trade::ActiveModel {
        id: ActiveValue::Unchanged(id),
        ..<trade::ActiveModel as ActiveModelTrait>::default()
    }
}

async fn row(database: &DatabaseConnection, id: i64) -> trade::Model {
    trade::Entity::find_by_id(id).one(database).await.unwrap().unwrap()
}

async fn only_what_is_set_is_written_whatever_the_mix(kind: Kind) {
    let (_file, database) = hundred(kind).await;
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    for id in 1..=100 {
        let model = match id % 3 {
            0 => trade::ActiveModel { quantity: Set(1_000), ..change(id) },
            1 => trade::ActiveModel {
                note: Set(Some("n".to_owned())),
                state: Set("shut".to_owned()),
                ..change(id)
            },
            // A model as it was read, with one field changed.
            _ => {
                let mut model = row(&database, id).await.into_active_model();
                model.code = Set(None);
                model
            }
        };
        writer.add(model).await.unwrap();
    }
    assert_eq!(writer.close().await.unwrap().counts.written, 100);
    for id in 1..=100_i32 {
        let read = row(&database, i64::from(id)).await;
        assert_eq!(read.quantity, if id % 3 == 0 { 1_000 } else { id });
        assert_eq!(read.state, if id % 3 == 1 { "shut" } else { "open" });
        assert_eq!(read.note.as_deref(), if id % 3 == 1 { Some("n") } else { None });
        assert_eq!(read.code, if id % 3 == 2 { None } else { Some(format!("c{id}")) });
    }
}

async fn updates_of_one_row_merge_and_the_last_value_wins(kind: Kind) {
    let (_file, database) = hundred(kind).await;
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database.clone())
        .rows(5_000)
        .linger(Duration::from_secs(3_600))
        .build()
        .unwrap();
    for round in 0..10 {
        for id in 1..=100 {
            let mut model = change(id);
            model.quantity = Set(round);
            if round == 3 {
                model.note = Set(Some("three".to_owned()));
            }
            writer.add(model).await.unwrap();
        }
    }
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.accepted, counts.written, counts.coalesced), (1_000, 100, 900));
    for id in [1, 50, 100] {
        let read = row(&database, id).await;
        assert_eq!((read.quantity, read.note.as_deref()), (9, Some("three")));
    }
}

async fn missing_rows_are_told_by_key_and_the_others_are_written(kind: Kind) {
    let (_file, database) = hundred(kind).await;
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    let ids = [5, 101, 50, 102, -1];
    writer.add_many(ids.map(|id| trade::ActiveModel { quantity: Set(7), ..change(id) })).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.rejected, summary.counts.skipped), (2, 3, 0));
    let keys: Vec<_> = summary.rejected.iter().map(|row| row.key().unwrap()).collect();
    assert_eq!(keys, [101_i64, 102, -1].map(|id| ValueTuple::One(id.into())));
    assert!(summary.rejected.iter().all(|row| row.error.kind() == ErrorKind::Missing));
    assert_eq!(trade::Entity::find().all(&database).await.unwrap().len(), 100);
}

async fn an_update_that_breaks_a_constraint_costs_only_itself(kind: Kind) {
    let (_file, database) = hundred(kind).await;
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    for id in 1..=50 {
        let code = if id == 20 { "c90".to_owned() } else { format!("d{id}") };
        writer.add(trade::ActiveModel { code: Set(Some(code)), ..change(id) }).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.rejected.len()), (49, 1));
    assert_eq!(summary.rejected[0].key().unwrap(), ValueTuple::One(20_i64.into()));
    assert_eq!(row(&database, 20).await.code.unwrap(), "c20");
    assert_eq!(row(&database, 50).await.code.unwrap(), "d50");
}

async fn an_update_without_a_key_or_without_a_change_is_refused_by_add(kind: Kind) {
    let (_file, database) = hundred(kind).await;
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database).build().unwrap();
    let keyless =
        trade::ActiveModel { quantity: Set(1), ..<trade::ActiveModel as ActiveModelTrait>::default() };
    for (model, words) in
        [(keyless, "set it to name the row"), (change(1), "set a column that is to be changed")]
    {
        let error = writer.add(model).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRow);
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(writer.close().await.unwrap().counts.accepted, 0);
}

everywhere! {
    only_what_is_set_is_written_whatever_the_mix
    updates_of_one_row_merge_and_the_last_value_wins
    missing_rows_are_told_by_key_and_the_others_are_written
    an_update_that_breaks_a_constraint_costs_only_itself
    an_update_without_a_key_or_without_a_change_is_refused_by_add
}
