//! How tasks fail, crash, die and are handed back.

use std::time::Duration;

use cofferdam_queue::{Clock, DeathReason, Priority, ReapScope};

use super::*;

pub(crate) async fn failures_count_apart_from_crashes(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a").max_attempts(times(2)).max_crashes(times(4))).await.unwrap();
    let me = worker("w");
    let mut seen = Vec::new();
    // A panic, a dead worker, a failure, a panic: neither limit is reached by the other's count.
    for round in 0..4 {
        let delivery = claim_one(&queue, &me).await;
        seen.push((delivery.attempt, delivery.crashes));
        match round {
            1 => {
                setup.clock.advance(LEASE);
                assert!(!queue.reap(ReapScope::Expired).await.unwrap()[0].dead);
            }
            2 => {
                let failure = failed(&delivery.lease, Duration::ZERO);
                assert_eq!(settle_one(&queue, &me, failure).await, Verdict::Retrying);
            }
            _ => {
                let crash = crashed(&delivery.lease);
                assert_eq!(settle_one(&queue, &me, crash).await, Verdict::Retrying);
            }
        }
    }
    assert_eq!(seen, [(1, 0), (1, 1), (1, 2), (2, 2)]);
    let last = claim_one(&queue, &me).await;
    assert_eq!((last.attempt, last.crashes), (2, 3));
    assert_eq!(settle_one(&queue, &me, done(&last.lease, b"")).await, Verdict::Recorded);
}

pub(crate) async fn a_task_dies_of_too_many_failures(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a").max_attempts(times(3))).await.unwrap();
    let me = worker("w");
    let mut verdicts = Vec::new();
    for _ in 0..3 {
        let delivery = claim_one(&queue, &me).await;
        verdicts.push(settle_one(&queue, &me, failed(&delivery.lease, Duration::ZERO)).await);
    }
    assert_eq!(verdicts, [Verdict::Retrying, Verdict::Retrying, Verdict::Dead]);
    assert_eq!(death_of(&queue, "a").await, (DeathReason::Failures, "no luck".to_owned()));
    assert!(queue.claim(&me, 1, LEASE).await.unwrap().is_empty());
}

pub(crate) async fn a_task_dies_of_too_many_crashes(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a").max_crashes(times(2))).await.unwrap();
    let me = worker("node-1");
    for dead in [false, true] {
        claim_one(&queue, &me).await;
        setup.clock.advance(LEASE);
        assert_eq!(queue.reap(ReapScope::Expired).await.unwrap()[0].dead, dead);
    }
    let (reason, error) = death_of(&queue, "a").await;
    assert_eq!(reason, DeathReason::Crashes);
    assert!(error.contains("node-1"), "{error}");
}

pub(crate) async fn a_rejected_task_dies_at_once(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let me = worker("w");
    let lease = claim_one(&queue, &me).await.lease;
    let rejected = Settlement::new(lease, Ending::Rejected { error: "never".to_owned() });
    assert_eq!(settle_one(&queue, &me, rejected).await, Verdict::Dead);
    assert_eq!(death_of(&queue, "a").await, (DeathReason::Rejected, "never".to_owned()));
    assert_eq!(queue.forget(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(queue.stats().await.unwrap().total().dead, 0);
}

pub(crate) async fn a_retried_task_waits_for_its_back_off(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let me = worker("w");
    let delivery = claim_one(&queue, &me).await;
    settle_one(&queue, &me, failed(&delivery.lease, Duration::from_secs(10))).await;
    setup.clock.advance(Duration::from_millis(9_999));
    assert!(claim_ids(&queue, &me, 1).await.is_empty());
    setup.clock.advance(Duration::from_millis(1));
    let again = claim_one(&queue, &me).await;
    assert_eq!((again.attempt, again.waited), (2, Duration::ZERO));
    assert_eq!(again.ready_at, delivery.ready_at + Duration::from_secs(10));
    assert_eq!(again.enqueued_at, delivery.enqueued_at);
}

pub(crate) async fn a_handed_back_task_is_unharmed_and_keeps_its_place(setup: Setup) {
    let queue = setup.queue();
    let tasks = vec![task("a").max_attempts(times(1)).max_crashes(times(1)), task("b")];
    queue.enqueue(tasks).await.unwrap();
    let me = worker("w");
    for _ in 0..10 {
        setup.clock.advance(Duration::from_secs(1));
        let delivery = claim_one(&queue, &me).await;
        assert_eq!((delivery.lease.task.as_str(), delivery.attempt, delivery.crashes), ("a", 1, 0));
        assert_eq!(settle_one(&queue, &me, handed_back(&delivery.lease)).await, Verdict::HandedBack);
    }
}

pub(crate) async fn stats_count_every_phase(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("leased").priority(Priority::High)).await.unwrap();
    claim_one(&queue, &me).await;
    queue.submit(task("dead").priority(Priority::High).max_attempts(times(1))).await.unwrap();
    let dead = claim_one(&queue, &me).await;
    settle_one(&queue, &me, failed(&dead.lease, Duration::ZERO)).await;
    queue.submit(task("done")).await.unwrap();
    let finished = claim_one(&queue, &me).await;
    settle_one(&queue, &me, done(&finished.lease, b"")).await;
    queue.submit(task("oldest").priority(Priority::Low)).await.unwrap();
    setup.clock.advance(Duration::from_secs(5));
    queue.enqueue(vec![task("ready"), task("delayed").delay(LEASE)]).await.unwrap();

    let stats = queue.stats().await.unwrap();
    let of = |priority| {
        let counts = stats.of(priority);
        (counts.ready, counts.delayed, counts.leased, counts.dead)
    };
    assert_eq!(of(Priority::High), (0, 0, 1, 1));
    assert_eq!(of(Priority::Normal), (1, 1, 0, 0));
    assert_eq!(of(Priority::Low), (1, 0, 0, 0));
}

pub(crate) async fn the_oldest_ready_task_is_known_for_each_priority(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let oldest = async || {
        let stats = queue.stats().await.unwrap();
        assert_eq!(stats.total().oldest_ready, stats.oldest_ready());
        (Priority::ALL.map(|priority| stats.of(priority).oldest_ready), stats.oldest_ready())
    };
    assert_eq!(oldest().await, ([None; 3], None));

    let start = setup.clock.now();
    let second = Duration::from_secs(1);
    queue.submit(task("low").priority(Priority::Low)).await.unwrap();
    setup.clock.advance(second);
    // Added first, but ready last.
    queue.submit(task("delayed").delay(LEASE)).await.unwrap();
    queue.enqueue(vec![task("first"), task("high").priority(Priority::High)]).await.unwrap();
    setup.clock.advance(second);
    queue.submit(task("second")).await.unwrap();
    let (one, two) = (Some(start + second), Some(start + 2 * second));
    assert_eq!(oldest().await, ([one, one, Some(start)], Some(start)));

    // A task that was handed out waits no more; one that is handed back has waited since it was first ready.
    let claimed = queue.claim(&me, 2, LEASE).await.unwrap();
    assert_eq!(oldest().await, ([None, two, Some(start)], Some(start)));
    settle_one(&queue, &me, handed_back(&claimed[1].lease)).await;
    assert_eq!(oldest().await, ([None, one, Some(start)], Some(start)));

    // Another queue of the same broker shows nothing of it.
    let other = Queue::new(setup.broker.clone(), "other").unwrap();
    assert_eq!(other.stats().await.unwrap().oldest_ready(), None);

    assert_eq!(claim_ids(&queue, &me, 3).await, ["first", "second", "low"]);
    assert_eq!(oldest().await, ([None; 3], None));
    setup.clock.advance(LEASE);
    let ready = Some(start + second + LEASE);
    assert_eq!(oldest().await, ([None, ready, None], ready));
}
