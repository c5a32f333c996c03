//! The file of the SQLite broker: whose it may be, what happens when it is full, locked or shared.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cofferdam_queue::{
    Broker, Ending, Error, ErrorKind, NewTask, Novelty, Queue, QueueName, ReapScope, Settlement, Sqlite,
    TaskId, TaskState, Verdict, WorkerId,
};
use rusqlite::Connection;

const LEASE: Duration = Duration::from_secs(60);

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    (folder, path)
}

async fn queue_in(path: &Path) -> Queue {
    Queue::new(Sqlite::open(path).await.unwrap(), "q").unwrap()
}

fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

/// Opens a file that must be refused, and proves that it was left as it is.
async fn refused(path: &Path) -> Error {
    let before = std::fs::read(path).unwrap();
    let error = Sqlite::open(path).await.unwrap_err();
    assert!(std::fs::read(path).unwrap() == before, "the file was changed");
    assert_eq!(error.kind(), ErrorKind::UnusableFile, "{error}");
    error
}

#[tokio::test]
async fn tasks_survive_closing_and_opening() {
    let (_folder, path) = folder();
    let broker = Sqlite::open(&path).await.unwrap();
    let queue = Queue::new(broker.clone(), "q").unwrap();
    queue.submit(NewTask::new("payload").id(id("a"))).await.unwrap();
    broker.close().await;
    assert!(matches!(queue.stats().await, Err(Error::Closed)));
    let again = queue_in(&path).await;
    assert_eq!(again.submit(NewTask::new("").id(id("a"))).await.unwrap().novelty, Novelty::Existing);
    let claimed = again.claim(&WorkerId::new("w").unwrap(), 1, LEASE).await.unwrap();
    assert_eq!(claimed[0].payload, b"payload");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    let long_text = "These are somebody's notes.\n".repeat(1000);
    for content in ["x", "SQLite format 4\0", &long_text] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(refused(&path).await, Error::NotADatabase { .. }));
    }
    std::fs::write(&path, "").unwrap();
    assert!(Sqlite::open(&path).await.is_ok(), "an empty file is a new one");
}

#[tokio::test]
async fn a_truncated_database_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    let broker = Sqlite::open(&path).await.unwrap();
    let queue = Queue::new(broker.clone(), "q").unwrap();
    queue.enqueue((0..200).map(|_| NewTask::new([1; 1000])).collect()).await.unwrap();
    broker.close().await;
    let whole = std::fs::read(&path).unwrap();
    for length in [50, 100, 4096, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        match refused(&path).await {
            Error::Truncated { expected, found, .. } => {
                assert_eq!(found, length as u64);
                assert_eq!(expected, if length < 100 { 100 } else { whole.len() as u64 });
            }
            other => panic!("{other}"),
        }
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(queue_in(&path).await.stats().await.unwrap().total().ready, 200);
}

#[tokio::test]
async fn another_applications_database_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    for journal in ["delete", "wal"] {
        let _ = std::fs::remove_file(&path);
        let theirs = Connection::open(&path).unwrap();
        theirs.pragma_update(None, "journal_mode", journal).unwrap();
        theirs.execute_batch("CREATE TABLE notes (text); PRAGMA application_id = 252006673;").unwrap();
        drop(theirs);
        let error = refused(&path).await;
        assert!(matches!(error, Error::ForeignDatabase { application_id: 252_006_673, .. }), "{error}");
        for side in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{side}", path.display()));
        }
    }
}

#[tokio::test]
async fn a_later_version_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    Sqlite::open(&path).await.unwrap().close().await;
    let later = Connection::open(&path).unwrap();
    later.execute("UPDATE cofferdam_queue_meta SET value = 3", []).unwrap();
    drop(later);
    let error = refused(&path).await;
    assert!(matches!(error, Error::NewerSchema { found: 3, supported: 2, .. }), "{error}");
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_an_error_that_names_it() {
    let (folder, _) = folder();
    for path in [folder.path().to_owned(), folder.path().join("missing/queue.sqlite3")] {
        let error = Sqlite::open(&path).await.unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn the_file_is_shared_with_the_users_own_tables() {
    let (_folder, path) = folder();
    let theirs = Connection::open(&path).unwrap();
    theirs.execute_batch("CREATE TABLE results (n); INSERT INTO results VALUES (1);").unwrap();
    let queue = queue_in(&path).await;
    let writer = std::thread::spawn(move || {
        theirs.busy_timeout(Duration::from_secs(10)).unwrap();
        for n in 0..200 {
            theirs.execute("INSERT INTO results VALUES (?1)", [n]).unwrap();
        }
        theirs.query_row("SELECT count(*) FROM results", [], |row| row.get::<_, i64>(0)).unwrap()
    });
    for _ in 0..100 {
        queue.submit(NewTask::new("x")).await.unwrap();
    }
    assert_eq!(writer.join().unwrap(), 201);
    assert_eq!(queue.stats().await.unwrap().total().ready, 100);
}

#[tokio::test]
async fn a_full_file_is_an_error_and_the_broker_goes_on() {
    let (_folder, path) = folder();
    let broker = Sqlite::builder(&path).max_bytes(1 << 20).open().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    let me = WorkerId::new("w").unwrap();
    let batch = || (0..10).map(|_| NewTask::new([7; 2000])).collect::<Vec<_>>();
    let mut accepted = 0;
    let error = loop {
        match queue.enqueue(batch()).await {
            Ok(answers) => accepted += answers.len(),
            Err(error) => break error,
        }
        assert!(accepted < 1000, "the file does not fill up");
    };
    assert!(matches!(error, Error::StorageFull { .. }) && error.is_transient(), "{error}");
    assert_eq!(queue.stats().await.unwrap().total().ready, accepted as u64, "half a batch was written");
    // What is in can be worked off, and makes room.
    let claimed = queue.claim(&me, 500, LEASE).await.unwrap();
    assert_eq!(claimed.len(), accepted);
    let settlements = claimed.into_iter().map(|one| Settlement::new(one.lease, Ending::Done(vec![])));
    let verdicts = queue.settle(&me, settlements.collect()).await.unwrap();
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Recorded));
    assert_eq!(queue.forget(Duration::ZERO).await.unwrap(), accepted as u64);
    assert_eq!(queue.enqueue(batch()).await.unwrap().len(), 10);
}

/// Calls that wait together are committed together; one that finds no room must not take the others with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_does_not_spoil_its_group() {
    let (_folder, path) = folder();
    let broker = Sqlite::builder(&path).max_bytes(1 << 20).open().await.unwrap();
    let name = QueueName::new("q").unwrap();
    for round in 0..20 {
        let calls: Vec<_> = (0..8)
            .map(|number| {
                let (broker, name) = (broker.clone(), name.clone());
                let size = if number == 3 { 2 << 20 } else { 10 };
                let task = NewTask::new(vec![1; size]).id(id(&format!("{round} {number}")));
                tokio::spawn(async move {
                    broker.enqueue(&name, vec![task], cofferdam_queue::Bound::default()).await
                })
            })
            .collect();
        for (number, call) in calls.into_iter().enumerate() {
            match call.await.unwrap() {
                Ok(answers) => assert!(number != 3 && answers[0].novelty == Novelty::New),
                Err(error) => assert!(number == 3 && error.kind() == ErrorKind::Full, "{number}: {error}"),
            }
        }
    }
    assert_eq!(broker.stats(&name).await.unwrap().total().ready, 20 * 7);
}

#[tokio::test]
async fn a_file_that_stays_locked_is_busy_and_then_works_again() {
    let (_folder, path) = folder();
    let timeout = Duration::from_millis(100);
    let broker = Sqlite::builder(&path).busy_timeout(timeout).open().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    queue.submit(NewTask::new("x")).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let error = queue.submit(NewTask::new("y")).await.unwrap_err();
    assert!(matches!(error, Error::Busy { waited, .. } if waited == timeout), "{error}");
    assert!(start.elapsed() >= timeout);
    // Whoever only reads is not held up.
    assert_eq!(queue.stats().await.unwrap().total().ready, 1);
    assert!(queue.claim(&WorkerId::new("w").unwrap(), 0, LEASE).await.unwrap().is_empty());
    other.execute_batch("COMMIT").unwrap();
    assert!(queue.submit(NewTask::new("y")).await.is_ok());
}

#[tokio::test]
async fn a_phase_without_what_belongs_to_it_cannot_be_written() {
    let (_folder, path) = folder();
    let queue = queue_in(&path).await;
    queue.submit(NewTask::new("x")).await.unwrap();
    let other = Connection::open(&path).unwrap();
    for change in
        ["phase = 2", "phase = 3", "phase = 4", "phase = 5", "phase = 3, finished_at = 1, body = NULL"]
    {
        let sql = format!("UPDATE cofferdam_queue_tasks SET {change}");
        let refused = other.execute(&sql, []).unwrap_err();
        assert!(refused.to_string().contains("CHECK"), "{change}: {refused}");
    }
}

/// Two brokers on one file know each other only through it, as two processes do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiter_hears_of_a_result_that_another_broker_recorded() {
    let (_folder, path) = folder();
    let (here, there) = (queue_in(&path).await, queue_in(&path).await);
    here.submit(NewTask::new("x").id(id("a"))).await.unwrap();
    let waiting = tokio::spawn(async move { here.wait(&id("a"), Duration::from_secs(30)).await.unwrap() });
    let me = WorkerId::new("w").unwrap();
    let claimed = there.claim(&me, 1, LEASE).await.unwrap();
    let settlement = Settlement::new(claimed[0].lease.clone(), Ending::Done(b"there".to_vec()));
    there.settle(&me, vec![settlement]).await.unwrap();
    assert!(matches!(waiting.await.unwrap(), TaskState::Done { result, .. } if result == b"there"));
}

/// Many openers at once make the tables once, and nobody is turned away.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_may_be_opened_by_many_at_once() {
    let (_folder, path) = folder();
    let openers: Vec<_> = (0..8)
        .map(|number| {
            let path = path.clone();
            tokio::spawn(async move {
                let task = NewTask::new("x").id(id(&number.to_string()));
                queue_in(&path).await.submit(task).await.unwrap().id.to_string()
            })
        })
        .collect();
    let mut seen = HashSet::new();
    for opener in openers {
        seen.insert(opener.await.unwrap());
    }
    assert_eq!(seen.len(), 8);
    assert_eq!(queue_in(&path).await.stats().await.unwrap().total().ready, 8);
}

/// A call that finds out half-way that it cannot go on takes back what it has written.
#[tokio::test]
async fn a_call_that_meets_a_foreign_value_changes_nothing() {
    let (_folder, path) = folder();
    let queue = queue_in(&path).await;
    queue.enqueue(vec![NewTask::new("x").id(id("good")), NewTask::new("x").id(id("bad"))]).await.unwrap();
    let me = WorkerId::new("w").unwrap();
    queue.claim(&me, 1, Duration::from_millis(1)).await.unwrap();
    queue.claim(&me, 1, Duration::from_millis(2)).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute("UPDATE cofferdam_queue_tasks SET worker = 'nobody' WHERE id = 'bad'", []).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = queue.reap(ReapScope::Expired).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { what: "worker identity" }), "{error}");
    assert!(matches!(queue.state(&id("good")).await.unwrap(), Some(TaskState::Leased { .. })));
    other.execute("UPDATE cofferdam_queue_tasks SET worker = ?1", [me.to_string()]).unwrap();
    assert_eq!(queue.reap(ReapScope::Expired).await.unwrap().len(), 2);
}
