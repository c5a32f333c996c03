//! Schedules that real processes fire side by side: no time runs twice and none is left out, though one of the processes
//! is killed on the way.
#![cfg(all(feature = "cron", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backends;
mod children;
mod support;

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::mpsc;
use std::time::SystemTime;

use backends::Backend;
use children::{PLACE, report, reports, start};
use cofferdam_queue::{Job, MissedFire, NewTask, Schedule};
use support::{PATIENCE, builder, id, label};

on_every_backend!(@sqlite a_time_fires_once_whoever_fires_and_dies);
#[cfg(feature = "redis")]
on_every_backend!(@single a_time_fires_once_whoever_fires_and_dies);
#[cfg(feature = "redis")]
on_every_backend!(@cluster a_time_fires_once_whoever_fires_and_dies);

/// After how many runs one of the processes is killed, and after how many the other.
const FIRST_KILL: usize = 2;
const SECOND_KILL: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program of a child process"]
async fn child_fires_and_works() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let worker = builder(&Backend::at(&place).queue().await).build().unwrap();
    let handler = |job: Job| async move {
        report("ran", job.id().as_str());
        Ok(Vec::new())
    };
    worker.run(handler, std::future::pending()).await.unwrap();
}

/// A child that ends with the test, however that ends.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// How often each task was run by the two processes.
fn runs(place: &str) -> BTreeMap<String, u32> {
    let (sender, ran) = mpsc::channel();
    let mut children = Vec::new();
    for name in ["one", "two"] {
        let mut child = start("child_fires_and_works", place, name);
        let (output, sender) = (reports(&mut child), sender.clone());
        children.push(Mortal(child));
        std::thread::spawn(move || output.for_each(|(_, task)| sender.send(task).unwrap()));
    }
    drop(sender);
    let mut runs = BTreeMap::new();
    let mut seen = 0;
    while let Ok(task) = ran.recv_timeout(PATIENCE) {
        *runs.entry(task).or_default() += 1;
        seen += 1;
        if seen == FIRST_KILL || seen == SECOND_KILL {
            children.pop();
        }
    }
    assert!(seen >= SECOND_KILL, "the schedule fires every second: {runs:?}");
    runs
}

async fn a_time_fires_once_whoever_fires_and_dies(backend: Backend) {
    let queue = backend.queue().await;
    let since = SystemTime::now();
    let schedule = Schedule::new(label("s"), "* * * * * *", NewTask::new("")).unwrap();
    queue.schedule(schedule.since(since).missed(MissedFire::Each { max: 1000 })).await.unwrap();
    let place = backend.place();
    let runs = tokio::task::spawn_blocking(move || runs(&place)).await.unwrap();
    // What a killed process had claimed is under its lease until long after this.
    assert!(runs.values().all(|times| *times == 1), "{runs:?}");
    // What it had fired and not written down fires again, under the same id.
    queue.fire_schedules(SystemTime::now()).await.unwrap();
    let fired = queue.schedules().await.unwrap()[0].last_fired.unwrap();
    let second = |time: SystemTime| jiff::Timestamp::try_from(time).unwrap().as_second();
    let names: Vec<String> = (second(since) + 1..=second(fired))
        .map(|second| format!("s@{}", jiff::Timestamp::from_second(second).unwrap()))
        .collect();
    for name in &names {
        assert!(queue.state(&id(name)).await.unwrap().is_some(), "{name} was left out of {names:?}");
    }
    assert!(runs.keys().all(|task| names.contains(task)), "{runs:?}");
}
