//! Code that brings down what runs it.

use std::num::NonZeroU32;
use std::time::Duration;

use cofferdam_queue::{ReapScope, Topic};

use super::*;

/// A task that may crash as often as it likes.
fn coded(name: &str, code: &str) -> NewTask {
    task(name).code(label(code)).max_crashes(times(1000)).max_attempts(times(1000))
}

async fn quarantined(queue: &Queue) -> Vec<Label> {
    queue.settings().await.unwrap().quarantined
}

/// Lets the one task that is ready crash so often.
async fn crash(queue: &Queue, crashes: usize) {
    let me = worker("w");
    for _ in 0..crashes {
        let lease = claim_one(queue, &me).await.lease;
        assert_eq!(settle_one(queue, &me, crashed(&lease)).await, Verdict::Retrying);
    }
}

pub(crate) async fn code_that_crashes_too_often_is_quarantined(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(coded("a", "bad")).await.unwrap();
    // Broken runs and dead workers are the same to it; the fifth is one too many.
    crash(&queue, 2).await;
    for _ in 0..2 {
        claim_one(&queue, &me).await;
        setup.clock.advance(LEASE);
        assert_eq!(queue.reap(ReapScope::Expired).await.unwrap().len(), 1);
    }
    assert!(quarantined(&queue).await.is_empty());
    assert_eq!(claim_one(&queue, &me).await.code, Some(label("bad")));
    assert_eq!(queue.reap(ReapScope::Worker(me.clone())).await.unwrap().len(), 1);
    assert_eq!(quarantined(&queue).await, [label("bad")]);

    let mut listener = queue.listen(&Topic::Task(id("a")));
    assert!(claim_all(&queue, &me).await.is_empty());
    assert!(is_heard(&mut listener).await);
    let error = "its code bad is in quarantine after too many crashes: release it and replay the task";
    assert_eq!(death_of(&queue, "a").await, (DeathReason::Quarantined, error.to_owned()));
}

pub(crate) async fn quarantine_concerns_all_tasks_of_the_code_and_no_others(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.set(Setting::QuarantineAfter(NonZeroU32::new(2))).await.unwrap();
    queue.enqueue(vec![coded("a", "bad"), coded("b", "bad")]).await.unwrap();
    let claimed = queue.claim(&me, 2, LEASE).await.unwrap();
    queue.submit(coded("c", "bad").delay(LEASE)).await.unwrap();
    let settlements = vec![crashed(&claimed[0].lease), crashed(&claimed[1].lease)];
    queue.settle(&me, settlements).await.unwrap();
    queue.enqueue(vec![coded("d", "good"), task("e"), coded("f", "bad")]).await.unwrap();
    setup.clock.advance(LEASE);
    assert_eq!(claim_ids(&queue, &me, 10).await, ["d", "e"]);
    for name in ["a", "b", "c", "f"] {
        assert_eq!(death_of(&queue, name).await.0, DeathReason::Quarantined, "{name}");
    }
}

pub(crate) async fn only_crashes_that_count_lead_to_quarantine(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.set(Setting::QuarantineAfter(NonZeroU32::new(1))).await.unwrap();
    queue.submit(coded("a", "code")).await.unwrap();
    let mut stale = Vec::new();
    for ending in [|lease: &Lease| failed(lease, Duration::ZERO), handed_back] {
        let lease = claim_one(&queue, &me).await.lease;
        settle_one(&queue, &me, ending(&lease)).await;
        stale.push(lease);
    }
    let running = claim_one(&queue, &me).await.lease;
    for lease in &stale {
        assert_eq!(settle_one(&queue, &me, crashed(lease)).await, Verdict::LeaseLost);
    }
    // A cancelled run is no crash, and neither is one that ended badly by its own word.
    queue.cancel(&id("a")).await.unwrap();
    assert_eq!(settle_one(&queue, &me, crashed(&running)).await, Verdict::LeaseLost);
    queue.replay(vec![id("a")]).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    let rejected = Settlement::new(lease, Ending::Rejected { error: "never".to_owned() });
    assert_eq!(settle_one(&queue, &me, rejected).await, Verdict::Dead);
    assert!(quarantined(&queue).await.is_empty());
}

pub(crate) async fn the_last_crash_of_a_task_counts_for_its_code(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.set(Setting::QuarantineAfter(NonZeroU32::new(1))).await.unwrap();
    queue.submit(coded("a", "bad").max_crashes(times(1))).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    assert_eq!(settle_one(&queue, &me, crashed(&lease)).await, Verdict::Dead);
    // It died of its own crashes; the quarantine is for the others.
    assert_eq!(death_of(&queue, "a").await.0, DeathReason::Crashes);
    assert_eq!(quarantined(&queue).await, [label("bad")]);
}

pub(crate) async fn released_code_runs_again_with_a_clean_record(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(coded("a", "bad")).await.unwrap();
    crash(&queue, 5).await;
    assert!(claim_all(&queue, &me).await.is_empty());
    queue.set(Setting::Release(label("bad"))).await.unwrap();
    assert!(quarantined(&queue).await.is_empty());
    // Release alone brings back no dead task.
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(queue.replay(vec![id("a")]).await.unwrap(), [true]);
    crash(&queue, 4).await;
    assert!(quarantined(&queue).await.is_empty());
    crash(&queue, 1).await;
    assert_eq!(quarantined(&queue).await, [label("bad")]);
}

pub(crate) async fn quarantine_can_be_turned_off_and_on(setup: Setup) {
    let queue = setup.queue();
    queue.set(Setting::QuarantineAfter(None)).await.unwrap();
    queue.submit(coded("a", "code")).await.unwrap();
    crash(&queue, 7).await;
    assert!(quarantined(&queue).await.is_empty());
    // The crashes were counted all the same; the next one is measured by the new number.
    queue.set(Setting::QuarantineAfter(NonZeroU32::new(8))).await.unwrap();
    assert!(quarantined(&queue).await.is_empty());
    crash(&queue, 1).await;
    assert_eq!(quarantined(&queue).await, [label("code")]);
}

pub(crate) async fn code_can_be_quarantined_by_hand(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(coded("running", "code")).await.unwrap();
    let running = claim_one(&queue, &me).await.lease;
    queue.submit(coded("waiting", "code")).await.unwrap();
    queue.set(Setting::Quarantine(label("code"))).await.unwrap();
    // What runs may end; what waits is not touched until it would run.
    assert_eq!(settle_one(&queue, &me, done(&running, b"")).await, Verdict::Recorded);
    assert_eq!(counts(&queue).await, [1, 0, 0, 0, 0]);
    queue.set(Setting::Release(label("code"))).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    queue.set(Setting::Quarantine(label("code"))).await.unwrap();
    settle_one(&queue, &me, handed_back(&lease)).await;
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(death_of(&queue, "waiting").await.0, DeathReason::Quarantined);
}
