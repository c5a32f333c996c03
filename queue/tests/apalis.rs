//! A queue under real apalis workers: what they run, acknowledge, repeat, and leave behind when they stop.
#![cfg(feature = "apalis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use apalis::layers::WorkerBuilderExt;
use apalis::layers::retry::RetryPolicy;
use apalis::prelude::*;
use apalis_core::backend::Vacuum;
use cofferdam_queue::{
    ApalisConfig, ApalisStorage, Backoff, DeathReason, Job, Memory, NewTask, Priority, Queue, Section,
    TaskState, WorkerId,
};
use futures_util::{SinkExt, StreamExt};
use support::{PATIENCE, id};

fn queue() -> Queue {
    Queue::new(Memory::new(), "q").unwrap()
}

fn storage<Args>(queue: &Queue) -> ApalisStorage<Args> {
    ApalisStorage::new(queue.clone()).with_config(ApalisConfig::default().backoff(Backoff::NONE))
}

fn named<Args>(name: &str, args: Args) -> TaskBuilder<Args> {
    TaskBuilder::new(args).task_id(TaskId::from_string(name))
}

/// Stops a worker when these tasks have ended, and answers where they stand.
async fn ended(queue: Queue, names: &[&str]) -> Vec<TaskState> {
    let mut states = Vec::new();
    for name in names {
        while queue.state(&id(name)).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        states.push(queue.wait(&id(name), PATIENCE).await.unwrap());
    }
    states
}

/// Runs an apalis worker until these tasks have ended.
macro_rules! run {
    ($worker:expr, $queue:expr, $names:expr) => {{
        let (queue, names): (Queue, Vec<&'static str>) = ($queue.clone(), $names.to_vec());
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let until = async move {
            let _ = sender.send(ended(queue, &names).await);
            Ok::<(), WorkerError>(())
        };
        tokio::time::timeout(PATIENCE, $worker.run_until(until)).await.expect("it stops").unwrap();
        receiver.await.unwrap()
    }};
}

async fn work_off(queue: Queue) {
    let mut storage = storage::<u64>(&queue);
    storage.push_bulk((0..200).collect()).await.unwrap();
    for name in ["a", "b"] {
        storage.push_task(named(name, 7).build()).await.unwrap();
    }
    let seen = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&seen);
    let square = move |number: u64| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { Ok::<u64, BoxDynError>(number * number) }
    };
    let worker = WorkerBuilder::new("squares").backend(storage.clone()).build(square);
    let states = run!(worker, queue, ["a", "b"]);
    for state in states {
        assert!(matches!(state, TaskState::Done { result, .. } if result == b"49"));
    }
    let counts = queue.stats().await.unwrap().total();
    assert_eq!((counts.leased, counts.dead, seen.load(Ordering::SeqCst) + counts.ready), (0, 0, 202));
    // Results as apalis asks for them.
    let ids = [TaskId::from_string("a"), TaskId::from_string("b")];
    let results: Vec<TaskResult<u64>> = storage.wait_for(ids).map(Result::unwrap).collect().await;
    assert!(results.iter().all(|result| result.result() == &Ok(49) && *result.status() == Status::Done));
}

#[tokio::test]
async fn tasks_run_and_their_results_are_recorded_in_memory() {
    work_off(queue()).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn tasks_run_and_their_results_are_recorded_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let broker = cofferdam_queue::Sqlite::open(folder.path().join("queue.sqlite3")).await.unwrap();
    work_off(Queue::new(broker, "q").unwrap()).await;
}

#[tokio::test]
async fn errors_mean_what_they_say() {
    let queue = queue();
    let mut storage = storage::<String>(&queue);
    for name in ["flaky", "never", "abort", "later", "deferred"] {
        storage.push_task(named(name, name.to_owned()).max_attempts(3).build()).await.unwrap();
    }
    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&runs);
    let handler = move |name: String, attempt: Attempt| {
        seen.lock().unwrap().push(format!("{name} {}", attempt.current()));
        async move {
            let no: BoxDynError = "no".into();
            match (name.as_str(), attempt.current()) {
                ("never", _) => Err(no),
                ("abort", _) => Err(AbortError::new("hopeless").into()),
                ("later", _) => Err(RetryAfterError::new("busy", Duration::from_secs(3600)).into()),
                (_, 1) if name == "deferred" => Err(DeferredError::new("not now").into()),
                (_, 1) => Err(no),
                _ => Ok(()),
            }
        }
    };
    let worker = WorkerBuilder::new("w").backend(storage).build(handler);
    let states = run!(worker, queue, ["flaky", "never", "abort", "deferred"]);
    assert!(matches!(states[0], TaskState::Done { .. }) && matches!(states[3], TaskState::Done { .. }));
    assert!(
        matches!(&states[1], TaskState::Dead { reason: DeathReason::Failures, error, .. } if error == "no")
    );
    let TaskState::Dead { reason: DeathReason::Rejected, error, .. } = &states[2] else {
        panic!("{states:?}")
    };
    assert!(error.contains("hopeless"), "{error}");
    let Some(TaskState::Waiting { ready_at }) = queue.state(&id("later")).await.unwrap() else { panic!() };
    let wait = ready_at.duration_since(SystemTime::now()).unwrap();
    assert!(wait > Duration::from_secs(3500), "{wait:?}");
    let mut runs = runs.lock().unwrap().clone();
    runs.sort();
    let expected = [
        "abort 1",
        "deferred 1",
        "deferred 2",
        "flaky 1",
        "flaky 2",
        "later 1",
        "never 1",
        "never 2",
        "never 3",
    ];
    assert_eq!(runs, expected);
}

#[tokio::test]
async fn layers_work_as_elsewhere() {
    let queue = queue();
    let mut storage = storage::<u64>(&queue);
    let names: Vec<&'static str> = vec!["0", "1", "2", "3", "4", "5"];
    for (number, name) in names.iter().enumerate() {
        storage.push_task(named(name, number as u64).max_attempts(1).build()).await.unwrap();
    }
    let running = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let seen = Arc::clone(&running);
    let tries = Arc::new(AtomicU64::new(0));
    let tried = Arc::clone(&tries);
    let handler = move |number: u64| {
        let (seen, tried) = (Arc::clone(&seen), Arc::clone(&tried));
        async move {
            seen[1].fetch_max(seen[0].fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            seen[0].fetch_sub(1, Ordering::SeqCst);
            assert!(number != 5, "five is right out");
            // Fails the first time, and is saved by the layer: the queue allows one attempt.
            if number == 3 && tried.fetch_add(1, Ordering::SeqCst) == 0 { Err("once") } else { Ok(number) }
        }
    };
    let worker = WorkerBuilder::new("w")
        .backend(storage)
        .retry(RetryPolicy::retries(2))
        .concurrency(2)
        .catch_panic()
        .build(handler);
    let states = run!(worker, queue, names);
    assert!(states[..5].iter().all(|state| matches!(state, TaskState::Done { .. })), "{states:?}");
    let TaskState::Dead { error, .. } = &states[5] else { panic!("{states:?}") };
    assert!(error.contains("five is right out"), "{error}");
    assert_eq!((running[1].load(Ordering::SeqCst), tries.load(Ordering::SeqCst)), (2, 2));
}

#[tokio::test]
async fn a_stop_lets_running_tasks_end_and_hands_back_the_others() {
    let queue = queue();
    let mut storage = storage::<String>(&queue);
    for name in ["one", "two", "three", "four", "five"] {
        storage.push_task(named(name, name.to_owned()).build()).await.unwrap();
    }
    let handler = |name: String, worker: WorkerContext| async move {
        // The others are in the worker's hands already, or about to be.
        tokio::time::sleep(Duration::from_millis(50)).await;
        worker.stop()?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok::<String, BoxDynError>(name)
    };
    let worker = WorkerBuilder::new("w").backend(storage).concurrency(1).build(handler);
    tokio::time::timeout(PATIENCE, worker.run()).await.expect("it stops").unwrap();
    let state = queue.state(&id("one")).await.unwrap();
    assert!(matches!(state, Some(TaskState::Done { result, .. }) if result == b"\"one\""));
    let counts = queue.stats().await.unwrap().total();
    assert_eq!((counts.ready, counts.leased, counts.dead), (4, 0, 0));
    let claimed = queue.claim(&WorkerId::new("next").unwrap(), 9, PATIENCE).await.unwrap();
    let order: Vec<_> =
        claimed.iter().map(|one| (one.lease.task.as_str(), one.attempt, one.crashes)).collect();
    assert_eq!(order, [("two", 1, 0), ("three", 1, 0), ("four", 1, 0), ("five", 1, 0)]);
}

#[tokio::test]
async fn a_cancelled_task_is_dropped_while_it_runs() {
    struct OnDrop(Arc<AtomicU64>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let queue = queue();
    let config = ApalisConfig::default().lease(Duration::from_millis(200));
    let mut storage = ApalisStorage::<u64>::new(queue.clone()).with_config(config);
    storage.push_task(named("a", 1).build()).await.unwrap();
    let drops = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&drops);
    let handler = move |_: u64| {
        let guard = OnDrop(Arc::clone(&counted));
        async move {
            let _guard = guard;
            std::future::pending::<Result<(), BoxDynError>>().await
        }
    };
    let worker = WorkerBuilder::new("w").backend(storage).build(handler);
    let (other, dropped) = (queue.clone(), Arc::clone(&drops));
    let until = async move {
        while !matches!(other.state(&id("a")).await.unwrap(), Some(TaskState::Leased { .. })) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        other.cancel(&id("a")).await.unwrap();
        while dropped.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok::<(), WorkerError>(())
    };
    tokio::time::timeout(PATIENCE, worker.run_until(until)).await.expect("it stops").unwrap();
    let state = queue.state(&id("a")).await.unwrap();
    assert!(matches!(state, Some(TaskState::Dead { reason: DeathReason::Cancelled, .. })));
}

#[tokio::test]
async fn what_a_task_carries_arrives() {
    #[derive(Debug, PartialEq)]
    struct Trace(String);
    impl Metadata for Trace {
        type Error = MissingTrace;
        fn inject(&self, store: &mut MetadataStore) -> Result<(), MissingTrace> {
            store.insert("trace", self.0.clone()).map_err(|_| MissingTrace)
        }
        fn extract(store: &MetadataStore) -> Result<Self, MissingTrace> {
            store.get("trace").map(|trace| Self(trace.to_owned())).ok_or(MissingTrace)
        }
    }
    #[derive(Debug, thiserror::Error)]
    #[error("there is no trace")]
    struct MissingTrace;

    let queue = queue();
    let mut storage = storage::<String>(&queue);
    let traced = named("traced", "x".to_owned()).metadata(&Trace("t-17".to_owned())).priority(5);
    storage.push_task(traced.build()).await.unwrap();
    storage.push_task(named("plain", "y".to_owned()).build()).await.unwrap();
    let soon = TaskBuilder::new("z".to_owned()).idempotency_key("key").run_in_hours(1);
    storage.push_task(soon.build()).await.unwrap();
    let again = TaskBuilder::new("z again".to_owned()).idempotency_key("key");
    storage.push_task(again.build()).await.unwrap();
    let ready = queue.peek(Section::Ready, 9).await.unwrap();
    let shown: Vec<_> = ready.iter().map(|task| (task.id.as_str(), task.priority)).collect();
    assert_eq!(shown, [("traced", Priority::High), ("plain", Priority::Normal)]);
    assert_eq!(ready[1].payload, b"\"y\"");
    let delayed = queue.peek(Section::Delayed, 9).await.unwrap();
    assert_eq!(
        (delayed[0].id.as_str(), delayed[0].payload.as_slice(), delayed.len()),
        ("key", &b"\"z\""[..], 1)
    );

    // A producer without apalis.
    queue.submit(NewTask::new("\"foreign\"").id(id("foreign"))).await.unwrap();
    let handler = |text: String, task_id: TaskId, meta: Option<Meta<Trace>>, job: Data<Job>| async move {
        job.report("seen").await?;
        let trace = meta.map_or_else(|| "-".to_owned(), |trace| trace.0.0);
        Ok::<String, BoxDynError>(format!("{task_id} {text} {trace} {}", job.attempt()))
    };
    let worker = WorkerBuilder::new("w").backend(storage).build(handler);
    let states = run!(worker, queue, ["traced", "plain", "foreign"]);
    let results = states.into_iter().map(|state| match state {
        TaskState::Done { result, .. } => String::from_utf8(result).unwrap(),
        other => panic!("{other:?}"),
    });
    let expected = ["\"traced x t-17 1\"", "\"plain y - 1\"", "\"foreign foreign - 1\""];
    assert_eq!(results.collect::<Vec<_>>(), expected);
}

/// With any backend such a task ends the worker; here it does so three times at most.
#[tokio::test]
async fn arguments_that_cannot_be_decoded_end_among_the_dead_letters() {
    let queue = queue();
    queue.submit(NewTask::new("this is no number").id(id("poison"))).await.unwrap();
    queue.submit(NewTask::new("1").id(id("good"))).await.unwrap();
    let mut deaths = 0;
    loop {
        let worker = WorkerBuilder::new("w")
            .backend(storage::<u64>(&queue))
            .build(|number: u64| async move { Ok::<u64, BoxDynError>(number) });
        let watched = queue.clone();
        let until = async move {
            ended(watched, &["poison", "good"]).await;
            Ok::<(), WorkerError>(())
        };
        match tokio::time::timeout(PATIENCE, worker.run_until(until)).await.expect("it ends") {
            Ok(()) => break,
            Err(_) => deaths += 1,
        }
    }
    assert!((1..=3).contains(&deaths), "{deaths}");
    let states = ended(queue, &["poison", "good"]).await;
    let TaskState::Dead { reason: DeathReason::Crashes, error, .. } = &states[0] else {
        panic!("{states:?}")
    };
    assert!(error.contains("check its type and codec"), "{error}");
    assert!(matches!(&states[1], TaskState::Done { result, .. } if result == b"1"));
}

#[tokio::test]
async fn a_panic_that_ends_the_worker_counts_as_a_crash_at_once() {
    let queue = queue();
    let mut storage = storage::<u64>(&queue);
    storage.push_task(named("bomb", 1).build()).await.unwrap();
    let handler = |_: u64| async move {
        if true {
            panic!("boom");
        }
        Ok::<(), BoxDynError>(())
    };
    let worker = WorkerBuilder::new("w").backend(storage.clone()).build(handler);
    assert!(tokio::spawn(worker.run()).await.unwrap_err().is_panic());
    let me = WorkerId::new("next").unwrap();
    let start = std::time::Instant::now();
    loop {
        if let Some(delivery) = queue.claim(&me, 1, PATIENCE).await.unwrap().first() {
            assert_eq!((delivery.attempt, delivery.crashes), (1, 1));
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "it waits for the end of the lease");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn vacuuming_forgets_what_has_ended() {
    let queue = queue();
    let mut storage = storage::<u64>(&queue);
    SinkExt::send(&mut storage, named("a", b"1".to_vec()).build()).await.unwrap();
    let worker = WorkerBuilder::new("w")
        .backend(storage.clone())
        .build(|number: u64| async move { Ok::<u64, BoxDynError>(number) });
    run!(worker, queue, ["a"]);
    assert_eq!(storage.vacuum_before(Duration::from_secs(3600)).await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(storage.vacuum().await.unwrap(), 1);
    assert!(queue.state(&id("a")).await.unwrap().is_none());
}
