//! Databases that are locked, full, or not what the entity says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::{
    error::Error as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind};
use common::{Kind, Log, Place, create_trade, trade, trades};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait,
    Set, Statement,
};

async fn a_database_that_is_locked_for_a_while_is_waited_for(kind: Kind) {
    let (place, database) = trades(kind).await;
    let log = Log::default();
    let writer =
        BatchWriter::<trade::Entity>::builder(database.clone()).observer(log.clone()).build().unwrap();
    let held = place.hold().await;
    writer.add_many((0..60).map(trade)).await.unwrap();
    // The lock holds until the writer has met it.
    while log.flushes().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(log.flushes().iter().all(|(_, _, error)| *error == Some(ErrorKind::Busy)));
    held.release().await;
    assert_eq!(writer.close().await.unwrap().counts.written, 60);
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 60);
    for ((_, rows, error), written) in log.flushes().into_iter().zip(log.written()) {
        assert_eq!(written, if error.is_none() { rows } else { 0 });
    }
    assert_eq!(log.written().iter().sum::<u64>(), 60);
}

async fn a_database_that_stays_locked_stops_the_writer_and_the_rows_come_back(kind: Kind) {
    let (place, database) = trades(kind).await;
    let held = place.hold().await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .rows(2)
        .max_rows(2)
        .retry_for(Duration::from_millis(200))
        .build()
        .unwrap();
    writer.add_many((0..5).map(trade)).await.unwrap();
    let error = writer.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().contains("trade stayed locked or out of reach for"), "{error}");
    let said = error.source().unwrap().to_string().to_lowercase();
    assert!(said.contains("lock"), "{said}");
    assert_eq!(writer.add(trade(9)).await.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Busy);
    let unwritten = writer.take_unwritten();
    let quantities: Vec<_> = unwritten.iter().map(|row| row.quantity.clone()).collect();
    assert_eq!(quantities, [0, 1, 2, 3, 4].map(Set));
    held.release().await;
    // What came back can be written by another writer.
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    writer.add_many(unwritten).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 5);
}

#[tokio::test]
async fn a_full_disk_keeps_earlier_batches_and_hands_the_rest_back() {
    // One connection, since the limit is a property of the connection.
    let file = tempfile::tempdir().unwrap();
    let mut options =
        ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.path().join("full.sqlite3").display()));
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await.unwrap();
    database.execute_unprepared(create_trade(Kind::Sqlite)).await.unwrap();
    database.execute_unprepared("PRAGMA max_page_count = 60").await.unwrap();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).max_rows(50).build().unwrap();
    let mut stopped = None;
    for row in 0..10_000 {
        let row = trade::ActiveModel { note: Set(Some("x".repeat(100))), ..trade(row) };
        if let Err(error) = writer.add(row).await {
            stopped = Some(error);
            break;
        }
    }
    let error = writer.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(stopped.is_none_or(|error| error.kind() == ErrorKind::Full));
    assert!(error.to_string().contains("no space is left for trade"), "{error}");
    let counts = writer.counts();
    assert!(counts.written >= 50 && counts.unwritten > 0);
    assert_eq!(counts.written + counts.unwritten, counts.accepted);
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), counts.written);
    // With space again, the rest follows, and the table is as if nothing had been.
    database.execute_unprepared("PRAGMA max_page_count = 100000").await.unwrap();
    let rest = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    rest.add_many(writer.take_unwritten()).await.unwrap();
    drop(rest.close().await.unwrap());
    let rows = trade::Entity::find().all(&database).await.unwrap();
    assert!(rows.iter().map(|row| row.quantity).eq(0..i32::try_from(counts.accepted).unwrap()));
}

async fn a_missing_table_is_named_with_the_remedy(kind: Kind) {
    let place = Place::new(kind).await;
    let database = place.connect().await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    writer.add(trade(1)).await.unwrap();
    let error = writer.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(
        error.to_string().contains("trade") && error.to_string().contains("run the migrations"),
        "{error}"
    );
    let said = error.source().unwrap().to_string();
    assert!(
        ["no such table", "does not exist", "doesn't exist"].iter().any(|words| said.contains(words)),
        "{said}"
    );
    let updates = BatchUpdateWriter::<trade::Entity>::builder(database).build().unwrap();
    updates.add(trade::ActiveModel { id: Set(1), ..trade(1) }).await.unwrap();
    assert_eq!(updates.close().await.unwrap_err().kind(), ErrorKind::Schema);
    assert_eq!(updates.take_unwritten().len(), 1);
}

async fn a_closed_pool_stops_the_writer(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    database.close().await.unwrap();
    writer.add(trade(1)).await.unwrap();
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Database);
    assert_eq!(writer.take_unwritten().len(), 1);
}

#[tokio::test]
async fn a_cancelled_writer_leaves_no_lock_behind() {
    // The writer's own runtime dies while it writes.
    let (file, database) = trades(Kind::Sqlite).await;
    let path = path(&file);
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let writer = BatchWriter::<trade::Entity>::builder(connect(&path).await).rows(1).build().unwrap();
            writer.add_many((0..5_000).map(trade)).await.unwrap();
        });
        runtime.shutdown_timeout(Duration::ZERO);
    })
    .join()
    .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while database.execute_unprepared("BEGIN IMMEDIATE; COMMIT").await.is_err() {
        assert!(Instant::now() < deadline, "a dead writer holds the lock");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The file of a place in SQLite.
fn path(place: &Place) -> PathBuf {
    place.folder.path().join("test.sqlite3")
}

async fn connect(path: &Path) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}", path.display()));
    options.max_connections(4).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

/// How many rows a batch of the killed process holds; each batch has its number in `quantity`.
const BATCH: i32 = 100;
const CHILD: &str = "COFFERDAM_STORE_TEST_FILE";

/// The process that is killed: not a test of its own. It tells each flush that returned on its standard output.
#[test]
fn the_process_that_is_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let writer = BatchWriter::<trade::Entity>::builder(connect(path.as_ref()).await)
            .rows(usize::try_from(BATCH).unwrap())
            .max_rows(usize::try_from(BATCH).unwrap())
            .linger(Duration::from_secs(3_600))
            .build()
            .unwrap();
        for batch in 0.. {
            writer.add_many((0..BATCH).map(|_| trade(batch))).await.unwrap();
            let summary = writer.flush().await.unwrap();
            assert!(summary.rejected.is_empty());
            println!("flushed {batch}");
        }
    });
}

#[test]
fn a_killed_process_leaves_all_that_was_flushed_and_no_half_batch() {
    use std::io::{BufRead as _, BufReader};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for kill_after in [1, 40, 150] {
        let file = runtime.block_on(empty_file());
        let path = path(&file);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut flushed = 0;
        while flushed < kill_after {
            let line = lines.next().expect("the process ended by itself").unwrap();
            flushed += i64::from(line.contains("flushed "));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        flushed += lines.map_while(Result::ok).filter(|line| line.contains("flushed ")).count() as i64;
        let (batches, whole) = runtime.block_on(batches(&path));
        assert_eq!(batches, whole, "a batch is there in part");
        assert!(batches >= flushed, "{flushed} batches were flushed, {batches} are there");
    }
}

/// A file with the table, which nobody has open.
///
/// A pool that is only dropped closes its connection some time later: here, when this runtime runs again, which is
/// after the child was killed. SQLite would then write the child's log into the file under an exclusive lock, while
/// the test opens the file and finds it locked; and the log would be no dead process's, but one in use.
async fn empty_file() -> Place {
    let (file, database) = trades(Kind::Sqlite).await;
    database.close().await.unwrap();
    file
}

/// How many batches the file holds, and how many of them are whole.
async fn batches(path: &Path) -> (i64, i64) {
    let database: DatabaseConnection = connect(path).await;
    let sql = format!(
        "SELECT count(*) AS batches, coalesce(sum(size = {BATCH}), 0) AS whole FROM \
         (SELECT count(*) AS size FROM trade GROUP BY quantity)"
    );
    let row = database.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap().unwrap();
    (row.try_get("", "batches").unwrap(), row.try_get("", "whole").unwrap())
}

everywhere! {
    a_database_that_is_locked_for_a_while_is_waited_for
    a_database_that_stays_locked_stops_the_writer_and_the_rows_come_back
    a_missing_table_is_named_with_the_remedy
    a_closed_pool_stops_the_writer
}
