//! Tasks of which the queue holds one at a time.

use std::time::Duration;

use cofferdam_queue::{Enqueued, Novelty, Section, Topic, Unique};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn until_done(name: &str, key: &str) -> NewTask {
    task(name).unique(Unique::until_done(label(key)))
}

fn until_started(name: &str, key: &str) -> NewTask {
    task(name).unique(Unique::until_started(label(key)))
}

fn for_a_minute(name: &str, key: &str) -> NewTask {
    task(name).unique(Unique::for_duration(label(key), MINUTE))
}

fn replacing(name: &str, key: &str) -> NewTask {
    task(name).unique(Unique::until_done(label(key)).replacing())
}

async fn is_new(queue: &Queue, task: NewTask) -> bool {
    queue.submit(task).await.unwrap().novelty == Novelty::New
}

async fn is_duplicate_of(queue: &Queue, task: NewTask, holder: &str) -> bool {
    queue.submit(task).await.unwrap() == Enqueued::new(id(holder), Novelty::Duplicate)
}

pub(crate) async fn a_key_is_held_until_its_task_has_ended(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    assert!(is_new(&queue, until_done("a", "k").delay(MINUTE)).await);
    let held = async || {
        assert!(is_duplicate_of(&queue, until_done("b", "k"), "a").await);
        assert_eq!(queue.state(&id("b")).await.unwrap(), None);
    };
    // Delayed, ready, running, waiting for its back-off, running again.
    held().await;
    setup.clock.advance(MINUTE);
    held().await;
    let lease = claim_one(&queue, &me).await.lease;
    held().await;
    settle_one(&queue, &me, failed(&lease, MINUTE)).await;
    held().await;
    setup.clock.advance(MINUTE);
    let lease = claim_one(&queue, &me).await.lease;
    held().await;
    assert!(is_new(&queue, until_done("other", "l")).await);
    settle_one(&queue, &me, done(&lease, b"")).await;
    assert!(is_new(&queue, until_done("b", "k")).await);
    assert!(is_duplicate_of(&queue, until_done("c", "k"), "b").await);
}

pub(crate) async fn a_key_is_freed_however_its_task_ends(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for (round, span) in [until_done, until_started].into_iter().enumerate() {
        let name = |text: &str| format!("{text} {round}");
        let next = async |text: &str| {
            assert!(is_new(&queue, span(&name(text), "k").deadline(MINUTE)).await, "{text}");
        };
        next("cancelled").await;
        queue.cancel(&id(&name("cancelled"))).await.unwrap();
        next("rejected").await;
        let lease = claim_one(&queue, &me).await.lease;
        settle_one(&queue, &me, Settlement::new(lease, Ending::Rejected { error: String::new() })).await;
        next("purged").await;
        assert_eq!(queue.purge(Section::Ready).await.unwrap(), 1);
        next("cancelled while it ran").await;
        claim_one(&queue, &me).await;
        queue.cancel(&id(&name("cancelled while it ran"))).await.unwrap();
        next("expired").await;
        setup.clock.advance(MINUTE);
        assert!(claim_all(&queue, &me).await.is_empty());
        next("last").await;
        assert_eq!(queue.purge(Section::Ready).await.unwrap(), 1);
    }
}

pub(crate) async fn a_key_may_be_held_until_its_task_starts(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    assert!(is_new(&queue, until_started("a", "k")).await);
    assert!(is_duplicate_of(&queue, until_started("b", "k"), "a").await);
    let first = claim_one(&queue, &me).await.lease;
    assert!(is_new(&queue, until_started("b", "k")).await);
    // The one that started has lost the key for good: neither its return nor its end concerns the holder.
    settle_one(&queue, &me, failed(&first, Duration::ZERO)).await;
    assert!(is_duplicate_of(&queue, until_started("c", "k"), "b").await);
    queue.cancel(&id("a")).await.unwrap();
    assert!(is_duplicate_of(&queue, until_started("c", "k"), "b").await);
    assert_eq!(sorted_ids(&claim_all(&queue, &me).await), ["b"]);
    assert!(is_new(&queue, until_started("c", "k")).await);
}

pub(crate) async fn a_key_may_be_held_for_a_time(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    assert!(is_new(&queue, for_a_minute("done", "k")).await);
    let lease = claim_one(&queue, &me).await.lease;
    settle_one(&queue, &me, done(&lease, b"")).await;
    assert_eq!(queue.forget(Duration::ZERO).await.unwrap(), 1);
    setup.clock.advance(MINUTE - Duration::from_millis(1));
    assert!(is_duplicate_of(&queue, for_a_minute("next", "k"), "done").await);
    setup.clock.advance(Duration::from_millis(1));
    assert!(is_new(&queue, for_a_minute("next", "k")).await);
    // Neither a purge nor a later task changes the time, and the end of the time does not touch the task.
    assert_eq!(queue.purge(Section::Ready).await.unwrap(), 1);
    assert!(is_duplicate_of(&queue, for_a_minute("third", "k"), "next").await);
    setup.clock.advance(MINUTE);
    assert!(is_new(&queue, for_a_minute("third", "k")).await);
    setup.clock.advance(MINUTE);
    assert!(is_new(&queue, for_a_minute("fourth", "k")).await);
    assert_eq!(sorted_ids(&claim_all(&queue, &me).await), ["fourth", "third"]);
}

pub(crate) async fn the_id_is_looked_at_before_the_key(setup: Setup) {
    let queue = setup.queue();
    assert!(is_new(&queue, until_done("a", "k")).await);
    for again in [until_done("a", "k"), replacing("a", "k")] {
        assert_eq!(queue.submit(again).await.unwrap(), Enqueued::new(id("a"), Novelty::Existing));
    }
    queue.cancel(&id("a")).await.unwrap();
    assert!(is_new(&queue, until_done("b", "k")).await);
    assert_eq!(queue.submit(until_done("a", "k")).await.unwrap().novelty, Novelty::Existing);
    assert!(is_duplicate_of(&queue, until_done("c", "k"), "b").await);
}

pub(crate) async fn a_later_task_hands_over_its_payload(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(until_done("a", "k")).await.unwrap();
    setup.clock.advance(Duration::from_secs(1));
    for name in ["b", "c"] {
        // It is the later task that asks for it.
        let answer = queue.submit(replacing(name, "k").delay(MINUTE)).await.unwrap();
        assert_eq!(answer, Enqueued::new(id("a"), Novelty::Replaced));
        assert_eq!(queue.state(&id(name)).await.unwrap(), None);
    }
    assert!(is_duplicate_of(&queue, until_done("d", "k"), "a").await);
    assert_eq!(counts(&queue).await, [1, 0, 0, 0, 0]);
    // A ready task keeps its place, and only its payload is new.
    let delivery = claim_one(&queue, &me).await;
    assert_eq!((delivery.lease.task, delivery.payload), (id("a"), b"c".to_vec()));
    assert_eq!(delivery.waited, Duration::from_secs(1));
}

pub(crate) async fn a_replacement_restarts_the_delay(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(replacing("a", "k").delay(MINUTE)).await.unwrap();
    for round in 0..3 {
        setup.clock.advance(MINUTE - Duration::from_millis(1));
        assert!(claim_all(&queue, &me).await.is_empty(), "in round {round}");
        let later = replacing(&round.to_string(), "k").delay(MINUTE);
        assert_eq!(queue.submit(later).await.unwrap().novelty, Novelty::Replaced);
    }
    setup.clock.advance(MINUTE);
    let delivery = claim_one(&queue, &me).await;
    assert_eq!((delivery.payload, delivery.waited), (b"2".to_vec(), Duration::ZERO));
    settle_one(&queue, &me, done(&delivery.lease, b"")).await;
    // Without a delay of its own the later task ends that of the holder.
    queue.submit(replacing("b", "k").delay(MINUTE)).await.unwrap();
    let mut listener = queue.listen(&Topic::Ready);
    assert_eq!(queue.submit(replacing("now", "k")).await.unwrap().novelty, Novelty::Replaced);
    assert!(is_heard(&mut listener).await);
    assert_eq!(claim_one(&queue, &me).await.payload, b"now");
}

pub(crate) async fn a_task_that_has_started_is_not_replaced(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(replacing("a", "k")).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    assert!(is_duplicate_of(&queue, replacing("b", "k"), "a").await);
    // Between two runs it waits like any other.
    settle_one(&queue, &me, failed(&lease, MINUTE)).await;
    assert_eq!(queue.submit(replacing("c", "k").delay(MINUTE * 2)).await.unwrap().novelty, Novelty::Replaced);
    setup.clock.advance(MINUTE);
    assert!(claim_all(&queue, &me).await.is_empty());
    setup.clock.advance(MINUTE);
    let again = claim_one(&queue, &me).await;
    assert_eq!((again.payload.as_slice(), again.attempt), (&b"c"[..], 2));
    settle_one(&queue, &me, done(&again.lease, b"")).await;
    let timed = |name| task(name).unique(Unique::for_duration(label("l"), MINUTE).replacing());
    queue.submit(timed("ended")).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    settle_one(&queue, &me, done(&lease, b"result")).await;
    assert!(is_duplicate_of(&queue, timed("late"), "ended").await);
    assert_eq!(result_of(&queue, "ended").await.unwrap(), b"result");
}

pub(crate) async fn tasks_of_one_batch_meet_each_other(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let batch = vec![
        until_done("a", "k"),
        until_done("b", "k"),
        replacing("c", "k"),
        until_done("a", "k"),
        until_done("d", "l"),
        until_done("e", "k"),
    ];
    let answers = queue.enqueue(batch).await.unwrap();
    use Novelty::{Duplicate, Existing, New, Replaced};
    let expected =
        [("a", New), ("a", Duplicate), ("a", Replaced), ("a", Existing), ("d", New), ("a", Duplicate)];
    assert_eq!(answers, expected.map(|(holder, novelty)| Enqueued::new(id(holder), novelty)));
    let claimed = claim_all(&queue, &me).await;
    assert_eq!(sorted_ids(&claimed), ["a", "d"]);
    assert!(claimed.iter().any(|delivery| delivery.payload == b"c"));
}

pub(crate) async fn keys_of_queues_do_not_mix(setup: Setup) {
    let (queue, other) = (setup.queue(), Queue::new(setup.broker.clone(), "other").unwrap());
    assert!(is_new(&queue, until_done("a", "k")).await);
    assert!(is_new(&other, until_done("b", "k")).await);
    assert!(is_duplicate_of(&queue, until_done("b", "k"), "a").await);
}

pub(crate) async fn a_replayed_task_does_not_take_its_key_again(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(until_done("a", "k")).await.unwrap();
    queue.cancel(&id("a")).await.unwrap();
    queue.replay(vec![id("a")]).await.unwrap();
    assert!(is_new(&queue, until_done("b", "k")).await);
    let claimed = claim_all(&queue, &me).await;
    assert_eq!(sorted_ids(&claimed), ["a", "b"]);
    // Nor does it free the key of another.
    settle_one(&queue, &me, done(&lease_of(&claimed, "a"), b"")).await;
    assert!(is_duplicate_of(&queue, until_done("c", "k"), "b").await);
}
