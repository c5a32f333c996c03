//! One result for each task, and those who wait for it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cofferdam_queue::{Error, ReapScope};

use super::*;

/// Workers claim and settle as fast as they can while time flies and leases are taken back under their hands; every
/// task is settled under each lease it ever had, and exactly one settlement may count.
pub(crate) async fn racing_workers_record_one_result_each(setup: Setup) {
    const TASKS: usize = 300;
    let queue = setup.queue();
    let tasks = (0..TASKS).map(|n| task(&n.to_string()).max_crashes(times(u32::MAX))).collect();
    queue.enqueue(tasks).await.unwrap();
    let recorded = Arc::new(AtomicU64::new(0));
    let mut racers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (queue, clock, recorded) = (queue.clone(), setup.clock.clone(), Arc::clone(&recorded));
        racers.spawn(async move {
            let me = worker(&format!("racer {number}"));
            let mut won = Vec::new();
            while recorded.load(Ordering::SeqCst) < TASKS as u64 {
                let deliveries = queue.claim(&me, 7, LEASE).await.unwrap();
                if deliveries.len() % 2 == 1 {
                    clock.advance(LEASE / 3);
                }
                queue.reap(ReapScope::Expired).await.unwrap();
                tokio::task::yield_now().await;
                let result = me.to_string().into_bytes();
                let settlements: Vec<_> =
                    deliveries.iter().map(|delivery| done(&delivery.lease, &result)).collect();
                let verdicts = queue.settle(&me, settlements).await.unwrap();
                for (delivery, verdict) in deliveries.into_iter().zip(verdicts) {
                    if verdict == Verdict::Recorded {
                        recorded.fetch_add(1, Ordering::SeqCst);
                        won.push((delivery.lease.task, result.clone()));
                    }
                }
            }
            won
        });
    }
    let mut seen = HashSet::new();
    while let Some(won) = racers.join_next().await {
        for (task, result) in won.unwrap() {
            assert!(seen.insert(task.clone()), "{task} was recorded twice");
            assert_eq!(result_of(&queue, task.as_str()).await.unwrap(), result);
        }
    }
    assert_eq!(seen.len(), TASKS);
    assert_eq!(queue.stats().await.unwrap().total(), cofferdam_queue::Counts::default());
}

pub(crate) async fn a_repeated_settlement_is_recognised(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let me = worker("w");
    let delivery = claim_one(&queue, &me).await;
    // The answer to the first was lost on the way, so the worker repeats it.
    assert_eq!(settle_one(&queue, &me, done(&delivery.lease, b"first")).await, Verdict::Recorded);
    assert_eq!(settle_one(&queue, &me, done(&delivery.lease, b"second")).await, Verdict::Recorded);
    assert_eq!(result_of(&queue, "a").await.unwrap(), b"first");
}

pub(crate) async fn results_are_kept_byte_for_byte(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for (name, bytes) in [("empty", Vec::new()), ("bytes", every_byte)] {
        queue.submit(NewTask::new(bytes.clone()).id(id(name))).await.unwrap();
        let delivery = claim_one(&queue, &me).await;
        assert_eq!(delivery.payload, bytes);
        assert_eq!(settle_one(&queue, &me, done(&delivery.lease, &bytes)).await, Verdict::Recorded);
        assert_eq!(result_of(&queue, name).await.unwrap(), bytes);
    }
}

pub(crate) async fn waiting_ends_with_the_task(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.enqueue(vec![task("good"), task("bad")]).await.unwrap();
    let waits: Vec<_> = ["good", "bad"]
        .map(|name| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.wait(&id(name), Duration::from_secs(60)).await.unwrap() })
        })
        .into();
    tokio::task::yield_now().await;
    let claimed = claim_all(&queue, &me).await;
    let never = Ending::Rejected { error: "never".to_owned() };
    let rejected = Settlement::new(lease_of(&claimed, "bad"), never);
    queue.settle(&me, vec![done(&lease_of(&claimed, "good"), b"yes"), rejected]).await.unwrap();
    let mut states = Vec::new();
    for wait in waits {
        states.push(wait.await.unwrap());
    }
    assert!(matches!(&states[0], TaskState::Done { result, .. } if result == b"yes"));
    assert!(matches!(&states[1], TaskState::Dead { error, .. } if error == "never"));
}

pub(crate) async fn waiting_ends_with_the_timeout(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let start = Instant::now();
    let state = queue.wait(&id("a"), Duration::from_millis(50)).await.unwrap();
    assert!(matches!(state, TaskState::Waiting { .. }));
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert!(matches!(
        queue.wait(&id("nobody"), Duration::from_secs(60)).await,
        Err(Error::UnknownTask { id: unknown }) if unknown == id("nobody")
    ));
}
