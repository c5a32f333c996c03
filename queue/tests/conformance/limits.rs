//! How many tasks of one limit run.

use std::time::{Duration, Instant};

use cofferdam_queue::{Bound, Cancelled, Limit, Priority, ReapScope, Section, Topic};

use super::*;

pub(crate) fn limited(name: &str, limit: &str) -> NewTask {
    task(name).limit(label(limit)).max_crashes(times(99))
}

pub(crate) async fn set(queue: &Queue, name: &str, limit: Option<Limit>) {
    queue.set(Setting::Limit(label(name), limit)).await.unwrap();
}

fn at_once(tasks: u32) -> Option<Limit> {
    Some(Limit::concurrency(times(tasks)))
}

pub(crate) async fn fill(queue: &Queue, limit: &str, tasks: usize) {
    queue.enqueue((0..tasks).map(|n| limited(&format!("{limit} {n}"), limit)).collect()).await.unwrap();
}

pub(crate) async fn a_limit_bounds_how_many_run(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(2)).await;
    fill(&queue, "l", 9).await;
    let mut running = claim_all(&queue, &me).await;
    assert_eq!(running.len(), 2);
    // However a run ends, its place is free.
    for round in 0..7 {
        let lease = running.remove(0).lease;
        match round {
            0 => drop(settle_one(&queue, &me, done(&lease, b"")).await),
            1 => drop(settle_one(&queue, &me, failed(&lease, LEASE * 9)).await),
            2 => drop(settle_one(&queue, &me, crashed(&lease)).await),
            3 => drop(settle_one(&queue, &me, handed_back(&lease)).await),
            4 => assert_eq!(queue.cancel(&lease.task).await.unwrap(), Cancelled::Running),
            5 => {
                setup.clock.advance(LEASE / 2);
                queue.renew(&me, vec![running[0].lease.clone()], LEASE).await.unwrap();
                setup.clock.advance(LEASE / 2);
                assert_eq!(queue.reap(ReapScope::Expired).await.unwrap().len(), 1);
            }
            _ => {
                let rejected = Ending::Rejected { error: String::new() };
                settle_one(&queue, &me, Settlement::new(lease, rejected)).await;
            }
        }
        let next = claim_all(&queue, &me).await;
        assert_eq!(next.len(), 1, "in round {round}");
        running.extend(next);
    }
}

pub(crate) async fn what_a_limit_stops_does_not_stop_others(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(1)).await;
    fill(&queue, "l", 300).await;
    queue.submit(limited("urgent", "l").priority(Priority::High)).await.unwrap();
    fill(&queue, "m", 2).await;
    queue.enqueue(["a", "b"].map(task).into()).await.unwrap();
    queue.submit(task("low").priority(Priority::Low)).await.unwrap();
    let claimed = claim_all(&queue, &me).await;
    assert_eq!(sorted_ids(&claimed), ["a", "b", "low", "m 0", "m 1", "urgent"]);
    // Those that were passed over are ready all the same.
    assert_eq!(counts(&queue).await, [300, 0, 0, 6, 0]);
    assert!(matches!(queue.state(&id("l 7")).await.unwrap(), Some(TaskState::Waiting { .. })));
    let passed_over = queue.peek(Section::Ready, 500).await.unwrap();
    assert_eq!(passed_over.len(), 300);
    // Their place is free as soon as the step has settled the one that runs.
    let settle = vec![done(&lease_of(&claimed, "urgent"), b"")];
    let reply = queue.step(Step::new(me).settle(settle).claim(5, LEASE)).await.unwrap();
    assert_eq!(sorted_ids(&reply.claimed), ["l 0"]);
}

pub(crate) async fn a_limit_counts_over_priorities_and_classes(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(2)).await;
    let tasks = vec![
        limited("gpu", "l").class(label("gpu")),
        limited("normal", "l"),
        limited("high", "l").priority(Priority::High),
    ];
    queue.enqueue(tasks).await.unwrap();
    assert_eq!(claim_ids(&queue, &me, 1).await, ["high"]);
    let gpu = || vec![Places { class: Some(label("gpu")), count: 5 }];
    let reply = queue.step(Step::new(me.clone()).claim_places(gpu(), LEASE)).await.unwrap();
    assert_eq!(sorted_ids(&reply.claimed), ["gpu"]);
    assert!(claim_all(&queue, &me).await.is_empty());
    settle_one(&queue, &me, done(&reply.claimed[0].lease, b"")).await;
    assert_eq!(claim_ids(&queue, &me, 5).await, ["normal"]);
}

pub(crate) async fn a_limit_that_is_set_later_counts_what_runs_already(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    fill(&queue, "l", 6).await;
    let mut running = queue.claim(&me, 3, LEASE).await.unwrap();
    while running.len() < 3 {
        running.push(claim_one(&queue, &me).await);
    }
    set(&queue, "l", at_once(2)).await;
    assert!(claim_all(&queue, &me).await.is_empty());
    // A lower limit ends no run.
    assert_eq!(counts(&queue).await, [3, 0, 0, 3, 0]);
    settle_one(&queue, &me, done(&running[0].lease, b"")).await;
    assert!(claim_all(&queue, &me).await.is_empty());
    settle_one(&queue, &me, done(&running[1].lease, b"")).await;
    assert_eq!(claim_all(&queue, &me).await.len(), 1);
}

pub(crate) async fn a_limit_can_be_raised_and_lifted(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(1)).await;
    fill(&queue, "l", 6).await;
    assert_eq!(claim_all(&queue, &me).await.len(), 1);
    let mut listener = queue.listen(&Topic::Ready);
    set(&queue, "l", at_once(3)).await;
    assert!(is_heard(&mut listener).await);
    assert_eq!(claim_all(&queue, &me).await.len(), 2);
    set(&queue, "l", None).await;
    assert!(is_heard(&mut listener).await);
    assert_eq!(claim_all(&queue, &me).await.len(), 3);
}

pub(crate) async fn a_freed_place_wakes_those_who_wait_for_work(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(1)).await;
    fill(&queue, "l", 3).await;
    for round in 0..2 {
        let lease = claim_all(&queue, &me).await.pop().unwrap().lease;
        let mut listener = queue.listen(&Topic::Ready);
        if round == 0 {
            settle_one(&queue, &me, done(&lease, b"")).await;
        } else {
            queue.cancel(&lease.task).await.unwrap();
        }
        assert!(is_heard(&mut listener).await, "in round {round}");
    }
}

pub(crate) async fn a_stopped_task_keeps_its_place(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(1)).await;
    queue.enqueue(vec![limited("first", "l"), limited("second", "l"), task("a")]).await.unwrap();
    let first = claim_one(&queue, &me).await.lease;
    assert_eq!(claim_ids(&queue, &me, 1).await, ["a"]);
    setup.clock.advance(Duration::from_secs(1));
    queue.enqueue(vec![task("b"), limited("third", "l")]).await.unwrap();
    settle_one(&queue, &me, handed_back(&first)).await;
    let claimed = queue.claim(&me, 2, LEASE).await.unwrap();
    let order: Vec<_> = claimed.iter().map(|one| one.lease.task.as_str()).collect();
    assert_eq!(order, ["first", "b"]);
    settle_one(&queue, &me, done(&claimed[0].lease, b"")).await;
    queue.submit(task("c")).await.unwrap();
    let second = claim_one(&queue, &me).await;
    assert_eq!((second.lease.task, second.waited), (id("second"), Duration::from_secs(1)));
}

pub(crate) async fn a_closed_limit_keeps_even_what_has_expired(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(1)).await;
    queue.submit(limited("running", "l")).await.unwrap();
    let running = claim_one(&queue, &me).await.lease;
    queue.submit(limited("late", "l").deadline(Duration::from_secs(1))).await.unwrap();
    queue.submit(limited("next", "l")).await.unwrap();
    setup.clock.advance(Duration::from_secs(1));
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(counts(&queue).await, [2, 0, 0, 1, 0]);
    settle_one(&queue, &me, done(&running, b"")).await;
    // What dies unrun takes no place.
    assert_eq!(sorted_ids(&claim_all(&queue, &me).await), ["next"]);
    assert_eq!(death_of(&queue, "late").await.0, DeathReason::Expired);
}

pub(crate) async fn stopped_tasks_can_be_cancelled_and_purged(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(1)).await;
    fill(&queue, "l", 4).await;
    let running = claim_all(&queue, &me).await.remove(0).lease;
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(queue.cancel(&id("l 1")).await.unwrap(), Cancelled::Waiting);
    assert_eq!(queue.purge(Section::Ready).await.unwrap(), 2);
    fill(&queue, "l", 5).await;
    settle_one(&queue, &me, done(&running, b"")).await;
    assert_eq!(claim_all(&queue, &me).await.len(), 1);
    // Cancelling one that only waits frees no place.
    queue.cancel(&id("l 4")).await.unwrap();
    assert!(claim_all(&queue, &me).await.is_empty());
}

pub(crate) async fn stopped_tasks_fill_a_queue(setup: Setup) {
    let bounded = setup.queue().with_bound(Bound::ready(3));
    let me = worker("w");
    set(&bounded, "l", at_once(1)).await;
    fill(&bounded, "l", 3).await;
    assert_eq!(claim_all(&bounded, &me).await.len(), 1);
    bounded.submit(task("a")).await.unwrap();
    assert!(bounded.submit(task("b")).await.is_err());
    assert_eq!(claim_ids(&bounded, &me, 9).await, ["a"]);
    bounded.submit(task("b")).await.unwrap();
}

pub(crate) async fn a_backlog_before_a_closed_limit_costs_nothing(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", at_once(1)).await;
    fill(&queue, "l", 2).await;
    claim_one(&queue, &me).await;
    let few = cost_of_claims(&queue, &me, "few").await;
    queue.enqueue((0..20_000).map(|n| limited(&format!("backlog {n}"), "l")).collect()).await.unwrap();
    let many = cost_of_claims(&queue, &me, "many").await;
    // A walk over them would cost thousands of times as much.
    assert!(many < few * 8 + Duration::from_millis(5), "{few:?} before the backlog, {many:?} after it");
}

/// The least time that ten claims of one took while tasks without a limit came in.
async fn cost_of_claims(queue: &Queue, me: &WorkerId, name: &str) -> Duration {
    let mut best = Duration::MAX;
    for round in 0..5 {
        queue.enqueue((0..10).map(|n| task(&format!("{name} {round} {n}"))).collect()).await.unwrap();
        let start = Instant::now();
        for n in 0..10 {
            assert_eq!(claim_one(queue, me).await.lease.task, id(&format!("{name} {round} {n}")));
        }
        best = best.min(start.elapsed());
    }
    best
}
