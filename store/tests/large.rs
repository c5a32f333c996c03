//! Batches as large as a busy writer makes them: what is fast for many rows must say the same of each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::time::Duration;

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind, Summary};
use common::{Kind, Log, Place, coded, trade, trades};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseConnection, EntityTrait, QueryOrder, Set,
};

const ROWS: i32 = 10_000;

/// Writes the rows `1..=count`, each with its own number as its quantity.
async fn filled(kind: Kind, count: i32) -> (Place, DatabaseConnection) {
    let (place, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    writer.add_many((1..=count).map(|id| numbered(id, id))).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, u64::try_from(count).unwrap());
    (place, database)
}

fn numbered(id: i32, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { id: Set(i64::from(id)), ..coded(&format!("code {id}"), quantity) }
}

async fn read(database: &DatabaseConnection) -> Vec<trade::Model> {
    trade::Entity::find().order_by_asc(trade::Column::Id).all(database).await.unwrap()
}

/// Updates rows by their numbers, in one batch.
async fn update(
    database: &DatabaseConnection,
    ids: impl ExactSizeIterator<Item = i32>,
    state: &str,
) -> Summary<trade::Entity> {
    let log = Log::default();
    let count = ids.len();
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database.clone())
        .rows(count)
        .linger(Duration::from_secs(3_600))
        .observer(log.clone())
        .build()
        .unwrap();
    let change = |id: i32| trade::ActiveModel {
        id: ActiveValue::Unchanged(i64::from(id)),
        quantity: Set(3 * id),
        state: Set(state.to_owned()),
        ..<trade::ActiveModel as ActiveModelTrait>::default()
    };
    writer.add_many(ids.map(change)).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!(log.flushes().len(), 1, "it was to be one batch");
    summary
}

fn ids(summary: &Summary<trade::Entity>) -> Vec<i32> {
    summary.rejected.iter().map(|row| i32::try_from(*row.model.id.as_ref()).unwrap()).collect()
}

async fn one_row_of_ten_thousand_is_refused_and_the_others_are_there(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    let row = |id: i32| {
        // The code of another row.
        let code = if id == 7_341 { 17 } else { id };
        trade::ActiveModel { id: Set(i64::from(id)), ..coded(&format!("code {code}"), id) }
    };
    writer.add_many((1..=ROWS).map(row)).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.skipped), (9_999, 0));
    assert_eq!(ids(&summary), [7_341]);
    assert_eq!(summary.rejected[0].model.code, Set(Some("code 17".to_owned())));
    assert_eq!(summary.rejected[0].error.kind(), ErrorKind::Constraint);
    let read = read(&database).await;
    assert_eq!(read.len(), 9_999);
    for (row, id) in read.iter().zip((1..=ROWS).filter(|id| *id != 7_341)) {
        assert_eq!((row.id, row.quantity, row.state.as_str()), (i64::from(id), id, "open"));
        assert_eq!(row.code.as_deref(), Some(format!("code {id}").as_str()));
    }
}

async fn missing_rows_in_the_midst_of_a_large_update_are_told_and_cost_no_other(kind: Kind) {
    let (_place, database) = filled(kind, 6_000).await;
    // Every seventh of the last thousand is gone, and so is what lies behind it.
    let there = |id: &i32| *id <= 5_000 || (*id <= 6_000 && *id % 7 != 0);
    let delete = "DELETE FROM trade WHERE id > 5000 AND id % 7 = 0";
    database.execute_unprepared(delete).await.unwrap();

    for (state, ids_given) in [("first", 1..=6_100), ("second", 1..=4_000), ("third", 1..=6_100)] {
        let summary = update(&database, ids_given.clone().collect::<Vec<_>>().into_iter(), state).await;
        let missing: Vec<i32> = ids_given.clone().filter(|id| !there(id)).collect();
        assert_eq!(ids(&summary), missing, "{state}");
        assert!(summary.rejected.iter().all(|row| row.error.kind() == ErrorKind::Missing));
        let written = ids_given.clone().filter(there).count() as u64;
        assert_eq!((summary.counts.written, summary.counts.skipped), (written, 0), "{state}");
        let read = read(&database).await;
        assert_eq!(read.len(), (1..=6_000).filter(there).count());
        for row in read.iter().filter(|row| ids_given.contains(&i32::try_from(row.id).unwrap())) {
            let code = format!("code {}", row.id);
            assert_eq!((row.state.as_str(), row.code.as_deref()), (state, Some(code.as_str())));
            assert_eq!(i64::from(row.quantity), 3 * row.id);
        }
    }
}

async fn a_bad_row_in_a_large_update_costs_only_itself(kind: Kind) {
    let (_place, database) = filled(kind, 3_000).await;
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database.clone()).rows(3_000).build().unwrap();
    for id in 1..=3_000 {
        // Below 0 is against a check, and the 2,001st is another one's code.
        let (quantity, code) =
            if id == 1_234 { (-1, id) } else { (2 * id, if id == 2_001 { 1 } else { id }) };
        let row = numbered(id, quantity);
        let row = trade::ActiveModel { code: Set(Some(format!("code {code}"))), ..row };
        writer.add(row).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, ids(&summary)), (2_998, vec![1_234, 2_001]));
    assert!(summary.rejected.iter().all(|row| row.error.kind() == ErrorKind::Constraint));
    for row in read(&database).await {
        let id = i32::try_from(row.id).unwrap();
        let quantity = if [1_234, 2_001].contains(&id) { id } else { 2 * id };
        assert_eq!((row.quantity, row.code), (quantity, Some(format!("code {id}"))));
    }
}

/// The trigger keeps every third row as it is, and writes down each that it sees: once a row, whatever the writer had
/// to try.
#[tokio::test]
async fn rows_that_a_trigger_of_postgresql_keeps_are_skipped_and_seen_once() {
    let (_place, database) = filled(Kind::Postgres, 2_000).await;
    let sql = "CREATE TABLE seen (id BIGINT); \
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        INSERT INTO seen VALUES (OLD.id); \
        IF OLD.id % 3 = 0 THEN RETURN NULL; END IF; RETURN NEW; END $$; \
        CREATE TRIGGER keep BEFORE UPDATE ON trade FOR EACH ROW EXECUTE FUNCTION keep()";
    database.execute_unprepared(sql).await.unwrap();
    let summary = update(&database, (1..2_001).collect::<Vec<_>>().into_iter(), "shut").await;
    assert_eq!((summary.counts.written, summary.counts.skipped), (1_334, 666));
    assert!(summary.rejected.is_empty());
    for row in read(&database).await {
        let kept = row.id % 3 == 0;
        assert_eq!(
            (row.state.as_str(), row.quantity),
            if kept {
                ("open", i32::try_from(row.id).unwrap())
            } else {
                ("shut", 3 * i32::try_from(row.id).unwrap())
            }
        );
    }
    let query = "SELECT count(*) AS seen, count(DISTINCT id) AS rows FROM seen";
    let query = sea_orm::Statement::from_string(Kind::Postgres.backend(), query);
    let row = database.query_one_raw(query).await.unwrap().unwrap();
    let seen: (i64, i64) = (row.try_get("", "seen").unwrap(), row.try_get("", "rows").unwrap());
    assert_eq!(seen, (2_000, 2_000));
}

/// What a busy writer gets to: with the defaults, ten thousand rows that come at once are no hundred batches.
async fn rows_that_come_at_once_make_few_batches(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let log = Log::default();
    let writer =
        BatchWriter::<trade::Entity>::builder(database.clone()).observer(log.clone()).build().unwrap();
    writer.add_many((1..=ROWS).map(|id| numbered(id, id))).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 10_000);
    let sizes: Vec<u64> = log.flushes().iter().map(|(_, rows, _)| *rows).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 10_000);
    let most = if kind == Kind::Sqlite { 2_048 } else { 10_000 };
    assert!(sizes.iter().all(|rows| *rows <= most), "{sizes:?}");
    assert!(sizes.len() < 20, "{sizes:?}");
}

everywhere! {
    one_row_of_ten_thousand_is_refused_and_the_others_are_there
    missing_rows_in_the_midst_of_a_large_update_are_told_and_cost_no_other
    a_bad_row_in_a_large_update_costs_only_itself
    rows_that_come_at_once_make_few_batches
}
