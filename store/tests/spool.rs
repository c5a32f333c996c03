//! Rows that survive their process, their disk and their database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

#[cfg(target_os = "linux")]
mod apart;
mod common;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cofferdam_store::{
    BatchUpdateWriter, BatchWriter, Error, ErrorKind, OnConflict, Spool, Trigger, WriterBuilder,
};
use common::{Kind, Log, Place, coded, opened, trade, trades};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, EntityTrait, QueryOrder as _, Set,
    sea_query::{Alias, Expr, ExprTrait as _, Query},
};

type Builder = WriterBuilder<trade::Entity, BatchWriter<trade::Entity>>;

fn builder(database: &DatabaseConnection) -> Builder {
    BatchWriter::builder(database.clone())
}

fn folder(place: &Place) -> PathBuf {
    place.folder.path().join("spool")
}

/// A spool that writes each row at once, so that what was added is in its file.
fn exact(place: &Place) -> Spool {
    Spool::new(folder(place)).sync_each_add()
}

async fn quantities(database: &DatabaseConnection) -> Vec<i32> {
    let rows = trade::Entity::find().order_by_asc(trade::Column::Id).all(database).await.unwrap();
    rows.iter().map(|row| row.quantity).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "spool")).collect()
}

fn size(folder: &Path) -> u64 {
    // A file may be removed between the listing and the look at it.
    folder.read_dir().unwrap().filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum()
}

/// Leaves rows in the spool as a failed writer does: the database is locked when they are to be written.
async fn leave(place: &Place, database: &DatabaseConnection, rows: std::ops::Range<i32>) {
    let writer = builder(database)
        .spool(folder(place))
        .rows(5_000)
        .linger(Duration::from_secs(3_600))
        .retry_for(Duration::ZERO)
        .build()
        .unwrap();
    opened(database).await;
    let held = place.hold().await;
    writer.add_many(rows.clone().map(trade)).await.unwrap();
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Busy);
    assert!(writer.take_unwritten().is_empty());
    assert_eq!(writer.counts().spooled, rows.len() as u64);
    held.release().await;
}

async fn a_spool_that_was_closed_in_order_is_one_small_file_and_replays_nothing(kind: Kind) {
    let (place, database) = trades(kind).await;
    for round in 0..3 {
        let writer = builder(&database).spool(folder(&place)).build().unwrap();
        writer.add_many((0..500).map(|row| trade(round * 500 + row))).await.unwrap();
        let counts = writer.close().await.unwrap().counts;
        assert_eq!((counts.accepted, counts.written, counts.replayed), (500, 500, 0));
        assert_eq!(files(&folder(&place)).len(), 1);
        assert!(size(&folder(&place)) < 2_000);
    }
    assert!(quantities(&database).await.into_iter().eq(0..1_500));
}

async fn rows_that_a_failed_writer_left_come_first_and_in_order(kind: Kind) {
    let (place, database) = trades(kind).await;
    let writer = builder(&database)
        .spool(exact(&place))
        .rows(10)
        .linger(Duration::from_secs(3_600))
        .retry_for(Duration::ZERO)
        .build()
        .unwrap();
    opened(&database).await;
    let held = place.hold().await;
    writer.add_many((0..9).map(trade)).await.unwrap();
    assert_eq!(writer.flush().await.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Busy);
    let counts = writer.counts();
    assert_eq!((counts.accepted, counts.spooled, counts.unwritten), (9, 9, 0));
    assert!(writer.take_unwritten().is_empty(), "the spool has them");
    held.release().await;

    let log = Log::default();
    let next = builder(&database).spool(exact(&place)).max_rows(50).observer(log.clone()).build().unwrap();
    next.add(trade(9)).await.unwrap();
    let counts = next.close().await.unwrap().counts;
    assert_eq!((counts.accepted, counts.replayed, counts.written), (1, 9, 10));
    assert!(quantities(&database).await.into_iter().eq(0..10));
    assert_eq!(log.flushes()[0], (Trigger::Replay, 9, None));
}

async fn many_rows_are_replayed_batch_by_batch(kind: Kind) {
    let (place, database) = trades(kind).await;
    leave(&place, &database, 0..3_000).await;
    let log = Log::default();
    let next = builder(&database).spool(exact(&place)).max_rows(64).observer(log.clone()).build().unwrap();
    next.add(trade(3_000)).await.unwrap();
    // A flush waits for the replay.
    let counts = next.flush().await.unwrap().counts;
    assert_eq!((counts.replayed, counts.written), (3_000, 3_001));
    assert!(quantities(&database).await.into_iter().eq(0..=3_000));
    assert!(log.flushes().iter().all(|(_, rows, _)| *rows <= 64));
    drop(next.close().await.unwrap());
}

async fn updates_are_replayed_over_one_another_in_order(kind: Kind) {
    let (place, database) = trades(kind).await;
    let writer = builder(&database).build().unwrap();
    writer.add_many((0..5).map(trade)).await.unwrap();
    drop(writer.close().await.unwrap());
    let updates = || BatchUpdateWriter::<trade::Entity>::builder(database.clone()).spool(exact(&place));
    let change = |id, quantity| trade::ActiveModel { id: Set(id), ..trade(quantity) };
    let writer =
        updates().retry_for(Duration::ZERO).rows(100).linger(Duration::from_secs(3_600)).build().unwrap();
    opened(&database).await;
    let held = place.hold().await;
    for quantity in 10..14 {
        writer.add_many((1..=5).map(|id| change(id, quantity))).await.unwrap();
    }
    writer.add(change(999, 1)).await.unwrap();
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Busy);
    held.release().await;

    let next = updates().build().unwrap();
    next.add(change(2, 77)).await.unwrap();
    let summary = next.close().await.unwrap();
    assert_eq!((summary.counts.replayed, summary.counts.written, summary.counts.coalesced), (21, 6, 15));
    assert_eq!(summary.rejected[0].model.id, Set(999));
    assert_eq!(quantities(&database).await, [13, 77, 13, 13, 13]);
    let again = updates().build().unwrap();
    assert_eq!(again.close().await.unwrap().counts.replayed, 0);
}

async fn a_refused_row_is_handed_over_again_until_somebody_took_it(kind: Kind) {
    let (place, database) = trades(kind).await;
    let callback = |dies: bool, taken: &Arc<Mutex<Vec<i32>>>| {
        let taken = Arc::clone(taken);
        builder(&database)
            .spool(exact(&place))
            .on_rejected(move |row| {
                assert!(!dies, "the callback's own fault");
                taken.lock().unwrap().push(row.model.quantity.unwrap());
            })
            .rows(10)
            .build()
            .unwrap()
    };
    let taken = Arc::default();
    let first = callback(true, &taken);
    first.add_many([1, -2, 3, -4, 5].map(trade)).await.unwrap();
    assert_eq!(first.close().await.unwrap_err().kind(), ErrorKind::Stopped);
    // The good rows of that batch are in the database, and are not written again.
    assert_eq!(quantities(&database).await, [1, 3, 5]);
    let second = callback(false, &taken);
    let counts = second.close().await.unwrap().counts;
    assert_eq!((counts.replayed, counts.rejected, counts.written), (2, 2, 0));
    assert_eq!(*taken.lock().unwrap(), [-2, -4]);
    // Now it is done.
    let third = callback(false, &taken);
    assert_eq!(third.close().await.unwrap().counts.replayed, 0);
    assert_eq!(quantities(&database).await, [1, 3, 5]);
}

#[tokio::test]
async fn a_spool_has_one_writer_at_a_time() {
    let (place, database) = trades(Kind::Sqlite).await;
    let first = builder(&database).spool(folder(&place)).build().unwrap();
    let error = builder(&database).spool(folder(&place)).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SpoolLocked);
    assert!(error.to_string().contains(folder(&place).to_str().unwrap()), "{error}");
    drop(first.close().await.unwrap());
    let next = builder(&database).spool(folder(&place)).build().unwrap();
    drop(next.close().await.unwrap());
}

#[tokio::test]
async fn a_spool_of_another_table_or_operation_is_refused() {
    let (place, database) = trades(Kind::Sqlite).await;
    leave(&place, &database, 0..5).await;
    let error = BatchUpdateWriter::<trade::Entity>::builder(database.clone())
        .spool(folder(&place))
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SpoolForeign);
    assert!(error.to_string().contains("rows to insert, not to update"), "{error}");
    let next = builder(&database).spool(folder(&place)).build().unwrap();
    assert!(next.close().await.unwrap().counts.replayed > 0);
}

#[tokio::test]
async fn a_spool_that_is_too_small_or_cannot_be_made_is_told_at_once() {
    let (place, database) = trades(Kind::Sqlite).await;
    let error = builder(&database).spool(Spool::new(folder(&place)).max_bytes(10)).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let error = builder(&database).spool(place.folder.path().join("test.sqlite3")).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SpoolFailed);
}

async fn a_full_spool_makes_add_wait_and_its_files_are_removed_as_rows_are_settled(kind: Kind) {
    let (place, database) = trades(kind).await;
    let limit = 128 << 10;
    let spool = Spool::new(folder(&place)).max_bytes(limit).sync_interval(Duration::from_millis(5));
    let writer = builder(&database).spool(spool).linger(Duration::from_secs(3_600)).build().unwrap();
    let heavy = |row| trade::ActiveModel { note: Set(Some("x".repeat(4_000))), ..trade(row) };
    let held = place.hold().await;
    let mut added = 0;
    while tokio::time::timeout(Duration::from_millis(200), writer.add(heavy(added))).await.is_ok() {
        added += 1;
    }
    assert!((20..=32).contains(&added), "{added} rows of 4 KB found room in 128 KiB");
    held.release().await;
    // Many times the spool's size goes through it.
    for row in added..600 {
        writer.add(heavy(row)).await.unwrap();
        let size = size(&folder(&place));
        assert!(size < limit as u64 + (16 << 10), "{size} bytes are on the disk");
    }
    assert_eq!(writer.close().await.unwrap().counts.written, 600);
    assert!(quantities(&database).await.into_iter().eq(0..600));
}

async fn a_row_larger_than_the_spool_goes_through_alone(kind: Kind) {
    let (place, database) = trades(kind).await;
    let writer = builder(&database).spool(Spool::new(folder(&place)).max_bytes(64 << 10)).build().unwrap();
    for row in 0..5 {
        let note = "x".repeat(if row % 2 == 0 { 500_000 } else { 10 });
        writer.add(trade::ActiveModel { note: Set(Some(note)), ..trade(row) }).await.unwrap();
    }
    assert_eq!(writer.close().await.unwrap().counts.written, 5);
}

async fn a_cancelled_add_has_its_row_once_or_not_at_all(kind: Kind) {
    let (place, database) = trades(kind).await;
    let writer = builder(&database).spool(exact(&place)).build().unwrap();
    let mut accepted = 0;
    for row in 0..400 {
        let wait = Duration::from_micros(u64::from(row % 40_u32) * 25);
        let _ = tokio::time::timeout(wait, writer.add(trade(i32::try_from(row).unwrap()))).await;
        assert!(writer.counts().accepted - accepted <= 1);
        accepted = writer.counts().accepted;
    }
    assert_eq!(writer.close().await.unwrap().counts.written, accepted);
    let mut found = quantities(&database).await;
    let all = found.len();
    found.dedup();
    assert_eq!((found.len(), all as u64), (all, accepted));
}

#[test]
fn a_runtime_that_ends_first_leaves_the_rows_to_the_spool() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (writer, place) = runtime.block_on(async {
        let (place, database) = trades(Kind::Sqlite).await;
        // Nothing but the end of the runtime brings the rows onto the disk.
        let spool = Spool::new(folder(&place)).sync_interval(Duration::from_secs(3_600));
        let writer = builder(&database).spool(spool).linger(Duration::from_secs(3_600)).build().unwrap();
        writer.add_many((0..30).map(trade)).await.unwrap();
        (writer, place)
    });
    drop(runtime);
    assert!(writer.take_unwritten().is_empty());
    assert_eq!(writer.counts().spooled, 30);
    drop(writer);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = place.connect().await;
        let next = builder(&database).spool(folder(&place)).build().unwrap();
        assert_eq!(next.close().await.unwrap().counts.written, 30);
        assert!(quantities(&database).await.into_iter().eq(0..30));
    });
}

async fn two_spools_share_a_database_and_the_name_of_their_table_is_free(kind: Kind) {
    let (place, database) = trades(kind).await;
    let spools =
        ["a", "b"].map(|name| Spool::new(place.folder.path().join(name)).table("progress of spools"));
    let writers = spools.map(|spool| builder(&database).spool(spool).build().unwrap());
    for (writer, start) in writers.iter().zip([0, 1_000]) {
        writer.add_many((start..start + 300).map(trade)).await.unwrap();
    }
    for writer in writers {
        assert_eq!(writer.close().await.unwrap().counts.written, 300);
    }
    let select = Query::select()
        .expr_as(Expr::cust("COUNT(*)"), Alias::new("spools"))
        .from(Alias::new("progress of spools"))
        .and_where(Expr::col(Alias::new("settled")).gt(0))
        .and_where(Expr::col(Alias::new("open")).eq(""))
        .to_owned();
    let row = database.query_one(&select).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "spools").unwrap(), 2);
}

async fn conflicts_are_settled_as_without_a_spool(kind: Kind) {
    let (place, database) = trades(kind).await;
    let writer = || {
        builder(&database)
            .on_conflict(OnConflict::DoNothing)
            .conflict_target([trade::Column::Code])
            .spool(folder(&place))
            .build()
            .unwrap()
    };
    let first = writer();
    first.add_many(["a", "b", "a"].map(|code| coded(code, 1))).await.unwrap();
    let counts = first.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.skipped), (2, 1));
    let second = writer();
    second.add(coded("b", 2)).await.unwrap();
    assert_eq!(second.close().await.unwrap().counts.skipped, 1);
}

async fn columns_that_are_not_set_stay_so(kind: Kind) {
    let (place, database) = trades(kind).await;
    let writer = builder(&database)
        .spool(exact(&place))
        .retry_for(Duration::ZERO)
        .rows(9)
        .linger(Duration::from_secs(3_600))
        .build()
        .unwrap();
    opened(&database).await;
    let held = place.hold().await;
    writer.add(trade::ActiveModel { note: Set(None), ..trade(1) }).await.unwrap();
    writer
        .add(trade::ActiveModel { note: Set(Some("n".to_owned())), id: Set(40), ..trade(2) })
        .await
        .unwrap();
    drop(writer.close().await.unwrap_err());
    held.release().await;
    let next = builder(&database).spool(exact(&place)).build().unwrap();
    assert_eq!(next.close().await.unwrap().counts.written, 2);
    let rows = trade::Entity::find().order_by_asc(trade::Column::Id).all(&database).await.unwrap();
    assert_eq!((rows[0].state.as_str(), &rows[0].note), ("open", &None));
    assert_eq!((rows[1].id, rows[1].note.as_deref()), (40, Some("n")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_writer_and_every_row_is_in_one_place() {
    apart::apart("full_disk");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is a part of the test before it, which runs it where it may mount"]
async fn full_disk() {
    let Some(disk) = apart::small_disk(1_024) else { return };
    let (_place, database) = trades(Kind::Sqlite).await;
    let path = disk.join("spool");
    for each_add in [false, true] {
        let spool = || {
            let spool = Spool::new(&path).max_bytes(256 << 10).sync_interval(Duration::from_millis(2));
            if each_add { spool.sync_each_add() } else { spool }
        };
        database.execute_unprepared("DELETE FROM trade").await.unwrap();
        let writer = builder(&database).spool(spool()).rows(20).build().unwrap();
        let heavy = |row| trade::ActiveModel { note: Set(Some("x".repeat(4_000))), ..trade(row) };
        writer.add_many((0..10).map(heavy)).await.unwrap();
        let ballast = apart::fill(&disk);
        let full = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..4)
            .map(|task| {
                let (writer, full) = (writer.clone(), Arc::clone(&full));
                tokio::spawn(async move {
                    for row in 0..1_000 {
                        if let Err(error) = writer.add(heavy(1_000 + task * 1_000 + row)).await {
                            assert_eq!(error.kind(), ErrorKind::SpoolFailed, "{error}");
                            full.store(true, Ordering::SeqCst);
                            return;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(full.load(Ordering::SeqCst), "4,000 rows of 4 KB found room on a full disk");
        let error = writer.close().await.unwrap_err();
        let Error::SpoolFailed { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        let counts = writer.counts();
        assert_eq!(counts.accepted, counts.written + counts.unwritten + counts.spooled);
        let back = writer.take_unwritten();
        assert_eq!(back.len() as u64, counts.unwritten);
        std::fs::remove_file(ballast).unwrap();

        let next = builder(&database).spool(spool()).build().unwrap();
        next.add_many(back).await.unwrap();
        let end = next.close().await.unwrap().counts;
        assert_eq!((end.replayed, end.accepted), (counts.spooled, counts.unwritten));
        let mut found = quantities(&database).await;
        found.sort_unstable();
        let all = found.len();
        found.dedup();
        assert_eq!((found.len(), all as u64), (all, counts.accepted), "rows are lost or doubled");
    }
}

everywhere! {
    a_spool_that_was_closed_in_order_is_one_small_file_and_replays_nothing
    rows_that_a_failed_writer_left_come_first_and_in_order
    many_rows_are_replayed_batch_by_batch
    updates_are_replayed_over_one_another_in_order
    a_refused_row_is_handed_over_again_until_somebody_took_it
    a_full_spool_makes_add_wait_and_its_files_are_removed_as_rows_are_settled
    a_row_larger_than_the_spool_goes_through_alone
    a_cancelled_add_has_its_row_once_or_not_at_all
    two_spools_share_a_database_and_the_name_of_their_table_is_free
    conflicts_are_settled_as_without_a_spool
    columns_that_are_not_set_stay_so
}
