//! How people look at a queue, and how they clear it.

use std::time::Duration;

use cofferdam_queue::{Broker, Clock, Error, Novelty, Priority, Section, Topic, WorkerLoad};

use super::*;

async fn peek_ids(queue: &Queue, section: Section, max: usize) -> Vec<String> {
    queue.peek(section, max).await.unwrap().into_iter().map(|view| view.id.to_string()).collect()
}

pub(crate) async fn peek_shows_ready_tasks_in_the_order_of_their_claims(setup: Setup) {
    let queue = setup.queue();
    let delay = Duration::from_secs(1);
    queue.submit(task("delayed").delay(delay)).await.unwrap();
    let tasks = vec![
        task("low").priority(Priority::Low),
        task("first"),
        task("of a class").class(label("gpu")),
        task("of a tenant").tenant(label("t")),
        task("high").priority(Priority::High),
    ];
    queue.enqueue(tasks).await.unwrap();
    setup.clock.advance(delay);
    queue.submit(task("last")).await.unwrap();
    let order = ["high", "first", "of a class", "of a tenant", "delayed", "last", "low"];
    assert_eq!(peek_ids(&queue, Section::Ready, 500).await, order);
    assert_eq!(peek_ids(&queue, Section::Ready, 3).await, order[..3]);
    assert!(peek_ids(&queue, Section::Ready, 0).await.is_empty());
    assert_eq!(counts(&queue).await, [7, 0, 0, 0, 0]);
    for section in [Section::Delayed, Section::Blocked, Section::Leased, Section::Dead] {
        assert!(peek_ids(&queue, section, 500).await.is_empty());
    }
}

pub(crate) async fn peek_shows_delayed_tasks_by_their_time(setup: Setup) {
    let queue = setup.queue();
    let delayed = |name: &str, seconds| task(name).delay(Duration::from_secs(seconds));
    let tasks = vec![delayed("third", 9), delayed("first", 3), delayed("second", 5).priority(Priority::Low)];
    queue.enqueue(tasks).await.unwrap();
    assert_eq!(peek_ids(&queue, Section::Delayed, 10).await, ["first", "second", "third"]);
    setup.clock.advance(Duration::from_secs(3));
    assert_eq!(peek_ids(&queue, Section::Delayed, 10).await, ["second", "third"]);
    let view = queue.peek(Section::Delayed, 1).await.unwrap().pop().unwrap();
    assert_eq!(view.ready_at, setup.clock.now() + Duration::from_secs(2));
}

pub(crate) async fn peek_shows_running_tasks_by_the_end_of_their_lease(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.enqueue(["long", "short"].map(task).into()).await.unwrap();
    for lease in [LEASE * 2, LEASE] {
        queue.claim(&me, 1, lease).await.unwrap();
    }
    let running = queue.peek(Section::Leased, 10).await.unwrap();
    let seen: Vec<_> = running.iter().map(|view| (view.id.as_str(), view.worker.as_ref())).collect();
    assert_eq!(seen, [("short", Some(&me)), ("long", Some(&me))]);
}

pub(crate) async fn peek_shows_the_latest_death_first(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue(["a", "b", "c"].map(task).into()).await.unwrap();
    for name in ["b", "c", "a"] {
        queue.cancel(&id(name)).await.unwrap();
        setup.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(peek_ids(&queue, Section::Dead, 10).await, ["a", "c", "b"]);
    assert_eq!(peek_ids(&queue, Section::Dead, 1).await, ["a"]);
}

pub(crate) async fn peek_shows_what_is_known_of_a_task(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let enqueued_at = setup.clock.now();
    let told = NewTask::new("payload")
        .id(id("a"))
        .priority(Priority::High)
        .kind(label("kind"))
        .class(label("class"))
        .tenant(label("tenant"));
    queue.submit(told).await.unwrap();
    let places = || vec![Places { class: Some(label("class")), count: 1 }];
    for ending in [crashed as fn(&Lease) -> Settlement, |lease| failed(lease, LEASE)] {
        let step = Step::new(me.clone()).claim_places(places(), LEASE);
        let claimed = queue.step(step).await.unwrap().claimed;
        settle_one(&queue, &me, ending(&claimed[0].lease)).await;
    }
    let view = queue.peek(Section::Delayed, 1).await.unwrap().pop().unwrap();
    let labels = [view.kind, view.class, view.tenant];
    assert_eq!(labels, ["kind", "class", "tenant"].map(|text| Some(label(text))));
    assert_eq!((view.priority, view.payload.as_slice()), (Priority::High, &b"payload"[..]));
    assert_eq!((view.failures, view.crashes), (1, 1));
    assert_eq!((view.enqueued_at, view.ready_at), (enqueued_at, enqueued_at + LEASE));
    assert_eq!((view.worker, view.death), (None, None));
    queue.cancel(&id("a")).await.unwrap();
    let dead = queue.peek(Section::Dead, 1).await.unwrap().pop().unwrap();
    assert_eq!(dead.death, Some((DeathReason::Cancelled, "cancelled".to_owned())));
    assert_eq!(dead.payload, b"payload");
}

pub(crate) async fn purging_a_section_deletes_it_and_nothing_else(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("leased")).await.unwrap();
    let leased = claim_one(&queue, &me).await;
    let tasks =
        vec![task("ready"), task("delayed").delay(LEASE), task("dead"), task("low").priority(Priority::Low)];
    queue.enqueue(tasks).await.unwrap();
    queue.cancel(&id("dead")).await.unwrap();
    assert_eq!(counts(&queue).await, [2, 1, 0, 1, 1]);

    let error = queue.purge(Section::Leased).await.unwrap_err();
    assert!(matches!(error, Error::InvalidSetting { setting: "section", .. }), "{error}");
    let mut listener = queue.listen(&Topic::Task(id("delayed")));
    for (section, deleted, left) in [
        (Section::Dead, 1, [2, 1, 0, 1, 0]),
        (Section::Blocked, 0, [2, 1, 0, 1, 0]),
        (Section::Ready, 2, [0, 1, 0, 1, 0]),
        (Section::Delayed, 1, [0, 0, 0, 1, 0]),
    ] {
        assert_eq!(queue.purge(section).await.unwrap(), deleted, "{section:?}");
        assert_eq!(counts(&queue).await, left, "{section:?}");
    }
    // Those who wait for a deleted task learn that it is gone.
    assert!(is_heard(&mut listener).await);
    for name in ["ready", "delayed", "dead", "low"] {
        assert_eq!(queue.state(&id(name)).await.unwrap(), None);
        assert_eq!(queue.submit(task(name)).await.unwrap().novelty, Novelty::New);
    }
    assert_eq!(settle_one(&queue, &me, done(&leased.lease, b"")).await, Verdict::Recorded);
    assert_eq!(claim_all(&queue, &me).await.len(), 4);
}

pub(crate) async fn a_purge_deletes_no_more_than_it_is_told(setup: Setup) {
    let queue = setup.queue();
    queue.enqueue((0..7).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let purge = async |max| setup.broker.purge(queue.name(), Section::Ready, max).await.unwrap();
    assert_eq!(purge(3).await, 3);
    assert_eq!(peek_ids(&queue, Section::Ready, 10).await, ["3", "4", "5", "6"]);
    assert_eq!(purge(0).await, 0);
    assert_eq!(purge(500).await, 4);
    assert_eq!(purge(500).await, 0);
}

pub(crate) async fn workers_are_listed_with_what_they_hold(setup: Setup) {
    let queue = setup.queue();
    let (one, other) = (worker("b"), worker("a"));
    assert!(queue.workers().await.unwrap().is_empty());
    queue.enqueue((0..2).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let held = claim_all(&queue, &one).await;
    setup.clock.advance(LEASE / 3);
    queue.submit(task("2")).await.unwrap();
    let last = claim_one(&queue, &other).await;
    let now = setup.clock.now();
    let loads = [
        WorkerLoad::new(other.clone(), 1, now + LEASE),
        WorkerLoad::new(one.clone(), 2, now - LEASE / 3 + LEASE),
    ];
    assert_eq!(queue.workers().await.unwrap(), loads);
    // A worker is as good as the lease that ends first.
    queue.renew(&one, vec![held[0].lease.clone()], LEASE).await.unwrap();
    assert_eq!(queue.workers().await.unwrap(), loads);
    queue.settle(&one, vec![done(&held[1].lease, b"")]).await.unwrap();
    settle_one(&queue, &other, handed_back(&last.lease)).await;
    assert_eq!(queue.workers().await.unwrap(), [WorkerLoad::new(one, 1, now + LEASE)]);
}

pub(crate) async fn queues_are_listed_by_name(setup: Setup) {
    let me = worker("w");
    let names = async || {
        let names = setup.broker.queues().await.unwrap();
        names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert!(names().await.is_empty());
    let [looked_at, tasks, setting] =
        ["c", "b", "a"].map(|name| Queue::new(setup.broker.clone(), name).unwrap());
    looked_at.stats().await.unwrap();
    assert!(looked_at.claim(&me, 1, LEASE).await.unwrap().is_empty());
    assert_eq!(looked_at.state(&id("x")).await.unwrap(), None);
    tasks.submit(task("x")).await.unwrap();
    setting.set(Setting::Mode(Mode::Paused)).await.unwrap();
    assert_eq!(names().await, ["a", "b"]);
    // A finished task is a record as well.
    let lease = claim_one(&tasks, &me).await.lease;
    settle_one(&tasks, &me, done(&lease, b"")).await;
    assert_eq!(names().await, ["a", "b"]);
    tasks.forget(Duration::ZERO).await.unwrap();
    setting.set(Setting::Mode(Mode::Running)).await.unwrap();
    assert!(names().await.is_empty());
}
