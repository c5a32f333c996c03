//! The outbox: what it answered runs, whatever becomes of the queue, the network and the process.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backends;
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backends::Backend;
use cofferdam_queue::{
    Bound, DeathReason, Ending, Error, ErrorKind, Failure, Job, ManualClock, Memory, Mode, NewTask, Novelty,
    Outbox, OutboxState, OutboxStats, Queue, Section, Setting, Settlement, TaskId, TaskState, Unique,
    WorkerId,
};
use support::faulty::Faulty;
use support::{PATIENCE, builder, id, label, task};

on_every_backend! {
    tasks_reach_the_queue_and_their_outcomes_come_back
    without_outcomes_a_task_that_ended_leaves_nothing_behind
    what_the_queue_has_lost_is_brought_again
    a_queue_out_of_reach_is_waited_for_and_named
    a_queue_that_takes_little_at_a_time_gets_it_all
    delays_and_deadlines_count_from_when_the_task_was_written_down
    a_task_that_the_queue_refuses_is_set_apart_and_holds_up_nobody
    a_damaged_record_is_set_apart_until_somebody_decides
    outcomes_are_kept_as_long_as_they_should_be
    two_outboxes_share_a_file
}

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("outbox.sqlite3")
}

/// An outbox that looks often and keeps what it learns.
async fn open(path: &Path, queue: &Queue) -> Outbox {
    let builder = Outbox::builder(path, queue.clone()).look_interval(Duration::from_millis(10));
    builder.keep_outcomes(Duration::from_secs(3600)).open().await.unwrap()
}

async fn stats_when(outbox: &Outbox, so: impl Fn(&OutboxStats) -> bool) -> OutboxStats {
    let start = Instant::now();
    loop {
        let stats = outbox.stats().await.unwrap();
        if so(&stats) {
            return stats;
        }
        assert!(start.elapsed() < PATIENCE, "{stats:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn run_until_known(queue: &Queue, outbox: &Outbox, tasks: &[&str]) -> Vec<OutboxState> {
    let handler = |job: Job| async move {
        if job.id().as_str() == "bad" {
            Err(Failure::permanent("it is bad"))
        } else {
            Ok(job.payload().to_vec())
        }
    };
    let (watched, ids) = (outbox.clone(), tasks.iter().map(|task| id(task)).collect::<Vec<_>>());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let known = async move {
        let mut states = Vec::new();
        for id in &ids {
            states.push(watched.wait(id, PATIENCE).await.unwrap());
        }
        sender.send(states).unwrap();
    };
    builder(queue).concurrency(4).build().unwrap().run(handler, known).await.unwrap();
    receiver.await.unwrap()
}

async fn tasks_reach_the_queue_and_their_outcomes_come_back(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let queue = backend.queue().await;
    let outbox = open(&file(&folder), &queue).await;
    let answers = outbox.enqueue(vec![task("a"), task("bad"), task("a")]).await.unwrap();
    let novelties: Vec<Novelty> = answers.iter().map(|answer| answer.novelty).collect();
    assert_eq!(novelties, [Novelty::New, Novelty::New, Novelty::Existing]);
    let states = run_until_known(&queue, &outbox, &["a", "bad"]).await;
    assert_eq!(states[0], OutboxState::Done { result: b"a".to_vec() });
    assert_eq!(states[1], OutboxState::Dead { reason: DeathReason::Rejected, error: "it is bad".to_owned() });
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.sent, stats.kept, stats.problem), (0, 0, 2, None));
    assert_eq!(outbox.submit(task("a")).await.unwrap().novelty, Novelty::Existing);
    assert!(outbox.state(&id("nobody")).await.unwrap().is_none());
}

async fn without_outcomes_a_task_that_ended_leaves_nothing_behind(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let queue = backend.queue().await;
    let builder_ = Outbox::builder(file(&folder), queue.clone()).look_interval(Duration::from_millis(10));
    let outbox = builder_.open().await.unwrap();
    outbox.enqueue((0..1200).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let watched = outbox.clone();
    let empty = async move { drop(stats_when(&watched, |stats| stats.waiting + stats.sent == 0).await) };
    let worker = builder(&queue).concurrency(100).build().unwrap();
    let counters = worker.run(|_: Job| async { Ok(Vec::new()) }, empty).await.unwrap();
    assert_eq!(counters.processed, 1200);
    assert_eq!(outbox.stats().await.unwrap(), OutboxStats::default());
    outbox.close().await;
    let connection = rusqlite::Connection::open(file(&folder)).unwrap();
    let left: i64 = connection
        .query_row(
            "SELECT (SELECT count(*) FROM cofferdam_outbox_tasks) + (SELECT count(*) FROM cofferdam_outbox_records)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
}

async fn what_the_queue_has_lost_is_brought_again(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let queue = backend.queue().await;
    let outbox = open(&file(&folder), &queue).await;
    outbox.enqueue((0..40).map(|n| task(&n.to_string())).collect()).await.unwrap();
    stats_when(&outbox, |stats| stats.sent == 40).await;
    // As after a failover to a replica that had seen nothing: the waiting ones are gone, with every record of them.
    assert_eq!(queue.purge(Section::Ready).await.unwrap(), 40);
    let names: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let states = run_until_known(&queue, &outbox, &names).await;
    for (name, state) in names.iter().zip(states) {
        assert_eq!(state, OutboxState::Done { result: name.as_bytes().to_vec() });
    }
    assert_eq!(outbox.stats().await.unwrap().sent_again, 40);
}

async fn a_queue_out_of_reach_is_waited_for_and_named(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let broker = Faulty::before(backend.broker().await);
    broker.faults.set(|faults| &faults.unreachable, true);
    let queue = Queue::new(broker.clone(), "q").unwrap();
    let outbox = open(&file(&folder), &queue).await;
    outbox.enqueue((0..700).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let stats = stats_when(&outbox, |stats| stats.problem.is_some()).await;
    assert_eq!((stats.waiting, stats.sent), (700, 0));
    assert!(stats.oldest_waiting.is_some());
    assert!(stats.problem.unwrap().contains("the network is down"));
    broker.faults.set(|faults| &faults.unreachable, false);
    let stats = stats_when(&outbox, |stats| stats.sent == 700).await;
    assert_eq!((stats.waiting, stats.problem), (0, None));
    assert_eq!(queue.stats().await.unwrap().total().ready, 700);
}

async fn a_queue_that_takes_little_at_a_time_gets_it_all(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let queue = backend.queue().await;
    // Three on each shard of a cluster.
    let bound = queue.clone().with_bound(Bound::ready(36));
    let outbox = open(&file(&folder), &bound).await;
    outbox.enqueue((0..100).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let stats = stats_when(&outbox, |stats| stats.sent > 0).await;
    assert!(stats.sent <= 36, "{stats:?}");
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    run_until_known(&queue, &outbox, &names).await;
    // A drained queue takes nothing, and what waits for it is kept.
    queue.set(Setting::Mode(Mode::Draining)).await.unwrap();
    outbox.submit(task("late")).await.unwrap();
    stats_when(&outbox, |stats| stats.problem.as_ref().is_some_and(|why| why.contains("drained"))).await;
    queue.set(Setting::Mode(Mode::Running)).await.unwrap();
    stats_when(&outbox, |stats| stats.sent == 1).await;
}

async fn delays_and_deadlines_count_from_when_the_task_was_written_down(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let broker = Faulty::before(backend.with_clock(&clock).broker().await);
    broker.faults.set(|faults| &faults.unreachable, true);
    let queue = Queue::new(broker.clone(), "q").unwrap();
    let builder = Outbox::builder(file(&folder), queue.clone()).clock(Arc::new(clock.clone()));
    let outbox = builder.open().await.unwrap();
    let tasks = vec![
        task("delayed").delay(Duration::from_secs(100)),
        task("in time").deadline(Duration::from_secs(100)),
        task("too late").deadline(Duration::from_secs(50)),
    ];
    outbox.enqueue(tasks).await.unwrap();
    // The relay has tried and pauses, so it reads the tasks anew after the clock has moved.
    stats_when(&outbox, |stats| stats.problem.is_some()).await;
    clock.advance(Duration::from_secs(60));
    broker.faults.set(|faults| &faults.unreachable, false);
    stats_when(&outbox, |stats| stats.sent == 3).await;
    let me = WorkerId::new("me").unwrap();
    let claimed = queue.claim(&me, 5, PATIENCE).await.unwrap();
    let ids: Vec<&str> = claimed.iter().map(|one| one.lease.task.as_str()).collect();
    assert_eq!(ids, ["in time"]);
    let state = queue.state(&id("too late")).await.unwrap();
    assert!(matches!(state, Some(TaskState::Dead { reason: DeathReason::Expired, .. })), "{state:?}");
    clock.advance(Duration::from_secs(39));
    assert!(queue.claim(&me, 5, PATIENCE).await.unwrap().is_empty());
    clock.advance(Duration::from_secs(1));
    assert_eq!(queue.claim(&me, 5, PATIENCE).await.unwrap()[0].lease.task, id("delayed"));
}

async fn a_task_that_the_queue_refuses_is_set_apart_and_holds_up_nobody(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let queue = backend.queue().await;
    queue.submit(task("holder").unique(Unique::until_done(label("k")))).await.unwrap();
    let outbox = open(&file(&folder), &queue).await;
    // Impossible everywhere, so it is not even written down.
    let error = outbox.submit(task("x").limit(label("l")).group(label("g"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let tasks = vec![
        task("first"),
        task("child").group(label("g")).after([id("parent")]),
        task("second").unique(Unique::until_done(label("k"))),
        task("third"),
    ];
    outbox.enqueue(tasks).await.unwrap();
    let stats = stats_when(&outbox, |stats| stats.sent == 2).await;
    assert_eq!((stats.waiting, stats.refused, stats.kept), (1, 0, 1));
    let duplicate = outbox.state(&id("second")).await.unwrap();
    assert_eq!(duplicate, Some(OutboxState::Duplicate { of: id("holder") }));
    // What it waits for comes by another road.
    queue.submit(task("parent").group(label("g"))).await.unwrap();
    run_until_known(&queue, &outbox, &["child", "first", "third"]).await;
}

async fn a_damaged_record_is_set_apart_until_somebody_decides(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let broker = Faulty::before(backend.broker().await);
    broker.faults.set(|faults| &faults.unreachable, true);
    let queue = Queue::new(broker.clone(), "q").unwrap();
    let outbox = open(&file(&folder), &queue).await;
    outbox.enqueue(vec![task("damaged"), task("newer"), task("whole")]).await.unwrap();
    outbox.close().await;
    let connection = rusqlite::Connection::open(file(&folder)).unwrap();
    connection
        .execute_batch("UPDATE cofferdam_outbox_records SET record = x'01020304050607' WHERE seq = 1")
        .unwrap();
    let whole: Vec<u8> = connection
        .query_row("SELECT record FROM cofferdam_outbox_records WHERE seq = 2", [], |row| row.get(0))
        .unwrap();
    let mut newer = whole.clone();
    newer[0] = 77;
    let put = |record: &[u8]| {
        connection
            .execute("UPDATE cofferdam_outbox_records SET record = ?1 WHERE seq = 2", [record])
            .unwrap();
    };
    put(&newer);
    broker.faults.set(|faults| &faults.unreachable, false);

    let outbox = open(&file(&folder), &queue).await;
    let stats = stats_when(&outbox, |stats| stats.sent == 1).await;
    assert_eq!((stats.refused, stats.waiting), (2, 0));
    let error = |state: Option<OutboxState>| match state {
        Some(OutboxState::Refused { error }) => error,
        other => panic!("{other:?}"),
    };
    assert!(error(outbox.state(&id("damaged")).await.unwrap()).contains("restore it"));
    assert!(error(outbox.state(&id("newer")).await.unwrap()).contains("upgrade the program"));
    // As after the upgrade.
    put(&whole);
    assert_eq!(outbox.retry(vec![id("newer"), id("whole")]).await.unwrap(), 1);
    assert_eq!(outbox.discard(vec![id("damaged"), id("whole")]).await.unwrap(), 1);
    let stats = stats_when(&outbox, |stats| stats.sent == 2).await;
    assert_eq!((stats.refused, stats.waiting), (0, 0));
}

async fn outcomes_are_kept_as_long_as_they_should_be(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let queue = backend.queue().await;
    let builder = Outbox::builder(file(&folder), queue.clone()).clock(Arc::new(clock.clone()));
    let builder = builder.keep_outcomes(Duration::from_secs(100)).look_interval(Duration::from_millis(1));
    let outbox = builder.open().await.unwrap();
    outbox.submit(task("a")).await.unwrap();
    stats_when(&outbox, |stats| stats.sent == 1).await;
    let me = WorkerId::new("me").unwrap();
    let delivery = queue.claim(&me, 1, PATIENCE).await.unwrap().remove(0);
    queue.settle(&me, vec![Settlement::new(delivery.lease, Ending::Done(vec![7]))]).await.unwrap();
    clock.advance(Duration::from_secs(60));
    assert!(matches!(outbox.wait(&id("a"), PATIENCE).await.unwrap(), OutboxState::Done { .. }));
    clock.advance(Duration::from_secs(99));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(outbox.stats().await.unwrap().kept, 1);
    clock.advance(Duration::from_secs(2));
    stats_when(&outbox, |stats| stats.kept == 0).await;
    assert!(matches!(outbox.wait(&id("a"), PATIENCE).await, Err(Error::UnknownTask { .. })));
}

/// Nothing of this reaches the queue, so the quickest one will do.
#[tokio::test]
async fn a_file_that_is_none_is_refused_and_a_closed_outbox_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    std::fs::write(&path, "these are my notes, and they are no database").unwrap();
    let error = Outbox::open(&path, Queue::new(Memory::new(), "q").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnusableFile);
    assert_eq!(std::fs::read(&path).unwrap(), b"these are my notes, and they are no database");
    std::fs::remove_file(&path).unwrap();
    let outbox = Outbox::open(&path, Queue::new(Memory::new(), "q").unwrap()).await.unwrap();
    outbox.close().await;
    assert!(matches!(outbox.submit(task("a")).await, Err(Error::Closed)));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("UPDATE cofferdam_queue_meta SET value = 9 WHERE key = 'outbox_version'")
        .unwrap();
    let error = Outbox::open(&path, Queue::new(Memory::new(), "q").unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::NewerSchema { found: 9, .. }), "{error}");
}

/// Two handles to the same file, as two processes have: nothing is sent twice in the books.
async fn two_outboxes_share_a_file(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let (queue, elsewhere) = (backend.queue().await, backend.queue().await);
    let (one, other) = (open(&file(&folder), &queue).await, open(&file(&folder), &elsewhere).await);
    let tasks = |outbox: &'static str| (0..50).map(move |n| task(&format!("{outbox} {n}"))).collect();
    let (a, b) = tokio::join!(one.enqueue(tasks("one")), other.enqueue(tasks("other")));
    assert_eq!((a.unwrap().len(), b.unwrap().len()), (50, 50));
    stats_when(&one, |stats| stats.sent == 100).await;
    assert_eq!(queue.stats().await.unwrap().total().ready, 100);
    // Closed by one, the outbox of the other goes on.
    one.close().await;
    other.submit(NewTask::new("").id(TaskId::new("late").unwrap())).await.unwrap();
    stats_when(&other, |stats| stats.sent == 101).await;
}
