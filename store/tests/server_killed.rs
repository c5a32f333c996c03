//! A server that is killed and started again, again and again, while four writers write.
//!
//! Two kills belong to every run of the tests. Ten, with the figures: `cargo store-faults`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;
mod server;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cofferdam_store::{BatchUpdateWriter, BatchWriter, Counts, Error, OnConflict, Spool};
use common::{Kind, create_trade, trade};
use sea_orm::{
    ActiveValue::{NotSet, Set, Unchanged},
    ConnectionTrait, DatabaseConnection, EntityTrait,
};
use server::Server;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// How long a writer goes on trying. A server that recovers on a busy machine takes long.
const RETRY: Duration = Duration::from_secs(120);
/// The most rows between two flushes.
const BURST: i32 = 400;
/// Rows that are there to be updated.
const ROWS: i32 = 500;

/// What is written, and what makes it harmless that nobody knows of some commits whether they took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Inserts with a key and `OnConflict::DoNothing`.
    Keyed,
    /// Inserts whose key the database makes up, with a spool.
    Spooled,
    Updates,
    SpooledUpdates,
}

const WAYS: [Way; 4] = [Way::Keyed, Way::Spooled, Way::Updates, Way::SpooledUpdates];

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Keyed => "keyed",
            Self::Spooled => "spooled",
            Self::Updates => "updates",
            Self::SpooledUpdates => "spooled_updates",
        }
    }

    const fn updates(self) -> bool {
        matches!(self, Self::Updates | Self::SpooledUpdates)
    }

    fn model(self, number: i32) -> trade::ActiveModel {
        let id = match self {
            Self::Keyed => Set(i64::from(number)),
            Self::Spooled => NotSet,
            _ => Unchanged(i64::from(row(number))),
        };
        trade::ActiveModel { id, quantity: Set(number), ..Default::default() }
    }

    fn writer(self, database: DatabaseConnection, folder: &TempDir) -> Writer {
        let spool = Spool::new(folder.path().join(self.name()));
        let inserts = || BatchWriter::builder(database.clone()).retry_for(RETRY);
        let updates = || BatchUpdateWriter::builder(database.clone()).retry_for(RETRY);
        match self {
            Self::Keyed => Writer::Inserts(inserts().on_conflict(OnConflict::DoNothing).build().unwrap()),
            Self::Spooled => Writer::Inserts(inserts().spool(spool).build().unwrap()),
            Self::Updates => Writer::Updates(updates().build().unwrap()),
            Self::SpooledUpdates => Writer::Updates(updates().spool(spool).build().unwrap()),
        }
    }
}

/// The row that the update of this number is of.
const fn row(number: i32) -> i32 {
    number % ROWS + 1
}

enum Writer {
    Inserts(BatchWriter<trade::Entity>),
    Updates(BatchUpdateWriter<trade::Entity>),
}

impl Writer {
    async fn add(&self, model: trade::ActiveModel) -> Result<(), Error> {
        match self {
            Self::Inserts(writer) => writer.add(model).await,
            Self::Updates(writer) => writer.add(model).await,
        }
    }

    /// Waits until all that was added is settled, and nothing of it refused.
    async fn settle(&self, close: bool) -> Counts {
        let summary = match self {
            Self::Inserts(writer) if close => writer.close().await,
            Self::Inserts(writer) => writer.flush().await,
            Self::Updates(writer) if close => writer.close().await,
            Self::Updates(writer) => writer.flush().await,
        };
        let summary = summary.unwrap();
        assert!(summary.rejected.is_empty(), "refused: {:?}", summary.rejected.first());
        summary.counts
    }
}

/// What the killer and a writer know of each other.
#[derive(Default)]
struct Pulse {
    ended: AtomicBool,
    /// Rows of which a `flush` said that they are settled.
    acknowledged: AtomicU64,
}

/// What became of a writer's rows.
struct Told {
    way: Way,
    added: i32,
    acknowledged: u64,
    stall: Duration,
}

/// Writes rows with the numbers from 1 on until it is told to end; flushes after some hundred.
async fn write(way: Way, writer: Writer, pulse: Arc<Pulse>) -> Told {
    let (mut added, mut stall) = (0, Duration::ZERO);
    let mut waited = |since: Instant| stall = stall.max(since.elapsed());
    while !pulse.ended.load(Ordering::Relaxed) {
        let since = Instant::now();
        for _ in 0..fastrand::i32(1..=BURST) {
            added += 1;
            writer.add(way.model(added)).await.unwrap();
        }
        writer.settle(false).await;
        waited(since);
        pulse.acknowledged.store(u64::try_from(added).unwrap(), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let counts = writer.settle(true).await;
    let accepted = u64::try_from(added).unwrap();
    assert_eq!(counts.accepted, accepted, "{way:?}: {counts:?}");
    assert_eq!(counts.written + counts.skipped + counts.coalesced, accepted, "{way:?}: {counts:?}");
    Told { way, added, acknowledged: pulse.acknowledged.load(Ordering::Relaxed), stall }
}

/// How many rows are lost and how many doubled: of updates, how many rows do not hold the last value.
async fn judge(told: &Told, database: &DatabaseConnection) -> (usize, usize) {
    let found = trade::Entity::find().all(database).await.unwrap();
    if told.way.updates() {
        let last: HashMap<i32, i32> = (1..=told.added).map(|number| (row(number), number)).collect();
        let right = |row: &&trade::Model| {
            last.get(&i32::try_from(row.id).unwrap()).copied().unwrap_or_default() == row.quantity
        };
        let rows = usize::try_from(ROWS).unwrap();
        return (rows - found.iter().filter(right).count(), found.len().saturating_sub(rows));
    }
    let mut times: HashMap<i32, usize> = HashMap::new();
    for row in &found {
        *times.entry(row.quantity).or_default() += 1;
        assert!(told.way != Way::Keyed || row.id == i64::from(row.quantity), "{row:?} was changed");
    }
    let lost = (1..=told.added).filter(|number| !times.contains_key(number)).count();
    (lost, times.values().map(|times| times - 1).sum())
}

/// Kills the server so often, each time after every writer has come on since it was started again. Returns for how long
/// it was away at most.
async fn torment(
    server: &mut Server,
    kills: u32,
    pulses: &[Arc<Pulse>],
    writers: &[JoinHandle<Told>],
) -> Duration {
    let acknowledged =
        || pulses.iter().map(|pulse| pulse.acknowledged.load(Ordering::Relaxed)).collect::<Vec<_>>();
    let mut away = Duration::ZERO;
    for _ in 0..kills {
        let before = acknowledged();
        let begun = Instant::now();
        while acknowledged().iter().zip(&before).any(|(now, before)| now == before) {
            assert!(!writers.iter().any(JoinHandle::is_finished), "a writer has stopped");
            assert!(begun.elapsed() < RETRY, "a writer does not come on: {:?}", acknowledged());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..1_000))).await;
        let killed = Instant::now();
        server.kill();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..500))).await;
        server.again().await;
        away = away.max(killed.elapsed());
    }
    away
}

async fn nothing_is_lost_or_doubled(kind: Kind, kills: u32) {
    let mut server = Server::start(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let (mut databases, mut pulses, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
    for way in WAYS {
        let database = server.connect(way.name()).await;
        database.execute_unprepared(create_trade(kind)).await.unwrap();
        if way.updates() {
            let seed = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
            seed.add_many((1..=ROWS).map(|_| trade(0))).await.unwrap();
            assert_eq!(seed.close().await.unwrap().counts.written, u64::try_from(ROWS).unwrap());
        }
        let pulse = Arc::new(Pulse::default());
        let writer = way.writer(database.clone(), &folder);
        tasks.push(tokio::spawn(write(way, writer, Arc::clone(&pulse))));
        pulses.push(pulse);
        databases.push(database);
    }
    let away = torment(&mut server, kills, &pulses, &tasks).await;
    for pulse in &pulses {
        pulse.ended.store(true, Ordering::Relaxed);
    }
    let mut bad = Vec::new();
    for (task, database) in tasks.into_iter().zip(&databases) {
        let told = task.await.unwrap();
        let (lost, doubled) = judge(&told, database).await;
        let Told { way, added, acknowledged, stall } = told;
        let line = format!(
            "{} {}: {kills} kills, {added} added, {acknowledged} acknowledged under load, {lost} lost, \
             {doubled} doubled, longest stall {:.1} s while the server was away for up to {:.1} s",
            kind.name(),
            way.name(),
            stall.as_secs_f64(),
            away.as_secs_f64()
        );
        println!("{line}");
        if (lost, doubled) != (0, 0) {
            bad.push(line);
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

macro_rules! on_servers {
    ($($module:ident $kind:ident)*) => {$(
        mod $module {
            use super::{common::Kind, nothing_is_lost_or_doubled};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn two_kills_cost_nothing() {
                nothing_is_lost_or_doubled(Kind::$kind, 2).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "takes minutes: run it by `cargo store-faults`"]
            async fn ten_kills_cost_nothing() {
                nothing_is_lost_or_doubled(Kind::$kind, 10).await;
            }
        }
    )*};
}

on_servers! {
    postgres Postgres
    mariadb Mariadb
}
