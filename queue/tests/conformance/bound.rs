//! What producers hear when more waits than they may add to.

use std::time::Duration;

use cofferdam_queue::{Bound, Error, ErrorKind, Novelty, Priority};

use super::*;

fn refusal(answer: Result<impl std::fmt::Debug, Error>) -> (&'static str, String, String) {
    let error = answer.expect_err("the queue is full");
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(error.is_transient());
    match error {
        Error::QueueFull { what, found, bound, retry_after } => {
            assert_eq!(retry_after, Duration::from_secs(1));
            (what, found, bound)
        }
        other => panic!("{other}"),
    }
}

pub(crate) async fn a_bound_refuses_what_is_too_much_and_adds_nothing_of_it(setup: Setup) {
    let queue = setup.queue();
    let bounded = queue.clone().with_bound(Bound::ready(4));
    let me = worker("w");
    bounded.enqueue(vec![task("a"), task("b").priority(Priority::Low)]).await.unwrap();
    bounded.submit(task("c").class(label("gpu"))).await.unwrap();
    let too_many = bounded.enqueue(vec![task("d"), task("e")]).await;
    assert_eq!(refusal(too_many), ("the number of ready tasks", "3".to_owned(), "4".to_owned()));
    assert_eq!(queue.states(["d", "e"].map(id).into()).await.unwrap(), [None, None]);
    bounded.submit(task("d")).await.unwrap();
    assert_eq!(refusal(bounded.submit(task("e")).await).1, "4");
    // Whoever knows no bound is not held by that of others.
    queue.submit(task("f")).await.unwrap();
    assert_eq!(refusal(bounded.submit(task("e")).await).1, "5");
    assert_eq!(queue.claim(&me, 2, LEASE).await.unwrap().len(), 2);
    assert_eq!(bounded.submit(task("e")).await.unwrap().novelty, Novelty::New);
}

pub(crate) async fn a_batch_larger_than_the_bound_never_fits(setup: Setup) {
    let bounded = setup.queue().with_bound(Bound::ready(2));
    let batch = || (0..3).map(|n| task(&n.to_string())).collect::<Vec<_>>();
    assert_eq!(refusal(bounded.enqueue(batch()).await).1, "0");
    assert_eq!(counts(&bounded).await, [0; 5]);
    assert_eq!(refusal(setup.queue().with_bound(Bound::ready(0)).submit(task("a")).await).2, "0");
}

pub(crate) async fn what_a_full_queue_has_already_can_be_enqueued_again(setup: Setup) {
    let bounded = setup.queue().with_bound(Bound::ready(2).and_age(LEASE));
    let batch = |names: &[&str]| names.iter().map(|name| task(name)).collect::<Vec<_>>();
    bounded.enqueue(batch(&["a", "b"])).await.unwrap();
    setup.clock.advance(LEASE + Duration::from_millis(1));
    let grouped = task("a").group(label("g"));
    for again in [batch(&["b", "a", "b"]), vec![grouped, task("b")]] {
        let answers = bounded.enqueue(again).await.unwrap();
        assert!(answers.iter().all(|answer| answer.novelty == Novelty::Existing), "{answers:?}");
    }
    assert_eq!(refusal(bounded.enqueue(batch(&["a", "b", "c"])).await).1, "2");
    // Of a batch, what is there already takes no room.
    claim_one(&bounded, &worker("w")).await;
    let bounded = setup.queue().with_bound(Bound::ready(2));
    assert_eq!(bounded.enqueue(batch(&["a", "b", "c"])).await.unwrap()[2].novelty, Novelty::New);
    assert_eq!(refusal(bounded.submit(task("d")).await).1, "2");
}

pub(crate) async fn what_is_not_ready_does_not_fill_a_queue(setup: Setup) {
    let bounded = setup.queue().with_bound(Bound::ready(2));
    let me = worker("w");
    for round in 0..5 {
        bounded.submit(task(&format!("delayed {round}")).delay(LEASE)).await.unwrap();
    }
    bounded.submit(task("running")).await.unwrap();
    let running = claim_one(&bounded, &me).await;
    bounded.enqueue(vec![task("a"), task("b")]).await.unwrap();
    // A task that comes back is not asked.
    assert_eq!(settle_one(&bounded, &me, handed_back(&running.lease)).await, Verdict::HandedBack);
    assert_eq!(refusal(bounded.submit(task("c")).await).1, "3");
    setup.clock.advance(LEASE);
    assert_eq!(refusal(bounded.submit(task("c")).await).1, "8");
}

pub(crate) async fn a_bound_on_age_refuses_while_a_task_has_waited_too_long(setup: Setup) {
    let second = Duration::from_secs(1);
    let bounded = setup.queue().with_bound(Bound::age(10 * second));
    let me = worker("w");
    bounded.submit(task("first").priority(Priority::Low)).await.unwrap();
    setup.clock.advance(10 * second);
    bounded.submit(task("second")).await.unwrap();
    setup.clock.advance(second);
    let refused = refusal(bounded.submit(task("third")).await);
    assert_eq!(refused, ("the age of the oldest ready task", "11s".to_owned(), "10s".to_owned()));
    // The older one has the lower priority, so it is the second to go.
    assert_eq!(claim_ids(&bounded, &me, 1).await, ["second"]);
    assert!(bounded.submit(task("third")).await.is_err());
    assert_eq!(claim_ids(&bounded, &me, 1).await, ["first"]);
    bounded.submit(task("third")).await.unwrap();
}

pub(crate) async fn both_bounds_hold_together(setup: Setup) {
    let bounded = setup.queue().with_bound(Bound::ready(2).and_age(LEASE));
    bounded.enqueue(vec![task("a"), task("b")]).await.unwrap();
    assert_eq!(refusal(bounded.submit(task("c")).await).0, "the number of ready tasks");
    claim_one(&bounded, &worker("w")).await;
    setup.clock.advance(LEASE + Duration::from_millis(1));
    assert_eq!(refusal(bounded.submit(task("c")).await).0, "the age of the oldest ready task");
}
