//! Which task goes first, and which task is new.

use std::time::Duration;

use cofferdam_queue::{Novelty, Priority, Queue};

use super::*;

pub(crate) async fn fifo_within_a_priority(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue(vec![task("a"), task("b")]).await.unwrap();
    queue.submit(task("c")).await.unwrap();
    setup.clock.advance(Duration::from_secs(1));
    queue.submit(task("d")).await.unwrap();
    let me = worker("w");
    assert_eq!(claim_ids(&queue, &me, 3).await, ["a", "b", "c"]);
    assert_eq!(claim_ids(&queue, &me, 3).await, ["d"]);
    assert!(claim_ids(&queue, &me, 3).await.is_empty());
}

pub(crate) async fn higher_priorities_go_first(setup: Setup) {
    let queue = setup.queue();
    let tasks = vec![
        task("low").priority(Priority::Low),
        task("normal 1"),
        task("high 1").priority(Priority::High),
        task("normal 2"),
        task("high 2").priority(Priority::High),
    ];
    queue.enqueue(tasks).await.unwrap();
    let me = worker("w");
    assert_eq!(claim_ids(&queue, &me, 3).await, ["high 1", "high 2", "normal 1"]);
    queue.submit(task("high 3").priority(Priority::High)).await.unwrap();
    assert_eq!(claim_ids(&queue, &me, 10).await, ["high 3", "normal 2", "low"]);
}

pub(crate) async fn a_delayed_task_waits_for_its_time(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("later").delay(Duration::from_secs(60))).await.unwrap();
    let me = worker("w");
    setup.clock.advance(Duration::from_millis(59_999));
    assert!(claim_ids(&queue, &me, 1).await.is_empty());
    queue.submit(task("now")).await.unwrap();
    setup.clock.advance(Duration::from_millis(1_001));
    let claimed = queue.claim(&me, 2, LEASE).await.unwrap();
    let order: Vec<_> = claimed.iter().map(|one| (one.lease.task.as_str(), one.waited.as_millis())).collect();
    assert_eq!(order, [("now", 1_001), ("later", 1_000)]);
}

pub(crate) async fn queues_do_not_mix(setup: Setup) {
    let (one, other) = (setup.queue(), Queue::new(setup.broker.clone(), "other").unwrap());
    one.submit(task("same id")).await.unwrap();
    assert_eq!(other.submit(task("same id")).await.unwrap().novelty, Novelty::New);
    let me = worker("w");
    let delivery = claim_one(&one, &me).await;
    assert_eq!(settle_one(&other, &me, done(&delivery.lease, b"")).await, Verdict::LeaseLost);
    assert_eq!(settle_one(&one, &me, done(&delivery.lease, b"")).await, Verdict::Recorded);
    assert_eq!(other.stats().await.unwrap().total().ready, 1);
}

pub(crate) async fn enqueue_is_idempotent_by_id(setup: Setup) {
    let queue = setup.queue();
    let first = queue.enqueue(vec![task("a"), task("b"), task("a")]).await.unwrap();
    let novelty: Vec<_> = first.iter().map(|answer| answer.novelty).collect();
    assert_eq!(novelty, [Novelty::New, Novelty::New, Novelty::Existing]);
    let again = queue.submit(NewTask::new("another payload").id(id("a"))).await.unwrap();
    assert_eq!((again.id, again.novelty), (id("a"), Novelty::Existing));
    let me = worker("w");
    let delivery = claim_one(&queue, &me).await;
    assert_eq!((delivery.lease.task, delivery.payload), (id("a"), b"a".to_vec()));
    assert_eq!(queue.submit(task("a")).await.unwrap().novelty, Novelty::Existing);
    assert_eq!(claim_ids(&queue, &me, 10).await, ["b"]);
}

pub(crate) async fn a_finished_task_protects_its_id_until_it_is_forgotten(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for name in ["old", "young"] {
        queue.submit(task(name)).await.unwrap();
        let delivery = claim_one(&queue, &me).await;
        assert_eq!(settle_one(&queue, &me, done(&delivery.lease, b"")).await, Verdict::Recorded);
        setup.clock.advance(Duration::from_secs(60));
    }
    queue.submit(task("waiting")).await.unwrap();
    assert_eq!(queue.submit(task("old")).await.unwrap().novelty, Novelty::Existing);
    assert_eq!(queue.forget(Duration::from_secs(61)).await.unwrap(), 1);
    assert_eq!(queue.state(&id("old")).await.unwrap(), None);
    assert_eq!(queue.submit(task("young")).await.unwrap().novelty, Novelty::Existing);
    assert_eq!(queue.submit(task("old")).await.unwrap().novelty, Novelty::New);
    assert_eq!(sorted_ids(&claim_all(&queue, &me).await), ["old", "waiting"]);
}
