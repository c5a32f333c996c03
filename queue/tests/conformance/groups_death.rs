//! What the death of a task does to those that wait for it.

use std::time::Duration;

use cofferdam_queue::{Broker, Cancelled, Novelty, ReapScope, Section, Topic};

use super::groups::{child, finish, ids, member, remaining};
use super::*;

pub(crate) fn orphaned(parent: &str, reason: &str) -> (DeathReason, String) {
    (DeathReason::Dependency, format!("task {parent} that it waited for died: {reason}"))
}

fn rejected(lease: Lease) -> Settlement {
    Settlement::new(lease, Ending::Rejected { error: "never".to_owned() })
}

pub(crate) async fn the_death_of_a_task_is_that_of_those_who_wait(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.enqueue(vec![member("a"), child("b", ["a"]), child("c", ["b"]), member("free")]).await.unwrap();
    let mut listeners = ["b", "c"].map(|name| queue.listen(&Topic::Task(id(name))));
    let claimed = claim_all(&queue, &me).await;
    assert_eq!(settle_one(&queue, &me, rejected(lease_of(&claimed, "a"))).await, Verdict::Dead);
    for listener in &mut listeners {
        assert!(is_heard(listener).await);
    }
    assert_eq!(death_of(&queue, "b").await, orphaned("a", "rejected"));
    assert_eq!(death_of(&queue, "c").await, orphaned("b", "dependency"));
    assert_eq!(counts(&queue).await, [0, 0, 0, 1, 3]);
}

/// Claims everything and hands it back.
async fn look(queue: &Queue) {
    let me = worker("w");
    for delivery in claim_all(queue, &me).await {
        settle_one(queue, &me, handed_back(&delivery.lease)).await;
    }
}

/// Lets a task of this name die in each way there is, and answers the word for it.
async fn die(setup: &Setup, queue: &Queue, name: &str, way: usize) -> &'static str {
    let me = worker("w");
    match way {
        0 => drop(queue.cancel(&id(name)).await.unwrap()),
        1 => {
            claim_one(queue, &me).await;
            assert_eq!(queue.cancel(&id(name)).await.unwrap(), Cancelled::Running);
        }
        2 => {
            setup.clock.advance(Duration::from_secs(1));
            look(queue).await;
            return "expired";
        }
        3 => {
            queue.set(Setting::Quarantine(label("code"))).await.unwrap();
            look(queue).await;
            queue.set(Setting::Release(label("code"))).await.unwrap();
            return "quarantined";
        }
        4 => {
            claim_one(queue, &me).await;
            assert!(queue.reap(ReapScope::Worker(me)).await.unwrap()[0].dead);
            return "crashes";
        }
        5 => {
            let lease = claim_one(queue, &me).await.lease;
            settle_one(queue, &me, failed(&lease, Duration::ZERO)).await;
            return "failures";
        }
        _ => {
            assert_eq!(setup.broker.purge(queue.name(), Section::Ready, 1).await.unwrap(), 1);
            return "purged";
        }
    }
    "cancelled"
}

pub(crate) async fn every_way_to_die_counts(setup: Setup) {
    let queue = setup.queue();
    for way in 0..7 {
        let name = |text: &str| format!("{text} {way}");
        let parent = member(&name("parent")).code(label("code")).deadline(Duration::from_secs(1));
        let parent = parent.max_crashes(times(1)).max_attempts(times(1));
        let waits = |text: &str| member(&name(text));
        let tasks = vec![
            parent,
            waits("strict").after([id(&name("parent"))]),
            waits("tolerant").after_ended([id(&name("parent"))]),
        ];
        queue.enqueue(tasks).await.unwrap();
        let word = die(&setup, &queue, &name("parent"), way).await;
        assert_eq!(death_of(&queue, &name("strict")).await, orphaned(&name("parent"), word));
        finish(&queue, &name("tolerant")).await;
    }
}

pub(crate) async fn a_child_of_the_dead_dies_at_once_unless_it_is_tolerant(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue(vec![member("dead"), member("alive")]).await.unwrap();
    queue.cancel(&id("dead")).await.unwrap();
    let tasks = vec![
        child("strict", ["alive", "dead"]),
        child("grandchild", ["strict"]),
        member("tolerant").after_ended(ids(["dead", "alive", "strict"])),
    ];
    let answers = queue.enqueue(tasks).await.unwrap();
    assert!(answers.iter().all(|answer| answer.novelty == Novelty::New));
    assert_eq!(death_of(&queue, "strict").await, orphaned("dead", "cancelled"));
    assert_eq!(death_of(&queue, "grandchild").await, orphaned("strict", "dependency"));
    assert_eq!(remaining(&queue, "tolerant").await, 1);
    finish(&queue, "alive").await;
    finish(&queue, "tolerant").await;
}

pub(crate) async fn a_task_dies_once_of_two_parents(setup: Setup) {
    let queue = setup.queue();
    let diamond = vec![member("a"), child("b", ["a"]), child("c", ["a"]), child("d", ["b", "c"])];
    queue.enqueue(diamond).await.unwrap();
    queue.submit(member("e").after_ended(ids(["b", "c", "d"]))).await.unwrap();
    queue.cancel(&id("a")).await.unwrap();
    assert_eq!(death_of(&queue, "d").await, orphaned("b", "dependency"));
    assert_eq!(counts(&queue).await, [1, 0, 0, 0, 4]);
    finish(&queue, "e").await;
}

pub(crate) async fn replay_of_a_parent_does_not_revive_its_children(setup: Setup) {
    let queue = setup.queue();
    let tolerant = member("tolerant").after_ended(ids(["a", "b"]));
    queue.enqueue(vec![member("a"), member("b"), child("strict", ["a"]), tolerant]).await.unwrap();
    queue.cancel(&id("a")).await.unwrap();
    assert_eq!(remaining(&queue, "tolerant").await, 1);
    assert_eq!(queue.replay(ids(["a"])).await.unwrap(), [true]);
    let me = worker("w");
    let claimed = claim_all(&queue, &me).await;
    settle_one(&queue, &me, done(&lease_of(&claimed, "a"), b"")).await;
    // Its first end was the one that counted.
    assert_eq!(remaining(&queue, "tolerant").await, 1);
    assert_eq!(death_of(&queue, "strict").await.0, DeathReason::Dependency);
    // A child that is replayed waits for nobody.
    assert_eq!(queue.replay(ids(["strict"])).await.unwrap(), [true]);
    finish(&queue, "strict").await;
    settle_one(&queue, &me, done(&lease_of(&claimed, "b"), b"")).await;
    finish(&queue, "tolerant").await;
}

pub(crate) async fn a_blocked_task_can_be_cancelled_and_deleted(setup: Setup) {
    let queue = setup.queue();
    let tasks = vec![member("a"), child("b", ["a"]), child("c", ["b"]), child("d", ["a"]), child("e", ["d"])];
    queue.enqueue(tasks).await.unwrap();
    assert_eq!(queue.cancel(&id("b")).await.unwrap(), Cancelled::Waiting);
    assert_eq!(death_of(&queue, "c").await, orphaned("b", "cancelled"));
    queue.replay(ids(["b"])).await.unwrap();
    finish_of(&queue, "b").await;
    // The first of those that are deleted takes the other with it, which is dead then and not deleted.
    assert_eq!(queue.purge(Section::Blocked).await.unwrap(), 1);
    assert_eq!(queue.state(&id("d")).await.unwrap(), None);
    assert_eq!(death_of(&queue, "e").await, orphaned("d", "purged"));
    // A new task of the deleted one's name has no part in what that one waited for.
    queue.submit(member("f")).await.unwrap();
    queue.submit(child("d", ["f"])).await.unwrap();
    finish_of(&queue, "a").await;
    assert_eq!(remaining(&queue, "d").await, 1);
    finish(&queue, "f").await;
    finish(&queue, "d").await;
}

/// Claims everything, lets this task end well and hands the others back.
async fn finish_of(queue: &Queue, name: &str) {
    let me = worker("w");
    for delivery in claim_all(queue, &me).await {
        let is_meant = delivery.lease.task == id(name);
        let settlement = if is_meant { done(&delivery.lease, b"") } else { handed_back(&delivery.lease) };
        settle_one(queue, &me, settlement).await;
    }
    assert!(result_of(queue, name).await.is_some());
}

pub(crate) async fn the_deadline_of_a_blocked_task_is_looked_at_when_it_could_run(setup: Setup) {
    let queue = setup.queue();
    let second = Duration::from_secs(1);
    queue.enqueue(vec![member("a"), child("b", ["a"]).deadline(second), child("c", ["b"])]).await.unwrap();
    setup.clock.advance(second);
    assert_eq!(remaining(&queue, "b").await, 1);
    finish(&queue, "a").await;
    assert_eq!(counts(&queue).await, [1, 0, 1, 0, 0]);
    assert!(claim_all(&queue, &worker("w")).await.is_empty());
    assert_eq!(death_of(&queue, "b").await.0, DeathReason::Expired);
    assert_eq!(death_of(&queue, "c").await, orphaned("b", "expired"));
}
