//! To whom a task belongs, and for how long.

use std::collections::HashSet;
use std::time::Duration;

use cofferdam_queue::{MAX_BATCH, ReapScope, Topic};

use super::*;

/// Lets all leases run out and takes them back.
async fn expire(setup: &Setup, queue: &Queue) -> usize {
    setup.clock.advance(LEASE);
    queue.reap(ReapScope::Expired).await.unwrap().len()
}

pub(crate) async fn an_expired_lease_is_taken_over(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let (first, second) = (worker("first"), worker("second"));
    let lost = claim_one(&queue, &first).await;
    setup.clock.advance(LEASE - Duration::from_millis(1));
    assert!(queue.reap(ReapScope::Expired).await.unwrap().is_empty());
    setup.clock.advance(Duration::from_millis(1));
    let reaped = queue.reap(ReapScope::Expired).await.unwrap();
    assert_eq!(reaped.len(), 1);
    assert_eq!((&reaped[0].task, &reaped[0].worker, reaped[0].dead), (&id("a"), &first, false));
    let taken = claim_one(&queue, &second).await;
    assert_eq!((taken.attempt, taken.crashes), (1, 1));
    assert_ne!(taken.lease.token, lost.lease.token);
}

/// Many tasks, so that every part of a store in parts has some of them.
pub(crate) async fn one_reaping_looks_everywhere(setup: Setup) {
    let queue = setup.queue();
    let names: Vec<String> = (0..200).map(|number| format!("t{number}")).collect();
    queue.enqueue(names.iter().map(|name| task(name)).collect()).await.unwrap();
    let gone = worker("gone");
    let mut claimed = 0;
    while claimed < names.len() {
        claimed += queue.claim(&gone, MAX_BATCH, LEASE).await.unwrap().len();
    }
    assert_eq!(expire(&setup, &queue).await, names.len());
}

pub(crate) async fn a_stale_owner_cannot_settle(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let (stale, owner) = (worker("stale"), worker("owner"));
    let lost = claim_one(&queue, &stale).await;
    expire(&setup, &queue).await;
    // Nobody has it yet, but it was taken back.
    assert_eq!(settle_one(&queue, &stale, done(&lost.lease, b"stale")).await, Verdict::LeaseLost);
    let taken = claim_one(&queue, &owner).await;
    for settlement in [
        done(&lost.lease, b"stale"),
        failed(&lost.lease, Duration::ZERO),
        crashed(&lost.lease),
        handed_back(&lost.lease),
    ] {
        assert_eq!(settle_one(&queue, &stale, settlement).await, Verdict::LeaseLost);
    }
    // Not even with the owner's token: it was not given to this worker.
    assert_eq!(settle_one(&queue, &stale, done(&taken.lease, b"stolen")).await, Verdict::LeaseLost);
    assert!(matches!(
        queue.state(&id("a")).await.unwrap(),
        Some(TaskState::Leased { worker, .. }) if worker == owner
    ));
    assert_eq!(settle_one(&queue, &owner, done(&taken.lease, b"owner")).await, Verdict::Recorded);
    assert_eq!(settle_one(&queue, &stale, done(&lost.lease, b"stale")).await, Verdict::LeaseLost);
    assert_eq!(result_of(&queue, "a").await.unwrap(), b"owner");
}

pub(crate) async fn an_expired_lease_that_nobody_took_can_still_be_settled(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let me = worker("w");
    let delivery = claim_one(&queue, &me).await;
    setup.clock.advance(LEASE * 2);
    assert_eq!(settle_one(&queue, &me, done(&delivery.lease, b"late")).await, Verdict::Recorded);
    assert!(queue.reap(ReapScope::Expired).await.unwrap().is_empty());
}

pub(crate) async fn a_renewed_lease_lasts(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let me = worker("w");
    let delivery = claim_one(&queue, &me).await;
    for _ in 0..5 {
        setup.clock.advance(LEASE - Duration::from_secs(1));
        assert!(queue.renew(&me, vec![delivery.lease.clone()], LEASE).await.unwrap().is_empty());
        assert!(queue.reap(ReapScope::Expired).await.unwrap().is_empty());
    }
    assert_eq!(settle_one(&queue, &me, done(&delivery.lease, b"")).await, Verdict::Recorded);
}

pub(crate) async fn renewal_names_the_lost_and_cannot_revive(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue(vec![task("lost"), task("kept")]).await.unwrap();
    let (me, thief) = (worker("w"), worker("thief"));
    let lost = claim_one(&queue, &me).await;
    setup.clock.advance(LEASE / 2);
    let kept = claim_one(&queue, &me).await;
    setup.clock.advance(LEASE / 2);
    assert_eq!(queue.reap(ReapScope::Expired).await.unwrap().len(), 1);
    let both = vec![lost.lease.clone(), kept.lease.clone()];
    assert_eq!(queue.renew(&me, both, LEASE).await.unwrap(), [id("lost")]);
    assert!(matches!(queue.state(&id("lost")).await.unwrap(), Some(TaskState::Waiting { .. })));
    assert_eq!(queue.renew(&thief, vec![kept.lease.clone()], LEASE).await.unwrap(), [id("kept")]);
    // The same worker may have the task again, but its old token stays void.
    let again = claim_one(&queue, &me).await;
    assert_eq!(again.lease.task, id("lost"));
    assert_eq!(queue.renew(&me, vec![lost.lease.clone()], LEASE).await.unwrap(), [id("lost")]);
    assert_eq!(settle_one(&queue, &me, done(&lost.lease, b"old run")).await, Verdict::LeaseLost);
    assert_eq!(settle_one(&queue, &me, done(&again.lease, b"new run")).await, Verdict::Recorded);
}

pub(crate) async fn a_task_whose_delivery_was_lost_comes_back(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("lost")).await.unwrap();
    drop(claim_one(&queue, &me).await); // the answer never reached the worker
    queue.submit(task("held")).await.unwrap();
    let held = claim_one(&queue, &me).await;
    for _ in 0..3 {
        setup.clock.advance(LEASE / 2);
        assert!(queue.renew(&me, vec![held.lease.clone()], LEASE).await.unwrap().is_empty());
        queue.reap(ReapScope::Expired).await.unwrap();
    }
    assert_eq!(claim_ids(&queue, &worker("other"), 10).await, ["lost"]);
}

pub(crate) async fn a_reused_worker_name_inherits_nothing(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a")).await.unwrap();
    let (before, after) = (worker("node-1"), worker("node-1"));
    let delivery = claim_one(&queue, &before).await;
    assert_eq!(queue.renew(&after, vec![delivery.lease.clone()], LEASE).await.unwrap(), [id("a")]);
    assert_eq!(settle_one(&queue, &after, done(&delivery.lease, b"")).await, Verdict::LeaseLost);
    // And it keeps nothing of the former life alive.
    assert!(claim_ids(&queue, &after, 10).await.is_empty());
    assert_eq!(expire(&setup, &queue).await, 1);
    assert_eq!(claim_ids(&queue, &after, 10).await, ["a"]);
}

pub(crate) async fn a_dead_worker_is_reclaimed_at_once(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue((0..5).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let (dead, alive) = (worker("node"), worker("node"));
    let mut held = HashSet::new();
    for _ in 0..3 {
        held.insert(claim_one(&queue, &dead).await.lease.task);
    }
    assert_eq!(claim_all(&queue, &alive).await.len(), 2);
    let reaped = queue.reap(ReapScope::Worker(dead.clone())).await.unwrap();
    assert_eq!(reaped.iter().map(|one| one.task.clone()).collect::<HashSet<_>>(), held);
    assert!(reaped.iter().all(|one| one.worker == dead && !one.dead));
    assert!(queue.reap(ReapScope::Worker(dead)).await.unwrap().is_empty());
    assert_eq!(queue.stats().await.unwrap().total().leased, 2);
}

pub(crate) async fn reaping_in_parts_leaves_nobody_behind(setup: Setup) {
    use cofferdam_queue::Broker;
    let queue = setup.queue();
    queue.enqueue((0..100).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let me = worker("w");
    assert_eq!(queue.claim(&me, 100, LEASE).await.unwrap().len(), 100);
    setup.clock.advance(LEASE);
    let mut sizes = Vec::new();
    loop {
        let part = setup.broker.reap(queue.name(), ReapScope::Expired, 30).await.unwrap();
        if part.is_empty() {
            break;
        }
        sizes.push(part.len());
    }
    assert_eq!(sizes, [30, 30, 30, 10]);
    let total = queue.stats().await.unwrap().total();
    assert_eq!((total.ready, total.leased), (100, 0));
}

pub(crate) async fn tasks_that_come_or_come_back_wake_those_who_wait_for_work(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let mut listener = queue.listen(&Topic::Ready);
    queue.submit(task("a")).await.unwrap();
    assert!(is_heard(&mut listener).await, "a new one");
    for ending in [handed_back as fn(&Lease) -> Settlement, crashed, |lease| failed(lease, Duration::ZERO)] {
        let lease = claim_one(&queue, &me).await.lease;
        let mut listener = queue.listen(&Topic::Ready);
        let settlement = ending(&lease);
        settle_one(&queue, &me, settlement.clone()).await;
        assert!(is_heard(&mut listener).await, "{settlement:?}");
    }
    claim_one(&queue, &me).await;
    let mut listener = queue.listen(&Topic::Ready);
    queue.reap(ReapScope::Worker(me)).await.unwrap();
    assert!(is_heard(&mut listener).await, "one that was taken back");
}
