//! Tasks that wait for others of their group, and what the end of one does to them.

use std::time::Duration;

use cofferdam_queue::{Error, MAX_DEPENDENCIES, Novelty, Topic, Unique};

use super::*;

/// A task of the one group of these cases.
pub(crate) fn member(name: &str) -> NewTask {
    task(name).group(label("g"))
}

pub(crate) fn ids<const N: usize>(names: [&str; N]) -> Vec<TaskId> {
    names.map(id).into()
}

/// A task that waits for these.
pub(crate) fn child<const N: usize>(name: &str, parents: [&str; N]) -> NewTask {
    member(name).after(ids(parents))
}

pub(crate) async fn remaining(queue: &Queue, name: &str) -> u32 {
    match queue.state(&id(name)).await.unwrap() {
        Some(TaskState::Blocked { remaining }) => remaining,
        other => panic!("{name} is not blocked but {other:?}"),
    }
}

/// Claims the one task that is ready, which must be this one, and lets it end well.
pub(crate) async fn finish(queue: &Queue, name: &str) {
    let me = worker("w");
    let lease = claim_one(queue, &me).await.lease;
    assert_eq!(lease.task, id(name));
    assert_eq!(settle_one(queue, &me, done(&lease, b"")).await, Verdict::Recorded);
}

fn unknown(answer: Result<impl std::fmt::Debug, Error>) -> (TaskId, TaskId) {
    match answer.expect_err("a dependency is unknown") {
        Error::UnknownDependency { task, dependency } => (task, dependency),
        other => panic!("{other}"),
    }
}

pub(crate) async fn a_task_waits_for_those_before_it(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.enqueue(vec![member("a"), member("b"), child("c", ["a", "b", "a"])]).await.unwrap();
    queue.submit(child("d", ["c", "a"])).await.unwrap();
    assert_eq!((remaining(&queue, "c").await, remaining(&queue, "d").await), (2, 2));
    assert_eq!(counts(&queue).await, [2, 0, 2, 0, 0]);
    let claimed = claim_all(&queue, &me).await;
    assert_eq!(sorted_ids(&claimed), ["a", "b"]);
    settle_one(&queue, &me, done(&lease_of(&claimed, "a"), b"")).await;
    assert_eq!((remaining(&queue, "c").await, remaining(&queue, "d").await), (1, 1));
    assert!(claim_all(&queue, &me).await.is_empty());
    let mut listener = queue.listen(&Topic::Ready);
    settle_one(&queue, &me, done(&lease_of(&claimed, "b"), b"")).await;
    assert!(is_heard(&mut listener).await);
    finish(&queue, "c").await;
    finish(&queue, "d").await;
    assert_eq!(counts(&queue).await, [0; 5]);
}

pub(crate) async fn a_group_keeps_its_order(setup: Setup) {
    let queue = setup.queue();
    let names: Vec<_> = (100..150).map(|n| n.to_string()).collect();
    for name in &names {
        queue.submit(member(name)).await.unwrap();
    }
    let claimed = claim_all(&queue, &worker("w")).await;
    let order: Vec<_> = claimed.iter().map(|one| one.lease.task.to_string()).collect();
    assert_eq!(order, names);
}

pub(crate) async fn what_has_ended_well_is_not_waited_for(setup: Setup) {
    let queue = setup.queue();
    queue.submit(member("a")).await.unwrap();
    finish(&queue, "a").await;
    queue.enqueue(vec![child("b", ["a"]), child("c", ["a", "b"])]).await.unwrap();
    assert_eq!(remaining(&queue, "c").await, 1);
    finish(&queue, "b").await;
    finish(&queue, "c").await;
}

pub(crate) async fn the_delay_begins_with_the_last_end(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue(vec![member("a"), child("b", ["a"]).delay(LEASE)]).await.unwrap();
    setup.clock.advance(LEASE * 2);
    finish(&queue, "a").await;
    assert_eq!(counts(&queue).await, [0, 1, 0, 0, 0]);
    setup.clock.advance(LEASE - Duration::from_millis(1));
    assert!(claim_all(&queue, &worker("w")).await.is_empty());
    setup.clock.advance(Duration::from_millis(1));
    finish(&queue, "b").await;
}

pub(crate) async fn an_unknown_dependency_refuses_the_call(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue(vec![task("other group").group(label("h")), task("no group"), member("a")]).await.unwrap();
    for (name, parent) in [
        ("b", "nobody"),
        ("b", "other group"),
        ("b", "no group"),
        // Neither itself nor one that comes after it.
        ("b", "b"),
        ("b", "z"),
    ] {
        let batch = vec![member("y"), child(name, ["a", parent]), member("z")];
        assert_eq!(unknown(queue.enqueue(batch).await), (id(name), id(parent)));
        assert_eq!(queue.states(ids(["y", "b", "z"])).await.unwrap(), [None, None, None]);
    }
    let error = queue.submit(child("b", ["nobody"])).await.unwrap_err();
    assert!(error.to_string().contains("task b waits for nobody"), "{error}");
    assert_eq!(counts(&queue).await, [3, 0, 0, 0, 0]);
}

pub(crate) async fn a_repeated_call_asks_nothing_of_forgotten_parents(setup: Setup) {
    let queue = setup.queue();
    let call = || vec![member("a"), child("b", ["a"]), child("c", ["b"])];
    queue.enqueue(call()).await.unwrap();
    finish(&queue, "a").await;
    assert_eq!(queue.forget(Duration::ZERO).await.unwrap(), 1);
    let again = queue.enqueue(call()[1..].to_vec()).await.unwrap();
    assert!(again.iter().all(|answer| answer.novelty == Novelty::Existing));
    assert_eq!(unknown(queue.submit(child("d", ["a"])).await), (id("d"), id("a")));
    finish(&queue, "b").await;
    finish(&queue, "c").await;
}

pub(crate) async fn ties_that_exclude_each_other_are_refused(setup: Setup) {
    let queue = setup.queue();
    queue.submit(member("a")).await.unwrap();
    let key = || Unique::until_done(label("k"));
    let many = || (0..=MAX_DEPENDENCIES).map(|n| id(&n.to_string()));
    for refused in [
        member("b").limit(label("l")),
        member("b").unique(key()),
        task("b").limit(label("l")).unique(key()),
        task("b").after(ids(["a"])),
        member("b").after(many()),
    ] {
        let error = queue.submit(refused).await.unwrap_err();
        assert!(matches!(error, Error::InvalidSetting { .. }), "{error}");
    }
    assert_eq!(counts(&queue).await, [1, 0, 0, 0, 0]);
}

pub(crate) async fn failures_that_are_tried_again_release_nobody(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.enqueue(vec![member("a"), member("b"), child("c", ["a", "b"])]).await.unwrap();
    let claimed = claim_all(&queue, &me).await;
    let (a, b) = (lease_of(&claimed, "a"), lease_of(&claimed, "b"));
    for settlement in
        [done(&a, b""), done(&a, b"again"), failed(&a, Duration::ZERO), failed(&b, Duration::ZERO)]
    {
        settle_one(&queue, &me, settlement).await;
        assert_eq!(remaining(&queue, "c").await, 1);
    }
    finish(&queue, "b").await;
    // What the first run of b says now comes too late.
    assert_eq!(settle_one(&queue, &me, done(&b, b"")).await, Verdict::LeaseLost);
    finish(&queue, "c").await;
}

pub(crate) async fn one_parent_may_release_a_thousand(setup: Setup) {
    let queue = setup.queue();
    queue.submit(member("root")).await.unwrap();
    queue.enqueue((0..1000).map(|n| child(&n.to_string(), ["root"])).collect()).await.unwrap();
    let all = (0..1000).map(|n| id(&n.to_string()));
    queue.submit(member("last").after(all)).await.unwrap();
    assert_eq!(remaining(&queue, "last").await, 1000);
    finish(&queue, "root").await;
    assert_eq!(counts(&queue).await, [1000, 0, 1, 0, 0]);
    let me = worker("w");
    for part in claim_all(&queue, &me).await.chunks(500) {
        queue.settle(&me, part.iter().map(|one| done(&one.lease, b"")).collect()).await.unwrap();
    }
    finish(&queue, "last").await;
}
