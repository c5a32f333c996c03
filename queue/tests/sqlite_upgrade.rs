//! A file of an earlier version: what was in it is there afterwards, and can be worked off.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cofferdam_queue::{
    Clock, DeathReason, Ending, Label, Lease, LeaseToken, ManualClock, NewTask, Novelty, Priority, Queue,
    QueueSettings, ReapScope, Settlement, Sqlite, TaskId, TaskState, Verdict, WorkerId,
};
use rusqlite::{Connection, params};

const LEASE: Duration = Duration::from_secs(60);

/// The tables as version 1 made them.
const VERSION_1: &str = "
CREATE TABLE IF NOT EXISTS cofferdam_queue_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cofferdam_queue_tasks (
    seq INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    id TEXT NOT NULL,
    phase INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 3),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 2),
    enqueued_at INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    max_crashes INTEGER NOT NULL,
    backoff_base INTEGER,
    backoff_cap INTEGER,
    worker TEXT,
    token INTEGER,
    lease_until INTEGER,
    finished_at INTEGER,
    death INTEGER,
    outcome BLOB,
    CHECK (phase <> 1 OR (worker IS NOT NULL AND token IS NOT NULL AND lease_until IS NOT NULL)),
    CHECK (phase < 2 OR (finished_at IS NOT NULL AND outcome IS NOT NULL)),
    UNIQUE (queue, id)
) STRICT;
CREATE INDEX IF NOT EXISTS cofferdam_queue_waiting
    ON cofferdam_queue_tasks (queue, priority, ready_at) WHERE phase = 0;
CREATE INDEX IF NOT EXISTS cofferdam_queue_leased
    ON cofferdam_queue_tasks (queue, lease_until) WHERE phase = 1;
CREATE INDEX IF NOT EXISTS cofferdam_queue_finished
    ON cofferdam_queue_tasks (queue, finished_at) WHERE phase >= 2;
CREATE TABLE IF NOT EXISTS cofferdam_queue_payloads (
    seq INTEGER PRIMARY KEY,
    payload BLOB NOT NULL
) STRICT;
INSERT OR IGNORE INTO cofferdam_queue_meta (key, value) VALUES ('schema_version', 1);
PRAGMA application_id = 1128678477;
PRAGMA journal_mode = WAL;
";

/// A token whose sign bit is set, as half of all are.
const TOKEN: LeaseToken = LeaseToken(0xfedc_ba98_7654_3210);

struct Old {
    _folder: tempfile::TempDir,
    path: PathBuf,
    connection: Connection,
    clock: ManualClock,
}

impl Old {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.sqlite3");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(VERSION_1).unwrap();
        Self { _folder: folder, path, connection, clock: ManualClock::new() }
    }

    fn now(&self) -> i64 {
        let since = self.clock.now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_millis()).unwrap()
    }

    /// Adds a waiting task of normal priority, as version 1 did.
    fn add(&self, queue: &str, id: &str, payload: &[u8]) -> i64 {
        self.connection
            .execute(
                "INSERT INTO cofferdam_queue_tasks (queue, id, phase, priority, enqueued_at, ready_at, max_attempts,
                     max_crashes, backoff_base, backoff_cap)
                 VALUES (?1, ?2, 0, 1, ?3, ?3, 5, 3, NULL, NULL)",
                params![queue, id, self.now()],
            )
            .unwrap();
        let seq = self.connection.last_insert_rowid();
        self.connection
            .execute(
                "INSERT INTO cofferdam_queue_payloads (seq, payload) VALUES (?1, ?2)",
                params![seq, payload],
            )
            .unwrap();
        seq
    }

    fn change(&self, seq: i64, set: &str) {
        self.connection
            .execute(&format!("UPDATE cofferdam_queue_tasks SET {set} WHERE seq = ?1"), [seq])
            .unwrap();
    }

    async fn open(self) -> (tempfile::TempDir, PathBuf, ManualClock, Queue) {
        drop(self.connection);
        let broker = Sqlite::builder(&self.path).clock(Arc::new(self.clock.clone())).open().await.unwrap();
        let queue = Queue::new(broker, "q").unwrap();
        (self._folder, self.path, self.clock, queue)
    }
}

fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

/// The version that stands in the file, and the tables of ours that it holds.
fn marks(path: &Path) -> (i64, Vec<String>) {
    let other = Connection::open(path).unwrap();
    let version = other
        .query_row("SELECT value FROM cofferdam_queue_meta WHERE key = 'schema_version'", [], |row| {
            row.get(0)
        })
        .unwrap();
    let mut find = other.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%payloads%'").unwrap();
    let names = find.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    (version, names)
}

#[tokio::test]
async fn every_phase_of_version_1_goes_on() {
    let old = Old::new();
    let me = WorkerId::new("w").unwrap();
    old.add("q", "small", b"payload");
    old.add("q", "large", &[7; 100_000]);
    let delayed = old.add("q", "delayed", b"later");
    old.change(
        delayed,
        "priority = 0, ready_at = ready_at + 5000, failures = 2, backoff_base = 1, backoff_cap = 9",
    );
    let leased = old.add("q", "leased", b"running");
    let (token, until) = (TOKEN.0.cast_signed(), old.now() + 60_000);
    old.change(
        leased,
        &format!("phase = 1, worker = '{me}', token = {token}, lease_until = {until}, crashes = 1"),
    );
    let done = old.add("q", "done", b"");
    old.change(done, &format!("phase = 2, token = 5, finished_at = {}, outcome = x'00ff'", old.now()));
    old.connection.execute("DELETE FROM cofferdam_queue_payloads WHERE seq = ?1", [done]).unwrap();
    let dead = old.add("q", "dead", b"kept");
    old.change(
        dead,
        &format!("phase = 3, death = 2, finished_at = {}, outcome = CAST('nö' AS BLOB)", old.now()),
    );
    old.add("other", "small", b"elsewhere");
    let now = old.clock.now();
    let (_folder, path, clock, queue) = old.open().await;
    assert_eq!(marks(&path), (2, vec!["cofferdam_queue_payloads".to_owned()]));

    let total = queue.stats().await.unwrap().total();
    assert_eq!((total.ready, total.delayed, total.leased, total.dead, total.blocked), (2, 1, 1, 1, 0));
    assert_eq!(queue.stats().await.unwrap().of(Priority::High).delayed, 1);
    let state = async |name: &str| queue.state(&id(name)).await.unwrap().unwrap();
    assert_eq!(state("done").await, TaskState::Done { result: vec![0, 255], at: now });
    let (reason, error) = (DeathReason::Rejected, "nö".to_owned());
    assert_eq!(state("dead").await, TaskState::Dead { reason, error, at: now });
    assert_eq!(queue.settings().await.unwrap(), {
        let mut settings = QueueSettings::default();
        settings.quarantine_after = std::num::NonZeroU32::new(5);
        settings
    });

    // The lease holds, and so does the protection of ids and of repeated settlements.
    let settle = async |task: &str, token: LeaseToken| {
        let lease = Lease { task: id(task), token, priority: Priority::Normal, class: None, shard: 0 };
        queue.settle(&me, vec![Settlement::new(lease, Ending::Done(b"ran".to_vec()))]).await.unwrap()[0]
    };
    assert_eq!(settle("leased", LeaseToken(TOKEN.0 + 1)).await, Verdict::LeaseLost);
    assert_eq!(settle("leased", TOKEN).await, Verdict::Recorded);
    assert_eq!(settle("done", LeaseToken(5)).await, Verdict::Recorded);
    for known in ["small", "done", "dead"] {
        assert_eq!(queue.submit(NewTask::new("").id(id(known))).await.unwrap().novelty, Novelty::Existing);
    }
    assert_eq!(queue.replay(vec![id("dead")]).await.unwrap(), [true]);

    clock.advance(Duration::from_secs(5));
    let claimed = queue.claim(&me, 10, LEASE).await.unwrap();
    let seen: Vec<_> =
        claimed.iter().map(|one| (one.lease.task.as_str(), one.payload.len(), one.attempt)).collect();
    assert_eq!(seen, [("delayed", 5, 3), ("small", 7, 1), ("large", 100_000, 1), ("dead", 4, 1)]);
    assert!(claimed[0].backoff.is_some() && claimed[1].backoff.is_none());
    assert_eq!(claimed[3].payload, b"kept");
    let endings = claimed.into_iter().map(|one| Settlement::new(one.lease, Ending::Done(vec![])));
    assert!(queue.settle(&me, endings.collect()).await.unwrap().iter().all(|one| *one == Verdict::Recorded));
    // And what version 2 adds works on it.
    queue.submit(NewTask::new("x").tenant(Label::new("t").unwrap())).await.unwrap();
    assert_eq!(queue.claim(&me, 10, LEASE).await.unwrap().len(), 1);
}

/// One of them does the work, and nobody is turned away.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_a_file_of_version_1_at_once() {
    const TASKS: usize = 5_000;
    let old = Old::new();
    old.connection.execute_batch("BEGIN").unwrap();
    for number in 0..TASKS {
        old.add("q", &number.to_string(), &[1; 2_000]);
    }
    old.connection.execute_batch("COMMIT").unwrap();
    let path = old.path.clone();
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move {
                let broker = Sqlite::builder(path).busy_timeout(LEASE).open().await.unwrap();
                let queue = Queue::new(broker, "q").unwrap();
                queue.claim(&WorkerId::new("w").unwrap(), 500, LEASE).await.unwrap()
            })
        })
        .collect();
    let mut claimed = std::collections::HashSet::new();
    for opener in openers {
        for delivery in opener.await.unwrap() {
            assert_eq!(delivery.payload, [1; 2_000]);
            assert!(claimed.insert(delivery.lease.task), "a task was handed out twice");
        }
    }
    assert_eq!(claimed.len(), 8 * 500);
    assert_eq!(marks(&path), (2, vec!["cofferdam_queue_payloads".to_owned()]));
    let queue = Queue::new(Sqlite::open(&path).await.unwrap(), "q").unwrap();
    assert_eq!(queue.stats().await.unwrap().total().ready, (TASKS - 8 * 500) as u64);
}

/// A file that cannot be brought to this version stays what it was, and its owner may mend it.
#[tokio::test]
async fn an_upgrade_that_fails_changes_nothing() {
    let old = Old::new();
    let seq = old.add("q", "good", b"payload");
    // Somebody has used a name of ours.
    old.connection.execute_batch("CREATE TABLE cofferdam_queue_lanes (theirs)").unwrap();
    let path = old.path.clone();
    let error = Sqlite::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("prepare the queue's tables"), "{error}");
    let kept: i64 = old
        .connection
        .query_row("SELECT seq FROM cofferdam_queue_tasks WHERE id = 'good' AND phase = 0", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!((kept, marks(&path).0), (seq, 1));
    old.connection.execute_batch("DROP TABLE cofferdam_queue_lanes").unwrap();
    let (_folder, path, _, queue) = old.open().await;
    assert_eq!(queue.stats().await.unwrap().total().ready, 1);
    assert_eq!(marks(&path).0, 2);
    assert!(queue.reap(ReapScope::Expired).await.unwrap().is_empty());
}
