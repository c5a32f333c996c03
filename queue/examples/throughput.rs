//! How many small tasks a second a broker takes in, and how many it brings through their whole life: enqueued,
//! claimed, acknowledged with a result. Prints one line of JSON for each backend.
//!
//! ```text
//! cargo run --release -p cofferdam-queue --example throughput -- [tasks]
//! ```
//!
//! Four producers enqueue in batches of 100, then four consumers take steps of 100. The SQLite file lies in the
//! system's folder for temporary files, on a disk or not: the figures are only worth as much as that.

use std::time::{Duration, Instant};

use cofferdam_queue::{
    Broker, Ending, Memory, NewTask, Queue, Settlement, Sqlite, Step, TaskState, WorkerId,
};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

const HANDS: usize = 4;
const BATCH: usize = 100;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let tasks = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 50_000,
    };
    measure("memory", Memory::new(), tasks).await?;
    let folder = tempfile::tempdir()?;
    measure("sqlite", Sqlite::open(folder.path().join("throughput.sqlite3")).await?, tasks).await
}

async fn measure(backend: &str, broker: impl Broker, tasks: usize) -> Result<(), AnyError> {
    let queue = Queue::new(broker, "throughput")?;
    let start = Instant::now();
    let enqueued = on_all_hands(|_| produce(queue.clone(), tasks / HANDS)).await?;
    let enqueueing = start.elapsed();
    let finished = on_all_hands(|hand| consume(queue.clone(), hand)).await?;
    let life = start.elapsed();
    let single = one_by_one(&queue).await?;
    let line = serde_json::json!({
        "backend": backend,
        "tasks": finished,
        "enqueue_per_second": rate(enqueued, enqueueing),
        "full_life_per_second": rate(finished, life),
        "one_by_one_per_second": rate(1, single),
    });
    println!("{line}");
    if finished != enqueued {
        return Err(format!("{enqueued} tasks went in, {finished} came out").into());
    }
    Ok(())
}

async fn on_all_hands<F>(work: impl Fn(usize) -> F) -> Result<usize, AnyError>
where
    F: Future<Output = Result<usize, cofferdam_queue::Error>> + Send + 'static,
{
    let mut hands = tokio::task::JoinSet::new();
    for hand in 0..HANDS {
        hands.spawn(work(hand));
    }
    let mut total = 0;
    while let Some(count) = hands.join_next().await {
        total += count??;
    }
    Ok(total)
}

async fn produce(queue: Queue, tasks: usize) -> Result<usize, cofferdam_queue::Error> {
    let mut done = 0;
    while done < tasks {
        let batch = (tasks - done).min(BATCH);
        done += queue.enqueue((0..batch).map(|_| NewTask::new([7; 200])).collect()).await?.len();
    }
    Ok(done)
}

async fn consume(queue: Queue, hand: usize) -> Result<usize, cofferdam_queue::Error> {
    let worker = WorkerId::new(&format!("hand-{hand}"))?;
    let (mut settle, mut done) = (Vec::new(), 0);
    loop {
        done += settle.len();
        let step = Step::new(worker.clone()).settle(settle).claim(BATCH, Duration::from_secs(60));
        let reply = queue.step(step).await?;
        if reply.claimed.is_empty() {
            return Ok(done);
        }
        let result = |delivery: cofferdam_queue::Delivery| {
            Settlement::new(delivery.lease, Ending::Done(b"result".to_vec()))
        };
        settle = reply.claimed.into_iter().map(result).collect();
    }
}

/// The time of one whole life when nobody else shares the trips: three waits for the disk.
async fn one_by_one(queue: &Queue) -> Result<Duration, AnyError> {
    const LIVES: u32 = 100;
    let worker = WorkerId::new("single")?;
    let start = Instant::now();
    for _ in 0..LIVES {
        let task = queue.submit(NewTask::new([7; 200])).await?;
        for delivery in queue.claim(&worker, 1, Duration::from_secs(60)).await? {
            let ending = Ending::Done(b"result".to_vec());
            queue.settle(&worker, vec![Settlement::new(delivery.lease, ending)]).await?;
        }
        if !matches!(queue.state(&task.id).await?, Some(TaskState::Done { .. })) {
            return Err("a task was not done".into());
        }
    }
    Ok(start.elapsed() / LIVES)
}

fn rate(count: usize, time: Duration) -> u64 {
    (count as f64 / time.as_secs_f64()) as u64
}
