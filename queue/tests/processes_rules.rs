//! What holds within a process holds between processes, and when they are killed in the middle: limits, keys, and the
//! order of tasks that wait for each other.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod children;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use children::{LEASE, PLACE, child_queue, id, report, reports, start};
use cofferdam_queue::{
    Delivery, Ending, Label, Limit, NewTask, Novelty, Queue, ReapScope, Setting, Settlement, Sqlite,
    TaskState, Unique, WorkerId,
};

const ROUNDS: usize = 4;
const HANDS: usize = 3;

/// No task may die of the kills.
const OFTEN: NonZeroU32 = NonZeroU32::new(100).unwrap();

fn label(name: &str) -> Label {
    Label::new(name).unwrap()
}

/// Claims one task after another, checks each, and records it, until somebody ends the process.
async fn work_on(queue: &Queue, name: &str, check: impl AsyncFn(&Delivery)) {
    let me = WorkerId::new(name).unwrap();
    loop {
        let claimed = queue.claim(&me, 1, LEASE).await.unwrap();
        if claimed.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for delivery in claimed {
            report("started", delivery.lease.task.as_str());
            check(&delivery).await;
            let ending = Ending::Done(vec![]);
            queue.settle(&me, vec![Settlement::new(delivery.lease, ending)]).await.unwrap();
        }
    }
}

/// Has children work and kills them, several times over, then takes back what the dead held. No child may have found
/// anything broken.
async fn kill_again_and_again(queue: &Queue, path: &Path, program: &str, clear: impl Fn()) {
    for round in 1..=ROUNDS {
        let names: Vec<String> = (0..HANDS).map(|hand| format!("hand-{round}-{hand}")).collect();
        let mut children: Vec<_> = names.iter().map(|name| start(program, path, name)).collect();
        let mut outputs: Vec<_> = children.iter_mut().map(reports).collect();
        // By the time the first has started so many, the others are somewhere in the middle.
        let seen: Vec<_> = outputs[0].by_ref().take(4 * round).collect();
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for (what, task) in seen.into_iter().chain(outputs.into_iter().flatten()) {
            assert_eq!(what, "started", "{task}");
        }
        clear();
        for load in queue.workers().await.unwrap() {
            queue.reap(ReapScope::Worker(load.worker)).await.unwrap();
        }
    }
}

async fn finish(queue: &Queue) {
    let survivor = WorkerId::new("survivor").unwrap();
    loop {
        let claimed = queue.claim(&survivor, 100, LEASE).await.unwrap();
        if claimed.is_empty() {
            return;
        }
        let endings = claimed.into_iter().map(|one| Settlement::new(one.lease, Ending::Done(vec![])));
        queue.settle(&survivor, endings.collect()).await.unwrap();
    }
}

/// Where running tasks leave a mark.
fn marks(path: &Path) -> PathBuf {
    path.with_extension("running")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program of a child process"]
async fn child_runs_limited_tasks() {
    let Some((queue, name)) = child_queue().await else { return };
    let folder = marks(Path::new(&std::env::var_os(PLACE).unwrap()));
    let check = async |delivery: &Delivery| {
        let mark = folder.join(delivery.lease.task.as_str());
        std::fs::write(&mark, "").unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        let running = std::fs::read_dir(&folder).unwrap().count();
        if running > 2 {
            report("broken", &format!("{running} run at once"));
        }
        std::fs::remove_file(&mark).unwrap();
    };
    work_on(&queue, &name, check).await;
}

#[tokio::test]
async fn a_limit_holds_between_processes_and_through_their_deaths() {
    const TASKS: usize = 600;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let running = marks(&path);
    std::fs::create_dir(&running).unwrap();
    let queue = Queue::new(Sqlite::open(&path).await.unwrap(), "q").unwrap();
    let two = Limit::concurrency(NonZeroU32::new(2).unwrap());
    queue.set(Setting::Limit(label("two"), Some(two))).await.unwrap();
    let limited =
        |number: usize| NewTask::new("").id(id(&number.to_string())).limit(label("two")).max_crashes(OFTEN);
    queue.enqueue((0..TASKS).map(limited).collect()).await.unwrap();
    kill_again_and_again(&queue, &path, "child_runs_limited_tasks", || {
        // A dead run has left its mark, and holds its place until it is taken back.
        for mark in std::fs::read_dir(&running).unwrap() {
            std::fs::remove_file(mark.unwrap().path()).unwrap();
        }
    })
    .await;
    // Neither did a place get lost.
    let survivor = WorkerId::new("survivor").unwrap();
    let held = queue.claim(&survivor, 10, LEASE).await.unwrap();
    assert_eq!(held.len(), 2);
    let endings = held.into_iter().map(|one| Settlement::new(one.lease, Ending::Done(vec![])));
    queue.settle(&survivor, endings.collect()).await.unwrap();
    finish(&queue).await;
    for number in 0..TASKS {
        let state = queue.state(&id(&number.to_string())).await.unwrap();
        assert!(matches!(state, Some(TaskState::Done { .. })), "{number}: {state:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program of a child process"]
async fn child_checks_what_came_before() {
    let Some((queue, name)) = child_queue().await else { return };
    let check = async |delivery: &Delivery| {
        for parent in std::str::from_utf8(&delivery.payload).unwrap().split_whitespace() {
            if !matches!(queue.state(&id(parent)).await.unwrap(), Some(TaskState::Done { .. })) {
                report("broken", &format!("{} ran before {parent}", delivery.lease.task));
            }
        }
    };
    work_on(&queue, &name, check).await;
}

#[tokio::test]
async fn tasks_wait_for_each_other_between_processes_and_through_their_deaths() {
    const TASKS: usize = 400;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let queue = Queue::new(Sqlite::open(&path).await.unwrap(), "q").unwrap();
    // Each waits for two before it, so that there are three ways at a time on which it goes on.
    let woven = |number: usize| {
        let parents: Vec<String> = [3, 7]
            .iter()
            .filter_map(|back| number.checked_sub(*back))
            .map(|parent| parent.to_string())
            .collect();
        NewTask::new(parents.join(" "))
            .id(id(&number.to_string()))
            .group(label("web"))
            .max_crashes(OFTEN)
            .after(parents.iter().map(|parent| id(parent)))
    };
    queue.enqueue((0..TASKS).map(woven).collect()).await.unwrap();
    let all = (0..TASKS).map(|number| id(&number.to_string()));
    queue.submit(NewTask::marker().id(id("all")).group(label("web")).after(all)).await.unwrap();
    kill_again_and_again(&queue, &path, "child_checks_what_came_before", || {}).await;
    let state = queue.state(&id("all")).await.unwrap();
    assert!(matches!(state, Some(TaskState::Blocked { remaining: 1.. })), "{state:?}");
    finish(&queue).await;
    let state = queue.state(&id("all")).await.unwrap();
    assert!(matches!(state, Some(TaskState::Done { .. })), "{state:?}");
    assert_eq!(queue.stats().await.unwrap().total(), cofferdam_queue::Counts::default());
}

#[tokio::test]
#[ignore = "the program of a child process"]
async fn child_takes_keys() {
    let Some((queue, name)) = child_queue().await else { return };
    for number in 0..100 {
        let key = format!("key-{number}");
        let task = NewTask::new(name.as_str()).unique(Unique::until_done(label(&key)));
        if queue.submit(task).await.unwrap().novelty == Novelty::New {
            report("took", &key);
        }
    }
}

#[tokio::test]
async fn of_many_processes_one_takes_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let queue = Queue::new(Sqlite::open(&path).await.unwrap(), "q").unwrap();
    let mut children: Vec<_> =
        (0..HANDS).map(|hand| start("child_takes_keys", &path, &hand.to_string())).collect();
    let mut taken: HashMap<String, usize> = HashMap::new();
    for output in children.iter_mut().map(reports).collect::<Vec<_>>() {
        for (_, key) in output {
            *taken.entry(key).or_default() += 1;
        }
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert!(taken.len() == 100 && taken.values().all(|times| *times == 1), "{taken:?}");
    assert_eq!(queue.stats().await.unwrap().total().ready, 100);
}
