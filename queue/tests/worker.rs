//! The worker: what it does with tasks that end well, fail, panic, block or outlive their lease.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cofferdam_queue::{
    Backoff, DeathReason, Failure, Job, Memory, Observer, Priority, Queue, ReapScope, TaskState,
};
use support::{PATIENCE, builder, id, run_until_finished, task};
use tokio::sync::{Semaphore, oneshot};

fn queue() -> Queue {
    Queue::new(Memory::new(), "q").unwrap()
}

#[tokio::test]
async fn every_task_is_run_and_its_result_recorded() {
    let queue = queue();
    let names: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    queue.enqueue(names.iter().map(|name| task(name)).collect()).await.unwrap();
    let busy = Arc::new(AtomicU64::new(0));
    let most = Arc::new(AtomicU64::new(0));
    let (now, peak) = (Arc::clone(&busy), Arc::clone(&most));
    let handler = move |job: Job| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok([job.payload(), b"!"].concat())
        }
    };
    let worker = builder(&queue).concurrency(7).build().unwrap();
    let tasks: Vec<&str> = names.iter().map(String::as_str).collect();
    let (counters, states) = run_until_finished(&queue, worker, handler, &tasks).await;
    for (name, state) in names.iter().zip(states) {
        assert!(matches!(state, TaskState::Done { result, .. } if result == format!("{name}!").as_bytes()));
    }
    assert_eq!((counters.processed, counters.failed, counters.running), (200, 0, 0));
    assert_eq!(most.load(Ordering::SeqCst), 7);
}

#[tokio::test]
async fn failures_are_tried_again_until_they_are_permanent_or_too_many() {
    let queue = queue();
    let attempts = NonZeroU32::new(3).unwrap();
    let tasks = ["second time lucky", "never", "hopeless"];
    queue.enqueue(tasks.map(|name| task(name).max_attempts(attempts)).into()).await.unwrap();
    let handler = |job: Job| async move {
        match (job.id().as_str(), job.attempt()) {
            ("second time lucky", 2) => Ok(Vec::new()),
            ("hopeless", _) => Err(Failure::permanent("no use")),
            _ => Err(Failure::from("x".parse::<u8>().unwrap_err())),
        }
    };
    let worker = builder(&queue).build().unwrap();
    let (counters, states) = run_until_finished(&queue, worker, handler, &tasks).await;
    assert!(matches!(states[0], TaskState::Done { .. }));
    let TaskState::Dead { reason: DeathReason::Failures, error, .. } = &states[1] else {
        panic!("{states:?}")
    };
    assert_eq!(error, "invalid digit found in string");
    assert!(matches!(&states[2], TaskState::Dead { reason: DeathReason::Rejected, .. }));
    assert_eq!((counters.processed, counters.failed), (1, 5));
}

#[tokio::test]
async fn a_task_own_back_off_goes_before_the_workers() {
    let queue = queue();
    let hour = Backoff::new(Duration::from_secs(3600), Duration::from_secs(3600)).unwrap();
    queue.enqueue(vec![task("own").backoff(Backoff::NONE), task("default")]).await.unwrap();
    let worker = builder(&queue).backoff(hour).build().unwrap();
    let handler = |job: Job| async move {
        match job.attempt() {
            1 => Err(Failure::retryable("once")),
            _ => Ok(Vec::new()),
        }
    };
    run_until_finished(&queue, worker, handler, &["own"]).await;
    // Full jitter may draw a short wait, but not one that ends within this test more than once in many thousands.
    assert!(matches!(queue.state(&id("default")).await.unwrap(), Some(TaskState::Waiting { .. })));
}

#[tokio::test]
async fn a_panic_is_contained_and_counts_as_a_crash() {
    let queue = queue();
    let tasks = ["bomb", "calm"];
    queue
        .enqueue(tasks.map(|name| task(name).max_crashes(NonZeroU32::new(2).unwrap())).into())
        .await
        .unwrap();
    let handler = |job: Job| async move {
        assert!(job.id().as_str() != "bomb", "boom {}", job.crashes());
        Ok(Vec::new())
    };
    let worker = builder(&queue).build().unwrap();
    let (counters, states) = run_until_finished(&queue, worker, handler, &tasks).await;
    let TaskState::Dead { reason: DeathReason::Crashes, error, .. } = &states[0] else {
        panic!("{states:?}")
    };
    assert_eq!(error, "the handler panicked: boom 1");
    assert!(matches!(states[1], TaskState::Done { .. }));
    assert_eq!((counters.processed, counters.failed), (1, 2));
}

#[tokio::test]
async fn an_oversized_result_kills_the_task_and_nothing_else() {
    let queue = queue();
    queue.enqueue(vec![task("large"), task("small")]).await.unwrap();
    let handler = |job: Job| async move {
        let large = job.id().as_str() == "large";
        Ok(vec![0; if large { cofferdam_queue::MAX_PAYLOAD_BYTES + 1 } else { 1 }])
    };
    let worker = builder(&queue).concurrency(2).build().unwrap();
    let (_, states) = run_until_finished(&queue, worker, handler, &["large", "small"]).await;
    assert!(matches!(&states[0], TaskState::Dead { error, .. } if error.contains("the limit is")));
    assert!(matches!(states[1], TaskState::Done { .. }));
}

/// The whole runtime stands still for several leases, while another thread takes back whatever has expired.
#[test]
fn leases_are_renewed_while_the_runtime_is_blocked() {
    let lease = Duration::from_millis(300);
    let queue = queue();
    let stop = Arc::new(AtomicBool::new(false));
    let reaper = {
        let (queue, stop) = (queue.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let mut taken = 0;
            while !stop.load(Ordering::SeqCst) {
                taken += runtime.block_on(queue.reap(ReapScope::Expired)).unwrap().len();
                std::thread::sleep(Duration::from_millis(5));
            }
            taken
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (counters, states) = runtime.block_on(async {
        queue.submit(task("blocks")).await.unwrap();
        let worker = builder(&queue).lease(lease).build().unwrap();
        let handler = move |_: Job| async move {
            std::thread::sleep(lease * 4);
            Ok(b"still mine".to_vec())
        };
        run_until_finished(&queue, worker, handler, &["blocks"]).await
    });
    stop.store(true, Ordering::SeqCst);
    assert_eq!(reaper.join().unwrap(), 0, "a lease ran out");
    assert!(matches!(&states[0], TaskState::Done { result, .. } if result == b"still mine"));
    assert_eq!((counters.processed, counters.lost), (1, 0));
}

/// Sends when it is dropped.
struct OnDrop(Option<oneshot::Sender<()>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(());
        }
    }
}

#[tokio::test]
async fn the_loss_of_the_lease_cancels_the_handler_and_drops_its_result() {
    let queue = queue();
    queue.submit(task("a")).await.unwrap();
    let (started, has_started) = oneshot::channel();
    let (dropped, was_dropped) = oneshot::channel();
    let slots = Arc::new(Mutex::new(Some((started, OnDrop(Some(dropped))))));
    let (told, was_told) = std::sync::mpsc::channel();
    let handler = move |job: Job| {
        let slot = slots.lock().unwrap().take();
        let told = told.clone();
        async move {
            let Some((started, guard)) = slot else { return Ok(b"second run".to_vec()) };
            let cancellation = job.cancellation().clone();
            std::thread::spawn(move || {
                while !cancellation.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                told.send(()).unwrap();
            });
            started.send(()).unwrap();
            std::future::pending::<()>().await;
            drop(guard);
            Ok(b"first run".to_vec())
        }
    };
    let worker = builder(&queue).lease(Duration::from_millis(300)).build().unwrap();
    let (me, progress) = (worker.id().clone(), worker.progress());
    let interfering = {
        let queue = queue.clone();
        async move {
            has_started.await.unwrap();
            assert_eq!(progress.snapshot().current_task, Some(id("a")));
            assert_eq!(queue.reap(ReapScope::Worker(me)).await.unwrap().len(), 1);
            was_dropped.await.unwrap();
            queue.wait(&id("a"), PATIENCE).await.unwrap();
        }
    };
    let counters = worker.run(handler, interfering).await.unwrap();
    was_told.recv_timeout(PATIENCE).expect("the thread heard of the cancellation");
    assert_eq!((counters.processed, counters.lost, counters.running), (1, 1, 0));
    let state = queue.state(&id("a")).await.unwrap();
    assert!(matches!(state, Some(TaskState::Done { result, .. }) if result == b"second run"));
}

#[tokio::test]
async fn a_drain_lets_running_tasks_end_and_claims_no_more() {
    let queue = queue();
    queue.enqueue(vec![task("running"), task("waiting")]).await.unwrap();
    let (started, has_started) = oneshot::channel();
    let started = Mutex::new(Some(started));
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let handler = move |_: Job| {
        started.lock().unwrap().take().expect("one task only").send(()).unwrap();
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await?.forget();
            Ok(Vec::new())
        }
    };
    let shutdown = async move {
        has_started.await.unwrap();
        tokio::spawn(async move {
            // The shutdown has come when this runs; the task ends only after it.
            tokio::time::sleep(Duration::from_millis(50)).await;
            opened.add_permits(1);
        });
    };
    let worker = builder(&queue).drain_deadline(PATIENCE).build().unwrap();
    let counters = worker.run(handler, shutdown).await.unwrap();
    assert_eq!((counters.processed, counters.handed_back), (1, 0));
    assert!(matches!(queue.state(&id("running")).await.unwrap(), Some(TaskState::Done { .. })));
    assert!(matches!(queue.state(&id("waiting")).await.unwrap(), Some(TaskState::Waiting { .. })));
}

#[tokio::test]
async fn what_does_not_end_by_the_deadline_is_handed_back_unharmed() {
    let queue = queue();
    queue.enqueue(vec![task("a"), task("b")]).await.unwrap();
    let running = Arc::new(Semaphore::new(0));
    let seen = Arc::clone(&running);
    let handler = move |_: Job| {
        running.add_permits(1);
        std::future::pending::<Result<Vec<u8>, Failure>>()
    };
    let shutdown = async move { seen.acquire_many(2).await.unwrap().forget() };
    let worker = builder(&queue).concurrency(2).drain_deadline(Duration::ZERO).build().unwrap();
    let counters = worker.run(handler, shutdown).await.unwrap();
    assert_eq!((counters.processed, counters.handed_back, counters.running), (0, 2, 0));
    let successor = cofferdam_queue::WorkerId::new("successor").unwrap();
    let claimed = queue.claim(&successor, 2, PATIENCE).await.unwrap();
    let counts: Vec<_> = claimed.iter().map(|one| (one.attempt, one.crashes)).collect();
    assert_eq!(counts, [(1, 0), (1, 0)]);
}

/// A handler that can be neither dropped nor interrupted does not keep the worker from stopping.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_does_not_hold_up_the_stop() {
    let queue = queue();
    queue.submit(task("a")).await.unwrap();
    let (started, has_started) = oneshot::channel();
    let started = Mutex::new(Some(started));
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let handler = move |_: Job| {
        let (started, released) = (started.lock().unwrap().take(), Arc::clone(&released));
        async move {
            started.unwrap().send(()).unwrap();
            let _ = released.lock().unwrap().recv();
            Ok(b"too late".to_vec())
        }
    };
    let worker = builder(&queue).drain_deadline(Duration::ZERO).build().unwrap();
    let shutdown = async move { has_started.await.unwrap() };
    let counters = tokio::time::timeout(PATIENCE, worker.run(handler, shutdown)).await.unwrap().unwrap();
    drop(release);
    assert_eq!(counters.handed_back, 1);
    assert!(matches!(queue.state(&id("a")).await.unwrap(), Some(TaskState::Waiting { .. })));
}

#[tokio::test]
async fn a_dropped_worker_is_a_crash_and_another_takes_over() {
    let queue = queue();
    queue.submit(task("a")).await.unwrap();
    let lease = Duration::from_millis(200);
    let (started, has_started) = oneshot::channel();
    let started = Mutex::new(Some(started));
    let stuck = move |_: Job| {
        started.lock().unwrap().take().unwrap().send(()).unwrap();
        std::future::pending::<Result<Vec<u8>, Failure>>()
    };
    let first = builder(&queue).lease(lease).build().unwrap();
    tokio::select! {
        _ = first.run(stuck, std::future::pending()) => panic!("it does not end"),
        _ = has_started => {}
    }
    let handler = |job: Job| async move { Ok(vec![u8::try_from(job.crashes())?]) };
    let second = builder(&queue).lease(lease).build().unwrap();
    let (_, states) = run_until_finished(&queue, second, handler, &["a"]).await;
    assert!(matches!(&states[0], TaskState::Done { result, .. } if result == &[1]));
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn add(&self, what: &str, priority: Priority) {
        self.0.lock().unwrap().push(format!("{what} {}", priority.as_str()));
    }
}

impl Observer for Notes {
    fn enqueued(&self, queue: &str, priority: Priority, count: u64) {
        self.add(&format!("{queue}: enqueued {count}"), priority);
    }
    fn dequeued(&self, _: &str, priority: Priority, _: Duration) {
        self.add("dequeued", priority);
    }
    fn acked(&self, _: &str, priority: Priority) {
        self.add("acked", priority);
    }
    fn retried(&self, _: &str, priority: Priority) {
        self.add("retried", priority);
    }
    fn lease_expired(&self, _: &str, priority: Priority) {
        self.add("lease expired", priority);
    }
    fn dead_lettered(&self, _: &str, priority: Priority) {
        self.add("dead", priority);
    }
}

#[tokio::test]
async fn the_observer_hears_of_every_step_in_a_life() {
    let notes = Arc::new(Notes::default());
    let queue = queue().with_observer(Arc::clone(&notes) as Arc<dyn Observer>);
    let tasks = vec![task("fails").priority(Priority::High), task("a"), task("a")];
    queue.enqueue(tasks).await.unwrap();
    let gone = cofferdam_queue::WorkerId::new("gone").unwrap();
    queue.claim(&gone, 1, PATIENCE).await.unwrap();
    queue.reap(ReapScope::Worker(gone)).await.unwrap();
    let handler = |job: Job| async move {
        match (job.id().as_str(), job.attempt()) {
            ("fails", 1) => Err(Failure::retryable("once")),
            ("fails", _) => Err(Failure::permanent("twice")),
            _ => Ok(Vec::new()),
        }
    };
    run_until_finished(&queue, builder(&queue).build().unwrap(), handler, &["fails", "a"]).await;
    assert_eq!(
        *notes.0.lock().unwrap(),
        [
            "q: enqueued 1 high",
            "q: enqueued 1 normal",
            "dequeued high",
            "lease expired high",
            "dequeued high",
            "retried high",
            "dequeued high",
            "dead high",
            "dequeued normal",
            "acked normal",
        ]
    );
}

/// A broker that cannot be reached for a while costs neither the result nor a second run.
#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_waits_until_the_broker_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let broker =
        cofferdam_queue::Sqlite::builder(&path).busy_timeout(Duration::from_millis(20)).open().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    queue.submit(task("a")).await.unwrap();
    let lock = Arc::new(Mutex::new(rusqlite::Connection::open(&path).unwrap()));
    let (held, runs) = (Arc::clone(&lock), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&runs);
    let handler = move |_: Job| {
        counted.fetch_add(1, Ordering::SeqCst);
        // From now on every write is refused, until the test lets go.
        held.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
        std::future::ready(Ok(b"kept".to_vec()))
    };
    let watched = queue.clone();
    let shutdown = async move {
        while lock.lock().unwrap().is_autocommit() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(matches!(watched.state(&id("a")).await.unwrap(), Some(TaskState::Leased { .. })));
        lock.lock().unwrap().execute_batch("ROLLBACK").unwrap();
        watched.wait(&id("a"), PATIENCE).await.unwrap();
    };
    let counters = builder(&queue).build().unwrap().run(handler, shutdown).await.unwrap();
    assert!(
        matches!(queue.state(&id("a")).await.unwrap(), Some(TaskState::Done { result, .. }) if result == b"kept")
    );
    assert_eq!((counters.processed, runs.load(Ordering::SeqCst)), (1, 1));
}

/// When the leases cannot be renewed for so long that others may have the tasks, the handler is stopped.
#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cannot_renew_gives_up_its_task() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let broker =
        cofferdam_queue::Sqlite::builder(&path).busy_timeout(Duration::from_millis(20)).open().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    queue.submit(task("a")).await.unwrap();
    let lock = Arc::new(Mutex::new(rusqlite::Connection::open(&path).unwrap()));
    let (dropped, was_dropped) = oneshot::channel();
    let slot = Mutex::new(Some(OnDrop(Some(dropped))));
    let held = Arc::clone(&lock);
    let handler = move |_: Job| {
        let guard = slot.lock().unwrap().take();
        if guard.is_some() {
            held.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
        }
        async move {
            match guard {
                Some(_guard) => std::future::pending().await,
                None => Ok(b"second run".to_vec()),
            }
        }
    };
    let watched = queue.clone();
    let shutdown = async move {
        was_dropped.await.unwrap();
        lock.lock().unwrap().execute_batch("ROLLBACK").unwrap();
        watched.wait(&id("a"), PATIENCE).await.unwrap();
    };
    let worker = builder(&queue).lease(Duration::from_millis(300)).build().unwrap();
    let counters = worker.run(handler, shutdown).await.unwrap();
    assert_eq!((counters.processed, counters.lost), (1, 1));
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_closed_broker_ends_the_worker_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let broker = cofferdam_queue::Sqlite::open(folder.path().join("queue.sqlite3")).await.unwrap();
    let queue = Queue::new(broker.clone(), "q").unwrap();
    let worker = builder(&queue).build().unwrap();
    let handler = |_: Job| async { Ok(Vec::new()) };
    let (ended, ()) = tokio::join!(worker.run(handler, std::future::pending()), broker.close());
    assert!(matches!(ended, Err(cofferdam_queue::Error::Closed)));
}
