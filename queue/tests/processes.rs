//! Real processes on one file: killed in the middle of their work, and working side by side.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod children;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use children::{LEASE, child_queue, id, report, reports, start};
use cofferdam_queue::{Ending, NewTask, Queue, ReapScope, Settlement, Sqlite, TaskState, Verdict, WorkerId};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program of a child process"]
async fn child_works_until_killed() {
    let Some((queue, name)) = child_queue().await else { return };
    let producer = {
        let (queue, name) = (queue.clone(), name.clone());
        tokio::spawn(async move {
            for number in 0_u64.. {
                let task = format!("{name}-{number}");
                queue.submit(NewTask::new(task.as_str()).id(id(&task))).await.unwrap();
                report("enqueued", &task);
            }
        })
    };
    let me = WorkerId::new(&name).unwrap();
    loop {
        for delivery in queue.claim(&me, 5, LEASE).await.unwrap() {
            let task = delivery.lease.task.to_string();
            let ending = Ending::Done(format!("result of {task}").into_bytes());
            let verdicts = queue.settle(&me, vec![Settlement::new(delivery.lease, ending)]).await.unwrap();
            assert_eq!(verdicts, [Verdict::Recorded]);
            report("recorded", &task);
        }
        assert!(!producer.is_finished());
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let (mut enqueued, mut recorded) = (HashSet::new(), HashSet::new());
    for round in 1..=5_usize {
        let mut child = start("child_works_until_killed", &path, &format!("round-{round}"));
        let mut seen = 0;
        // The kill falls between, before or inside of transactions, as it happens; SIGKILL leaves no time to react.
        let lines = reports(&mut child);
        for (what, task) in lines {
            if what == "enqueued" {
                enqueued.insert(task)
            } else {
                recorded.insert(task)
            };
            seen += 1;
            if seen == 37 * round {
                child.kill().unwrap();
            }
        }
        assert!(seen >= 37 * round, "the child ended by itself after {seen} reports");
        child.wait().unwrap();

        let queue = Queue::new(Sqlite::open(&path).await.unwrap(), "q").unwrap();
        for task in &enqueued {
            assert!(queue.state(&id(task)).await.unwrap().is_some(), "{task} was answered and is lost");
        }
        for task in &recorded {
            let state = queue.state(&id(task)).await.unwrap();
            let result = format!("result of {task}").into_bytes();
            assert!(matches!(state, Some(TaskState::Done { result: kept, .. }) if kept == result), "{task}");
        }
    }
    // What the dead held comes back, and every task in the file can be brought to its end.
    let queue = Queue::new(Sqlite::open(&path).await.unwrap(), "q").unwrap();
    let survivor = WorkerId::new("survivor").unwrap();
    for task in &enqueued {
        if let Some(TaskState::Leased { worker, .. }) = queue.state(&id(task)).await.unwrap() {
            assert!(!queue.reap(ReapScope::Worker(worker)).await.unwrap().is_empty());
        }
    }
    loop {
        let claimed = queue.claim(&survivor, 500, LEASE).await.unwrap();
        if claimed.is_empty() {
            break;
        }
        let endings = claimed.into_iter().map(|one| Settlement::new(one.lease, Ending::Done(vec![])));
        queue.settle(&survivor, endings.collect()).await.unwrap();
    }
    for task in &enqueued {
        assert!(matches!(queue.state(&id(task)).await.unwrap(), Some(TaskState::Done { .. })), "{task}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program of a child process"]
async fn child_works_until_empty() {
    let Some((queue, name)) = child_queue().await else { return };
    let worker =
        cofferdam_queue::Worker::builder(queue.clone()).name(name.clone()).concurrency(4).build().unwrap();
    report("ready", &name);
    let shutdown = async move {
        while queue.state(&id("0")).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        while queue.stats().await.unwrap().total() != cofferdam_queue::Counts::default() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let handler = move |job: cofferdam_queue::Job| {
        let name = name.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            report("ran", job.id().as_str());
            Ok(name.into_bytes())
        }
    };
    worker.run(handler, shutdown).await.unwrap();
}

#[tokio::test]
async fn two_processes_share_the_work_and_no_task_runs_twice() {
    const TASKS: usize = 400;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let queue = Queue::new(Sqlite::open(&path).await.unwrap(), "q").unwrap();
    let mut children = ["one", "two"].map(|name| start("child_works_until_empty", &path, name));
    let mut outputs: Vec<_> = children.iter_mut().map(reports).collect();
    for output in &mut outputs {
        assert_eq!(output.next().expect("the child starts").0, "ready");
    }
    let tasks = (0..TASKS).map(|number| NewTask::new("").id(id(&number.to_string()))).collect();
    queue.enqueue(tasks).await.unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    let mut by_child: HashMap<Vec<u8>, HashSet<String>> = HashMap::new();
    for number in 0..TASKS {
        let left = patience.saturating_duration_since(Instant::now());
        match queue.wait(&id(&number.to_string()), left).await.unwrap() {
            TaskState::Done { result, .. } => by_child.entry(result).or_default().insert(number.to_string()),
            other => panic!("{number}: {other:?}"),
        };
    }
    for ((child, output), name) in children.iter_mut().zip(outputs).zip(["one", "two"]) {
        let ran: Vec<String> = output.map(|(_, task)| task).collect();
        let own: HashSet<String> = ran.iter().cloned().collect();
        assert_eq!(own.len(), ran.len(), "a task ran twice in one process");
        assert_eq!(Some(&own), by_child.get(name.as_bytes()), "what ran in {name} is what it recorded");
        assert!(child.wait().unwrap().success());
    }
}
