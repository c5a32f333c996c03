//! apalis on SQLite.
//!
//! Tasks are pushed by `push_bulk`, which is one transaction a portion, and fetched in batches of the same size; batches
//! of 500 were as good as any from 100 to 1,000 where nothing waits for the disk, and much better than 100 where it
//! does. Handlers are spawned (`parallelize`), so that their results come in batches, too. Tasks are not locked before they
//! run, which the documentation allows for tasks that are shorter than a heartbeat; results are recorded, as they are by
//! default.
//!
//! - `default` is as `setup` leaves the connection: WAL, and `synchronous = OFF`, by which a loss of power may lose
//!   tasks that were accepted, or the file.
//! - `durable` waits for the disk with each transaction (`synchronous = FULL`), and keeps the other settings.
#![forbid(unsafe_code)]

#[path = "../../turn.rs"]
mod turn;

use apalis::prelude::{BoxDynError, ParallelizeExt as _, TaskSink as _, WorkerBuilder, WorkerContext};
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use turn::{Counter, Phase, Problem, RESULT, Tally, Turn, begin, done, tell};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Problem> {
    let turn = Turn::from_arguments()?;
    let pool = open(&turn).await?;
    let batch = turn.batch.unwrap_or(500);
    let config = Config::default().queue("compare-queue").batch_size(batch).lock_tasks(false);
    let storage = SqliteStorage::new(&pool).with_config(config);
    tell(match turn.phase {
        Phase::Enqueue => enqueue(&turn, batch, storage).await?,
        Phase::Work => work(&turn, storage, &pool).await?,
    })
}

/// One connection, since settings belong to connections, and nothing here happens at the same time.
async fn open(turn: &Turn) -> Result<SqlitePool, Problem> {
    let one = || SqlitePoolOptions::new().max_connections(1);
    let options = SqliteConnectOptions::new().filename(&turn.address).create_if_missing(true);
    let pool = one().connect_with(options.clone()).await?;
    SqliteStorage::setup(&pool).await?;
    match turn.variant.as_str() {
        "default" => Ok(pool),
        "durable" => {
            pool.close().await;
            let options = options.pragma("temp_store", "MEMORY").pragma("cache_size", "64000");
            let options = options.pragma("journal_size_limit", "67108864").pragma("synchronous", "FULL");
            Ok(one().connect_with(options).await?)
        }
        other => Err(format!("there is no variant {other:?}").into()),
    }
}

async fn enqueue(turn: &Turn, batch: usize, mut storage: SqliteStorage<String>) -> Result<Tally, Problem> {
    begin()?;
    for payloads in turn.portions(batch) {
        storage.push_bulk(payloads).await?;
    }
    done()?;
    Ok(turn.whole())
}

async fn work(turn: &Turn, storage: SqliteStorage<String>, pool: &SqlitePool) -> Result<Tally, Problem> {
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
    let name = format!("worker-{}", turn.first);
    let worker = WorkerBuilder::new(name).backend(storage).parallelize(tokio::spawn).build(handler);
    begin()?;
    worker.run().await?;
    done()?;
    let query = "SELECT count(*) FROM Jobs WHERE status = 'Done' AND last_result IS NOT NULL";
    let results: i64 = sqlx::query_scalar(query).fetch_one(pool).await?;
    turn.check(results.try_into()?)?;
    Ok(counter.tally())
}
