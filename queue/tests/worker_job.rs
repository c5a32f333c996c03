//! The worker: what a job can do while it runs, where it runs, and which handler gets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cofferdam_queue::{
    Cancelled, DeathReason, Error, Failure, Job, ManualClock, Memory, NewTask, Queue, Router, TaskState,
};
use support::{PATIENCE, builder, id, label, run_until_finished, task};
use tokio::sync::oneshot;

fn queue() -> Queue {
    Queue::new(Memory::new(), "q").unwrap()
}

#[tokio::test]
async fn each_class_has_its_own_places_and_a_foreign_class_is_left_alone() {
    let queue = queue();
    let mut tasks: Vec<NewTask> = (0..6).map(|n| task(&format!("plain {n}"))).collect();
    tasks.extend((0..6).map(|n| task(&format!("gpu {n}")).class(label("gpu"))));
    tasks.push(task("tpu 0").class(label("tpu")));
    queue.enqueue(tasks).await.unwrap();
    let running = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let most = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
    let handler = move |job: Job| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            let of = usize::from(job.id().as_str().starts_with("gpu"));
            peak[of].fetch_max(now[of].fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            now[of].fetch_sub(1, Ordering::SeqCst);
            Ok(Vec::new())
        }
    };
    let worker = builder(&queue).concurrency(3).class(label("gpu"), 2).build().unwrap();
    let names: Vec<String> = (0..6).flat_map(|n| [format!("plain {n}"), format!("gpu {n}")]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (counters, _) = run_until_finished(&queue, worker, handler, &names).await;
    assert_eq!(counters.processed, 12);
    assert_eq!([most[0].load(Ordering::SeqCst), most[1].load(Ordering::SeqCst)], [3, 2]);
    assert!(matches!(queue.state(&id("tpu 0")).await.unwrap(), Some(TaskState::Waiting { .. })));
}

#[tokio::test]
async fn a_worker_may_have_places_for_a_class_only() {
    let queue = queue();
    queue.enqueue(vec![task("plain"), task("gpu").class(label("gpu"))]).await.unwrap();
    let worker = builder(&queue).concurrency(0).class(label("gpu"), 1).build().unwrap();
    run_until_finished(&queue, worker, |_: Job| async { Ok(Vec::new()) }, &["gpu"]).await;
    assert!(matches!(queue.state(&id("plain")).await.unwrap(), Some(TaskState::Waiting { .. })));
}

#[tokio::test]
async fn a_checkpoint_outlives_failures_and_crashes_and_what_was_reported_is_seen() {
    let queue = queue();
    queue.submit(task("a").kind(label("k")).tenant(label("t")).deadline(PATIENCE)).await.unwrap();
    let watched = queue.clone();
    let handler = move |job: Job| {
        let queue = watched.clone();
        async move {
            assert_eq!((job.kind().unwrap().as_str(), job.tenant().unwrap().as_str()), ("k", "t"));
            assert!(job.deadline().unwrap() > job.enqueued_at());
            match job.checkpoint() {
                None => {
                    job.save("one").await?;
                    job.report("half way").await?;
                    let state = queue.state(job.id()).await?;
                    assert!(
                        matches!(state, Some(TaskState::Leased { progress: Some(p), .. }) if p == b"half way")
                    );
                    Err(Failure::retryable("try again"))
                }
                Some(b"one") => {
                    job.save("two").await?;
                    panic!("a crash");
                }
                Some(other) => Ok(other.to_vec()),
            }
        }
    };
    let worker = builder(&queue).build().unwrap();
    let (counters, states) = run_until_finished(&queue, worker, handler, &["a"]).await;
    assert!(matches!(&states[0], TaskState::Done { result, .. } if result == b"two"), "{states:?}");
    assert_eq!((counters.processed, counters.failed), (1, 2));
}

#[tokio::test]
async fn a_handler_may_say_when_to_come_again_and_that_its_run_broke_down() {
    let queue = queue();
    let crashes = std::num::NonZeroU32::new(2).unwrap();
    queue.enqueue(vec![task("later"), task("broken").max_crashes(crashes)]).await.unwrap();
    let handler = |job: Job| async move {
        match job.id().as_str() {
            "later" => Err::<Vec<u8>, _>(Failure::retry_after("busy", Duration::from_secs(3600))),
            _ => Err(Failure::crashed("the sandbox was killed")),
        }
    };
    let worker = builder(&queue).build().unwrap();
    let (counters, states) = run_until_finished(&queue, worker, handler, &["broken"]).await;
    let TaskState::Dead { reason: DeathReason::Crashes, error, .. } = &states[0] else {
        panic!("{states:?}")
    };
    assert_eq!(error, "the sandbox was killed");
    let Some(TaskState::Waiting { ready_at }) = queue.state(&id("later")).await.unwrap() else { panic!() };
    let wait = ready_at.duration_since(std::time::SystemTime::now()).unwrap();
    assert!(wait > Duration::from_secs(3500) && wait <= Duration::from_secs(3600), "{wait:?}");
    assert_eq!(counters.failed, 3);
}

#[tokio::test]
async fn a_note_that_is_too_large_is_refused_and_the_run_goes_on() {
    let queue = queue();
    queue.submit(task("a")).await.unwrap();
    let handler = |job: Job| async move {
        let error = job.save(vec![0; cofferdam_queue::MAX_NOTE_BYTES + 1]).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }));
        Ok(b"done".to_vec())
    };
    let (_, states) = run_until_finished(&queue, builder(&queue).build().unwrap(), handler, &["a"]).await;
    assert!(matches!(states[0], TaskState::Done { .. }));
}

struct OnDrop(Option<oneshot::Sender<()>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[tokio::test]
async fn a_cancelled_task_is_dropped_while_it_runs_and_its_place_is_free_again() {
    let queue = queue();
    queue.submit(task("a")).await.unwrap();
    let (started, has_started) = oneshot::channel();
    let (dropped, was_dropped) = oneshot::channel();
    let slot = Mutex::new(Some((started, OnDrop(Some(dropped)))));
    let handler = move |_: Job| {
        let slot = slot.lock().unwrap().take();
        async move {
            let Some((started, _guard)) = slot else { return Ok(b"next".to_vec()) };
            started.send(()).unwrap();
            std::future::pending().await
        }
    };
    let interfering = {
        let queue = queue.clone();
        async move {
            has_started.await.unwrap();
            assert_eq!(queue.cancel(&id("a")).await.unwrap(), Cancelled::Running);
            queue.submit(task("b")).await.unwrap();
            was_dropped.await.unwrap();
            assert!(queue.wait(&id("b"), PATIENCE).await.unwrap().is_finished());
        }
    };
    let worker = builder(&queue).lease(Duration::from_millis(300)).build().unwrap();
    let counters = worker.run(handler, interfering).await.unwrap();
    assert_eq!((counters.processed, counters.lost, counters.running), (1, 1, 0));
    let state = queue.state(&id("a")).await.unwrap();
    assert!(matches!(state, Some(TaskState::Dead { reason: DeathReason::Cancelled, .. })), "{state:?}");
}

/// Without waiting for the next renewal: a handler that saves hears of it at once.
#[tokio::test]
async fn a_note_on_a_lost_lease_is_an_error_and_cancels_the_run() {
    let queue = queue();
    queue.submit(task("a")).await.unwrap();
    let (told, was_told) = oneshot::channel();
    let (slot, other) = (Mutex::new(Some(told)), queue.clone());
    let handler = move |job: Job| {
        let (told, queue) = (slot.lock().unwrap().take().unwrap(), other.clone());
        async move {
            queue.cancel(job.id()).await?;
            let error = job.save("too late").await.unwrap_err();
            told.send((error.to_string(), job.cancellation().is_cancelled())).unwrap();
            std::future::pending().await
        }
    };
    let shutdown = async move {
        let (error, cancelled) = was_told.await.unwrap();
        assert_eq!(error, "the lease of task a was taken back: end the run, its result would be dropped");
        assert!(cancelled);
    };
    let worker = builder(&queue).lease(Duration::from_secs(3600)).build().unwrap();
    let counters = worker.run(handler, shutdown).await.unwrap();
    assert_eq!((counters.processed, counters.lost), (0, 1));
}

#[tokio::test]
async fn a_tenant_pays_for_what_its_runs_charge_or_else_for_their_time() {
    for by_charge in [true, false] {
        let queue = queue();
        let of =
            |tenant: &'static str| (0..3).map(move |n| task(&format!("{tenant}{n}")).tenant(label(tenant)));
        queue.enqueue(of("greedy").chain(of("modest")).collect()).await.unwrap();
        let order = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&order);
        let handler = move |job: Job| {
            let greedy = job.tenant().unwrap().as_str() == "greedy";
            seen.lock().unwrap().push(if greedy { 'g' } else { 'm' });
            async move {
                match (by_charge, greedy) {
                    (true, true) => job.charge(Duration::from_secs(10)),
                    (true, false) => {
                        job.charge(Duration::from_millis(1));
                        job.charge(Duration::from_millis(1));
                    }
                    (false, true) => tokio::time::sleep(Duration::from_millis(300)).await,
                    (false, false) => {}
                }
                Ok(Vec::new())
            }
        };
        let names = ["greedy0", "greedy1", "greedy2", "modest0", "modest1", "modest2"];
        run_until_finished(&queue, builder(&queue).build().unwrap(), handler, &names).await;
        assert_eq!(*order.lock().unwrap(), "gmmmgg", "by charge: {by_charge}");
    }
}

#[tokio::test]
async fn a_router_finds_the_handler_and_keeps_what_nobody_knows() {
    let queue = queue();
    let tasks = vec![
        task("1").kind(label("one")),
        task("2").kind(label("two")),
        task("3").kind(label("three")),
        task("4"),
    ];
    queue.enqueue(tasks).await.unwrap();
    let router = Router::new()
        .on(label("one"), |_: Job| async { Ok(b"by one".to_vec()) })
        .on(label("two"), |_: Job| async { Ok(b"by two".to_vec()) });
    let worker = builder(&queue).build().unwrap();
    let (_, states) = run_until_finished(&queue, worker, router, &["1", "2", "3", "4"]).await;
    assert!(matches!(&states[0], TaskState::Done { result, .. } if result == b"by one"));
    assert!(matches!(&states[1], TaskState::Done { result, .. } if result == b"by two"));
    let errors = states[2..].iter().map(|state| match state {
        TaskState::Dead { reason: DeathReason::Rejected, error, .. } => error.as_str(),
        other => panic!("{other:?}"),
    });
    let advice = "this worker knows one, two; start one that knows it and replay the task";
    assert_eq!(
        errors.collect::<Vec<_>>(),
        [format!("unknown task type \"three\": {advice}"), format!("the task has no type: {advice}")]
    );
    // The remedy works.
    assert_eq!(queue.replay(vec![id("3")]).await.unwrap(), [true]);
    let router = Router::new().otherwise(|_: Job| async { Ok(b"by another".to_vec()) });
    let (_, states) = run_until_finished(&queue, builder(&queue).build().unwrap(), router, &["3"]).await;
    assert!(matches!(&states[0], TaskState::Done { result, .. } if result == b"by another"));
}

#[tokio::test]
async fn old_records_are_forgotten_while_the_worker_runs() {
    let clock = ManualClock::new();
    let queue = Queue::new(Memory::with_clock(Arc::new(clock.clone())), "q").unwrap();
    let names: Vec<String> = (0..1200).map(|n| n.to_string()).collect();
    queue.enqueue(names.iter().map(|name| task(name)).collect()).await.unwrap();
    let (watched, last) = (queue.clone(), id(&names[1199]));
    let shutdown = async move {
        assert!(watched.wait(&last, PATIENCE).await.unwrap().is_finished());
        clock.advance(Duration::from_secs(1));
        watched.submit(task("young")).await.unwrap();
        assert!(watched.wait(&id("young"), PATIENCE).await.unwrap().is_finished());
        clock.advance(Duration::from_millis(500));
        for name in &names {
            while watched.state(&id(name)).await.unwrap().is_some() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        assert!(watched.state(&id("young")).await.unwrap().is_some());
    };
    let worker = builder(&queue).concurrency(50).forget_after(Duration::from_secs(1)).build().unwrap();
    let counters = worker.run(|_: Job| async { Ok(Vec::new()) }, shutdown).await.unwrap();
    assert_eq!(counters.processed, 1201);
}

#[cfg(feature = "tower")]
mod services {
    use cofferdam_queue::ServiceHandler;
    use tower::{ServiceBuilder, service_fn};

    use super::*;

    #[tokio::test]
    async fn a_service_is_called_when_it_is_ready_and_its_layers_count() {
        let queue = queue();
        let names: Vec<String> = (0..8).map(|n| n.to_string()).collect();
        queue.enqueue(names.iter().map(|name| task(name)).collect()).await.unwrap();
        let running = Arc::new(AtomicU64::new(0));
        let most = Arc::new(AtomicU64::new(0));
        let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
        let service = ServiceBuilder::new().concurrency_limit(2).service(service_fn(move |job: Job| {
            let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
            async move {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Failure>(job.payload().to_vec())
            }
        }));
        let worker = builder(&queue).concurrency(8).build().unwrap();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (_, states) = run_until_finished(&queue, worker, ServiceHandler::new(service), &names).await;
        for (name, state) in names.iter().zip(states) {
            assert!(matches!(state, TaskState::Done { result, .. } if result == name.as_bytes()));
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_timeout_is_tried_again_and_a_permanent_failure_is_not() {
        let queue = queue();
        queue.enqueue(vec![task("slow"), task("bad")]).await.unwrap();
        let service =
            ServiceBuilder::new().timeout(Duration::from_millis(20)).service_fn(|job: Job| async move {
                match (job.id().as_str(), job.attempt()) {
                    ("bad", _) => Err(Failure::permanent("hopeless")),
                    (_, 1) => std::future::pending().await,
                    (_, attempt) => Ok(format!("attempt {attempt}").into_bytes()),
                }
            });
        let worker = builder(&queue).build().unwrap();
        let handler = ServiceHandler::new(service);
        let (counters, states) = run_until_finished(&queue, worker, handler, &["slow", "bad"]).await;
        assert!(matches!(&states[0], TaskState::Done { result, .. } if result == b"attempt 2"), "{states:?}");
        let TaskState::Dead { reason, error, .. } = &states[1] else { panic!("{states:?}") };
        assert_eq!((reason, error.as_str()), (&DeathReason::Rejected, "hopeless"));
        assert_eq!((counters.processed, counters.failed), (1, 2));
    }
}
