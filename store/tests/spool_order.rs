//! Spools with rows of both operations, and those of earlier versions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::{path::Path, time::Duration};

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind, Spool, Store, WriterBuilder};
use common::{Kind, Place, opened, trade, trades};
use sea_orm::{ActiveValue::Unchanged, DatabaseConnection, EntityTrait, QueryOrder, Set};

type Builder = WriterBuilder<trade::Entity, Store<trade::Entity>>;

/// A store that leaves its rows to the spool when it finds the table locked.
fn builder(database: &DatabaseConnection, place: &Place) -> Builder {
    let builder = Store::builder(database.clone()).spool(Spool::new(place.folder.path().join("spool")));
    builder.rows(5_000).linger(Duration::from_secs(3_600)).retry_for(Duration::ZERO)
}

fn keyed(id: i64, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { id: Set(id), ..trade(quantity) }
}

fn change(id: i64, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { id: Unchanged(id), quantity: Set(quantity), ..Default::default() }
}

fn quantity(quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { quantity: Set(quantity), ..Default::default() }
}

async fn rows(database: &DatabaseConnection) -> Vec<trade::Model> {
    trade::Entity::find().order_by_asc(trade::Column::Id).all(database).await.unwrap()
}

async fn inserts_and_updates_are_replayed_in_their_order(kind: Kind) {
    let (place, database) = trades(kind).await;
    let store = builder(&database, &place).build().unwrap();
    opened(&database).await;
    let held = place.hold().await;
    store.update(change(1, 9)).await.unwrap();
    for id in 1..=100 {
        store.insert(keyed(id, 1)).await.unwrap();
        store.update(change(id, 2)).await.unwrap();
        store.update_if(change(id, 3), quantity(2)).await.unwrap();
        store.update_if(change(id, 4), quantity(2)).await.unwrap();
    }
    assert_eq!(store.close().await.unwrap_err().kind(), ErrorKind::Busy);
    assert!(store.take_unwritten().is_empty());
    assert_eq!(store.counts().spooled, 401);
    held.release().await;

    let next = builder(&database, &place).build().unwrap();
    let summary = next.close().await.unwrap();
    assert_eq!((summary.counts.replayed, summary.counts.written, summary.rejected.len()), (401, 300, 101));
    assert_eq!(summary.rejected[0].error.kind(), ErrorKind::Missing);
    for refused in &summary.rejected[1..] {
        assert_eq!(refused.error.kind(), ErrorKind::Stale);
        assert_eq!((&refused.model.quantity, &refused.expected), (&Set(4), &Some(quantity(2))));
    }
    let rows = rows(&database).await;
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row.quantity == 3));
}

async fn a_store_takes_over_the_spool_of_a_writer_but_not_the_other_way_round(kind: Kind) {
    let (place, database) = trades(kind).await;
    let spool = || Spool::new(place.folder.path().join("spool"));
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .spool(spool())
        .rows(5_000)
        .linger(Duration::from_secs(3_600))
        .retry_for(Duration::ZERO)
        .build()
        .unwrap();
    opened(&database).await;
    let held = place.hold().await;
    writer.add(keyed(1, 1)).await.unwrap();
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Busy);
    let store = builder(&database, &place).build().unwrap();
    store.update(change(1, 2)).await.unwrap();
    assert_eq!(store.close().await.unwrap_err().kind(), ErrorKind::Busy);
    held.release().await;

    let error = BatchWriter::<trade::Entity>::builder(database.clone()).spool(spool()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SpoolForeign);
    assert!(error.to_string().contains("holds rows to insert and to update, not to insert"), "{error}");
    let next = builder(&database, &place).build().unwrap();
    assert_eq!(next.close().await.unwrap().counts.written, 2);
    assert_eq!(rows(&database).await[0].quantity, 2);
}

/// Spools of the format's first version, as a writer left them: three new rows, and three updates of them.
#[tokio::test]
async fn spools_of_the_first_version_are_replayed() {
    let (place, database) = trades(Kind::Sqlite).await;
    let spool = |name: &str| {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spools_v1").join(name);
        let to = place.folder.path().join(name);
        std::fs::create_dir(&to).unwrap();
        for file in from.read_dir().unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        Spool::new(to)
    };
    let writer =
        BatchWriter::<trade::Entity>::builder(database.clone()).spool(spool("insert")).build().unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.replayed, counts.written), (3, 3));
    let found: Vec<_> = rows(&database)
        .await
        .into_iter()
        .map(|row| (row.id, row.code.unwrap(), row.quantity, row.note))
        .collect();
    let row = |id: i64, note: Option<&str>| {
        (id, format!("c{id}"), i32::try_from(id).unwrap(), note.map(str::to_owned))
    };
    assert_eq!(found, [row(1, None), row(2, Some("new")), row(3, None)]);

    let update = spool("update");
    let store = Store::<trade::Entity>::builder(database.clone()).spool(update.clone()).build().unwrap();
    assert_eq!(store.close().await.unwrap().counts.written, 3);
    let found: Vec<_> = rows(&database).await.into_iter().map(|row| (row.quantity, row.note)).collect();
    assert_eq!(found, [(10, None), (20, Some("changed".to_owned())), (30, None)]);
    // From then on it is the store's.
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database).spool(update);
    assert_eq!(writer.build().unwrap_err().kind(), ErrorKind::SpoolForeign);
}

everywhere! {
    inserts_and_updates_are_replayed_in_their_order
    a_store_takes_over_the_spool_of_a_writer_but_not_the_other_way_round
}
