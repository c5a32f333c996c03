//! The worker: what it does when a part of its broker, or one of its roads, does not answer, or has no room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cofferdam_queue::{Error, ErrorKind, Job, Memory, NewTask, Queue, TaskState, Worker};
use support::faulty::Faulty;
use support::{PATIENCE, builder, id, task};
use tokio::sync::Semaphore;

fn faulty() -> (Queue, Faulty) {
    let broker = Faulty::before(Memory::new());
    (Queue::new(broker.clone(), "q").unwrap(), broker)
}

/// Runs tasks that end when they may.
fn held(gate: &Arc<Semaphore>, runs: &Arc<AtomicU64>) -> impl Fn(Job) -> Held + Send + Sync + 'static {
    let (gate, runs) = (Arc::clone(gate), Arc::clone(runs));
    move |job: Job| {
        let gate = Arc::clone(&gate);
        runs.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if job.id().as_str().starts_with("far") {
                gate.acquire().await?.forget();
            }
            Ok(b"done".to_vec())
        })
    }
}

type Held = std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, cofferdam_queue::Failure>> + Send>>;

#[tokio::test]
async fn a_part_that_is_down_keeps_its_settlements_and_holds_up_nobody_else() {
    let (queue, broker) = faulty();
    queue.enqueue(vec![task("far 1"), task("far 2")]).await.unwrap();
    let (gate, runs) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU64::new(0)));
    let handler = held(&gate, &runs);
    let (watched, faults, started) = (queue.clone(), Arc::clone(&broker.faults), Arc::clone(&runs));
    let shutdown = async move {
        while started.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        faults.set(|faults| &faults.far_is_down, true);
        gate.add_permits(100);
        // Longer than the lease: the settlements wait, and so does the right to make them.
        let down_until = Instant::now() + Duration::from_millis(2500);
        let mut near = 0;
        while Instant::now() < down_until {
            let name = format!("near {near}");
            watched.submit(task(&name)).await.unwrap();
            assert!(watched.wait(&id(&name), PATIENCE).await.unwrap().is_finished());
            near += 1;
        }
        assert!(near >= 20, "only {near} tasks went through");
        let in_vain = faults.trips_in_vain.load(Ordering::SeqCst);
        assert!((2..40).contains(&in_vain), "the part that is down was asked {in_vain} times");
        for far in ["far 1", "far 2"] {
            assert!(matches!(watched.state(&id(far)).await.unwrap(), Some(TaskState::Leased { .. })));
        }
        faults.set(|faults| &faults.far_is_down, false);
        for far in ["far 1", "far 2"] {
            let state = watched.wait(&id(far), PATIENCE).await.unwrap();
            assert!(matches!(state, TaskState::Done { result, .. } if result == b"done"));
        }
        runs.load(Ordering::SeqCst) - near
    };
    let (result, far_runs) = {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let shutdown = async move { sender.send(shutdown.await).unwrap() };
        let worker = builder(&queue).concurrency(3).lease(Duration::from_secs(1)).build().unwrap();
        (worker.run(handler, shutdown).await, receiver.await.unwrap())
    };
    assert_eq!(far_runs, 2, "a task whose settlement waited was run again");
    assert_eq!(result.unwrap().lost, 0);
}

#[tokio::test]
async fn a_stop_while_a_part_is_down_says_what_was_not_settled() {
    let (queue, broker) = faulty();
    queue.enqueue(vec![task("far 1"), task("near 1")]).await.unwrap();
    let (gate, runs) = (Arc::new(Semaphore::new(1)), Arc::new(AtomicU64::new(0)));
    broker.faults.set(|faults| &faults.far_is_down, true);
    let watched = queue.clone();
    let shutdown = async move { drop(watched.wait(&id("near 1"), PATIENCE).await.unwrap()) };
    let worker = builder(&queue).concurrency(2).drain_deadline(Duration::from_millis(100)).build().unwrap();
    let asked = Instant::now();
    let error = worker.run(held(&gate, &runs), shutdown).await.unwrap_err();
    assert!(matches!(error, Error::Unsettled { tasks: 1 }), "{error}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_broker_that_does_not_answer_does_not_hold_up_the_stop() {
    let (queue, broker) = faulty();
    broker.faults.set(|faults| &faults.steps_hang, true);
    let worker = builder(&queue).drain_deadline(Duration::from_millis(100)).build().unwrap();
    let run = worker.run(|_: Job| async { Ok(Vec::new()) }, std::future::ready(()));
    tokio::time::timeout(PATIENCE, run).await.expect("it stops").unwrap();
    let worker = builder(&queue).drain_deadline(Duration::from_millis(100)).build().unwrap();
    let shutdown = tokio::time::sleep(Duration::from_millis(50));
    let run = worker.run(|_: Job| async { Ok(Vec::new()) }, shutdown);
    tokio::time::timeout(Duration::from_secs(5), run).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn a_worker_with_nothing_in_hand_stops_at_once() {
    let (queue, _) = faulty();
    let worker = builder(&queue).drain_deadline(PATIENCE).build().unwrap();
    let asked = Instant::now();
    worker
        .run(|_: Job| async { Ok(Vec::new()) }, tokio::time::sleep(Duration::from_millis(20)))
        .await
        .unwrap();
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_full_storage_ends_the_worker_with_that_error_and_loses_no_task() {
    let (queue, broker) = faulty();
    broker.faults.set(|faults| &faults.full, true);
    let task = queue.submit(NewTask::new("work")).await.unwrap().id;
    let worker = Worker::builder(queue.clone()).name("w").build().unwrap();
    let handler = |_: Job| async { Ok(b"result".to_vec()) };
    let error = worker.run(handler, std::future::pending()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    // It was handed out and never recorded, so it runs again once its lease is over.
    assert!(matches!(queue.state(&task).await.unwrap(), Some(TaskState::Leased { .. })));
}
