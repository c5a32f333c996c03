//! How many small tasks a second a broker takes in, and how many it brings through their whole life: enqueued,
//! claimed, acknowledged with a result. Prints one line of JSON for each backend.
//!
//! ```text
//! cargo run --release -p cofferdam-queue --example throughput -- [tasks]
//! cargo run --release -p cofferdam-queue --example throughput -- backlog [tasks]
//! ```
//!
//! Four producers enqueue in batches of 100, then four consumers take steps of 100. The SQLite file lies in the
//! system's folder for temporary files, on a disk or not: the figures are only worth as much as that.
//!
//! The second form fills a SQLite file in several ways first, with a million tasks unless told otherwise, and then tells
//! what one life costs beside them.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use cofferdam_queue::{
    Broker, Delivery, Ending, Label, Limit, Memory, NewTask, Queue, Setting, Settlement, Sqlite, Step,
    TaskState, WorkerId,
};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

const HANDS: usize = 4;
const BATCH: usize = 100;
const LEASE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: Option<&String>, default: usize| text.map_or(Ok(default), |text| text.parse());
    let folder = tempfile::tempdir()?;
    if arguments.first().is_some_and(|first| first == "backlog") {
        let tasks = number(arguments.get(1), 1_000_000)?;
        for backlog in [Backlog::None, Backlog::Plain, Backlog::Limited, Backlog::Tenants] {
            let path = folder.path().join(format!("{backlog:?}.sqlite3"));
            beside(backlog, tasks, Queue::new(Sqlite::open(path).await?, "backlog")?).await?;
        }
        return Ok(());
    }
    let tasks = number(arguments.first(), 50_000)?;
    measure("memory", Memory::new(), tasks).await?;
    measure("sqlite", Sqlite::open(folder.path().join("throughput.sqlite3")).await?, tasks).await
}

async fn measure(backend: &str, broker: impl Broker, tasks: usize) -> Result<(), AnyError> {
    let queue = Queue::new(broker, "throughput")?;
    let start = Instant::now();
    let enqueued =
        on_all_hands(|_| produce(queue.clone(), tasks / HANDS, |_| NewTask::new([7; 200]))).await?;
    let enqueueing = start.elapsed();
    let finished = on_all_hands(|hand| consume(queue.clone(), hand)).await?;
    let life = start.elapsed();
    let single = one_by_one(&queue, |_| NewTask::new([7; 200])).await?;
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

async fn produce(
    queue: Queue,
    tasks: usize,
    task: impl Fn(usize) -> NewTask,
) -> Result<usize, cofferdam_queue::Error> {
    let mut done = 0;
    while done < tasks {
        let batch = (tasks - done).min(BATCH);
        done += queue.enqueue((done..done + batch).map(&task).collect()).await?.len();
    }
    Ok(done)
}

async fn consume(queue: Queue, hand: usize) -> Result<usize, cofferdam_queue::Error> {
    let worker = WorkerId::new(&format!("hand-{hand}"))?;
    let (mut settle, mut done) = (Vec::new(), 0);
    loop {
        done += settle.len();
        let step = Step::new(worker.clone()).settle(settle).claim(BATCH, LEASE);
        let reply = queue.step(step).await?;
        if reply.claimed.is_empty() {
            return Ok(done);
        }
        settle = reply.claimed.into_iter().map(result).collect();
    }
}

fn result(delivery: Delivery) -> Settlement {
    Settlement::new(delivery.lease, Ending::Done(b"result".to_vec())).used(Duration::from_millis(1))
}

/// The time of one whole life when nobody else shares the trips: three waits for the disk.
async fn one_by_one(queue: &Queue, task: impl Fn(usize) -> NewTask) -> Result<Duration, AnyError> {
    const LIVES: usize = 100;
    let worker = WorkerId::new("single")?;
    let start = Instant::now();
    for number in 0..LIVES {
        queue.submit(task(number)).await?;
        for delivery in queue.claim(&worker, 1, LEASE).await? {
            let task = delivery.lease.task.clone();
            queue.settle(&worker, vec![result(delivery)]).await?;
            if !matches!(queue.state(&task).await?, Some(TaskState::Done { .. })) {
                return Err("a task was not done".into());
            }
        }
    }
    Ok(start.elapsed() / LIVES as u32)
}

/// What waits already.
#[derive(Debug, Clone, Copy)]
enum Backlog {
    None,
    /// Tasks that use nothing.
    Plain,
    /// A tenth of them, of one limit that is closed, before all others.
    Limited,
    /// As many tenants as a hundredth of them.
    Tenants,
}

/// Lives in large steps and one by one, beside a backlog.
async fn beside(backlog: Backlog, tasks: usize, queue: Queue) -> Result<(), AnyError> {
    let one = Limit::concurrency(NonZeroU32::MIN);
    queue.set(Setting::Limit(Label::new("closed")?, Some(one))).await?;
    let task = move |number: usize| {
        let task = NewTask::new([7; 200]);
        let name = |name: &str| Label::new(name).ok();
        match (backlog, name("closed"), name(&format!("tenant-{}", number % (tasks / 100).max(1)))) {
            (Backlog::Limited, Some(limit), _) => task.limit(limit),
            (Backlog::Tenants, _, Some(tenant)) => task.tenant(tenant),
            _ => task,
        }
    };
    let size = match backlog {
        Backlog::None => 0,
        Backlog::Limited => tasks / 10,
        Backlog::Plain | Backlog::Tenants => tasks,
    };
    let start = Instant::now();
    produce(queue.clone(), size, task).await?;
    let filling = start.elapsed();
    let held = queue.claim(&WorkerId::new("first")?, 1, LEASE * 60).await?;
    let lives = 10_000;
    // What comes after a closed limit is free.
    let next =
        move |number| if matches!(backlog, Backlog::Limited) { NewTask::new([7; 200]) } else { task(number) };
    let start = Instant::now();
    produce(queue.clone(), lives, next).await?;
    let worker = WorkerId::new("large-steps")?;
    let (mut settle, mut done) = (Vec::new(), 0);
    while done < lives {
        done += settle.len();
        let reply = queue.step(Step::new(worker.clone()).settle(settle).claim(BATCH, LEASE)).await?;
        settle = reply.claimed.into_iter().map(result).collect();
    }
    let steps = start.elapsed();
    let single = one_by_one(&queue, next).await?;
    let line = serde_json::json!({
        "backend": "sqlite",
        "backlog": format!("{backlog:?}"),
        "waiting": queue.stats().await?.total().ready,
        "filled_per_second": rate(size, filling),
        "full_life_per_second": rate(lives, steps),
        "one_by_one_per_second": rate(1, single),
        "held": held.len(),
    });
    println!("{line}");
    Ok(())
}

fn rate(count: usize, time: Duration) -> u64 {
    (count as f64 / time.as_secs_f64()) as u64
}
