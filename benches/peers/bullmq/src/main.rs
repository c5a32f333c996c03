//! BullMQ, by the crate of its own makers.
//!
//! Tasks are added by `add_bulk`, which sends a whole portion at once. One worker runs many jobs at a time, as BullMQ
//! advises for jobs that wait more than they compute: its calls then share writes and reads of one connection, and each
//! call that finishes a job brings the next. Fifty at a time were the best of 1 to 500, and portions from 100 to 5,000
//! alike. Jobs and their return values are kept, as they are by default; to have them removed costs as much. Nobody
//! listens to events, but they are always written. On a cluster a queue is one slot, by a prefix in braces.
#![forbid(unsafe_code)]

#[path = "../../turn.rs"]
mod turn;

use bullmq::options::RedisConnectionOptions;
use bullmq::worker::WorkerEvent;
use bullmq::{BulkJob, Job, Queue, QueueOptions, Worker, WorkerOptions};
use turn::{Counter, Phase, Problem, RESULT, Tally, Turn, begin, done, tell};

const NAME: &str = "tasks";
const PREFIX: &str = "{compare-queue}";

/// Milliseconds until a worker that does not close is left alone.
const CLOSE: u64 = 5000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Problem> {
    let turn = Turn::from_arguments()?;
    if turn.variant != "default" {
        return Err(format!("there is no variant {:?}", turn.variant).into());
    }
    tell(match turn.phase {
        Phase::Enqueue => enqueue(&turn).await?,
        Phase::Work => work(&turn).await?,
    })
}

async fn enqueue(turn: &Turn) -> Result<Tally, Problem> {
    let queue = queue(turn).await?;
    begin()?;
    for payloads in turn.portions(turn.batch.unwrap_or(100)) {
        let jobs = payloads.into_iter().map(|payload| BulkJob::new("task", payload)).collect();
        queue.add_bulk(jobs).await?;
    }
    done()?;
    Ok(turn.whole())
}

async fn work(turn: &Turn) -> Result<Tally, Problem> {
    let counter = Counter::default();
    let processor = {
        let counter = counter.clone();
        move |job: Job, _| {
            let counted =
                job.data().as_str().ok_or("a payload was changed".into()).and_then(|text| counter.add(text));
            async move {
                counted.map_err(|problem| bullmq::Error::ProcessingError(problem.to_string()))?;
                Ok(RESULT.into())
            }
        }
    };
    let options = WorkerOptions::new().connection(connection(turn)).prefix(PREFIX);
    let options = options.concurrency(turn.batch.unwrap_or(50)).manual_start();
    let worker = Worker::with_options(NAME, processor, options).await?;
    begin()?;
    worker.run().await?;
    let mut completed = 0;
    while completed < turn.tasks {
        match worker.next_event().await {
            Some(WorkerEvent::Completed { .. }) => completed += 1,
            Some(WorkerEvent::Failed { error, .. } | WorkerEvent::Error(error)) => return Err(error.into()),
            Some(_) => {}
            None => return Err("the worker ended early".into()),
        }
    }
    done()?;
    let results = queue(turn).await?.get_completed_count().await?;
    turn.check(results.try_into()?)?;
    worker.close(CLOSE).await?;
    Ok(counter.tally())
}

async fn queue(turn: &Turn) -> Result<Queue, Problem> {
    let options = QueueOptions::new().connection(connection(turn)).prefix(PREFIX);
    Ok(Queue::with_options(NAME, options).await?)
}

fn connection(turn: &Turn) -> RedisConnectionOptions {
    if turn.address.contains(',') {
        RedisConnectionOptions::new().cluster_nodes(turn.address.split(','))
    } else {
        RedisConnectionOptions::new().url(&turn.address)
    }
}
