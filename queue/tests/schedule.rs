//! Schedules: what fires when, what is made up for, and that no time counts twice.
#![cfg(feature = "cron")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backends;
mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use backends::Backend;
use cofferdam_queue::{
    Clock, Error, ErrorKind, Job, ManualClock, MissedFire, NewTask, Priority, Queue, Schedule, Section,
    Setting, Unique, WorkerId,
};
use support::{PATIENCE, builder, label};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

on_every_backend! {
    a_schedule_fires_at_its_times_and_once_for_each
    missed_times_are_made_up_for_as_the_policy_says
    what_is_late_by_less_than_a_minute_is_on_time
    a_clock_that_steps_back_fires_nothing_twice
    of_many_who_fire_one_has_an_effect
    the_task_is_as_the_template_says
    a_program_may_schedule_at_each_start_and_a_change_begins_anew
    a_zone_is_kept_and_used
    a_record_that_cannot_be_read_harms_nobody_but_itself
    workers_fire_every_second_and_no_second_twice
    a_worker_whose_clock_jumps_makes_up_for_it
    a_schedule_outlives_whoever_made_it
}

/// Midnight of the first of January 2020 in UTC, where manual clocks begin.
fn start() -> SystemTime {
    ManualClock::new().now()
}

fn hourly(missed: MissedFire) -> Schedule {
    Schedule::new(label("hourly"), "0 * * * *", NewTask::new("tick")).unwrap().since(start()).missed(missed)
}

async fn fire(queue: &Queue, now: SystemTime) -> Vec<String> {
    queue.fire_schedules(now).await.unwrap().iter().map(ToString::to_string).collect()
}

/// The ids of the ready tasks, sorted, since those on different shards have no order.
async fn ready(queue: &Queue) -> Vec<String> {
    let tasks = queue.peek(Section::Ready, 500).await.unwrap();
    let mut ids: Vec<String> = tasks.iter().map(|task| task.id.to_string()).collect();
    ids.sort_unstable();
    ids
}

async fn a_schedule_fires_at_its_times_and_once_for_each(backend: Backend) {
    let queue = backend.queue().await;
    queue.schedule(hourly(MissedFire::Skip)).await.unwrap();
    assert!(fire(&queue, start() + HOUR - Duration::from_millis(1)).await.is_empty());
    assert_eq!(fire(&queue, start() + HOUR).await, ["hourly@2020-01-01T01:00:00Z"]);
    for _ in 0..3 {
        assert!(fire(&queue, start() + HOUR + MINUTE / 2).await.is_empty());
    }
    assert_eq!(
        fire(&queue, start() + 2 * HOUR + Duration::from_millis(70)).await,
        ["hourly@2020-01-01T02:00:00Z"]
    );
    assert_eq!(ready(&queue).await, ["hourly@2020-01-01T01:00:00Z", "hourly@2020-01-01T02:00:00Z"]);
    let view = queue.schedules().await.unwrap().remove(0);
    assert_eq!((view.name.as_str(), view.expression.as_str(), &view.zone), ("hourly", "0 * * * *", &None));
    assert_eq!((view.last_fired, view.next), (Some(start() + 2 * HOUR), Some(start() + 3 * HOUR)));
}

/// The clock jumps over five times, half an hour past the last.
async fn missed_times_are_made_up_for_as_the_policy_says(backend: Backend) {
    let hours = |hours: &[u8]| -> Vec<String> {
        hours.iter().map(|hour| format!("hourly@2020-01-01T{hour:02}:00:00Z")).collect()
    };
    let broker = backend.broker().await;
    for (name, missed, expected) in [
        ("skip", MissedFire::Skip, &[][..]),
        ("once", MissedFire::Once, &[5]),
        ("three", MissedFire::Each { max: 3 }, &[3, 4, 5]),
        ("all", MissedFire::Each { max: 100 }, &[1, 2, 3, 4, 5]),
    ] {
        let queue = Queue::new(broker.clone(), name).unwrap();
        queue.schedule(hourly(missed)).await.unwrap();
        let jumped = start() + 5 * HOUR + HOUR / 2;
        assert_eq!(fire(&queue, jumped).await, hours(expected), "{missed:?}");
        assert!(fire(&queue, jumped + MINUTE).await.is_empty(), "{missed:?}");
        // The next one comes as if nothing had happened, late by less than a minute or not.
        assert_eq!(fire(&queue, start() + 6 * HOUR + MINUTE / 2).await, hours(&[6]), "{missed:?}");
        assert_eq!(ready(&queue).await.len(), expected.len() + 1);
    }
}

/// A worker that hangs for less than a minute has missed nothing.
async fn what_is_late_by_less_than_a_minute_is_on_time(backend: Backend) {
    let broker = backend.broker().await;
    for (name, missed, older) in [
        ("skip", MissedFire::Skip, 0),
        ("once", MissedFire::Once, 1),
        ("two", MissedFire::Each { max: 2 }, 2),
    ] {
        let queue = Queue::new(broker.clone(), name).unwrap();
        let often = Schedule::new(label("often"), "*/10 * * * * *", NewTask::new("")).unwrap();
        queue.schedule(often.since(start()).missed(missed)).await.unwrap();
        // Six times lie from thirty to eighty seconds past, and two before that.
        let fired = fire(&queue, start() + Duration::from_secs(85)).await;
        assert_eq!(fired.len(), 6 + older, "{missed:?}: {fired:?}");
        assert_eq!(fired.last().unwrap(), "often@2020-01-01T00:01:20Z");
    }
}

async fn a_clock_that_steps_back_fires_nothing_twice(backend: Backend) {
    let queue = backend.queue().await;
    queue.schedule(hourly(MissedFire::Each { max: 100 })).await.unwrap();
    fire(&queue, start() + 3 * HOUR).await;
    for back in [2 * HOUR, HOUR + MINUTE, 3 * HOUR] {
        assert!(fire(&queue, start() + back).await.is_empty());
    }
    assert_eq!(fire(&queue, start() + 4 * HOUR).await, ["hourly@2020-01-01T04:00:00Z"]);
    assert_eq!(ready(&queue).await.len(), 4);
}

async fn of_many_who_fire_one_has_an_effect(backend: Backend) {
    let queue = backend.queue().await;
    queue.schedule(hourly(MissedFire::Once)).await.unwrap();
    let brokers = [backend.queue().await, backend.queue().await, backend.queue().await];
    let mut hands = tokio::task::JoinSet::new();
    for hand in 0..18 {
        let queue = brokers[hand % brokers.len()].clone();
        hands.spawn(async move { queue.fire_schedules(start() + HOUR).await.unwrap() });
    }
    hands.join_all().await;
    assert_eq!(ready(&queue).await, ["hourly@2020-01-01T01:00:00Z"]);
}

async fn the_task_is_as_the_template_says(backend: Backend) {
    let queue = backend.queue().await;
    let template = NewTask::new("tick")
        .kind(label("k"))
        .tenant(label("t"))
        .priority(Priority::High)
        .unique(Unique::until_done(label("one at a time")));
    let hourly = Schedule::new(label("hourly"), "@hourly", template).unwrap().since(start());
    queue.schedule(hourly).await.unwrap();
    fire(&queue, start() + HOUR).await;
    // The key is still held, so the second time is dropped.
    fire(&queue, start() + 2 * HOUR).await;
    let claimed = queue.claim(&WorkerId::new("w").unwrap(), 9, PATIENCE).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].payload.as_slice(), claimed[0].kind.clone()), (&b"tick"[..], Some(label("k"))));
    assert_eq!(claimed[0].lease.priority, Priority::High);
}

async fn a_program_may_schedule_at_each_start_and_a_change_begins_anew(backend: Backend) {
    let queue = backend.queue().await;
    queue.schedule(hourly(MissedFire::Once)).await.unwrap();
    fire(&queue, start() + HOUR).await;
    // The same again, later: what it has fired is remembered.
    queue.schedule(hourly(MissedFire::Once).since(start() + 9 * HOUR)).await.unwrap();
    let view = queue.schedules().await.unwrap().remove(0);
    assert_eq!((view.since, view.last_fired), (start(), Some(start() + HOUR)));
    // Another expression: what passed before the change is not made up for.
    let changed = Schedule::new(label("hourly"), "30 * * * *", NewTask::new("tick")).unwrap();
    queue.schedule(changed.since(start() + 5 * HOUR)).await.unwrap();
    assert_eq!(queue.schedules().await.unwrap()[0].last_fired, None);
    assert_eq!(fire(&queue, start() + 6 * HOUR).await, ["hourly@2020-01-01T05:30:00Z"]);
    queue.unschedule(&label("hourly")).await.unwrap();
    assert!(fire(&queue, start() + 99 * HOUR).await.is_empty());
    assert!(queue.settings().await.unwrap().schedules.is_empty());
}

async fn a_zone_is_kept_and_used(backend: Backend) {
    let queue = backend.queue().await;
    let daily = Schedule::new(label("daily"), "0 9 * * *", NewTask::new("")).unwrap();
    queue.schedule(daily.in_zone("Asia/Tokyo").unwrap().since(start())).await.unwrap();
    assert_eq!(
        fire(&queue, start() + 2 * 24 * HOUR).await,
        ["daily@2020-01-02T00:00:00Z", "daily@2020-01-03T00:00:00Z"]
    );
    assert_eq!(queue.schedules().await.unwrap()[0].zone.as_deref(), Some("Asia/Tokyo"));
}

async fn a_record_that_cannot_be_read_harms_nobody_but_itself(backend: Backend) {
    let queue = backend.queue().await;
    queue.schedule(hourly(MissedFire::Once)).await.unwrap();
    queue.set(Setting::Schedule(label("damaged"), Some(b"\x01nonsense".to_vec()))).await.unwrap();
    queue.set(Setting::Schedule(label("newer"), Some(b"\x63later".to_vec()))).await.unwrap();
    assert!(matches!(queue.fire_schedules(start()).await, Err(Error::DamagedRecord { .. })));
    // A worker goes on to those that it can read.
    let clock = ManualClock::new();
    clock.advance(HOUR);
    let watched = queue.clone();
    let fired = async move {
        let id = cofferdam_queue::TaskId::new("hourly@2020-01-01T01:00:00Z").unwrap();
        while watched.state(&id).await.unwrap().is_none_or(|state| !state.is_finished()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let worker = builder(&queue).clock(Arc::new(clock)).build().unwrap();
    tokio::time::timeout(PATIENCE, worker.run(|_: Job| async { Ok(vec![]) }, fired)).await.unwrap().unwrap();
    // Whoever knows what it should be replaces it.
    let again = Schedule::new(label("damaged"), "@daily", NewTask::new("")).unwrap();
    queue.schedule(again).await.unwrap();
    queue.unschedule(&label("newer")).await.unwrap();
    assert_eq!(queue.schedules().await.unwrap().len(), 2);
}

async fn workers_fire_every_second_and_no_second_twice(backend: Backend) {
    let queue = backend.queue().await;
    let every_second = Schedule::new(label("s"), "* * * * * *", NewTask::new("")).unwrap();
    queue.schedule(every_second).await.unwrap();
    let runs = Arc::new(Mutex::new(Vec::new()));
    let work = |queue: Queue| {
        let (seen, other) = (Arc::clone(&runs), Arc::clone(&runs));
        let handler = move |job: Job| {
            seen.lock().unwrap().push(job.id().to_string());
            std::future::ready(Ok(Vec::new()))
        };
        let enough = async move {
            while other.lock().unwrap().len() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        async move { builder(&queue).build().unwrap().run(handler, enough).await.unwrap() }
    };
    let elsewhere = backend.queue().await;
    let both = async { tokio::join!(work(queue), work(elsewhere)) };
    tokio::time::timeout(PATIENCE, both).await.unwrap();
    let runs = runs.lock().unwrap().clone();
    let distinct: std::collections::HashSet<_> = runs.iter().collect();
    assert_eq!(distinct.len(), runs.len(), "{runs:?}");
    let mut seconds: Vec<u64> = runs
        .iter()
        .map(|id| {
            let clock = id.strip_prefix("s@").unwrap().strip_suffix('Z').unwrap().rsplit(':');
            let parts: Vec<u64> = clock.take(2).map(|part| part.parse().unwrap()).collect();
            parts[0] + 60 * parts[1]
        })
        .collect();
    seconds.sort_unstable();
    for pair in seconds.windows(2) {
        assert!(pair[1] == pair[0] + 1 || pair[1] == pair[0] + 1 - 3600, "{runs:?}");
    }
}

async fn a_worker_whose_clock_jumps_makes_up_for_it(backend: Backend) {
    let queue = backend.queue().await;
    queue.schedule(hourly(MissedFire::Once)).await.unwrap();
    let clock = ManualClock::new();
    let (watched, jumping) = (queue.clone(), clock.clone());
    let jump = async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        jumping.advance(3 * HOUR + HOUR / 2);
        let id = cofferdam_queue::TaskId::new("hourly@2020-01-01T03:00:00Z").unwrap();
        while watched.state(&id).await.unwrap().is_none_or(|state| !state.is_finished()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let worker = builder(&queue).clock(Arc::new(clock)).build().unwrap();
    let run = worker.run(|_: Job| async { Ok(Vec::new()) }, jump);
    let counters = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
    assert_eq!(counters.processed, 1);
}

async fn a_schedule_outlives_whoever_made_it(backend: Backend) {
    let queue = backend.queue().await;
    queue.schedule(hourly(MissedFire::Each { max: 9 })).await.unwrap();
    assert_eq!(fire(&queue, start() + HOUR).await.len(), 1);
    drop(queue);
    let queue = backend.queue().await;
    assert_eq!(
        fire(&queue, start() + 3 * HOUR).await,
        ["hourly@2020-01-01T02:00:00Z", "hourly@2020-01-01T03:00:00Z"]
    );
}

#[test]
fn what_cannot_be_a_schedule_is_refused_with_a_remedy() {
    let new = |name: &str, expression: &str| Schedule::new(label(name), expression, NewTask::new(""));
    let longest = "x".repeat(58);
    assert!(new(&longest, "* * * * *").is_ok());
    for (name, expression) in
        [("a@b", "* * * * *"), (&"x".repeat(59), "* * * * *"), ("a", "0 0 30 2 *"), ("a", "tomorrow")]
    {
        let error = new(name, expression).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    let error = new("a", "0 0 30 2 *").unwrap_err().to_string();
    assert_eq!(
        error,
        "the schedule \"0 0 30 2 *\" cannot be used: no time will ever match it; check the day, the month and the year"
    );
    assert!(
        new("a", "* * * * *").unwrap().in_zone("Mars/Olympus").unwrap_err().to_string().contains("tzdata")
    );
    let waits = NewTask::new("").group(label("g")).after([cofferdam_queue::TaskId::random()]);
    assert!(Schedule::new(label("a"), "* * * * *", waits).is_err());
}
