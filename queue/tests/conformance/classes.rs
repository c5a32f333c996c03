//! Tasks that only some workers can run.

use std::time::Duration;

use cofferdam_queue::{Priority, ReapScope};

use super::*;

fn places(class: Option<&str>, count: usize) -> Places {
    Places { class: class.map(label), count }
}

async fn claim(queue: &Queue, worker: &WorkerId, places: Vec<Places>) -> Vec<Delivery> {
    queue.step(Step::new(worker.clone()).claim_places(places, LEASE)).await.unwrap().claimed
}

pub(crate) async fn a_class_is_claimed_by_those_who_offer_it(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let tasks = vec![task("ordinary"), task("gpu").class(label("gpu")), task("ram").class(label("ram"))];
    queue.enqueue(tasks).await.unwrap();
    assert_eq!(sorted_ids(&claim_all(&queue, &me).await), ["ordinary"]);
    assert!(claim(&queue, &me, vec![places(Some("GPU"), 9), places(Some("disk"), 9)]).await.is_empty());
    assert!(claim(&queue, &me, vec![places(Some("gpu"), 0)]).await.is_empty());
    let claimed = claim(&queue, &me, vec![places(Some("gpu"), 9)]).await;
    assert_eq!(sorted_ids(&claimed), ["gpu"]);
    assert_eq!(claimed[0].lease.class, Some(label("gpu")));
    assert!(claim(&queue, &me, vec![places(Some("gpu"), 9)]).await.is_empty());
    assert_eq!(counts(&queue).await, [1, 0, 0, 2, 0]);
}

pub(crate) async fn each_class_has_its_own_places(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for n in 0..4 {
        queue.submit(task(&format!("ordinary {n}"))).await.unwrap();
        queue.submit(task(&format!("gpu {n}")).class(label("gpu"))).await.unwrap();
    }
    queue.submit(task("ram 0").class(label("ram"))).await.unwrap();
    let wanted = || vec![places(Some("gpu"), 1), places(Some("ram"), 3), places(None, 2)];
    let order = |claimed: Vec<Delivery>| -> Vec<String> {
        claimed.into_iter().map(|delivery| delivery.lease.task.to_string()).collect()
    };
    let first = order(claim(&queue, &me, wanted()).await);
    assert_eq!(first, ["gpu 0", "ram 0", "ordinary 0", "ordinary 1"]);
    assert_eq!(order(claim(&queue, &me, wanted()).await), ["gpu 1", "ordinary 2", "ordinary 3"]);
    // The same class twice means the sum.
    let twice = vec![places(Some("gpu"), 1), places(Some("gpu"), 1)];
    assert_eq!(order(claim(&queue, &me, twice).await), ["gpu 2", "gpu 3"]);
}

pub(crate) async fn priorities_hold_within_a_class(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let gpu = |name: &str, priority| task(name).class(label("gpu")).priority(priority);
    let tasks = vec![
        gpu("low", Priority::Low),
        gpu("normal", Priority::Normal),
        task("ordinary").priority(Priority::High),
        gpu("high", Priority::High),
    ];
    queue.enqueue(tasks).await.unwrap();
    let claimed = claim(&queue, &me, vec![places(Some("gpu"), 2)]).await;
    let order: Vec<_> = claimed.iter().map(|one| (one.lease.task.as_str(), one.lease.priority)).collect();
    assert_eq!(order, [("high", Priority::High), ("normal", Priority::Normal)]);
}

pub(crate) async fn a_task_keeps_its_class_whatever_happens_to_it(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a").class(label("gpu")).delay(LEASE)).await.unwrap();
    setup.clock.advance(LEASE);
    let gpu = || vec![places(Some("gpu"), 1)];
    for round in 0..4 {
        assert!(claim_all(&queue, &me).await.is_empty(), "in round {round}");
        let claimed = claim(&queue, &me, gpu()).await;
        let lease = &claimed[0].lease;
        assert_eq!(lease.class, Some(label("gpu")));
        match round {
            0 => drop(settle_one(&queue, &me, failed(lease, Duration::ZERO)).await),
            1 => drop(settle_one(&queue, &me, handed_back(lease)).await),
            2 => {
                setup.clock.advance(LEASE);
                queue.reap(ReapScope::Expired).await.unwrap();
            }
            _ => {
                queue.cancel(&id("a")).await.unwrap();
                queue.replay(vec![id("a")]).await.unwrap();
            }
        }
    }
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(claim(&queue, &me, gpu()).await.len(), 1);
}

pub(crate) async fn a_worker_may_offer_classes_alone(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.enqueue(vec![task("ordinary"), task("gpu").class(label("gpu"))]).await.unwrap();
    let claimed = claim(&queue, &me, vec![places(Some("gpu"), 5)]).await;
    let step = Step::new(me.clone())
        .settle(vec![done(&claimed[0].lease, b"")])
        .claim_places(vec![places(Some("gpu"), 5), places(None, 1)], LEASE);
    let reply = queue.step(step).await.unwrap();
    assert_eq!(reply.settled, [Verdict::Recorded]);
    assert_eq!(sorted_ids(&reply.claimed), ["ordinary"]);
}
