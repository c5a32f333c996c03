//! apalis on Redis.
//!
//! Tasks are pushed by `push_bulk`, which is one script call a portion, and fetched in batches of the same size: 1,000, the
//! best of 10 to 2,000. Handlers are spawned (`parallelize`), so that their results come in batches, too. Results are
//! recorded, as they are by default.
//!
//! - `default` locks each task before it runs, and publishes what happens to it.
//! - `fast` does neither. The documentation allows to leave locks away for tasks that are shorter than a heartbeat, as
//!   these are, and nobody listens to the events. A worker's tasks are still recorded as its own, and go to others
//!   should it die.
//!
//! On a cluster the queue's name is in braces, so that all of its keys lie in one slot.
#![forbid(unsafe_code)]

#[path = "../../turn.rs"]
mod turn;

use apalis::prelude::{BoxDynError, ParallelizeExt as _, TaskSink as _, WorkerBuilder, WorkerContext};
use apalis_redis::{Config, ConnectionLike, RedisStorage};
use turn::{Counter, Phase, Problem, RESULT, Tally, Turn, begin, done, tell};

const NAME: &str = "{compare-queue}";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Problem> {
    let turn = Turn::from_arguments()?;
    tell(if turn.address.contains(',') {
        let client = redis::cluster::ClusterClient::new(turn.address.split(','))?;
        take(&turn, client.get_async_connection().await?).await?
    } else {
        take(&turn, apalis_redis::connect(turn.address.as_str()).await?).await?
    })
}

async fn take<C>(turn: &Turn, connection: C) -> Result<Tally, Problem>
where
    C: ConnectionLike + Clone + Send + Sync + Unpin + 'static,
{
    let batch = turn.batch.unwrap_or(1000);
    let config = Config::default().queue(NAME).batch_size(batch);
    let config = match turn.variant.as_str() {
        "default" => config,
        "fast" => config.lock_tasks(false).emit_events(false),
        other => return Err(format!("there is no variant {other:?}").into()),
    };
    let storage = RedisStorage::new(connection.clone()).with_config(config);
    match turn.phase {
        Phase::Enqueue => enqueue(turn, batch, storage).await,
        Phase::Work => work(turn, storage, connection).await,
    }
}

async fn enqueue<C>(turn: &Turn, batch: usize, mut storage: RedisStorage<String, C>) -> Result<Tally, Problem>
where
    C: ConnectionLike + Clone + Send + Sync + Unpin + 'static,
{
    begin()?;
    for payloads in turn.portions(batch) {
        storage.push_bulk(payloads).await?;
    }
    done()?;
    Ok(turn.whole())
}

async fn work<C>(turn: &Turn, storage: RedisStorage<String, C>, mut connection: C) -> Result<Tally, Problem>
where
    C: ConnectionLike + Clone + Send + Sync + Unpin + 'static,
{
    let (counter, tasks) = (Counter::default(), turn.tasks);
    let handler = {
        let counter = counter.clone();
        move |payload: String, worker: WorkerContext| {
            let counter = counter.clone();
            async move {
                if counter.add(&payload)? == tasks {
                    // It records the last results before it ends.
                    worker.stop()?;
                }
                Ok::<_, BoxDynError>(RESULT.to_owned())
            }
        }
    };
    // A worker's name is taken until it has been silent for minutes.
    let name = format!("worker-{}", turn.first);
    let worker = WorkerBuilder::new(name).backend(storage).parallelize(tokio::spawn).build(handler);
    begin()?;
    worker.run().await?;
    done()?;
    let results = redis::cmd("SCARD").arg(format!("{NAME}:done")).query_async(&mut connection).await?;
    turn.check(results)?;
    Ok(counter.tally())
}
