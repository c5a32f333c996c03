//! What the tests of workers share.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub(crate) mod faulty;

use std::time::Duration;

use cofferdam_queue::{
    Backoff, Handler, Label, NewTask, ProgressSnapshot, Queue, TaskId, TaskState, Worker, WorkerBuilder,
};

/// Long enough that only a fault lets a test wait for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

pub(crate) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

pub(crate) fn task(text: &str) -> NewTask {
    NewTask::new(text).id(id(text))
}

pub(crate) fn builder(queue: &Queue) -> WorkerBuilder {
    Worker::builder(queue.clone()).backoff(Backoff::NONE).poll_interval(Duration::from_millis(10))
}

/// Runs a worker until these tasks are finished, and answers its counters and where the tasks stand.
pub(crate) async fn run_until_finished<H: Handler>(
    queue: &Queue,
    worker: Worker,
    handler: H,
    tasks: &[&str],
) -> (ProgressSnapshot, Vec<TaskState>) {
    let (watched, ids) = (queue.clone(), tasks.iter().map(|task| id(task)).collect::<Vec<_>>());
    let finished = async move {
        for id in &ids {
            assert!(watched.wait(id, PATIENCE).await.unwrap().is_finished(), "{id} did not finish");
        }
    };
    let counters = worker.run(handler, finished).await.unwrap();
    let ids = tasks.iter().map(|task| id(task)).collect();
    (counters, queue.states(ids).await.unwrap().into_iter().map(Option::unwrap).collect())
}
