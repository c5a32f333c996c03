//! Putting tasks in.

use std::num::NonZeroU32;
use std::time::Duration;

use cofferdam_queue::{Backoff, NewTask, Priority, Queue, TaskId};
use fastrand::Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Behaviour, Setup, asked_to_end, note};
use crate::error::{Context, Result};

/// How many batches one producer has under way at a time, so that a call that waits for a master does not silence it.
const LANES: u32 = 4;

/// The largest batch; the mean is about half.
const BATCH: u32 = 20;

/// How long the enqueue of a batch is repeated before it is given up as unknown.
const PERSISTENCE: Duration = Duration::from_secs(12);

/// How many runs of a task may break down: the run itself kills workers, and this is no reason to give a task up.
const MAX_CRASHES: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// Puts about `rate` tasks a second in until the process is asked to end; the seed decides what they do.
///
/// # Errors
/// When the queue cannot be opened, or says that a call was wrong.
pub async fn produce(setup: Setup, seed: u64, rate: u32) -> Result {
    let end = asked_to_end().await?;
    let queue = setup.queue(&setup.recorder()?).await?;
    let (stop, stopped) = watch::channel(false);
    let mut lanes = JoinSet::new();
    for number in 0..LANES {
        let rng = Rng::with_seed(seed.wrapping_mul(u64::from(LANES)).wrapping_add(u64::from(number)));
        let prefix = format!("{}-{number}", setup.name);
        lanes.spawn(Lane { queue: queue.clone(), prefix, rng, rate, sent: 0 }.run(stopped.clone()));
    }
    end.await;
    stop.send_replace(true);
    while let Some(ended) = lanes.join_next().await {
        ended.context(|| "run a lane of the producer".to_owned())??;
    }
    Ok(())
}

struct Lane {
    queue: Queue,
    prefix: String,
    rng: Rng,
    rate: u32,
    sent: u64,
}

impl Lane {
    async fn run(mut self, stopped: watch::Receiver<bool>) -> Result {
        let mut due = Instant::now();
        while !*stopped.borrow() {
            let size = self.rng.u32(1..=BATCH);
            let batch = (0..size).map(|_| self.task()).collect::<Result<Vec<_>>>()?;
            self.put(batch).await?;
            // Time that was lost in an outage is not made up for: the load stays even.
            due = (due + Duration::from_secs(1) * size * LANES / self.rate).max(Instant::now());
            sleep_until(due).await;
        }
        Ok(())
    }

    fn task(&mut self) -> Result<NewTask> {
        let id = format!("{}-{}", self.prefix, self.sent);
        self.sent += 1;
        let [high, normal, low] = Priority::ALL;
        let task = NewTask::new(Behaviour::draw(&mut self.rng).payload()?)
            .id(TaskId::new(&id).context(|| format!("name the task {id}"))?)
            .priority(self.rng.choice([high, normal, normal, low]).unwrap_or_default())
            .max_crashes(MAX_CRASHES)
            .backoff(backoff()?);
        let is_delayed = self.rng.u32(0..10) == 0;
        Ok(if is_delayed { task.delay(Duration::from_millis(self.rng.u64(0..2_000))) } else { task })
    }

    /// Puts a batch in. Where it is unknown whether it arrived, it is sent again under the same ids.
    async fn put(&mut self, batch: Vec<NewTask>) -> Result {
        let give_up = Instant::now() + PERSISTENCE;
        loop {
            match self.queue.enqueue(batch.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) if !error.is_transient() => return Err(error).context(|| "enqueue".to_owned()),
                Err(error) if Instant::now() >= give_up => {
                    note(&format!("{} tasks are given up: {error}", batch.len()));
                    return Ok(());
                }
                Err(_) => sleep(Duration::from_millis(self.rng.u64(50..250))).await,
            }
        }
    }
}

fn backoff() -> Result<Backoff> {
    let (base, cap) = (Duration::from_millis(50), Duration::from_secs(1));
    Backoff::new(base, cap).context(|| "set the back-off".to_owned())
}
