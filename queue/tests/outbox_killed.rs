//! The outbox in a process that is killed: it goes on where it was.
#![cfg(all(feature = "sqlite", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cofferdam_queue::{Job, NewTask, Outbox, OutboxState, Queue, Section, Sqlite, TaskState};
use support::{PATIENCE, builder, id};

const FOLDER: &str = "COFFERDAM_OUTBOX_TEST_FOLDER";
const ROUND: &str = "COFFERDAM_OUTBOX_TEST_ROUND";

async fn both(folder: &Path) -> (Queue, Outbox) {
    let queue = Queue::new(Sqlite::open(folder.join("queue.sqlite3")).await.unwrap(), "q").unwrap();
    let outbox = Outbox::builder(folder.join("outbox.sqlite3"), queue.clone());
    let outbox = outbox.look_interval(Duration::from_millis(20)).keep_outcomes(Duration::from_secs(3600));
    (queue, outbox.open().await.unwrap())
}

/// This test program again, as another process that runs one of the ignored "tests".
fn start(folder: &Path, round: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_writes_and_works_until_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program of a child process"]
async fn child_writes_and_works_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let round = std::env::var(ROUND).unwrap();
    let (queue, outbox) = both(&folder).await;
    let worker = builder(&queue).lease(Duration::from_millis(500)).concurrency(2).build().unwrap();
    let handler = |job: Job| async move { Ok(job.payload().to_vec()) };
    let working = tokio::spawn(worker.run(handler, std::future::pending()));
    for number in 0_u64.. {
        let name = format!("{round}-{number}");
        outbox.submit(NewTask::new(name.as_str()).id(id(&name))).await.unwrap();
        // One write, so that no line is cut by the kill.
        std::io::stdout().write_all(format!("@{name}\n").as_bytes()).unwrap();
        assert!(!working.is_finished());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_task_that_was_answered_runs_whatever_is_killed_and_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut answered = HashSet::new();
    for round in 1..=4 {
        let mut child = start(folder.path(), round);
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut seen = 0;
        for line in output.lines().map_while(Result::ok) {
            let Some((_, name)) = line.split_once('@') else { continue };
            answered.insert(name.to_owned());
            seen += 1;
            if seen == 41 * round {
                child.kill().unwrap();
            }
        }
        assert!(seen >= 41 * round, "the child ended by itself after {seen} answers");
        child.wait().unwrap();
        // Beside the process, the queue loses what it had not handed out yet.
        let queue =
            Queue::new(Sqlite::open(folder.path().join("queue.sqlite3")).await.unwrap(), "q").unwrap();
        queue.purge(Section::Ready).await.unwrap();
    }
    let (queue, outbox) = both(folder.path()).await;
    let (watched, names) = (outbox.clone(), answered.clone());
    let all_known = async move {
        for name in &names {
            let state = watched.wait(&id(name), PATIENCE).await.unwrap();
            assert_eq!(state, OutboxState::Done { result: name.as_bytes().to_vec() });
        }
    };
    let worker = builder(&queue).concurrency(8).build().unwrap();
    worker.run(|job: Job| async move { Ok(job.payload().to_vec()) }, all_known).await.unwrap();
    for name in &answered {
        let state = queue.state(&id(name)).await.unwrap();
        assert!(matches!(state, Some(TaskState::Done { result, .. }) if result == name.as_bytes()), "{name}");
    }
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.sent, stats.refused), (0, 0, 0));
    assert!(stats.kept >= answered.len() as u64);
}
