//! Tasks that are not worth running after some time.

use std::time::Duration;

use cofferdam_queue::{Clock, Mode, ReapScope, Setting, Topic};

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);

fn expired() -> (DeathReason, String) {
    (DeathReason::Expired, "its deadline passed before a worker took it".to_owned())
}

pub(crate) async fn a_task_past_its_deadline_dies_unrun(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("late").deadline(DEADLINE)).await.unwrap();
    setup.clock.advance(DEADLINE);
    // It is the claim that looks, not the clock.
    assert_eq!(counts(&queue).await, [1, 0, 0, 0, 0]);
    let mut listener = queue.listen(&Topic::Task(id("late")));
    assert!(claim_all(&queue, &me).await.is_empty());
    assert!(is_heard(&mut listener).await);
    assert_eq!(death_of(&queue, "late").await, expired());
    assert_eq!(counts(&queue).await, [0, 0, 0, 0, 1]);
}

pub(crate) async fn a_task_before_its_deadline_runs_and_knows_it(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let deadline = setup.clock.now() + DEADLINE;
    queue.submit(task("a").deadline(DEADLINE).delay(DEADLINE / 2)).await.unwrap();
    setup.clock.advance(DEADLINE - Duration::from_millis(1));
    let delivery = claim_one(&queue, &me).await;
    assert_eq!(delivery.deadline, Some(deadline));
    // Once begun, it may take its time.
    setup.clock.advance(DEADLINE);
    assert_eq!(settle_one(&queue, &me, done(&delivery.lease, b"late")).await, Verdict::Recorded);
    queue.submit(task("b")).await.unwrap();
    assert_eq!(claim_one(&queue, &me).await.deadline, None);
}

pub(crate) async fn expired_tasks_take_no_places(setup: Setup) {
    let queue = setup.queue();
    let late = |n: i32| task(&format!("late {n}")).deadline(DEADLINE);
    queue.enqueue((0..700).map(late).collect()).await.unwrap();
    setup.clock.advance(DEADLINE);
    queue.enqueue(["a", "b", "c"].map(task).into()).await.unwrap();
    assert_eq!(claim_ids(&queue, &worker("w"), 2).await, ["a", "b"]);
    assert_eq!(counts(&queue).await, [1, 0, 0, 2, 700]);
}

pub(crate) async fn tasks_that_come_back_expire_as_well(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for name in ["failed", "crashed", "handed back", "reaped"] {
        queue.submit(task(name).deadline(DEADLINE)).await.unwrap();
    }
    let claimed = claim_all(&queue, &me).await;
    setup.clock.advance(DEADLINE);
    let settlements = vec![
        failed(&lease_of(&claimed, "failed"), LEASE),
        crashed(&lease_of(&claimed, "crashed")),
        handed_back(&lease_of(&claimed, "handed back")),
    ];
    queue.settle(&me, settlements).await.unwrap();
    assert_eq!(queue.reap(ReapScope::Expired).await.unwrap().len(), 1);
    assert!(claim_all(&queue, &me).await.is_empty());
    // The one that failed waits for its back-off first.
    assert_eq!(counts(&queue).await, [0, 1, 0, 0, 3]);
    setup.clock.advance(LEASE);
    assert!(claim_all(&queue, &me).await.is_empty());
    for name in ["failed", "crashed", "handed back", "reaped"] {
        assert_eq!(death_of(&queue, name).await, expired(), "{name}");
    }
}

pub(crate) async fn nothing_expires_in_a_paused_queue(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a").deadline(DEADLINE)).await.unwrap();
    queue.set(Setting::Mode(Mode::Paused)).await.unwrap();
    setup.clock.advance(DEADLINE);
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(counts(&queue).await, [1, 0, 0, 0, 0]);
    queue.set(Setting::Mode(Mode::Running)).await.unwrap();
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(death_of(&queue, "a").await, expired());
}

pub(crate) async fn a_replayed_task_has_no_deadline(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a").deadline(Duration::ZERO)).await.unwrap();
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(queue.replay(vec![id("a")]).await.unwrap(), [true]);
    setup.clock.advance(DEADLINE);
    let delivery = claim_one(&queue, &me).await;
    assert_eq!((delivery.deadline, delivery.attempt), (None, 1));
}
