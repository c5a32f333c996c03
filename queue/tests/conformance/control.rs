//! What people do to a queue while it runs: pause, drain, cancel, replay.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use cofferdam_queue::{
    Bound, Broker, Cancelled, Error, ErrorKind, Limit, MAX_BATCH, MAX_SCHEDULE_BYTES, Novelty, ReapScope,
    Section, Topic,
};

use super::*;

pub(crate) async fn a_paused_queue_takes_tasks_and_hands_out_none(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.enqueue(["settled", "renewed", "reaped"].map(task).into()).await.unwrap();
    let claimed = claim_all(&queue, &me).await;
    queue.set(Setting::Mode(Mode::Paused)).await.unwrap();
    assert_eq!(queue.submit(task("new")).await.unwrap().novelty, Novelty::New);
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(counts(&queue).await, [1, 0, 0, 3, 0]);

    // What runs may end, go on or be taken back.
    let settled = done(&lease_of(&claimed, "settled"), b"");
    assert_eq!(settle_one(&queue, &me, settled).await, Verdict::Recorded);
    setup.clock.advance(LEASE / 2);
    let renewed = vec![lease_of(&claimed, "renewed")];
    assert!(queue.renew(&me, renewed, LEASE).await.unwrap().is_empty());
    setup.clock.advance(LEASE / 2);
    assert_eq!(queue.reap(ReapScope::Expired).await.unwrap().len(), 1);
    assert!(claim_all(&queue, &me).await.is_empty());

    let mut listener = queue.listen(&Topic::Ready);
    queue.set(Setting::Mode(Mode::Running)).await.unwrap();
    assert!(is_heard(&mut listener).await);
    assert_eq!(sorted_ids(&claim_all(&queue, &me).await), ["new", "reaped"]);
}

pub(crate) async fn a_draining_queue_hands_out_what_it_has_and_takes_no_more(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a")).await.unwrap();
    queue.set(Setting::Mode(Mode::Draining)).await.unwrap();
    for refused in ["new", "a"] {
        let error = queue.submit(task(refused)).await.unwrap_err();
        assert!(matches!(&error, Error::Draining { queue } if queue == "q"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
    assert_eq!(queue.state(&id("new")).await.unwrap(), None);
    // A retry is no new task.
    for attempt in 1..=2 {
        let delivery = claim_one(&queue, &me).await;
        assert_eq!(delivery.attempt, attempt);
        settle_one(&queue, &me, failed(&delivery.lease, Duration::ZERO)).await;
    }
    queue.set(Setting::Mode(Mode::Running)).await.unwrap();
    assert_eq!(queue.submit(task("new")).await.unwrap().novelty, Novelty::New);
}

pub(crate) async fn settings_are_kept_for_each_queue(setup: Setup) {
    let queue = setup.queue();
    let other = Queue::new(setup.broker.clone(), "other").unwrap();
    let untouched = queue.settings().await.unwrap();
    assert_eq!(untouched.quarantine_after, NonZeroU32::new(5));
    assert_eq!((untouched.mode, untouched.limits.len(), untouched.weights.len()), (Mode::Running, 0, 0));
    let limit = Limit::concurrency(times(3)).and_rate(times(7), NonZeroU64::new(1500).unwrap());
    for setting in [
        Setting::Mode(Mode::Draining),
        Setting::Limit(label("rows"), Some(limit)),
        Setting::Limit(label("lifted"), Some(limit)),
        Setting::Limit(label("lifted"), None),
        Setting::Weight(label("large"), times(250)),
        Setting::Weight(label("ordinary"), times(300)),
        Setting::Weight(label("ordinary"), times(100)),
        Setting::QuarantineAfter(NonZeroU32::new(2)),
        Setting::Quarantine(label("second")),
        Setting::Quarantine(label("first")),
        Setting::Quarantine(label("released")),
        Setting::Quarantine(label("first")),
        Setting::Release(label("released")),
    ] {
        queue.set(setting).await.unwrap();
    }
    let settings = queue.settings().await.unwrap();
    assert_eq!(settings.mode, Mode::Draining);
    assert_eq!(settings.limits.into_iter().collect::<Vec<_>>(), [(label("rows"), limit)]);
    assert_eq!(settings.weights.into_iter().collect::<Vec<_>>(), [(label("large"), times(250))]);
    assert_eq!(settings.quarantine_after, NonZeroU32::new(2));
    assert_eq!(settings.quarantined, ["first", "second"].map(label));
    queue.set(Setting::QuarantineAfter(None)).await.unwrap();
    assert_eq!(queue.settings().await.unwrap().quarantine_after, None);
    assert_eq!(other.settings().await.unwrap(), untouched);
}

pub(crate) async fn schedules_are_kept_byte_for_byte(setup: Setup) {
    let queue = setup.queue();
    let every_byte: Vec<u8> = (0..=255).cycle().take(MAX_SCHEDULE_BYTES).collect();
    let set = async |name, value| queue.set(Setting::Schedule(label(name), value)).await;
    set("hourly", Some(b"old".to_vec())).await.unwrap();
    set("hourly", Some(every_byte.clone())).await.unwrap();
    set("empty", Some(Vec::new())).await.unwrap();
    set("deleted", Some(Vec::new())).await.unwrap();
    set("deleted", None).await.unwrap();
    let error = set("large", Some(vec![0; MAX_SCHEDULE_BYTES + 1])).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: MAX_SCHEDULE_BYTES, .. }), "{error}");
    let schedules = queue.settings().await.unwrap().schedules;
    let expected = [(label("empty"), Vec::new()), (label("hourly"), every_byte)];
    assert_eq!(schedules.into_iter().collect::<Vec<_>>(), expected);
}

pub(crate) async fn a_waiting_task_can_be_cancelled(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue(vec![task("ready"), task("delayed").delay(LEASE), task("kept")]).await.unwrap();
    let mut listener = queue.listen(&Topic::Task(id("ready")));
    let ids = ["ready", "delayed"].map(id).into();
    assert_eq!(queue.cancel_all(ids).await.unwrap(), [Cancelled::Waiting; 2]);
    assert!(is_heard(&mut listener).await);
    for name in ["ready", "delayed"] {
        assert_eq!(death_of(&queue, name).await, (DeathReason::Cancelled, "cancelled".to_owned()));
        assert_eq!(queue.submit(task(name)).await.unwrap().novelty, Novelty::Existing);
    }
    setup.clock.advance(LEASE);
    assert_eq!(sorted_ids(&claim_all(&queue, &worker("w")).await), ["kept"]);
    assert_eq!(counts(&queue).await, [0, 0, 0, 1, 2]);
}

pub(crate) async fn a_running_task_can_be_cancelled(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a")).await.unwrap();
    let delivery = claim_one(&queue, &me).await;
    let mut listener = queue.listen(&Topic::Task(id("a")));
    assert_eq!(queue.cancel(&id("a")).await.unwrap(), Cancelled::Running);
    assert!(is_heard(&mut listener).await);
    // The worker hears of it at the next renewal, and nothing that it says counts.
    assert_eq!(queue.renew(&me, vec![delivery.lease.clone()], LEASE).await.unwrap(), [id("a")]);
    for settlement in [done(&delivery.lease, b"late"), crashed(&delivery.lease)] {
        assert_eq!(settle_one(&queue, &me, settlement).await, Verdict::LeaseLost);
    }
    setup.clock.advance(LEASE);
    assert!(queue.reap(ReapScope::Expired).await.unwrap().is_empty());
    assert_eq!(death_of(&queue, "a").await.0, DeathReason::Cancelled);
    let dead = queue.peek(Section::Dead, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].crashes, dead[0].failures), (1, 0, 0));
}

pub(crate) async fn a_finished_task_cannot_be_cancelled(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for name in ["done", "dead"] {
        queue.submit(task(name).max_attempts(times(1))).await.unwrap();
    }
    let claimed = claim_all(&queue, &me).await;
    let failure = failed(&lease_of(&claimed, "dead"), Duration::ZERO);
    queue.settle(&me, vec![done(&lease_of(&claimed, "done"), b"ok"), failure]).await.unwrap();
    queue.submit(task("twice")).await.unwrap();
    let ids = ["done", "nobody", "twice", "dead", "twice"].map(id).into();
    let answers = queue.cancel_all(ids).await.unwrap();
    use Cancelled::{Finished, Unknown, Waiting};
    assert_eq!(answers, [Finished, Unknown, Waiting, Finished, Finished]);
    assert_eq!(result_of(&queue, "done").await.unwrap(), b"ok");
    assert_eq!(death_of(&queue, "dead").await, (DeathReason::Failures, "no luck".to_owned()));
}

pub(crate) async fn a_dead_task_is_replayed_as_if_it_were_new(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a").max_attempts(times(2)).max_crashes(times(2))).await.unwrap();
    for settlement in [crashed as fn(&Lease) -> Settlement, |lease| failed(lease, Duration::ZERO)] {
        let lease = claim_one(&queue, &me).await.lease;
        settle_one(&queue, &me, settlement(&lease)).await;
    }
    let lease = claim_one(&queue, &me).await.lease;
    assert_eq!(settle_one(&queue, &me, crashed(&lease)).await, Verdict::Dead);
    queue.submit(task("waiting")).await.unwrap();

    setup.clock.advance(Duration::from_secs(60));
    let mut listener = queue.listen(&Topic::Ready);
    let ids = ["waiting", "a", "nobody", "a"].map(id).into();
    assert_eq!(queue.replay(ids).await.unwrap(), [false, true, false, false]);
    assert!(is_heard(&mut listener).await);
    let claimed = claim_all(&queue, &me).await;
    let again = claimed.iter().find(|one| one.lease.task == id("a")).unwrap();
    assert_eq!((again.attempt, again.crashes, again.waited), (1, 0, Duration::ZERO));
    assert_eq!(again.payload, b"a");
    // It has as many runs before it as at first.
    assert_eq!(settle_one(&queue, &me, crashed(&again.lease)).await, Verdict::Retrying);
    let lease = claim_one(&queue, &me).await.lease;
    assert_eq!(settle_one(&queue, &me, done(&lease, b"at last")).await, Verdict::Recorded);
    assert_eq!(queue.replay(vec![id("a")]).await.unwrap(), [false]);
    assert_eq!(result_of(&queue, "a").await.unwrap(), b"at last");
}

pub(crate) async fn a_replayed_task_may_be_cancelled_and_replayed_again(setup: Setup) {
    let queue = setup.queue();
    queue.submit(task("a").delay(LEASE)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(queue.cancel(&id("a")).await.unwrap(), Cancelled::Waiting);
        assert_eq!(queue.replay(vec![id("a")]).await.unwrap(), [true]);
        assert_eq!(counts(&queue).await, [1, 0, 0, 0, 0]);
    }
    assert_eq!(sorted_ids(&claim_all(&queue, &worker("w")).await), ["a"]);
}

pub(crate) async fn calls_of_people_are_bounded_as_well(setup: Setup) {
    let queue = setup.queue();
    let name = queue.name().clone();
    let ids = || (0..=MAX_BATCH).map(|n| id(&n.to_string())).collect::<Vec<_>>();
    let refused = |error: Error| {
        assert!(matches!(error, Error::BatchTooLarge { count: 501, limit: 500, .. }), "{error}");
    };
    refused(queue.cancel_all(ids()).await.unwrap_err());
    refused(queue.replay(ids()).await.unwrap_err());
    refused(queue.peek(Section::Ready, MAX_BATCH + 1).await.unwrap_err());
    refused(setup.broker.purge(&name, Section::Dead, MAX_BATCH + 1).await.unwrap_err());
    assert!(setup.broker.enqueue(&name, Vec::new(), Bound::default()).await.unwrap().is_empty());
    assert!(queue.cancel_all(Vec::new()).await.unwrap().is_empty());
}
