//! A process that is killed at any moment, again and again, while it writes through a spool.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use cofferdam_store::{BatchUpdateWriter, BatchWriter, DeadLetter, DeadLetters, ErrorKind, Spool, Store};
use common::{Kind, Place, trade, trades};
use sea_orm::{ActiveValue, DatabaseConnection, EntityTrait, Set};

const FOLDER: &str = "COFFERDAM_SPOOL_TEST_FOLDER";
const KIND: &str = "COFFERDAM_SPOOL_TEST_KIND";
const NAME: &str = "COFFERDAM_SPOOL_TEST_NAME";
const MODE: &str = "COFFERDAM_SPOOL_TEST_MODE";
const ROUND: &str = "COFFERDAM_SPOOL_TEST_ROUND";

/// The rows of a round have numbers from here on.
const ROWS_A_ROUND: i32 = 10_000_000;
/// How often a killed process is started again.
const ROUNDS: i32 = 12;
/// The interval of the fsyncs, where `add` does not wait for them.
const INTERVAL: Duration = Duration::from_millis(20);

/// This test program again, as another process that runs one of the ignored "tests".
fn start(place: &Place, mode: &str, round: i32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_process_that_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, place.folder.path())
        .env(KIND, place.kind.name())
        .env(NAME, place.name())
        .env(MODE, mode)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn spool(folder: &Path, mode: &str) -> Spool {
    // Small files, so that the kill also meets the change from one to the next and the removal.
    let spool = Spool::new(folder.join("spool")).max_bytes(256 << 10).sync_interval(INTERVAL);
    if mode == "interval" { spool } else { spool.sync_each_add() }
}

fn inserts(database: DatabaseConnection, folder: &Path, mode: &str) -> BatchWriter<trade::Entity> {
    BatchWriter::builder(database)
        .spool(spool(folder, mode))
        .dead_letters(DeadLetters::json_lines(folder.join("dead.jsonl")))
        .linger(Duration::from_millis(3))
        .build()
        .unwrap()
}

fn store(database: DatabaseConnection, folder: &Path) -> Store<trade::Entity> {
    Store::builder(database)
        .spool(spool(folder, "store"))
        .dead_letters(DeadLetters::json_lines(folder.join("dead.jsonl")))
        .linger(Duration::from_millis(3))
        .build()
        .unwrap()
}

/// The update that comes right after its row.
fn shut(row: i32) -> trade::ActiveModel {
    let id = ActiveValue::Unchanged(i64::from(row));
    trade::ActiveModel { id, state: Set("shut".to_owned()), ..Default::default() }
}

/// One write, so that no line is cut by the kill.
fn say(line: &str) {
    std::io::stdout().write_all(format!("@{line}\n").as_bytes()).unwrap();
}

/// A row's number; the table refuses those below 0.
fn number(row: i32) -> i32 {
    if row % 50 == 49 { -row } else { row }
}

/// A row with its number as its key, or one whose key the database makes up.
fn model(row: i32, mode: &str) -> trade::ActiveModel {
    let id = if mode == "keyed" { Set(i64::from(row)) } else { ActiveValue::NotSet };
    trade::ActiveModel { id, ..trade(number(row)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program of a child process"]
async fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let variable = |name| std::env::var(name).unwrap();
    let mode = variable(MODE);
    let database = Place::again(Kind::named(&variable(KIND)), &folder, &variable(NAME)).connect().await;
    let first = variable(ROUND).parse::<i32>().unwrap() * ROWS_A_ROUND;
    if mode == "update" {
        let writer = BatchUpdateWriter::<trade::Entity>::builder(database.clone())
            .spool(spool(&folder, &mode))
            .linger(Duration::from_millis(3))
            .build()
            .unwrap();
        say("open");
        for row in first.. {
            let id = i64::from(row % 20) + 1;
            writer.add(trade::ActiveModel { id: Set(id), ..trade(row) }).await.unwrap();
            say(&row.to_string());
        }
    }
    if mode == "store" {
        let store = store(database, &folder);
        say("open");
        for row in first.. {
            store.insert(model(row, "keyed")).await.unwrap();
            store.update(shut(row)).await.unwrap();
            say(&row.to_string());
        }
        return;
    }
    let writer = inserts(database, &folder, &mode);
    say("open");
    let tasks = (0..8).map(|task| {
        let (writer, mode) = (writer.clone(), mode.clone());
        tokio::spawn(async move {
            for row in (first + task..).step_by(8) {
                writer.add(model(row, &mode)).await.unwrap();
                if mode == "interval" {
                    // Told once the interval and an fsync are over; meanwhile the task goes on.
                    tokio::spawn(async move {
                        tokio::time::sleep(INTERVAL * 10).await;
                        say(&row.to_string());
                    });
                    if row % 64 < 8 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                } else {
                    say(&row.to_string());
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Starts the process again and again and kills it after a random time; returns the rows that it has told.
fn torment(place: &Place, mode: &str, look: impl Fn()) -> BTreeSet<i32> {
    let mut told = BTreeSet::new();
    for round in 1..=ROUNDS {
        let mut child = start(place, mode, round);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = move || {
            lines.by_ref().map_while(Result::ok).find_map(|line| Some(line.split_once('@')?.1.to_owned()))
        };
        assert_eq!(line().expect("the process ended by itself"), "open");
        look();
        // Some die at once, in the middle of the replay.
        let killer = std::thread::spawn({
            let wait = Duration::from_millis(if round % 3 == 0 {
                fastrand::u64(0..20)
            } else {
                fastrand::u64(0..600)
            });
            move || {
                std::thread::sleep(wait);
                child.kill().unwrap();
                child.wait().unwrap();
            }
        });
        told.extend(std::iter::from_fn(&mut line).map(|row| row.parse::<i32>().unwrap()));
        killer.join().unwrap();
    }
    told
}

async fn inserts_survive(kind: Kind, mode: &str) {
    let (place, database) = trades(kind).await;
    database.close().await.unwrap();
    let folder = place.folder.path().to_owned();
    let look = || {
        // While the child has it, nobody else does.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let open = runtime.block_on(async {
            let database = sea_orm::Database::connect("sqlite::memory:").await.unwrap();
            BatchWriter::<trade::Entity>::builder(database).spool(folder.join("spool")).build()
        });
        assert_eq!(open.unwrap_err().kind(), ErrorKind::SpoolLocked);
    };
    let told = std::thread::scope(|scope| scope.spawn(|| torment(&place, mode, look)).join().unwrap());
    assert!(told.len() > 500, "only {} rows were told", told.len());

    let database = place.connect().await;
    let writer = inserts(database.clone(), &folder, mode);
    let summary = writer.close().await.unwrap();
    assert!(summary.rejected.is_empty());
    let mut times: HashMap<i32, u32> = HashMap::new();
    for row in trade::Entity::find().all(&database).await.unwrap() {
        *times.entry(row.quantity).or_default() += 1;
    }
    let doubled: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "rows were written twice: {doubled:?}");
    let refused: BTreeSet<i32> = DeadLetter::<trade::Entity>::read(folder.join("dead.jsonl"))
        .unwrap()
        // A line may have been cut by the kill; its row was tried again.
        .filter_map(|letter| letter.ok()?.model.quantity.take())
        .collect();
    let doubled: Vec<_> = refused.iter().filter(|row| **row >= 0).collect();
    assert!(doubled.is_empty(), "rows met themselves: {doubled:?}");
    let lost: Vec<_> = told
        .iter()
        .filter(|row| {
            let number = number(**row);
            if number < 0 { !refused.contains(&number) } else { !times.contains_key(&number) }
        })
        .collect();
    assert!(lost.is_empty(), "{} of {} rows were lost: {lost:?}", lost.len(), told.len());
    println!("{} rows told, {} found, {} refused", told.len(), times.len(), refused.len());
}

async fn every_row_whose_add_returned_is_there_once(kind: Kind) {
    inserts_survive(kind, "each").await;
}

async fn every_row_with_a_key_whose_add_returned_is_there_once(kind: Kind) {
    inserts_survive(kind, "keyed").await;
}

async fn every_row_that_is_older_than_the_interval_is_there_once(kind: Kind) {
    inserts_survive(kind, "interval").await;
}

async fn no_update_is_lost_or_undone(kind: Kind) {
    let (place, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    writer.add_many((0..20).map(trade)).await.unwrap();
    drop(writer.close().await.unwrap());
    database.close().await.unwrap();
    let folder = place.folder.path().to_owned();
    let told = std::thread::scope(|scope| scope.spawn(|| torment(&place, "update", || {})).join().unwrap());
    assert!(told.len() > 100, "only {} updates were told", told.len());
    let database = place.connect().await;
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database.clone())
        .spool(spool(&folder, "update"))
        .build()
        .unwrap();
    assert!(writer.close().await.unwrap().rejected.is_empty());
    let last: BTreeMap<i64, i32> = told.into_iter().map(|row| (i64::from(row % 20) + 1, row)).collect();
    for row in trade::Entity::find().all(&database).await.unwrap() {
        // The last update may have been kept before its line was out.
        let told = last.get(&row.id).copied().unwrap_or_default();
        assert!(row.quantity >= told, "row {} is back at {} after {told}", row.id, row.quantity);
    }
}

async fn no_update_comes_before_its_row(kind: Kind) {
    let (place, database) = trades(kind).await;
    database.close().await.unwrap();
    let folder = place.folder.path().to_owned();
    let told = std::thread::scope(|scope| scope.spawn(|| torment(&place, "store", || {})).join().unwrap());
    assert!(told.len() > 100, "only {} rows were told", told.len());
    let database = place.connect().await;
    assert!(store(database.clone(), &folder).close().await.unwrap().rejected.is_empty());
    let states: HashMap<i64, String> = trade::Entity::find()
        .all(&database)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.id, row.state))
        .collect();
    let letters = DeadLetter::<trade::Entity>::read(folder.join("dead.jsonl")).unwrap();
    let refused: BTreeSet<(i64, String)> = letters
        // A line may have been cut by the kill; its row was tried again.
        .filter_map(|letter| letter.ok().map(|letter| (letter.model.id.unwrap(), letter.kind)))
        .collect();
    for row in &told {
        let id = i64::from(*row);
        // A row that the table refuses is missing when its update comes.
        let refused = |kind: &str| refused.contains(&(id, kind.to_owned()));
        let refusals = (refused("constraint"), refused("missing"));
        let bad = number(*row) < 0;
        assert_eq!(refusals, (bad, bad), "row {row}");
        assert_eq!(states.get(&id).map(String::as_str), (!bad).then_some("shut"), "row {row}");
    }
    assert!(refused.iter().all(|(id, _)| number(i32::try_from(*id).unwrap()) < 0), "{refused:?}");
    println!("{} rows told, {} found", told.len(), states.len());
}

on_each! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)],
    every_row_whose_add_returned_is_there_once
    every_row_with_a_key_whose_add_returned_is_there_once
    every_row_that_is_older_than_the_interval_is_there_once
    no_update_is_lost_or_undone
    no_update_comes_before_its_row
}
