//! Our own queue, over any of its backends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cofferdam_queue::{
    Broker as _, Delivery, Ending, Memory, NewTask, Queue, Redis, Settlement, Sqlite, Step, TaskId,
    TaskState, Verdict, WorkerId,
};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::Problem;
use super::meter::{Meter, Phase};
use super::party::Play;
use super::servers::NAME;
use super::tasks::{Load, RESULT, Tally};

/// As long as no round takes.
const LEASE: Duration = Duration::from_secs(60);

/// How long the hands may find nothing to do while tasks are missing. Then something is lost.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Memory,
    Sqlite,
    Redis,
}

/// The queue and those who use it.
pub(super) struct Ours {
    runtime: Runtime,
    queue: Queue,
}

impl Backend {
    /// The name by which a child is told.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Redis => "redis",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Memory, Self::Sqlite, Self::Redis].into_iter().find(|backend| backend.word() == word)
    }

    /// The queue of this program at URLs, in a file or nowhere.
    pub(super) async fn open(self, address: &str) -> Result<Queue, Problem> {
        let broker = match self {
            Self::Memory => Memory::new().into_any(),
            Self::Sqlite => Sqlite::open(address).await?.into_any(),
            // A prefix of its own, so that not one key is shared with queues that somebody needs.
            Self::Redis => Redis::builder(address).prefix(NAME).connect().await?.into_any(),
        };
        Ok(Queue::new(broker, NAME)?)
    }
}

/// A runtime as a worker of the family runs in.
pub(super) fn runtime() -> Result<Runtime, Problem> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

impl Ours {
    pub(super) fn open(backend: Backend, address: &str) -> Result<Self, Problem> {
        let runtime = runtime()?;
        let queue = runtime.block_on(backend.open(address))?;
        Ok(Self { runtime, queue })
    }

    /// Answers one task of each hand.
    fn enqueue(&self, load: Load) -> Result<Vec<TaskId>, Problem> {
        self.runtime.block_on(async {
            let mut hands = JoinSet::new();
            for hand in 0..load.hands {
                hands.spawn(enqueue(self.queue.clone(), load, hand));
            }
            let ids = hands.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(ids.into_iter().flatten().collect())
        })
    }

    fn work(&self, load: Load) -> Result<Tally, Problem> {
        let recorded = Arc::new(AtomicUsize::new(0));
        self.runtime.block_on(async {
            let mut hands = JoinSet::new();
            for hand in 0..load.hands {
                hands.spawn(work(self.queue.clone(), load, hand, Arc::clone(&recorded)));
            }
            let tallies = hands.join_all().await.into_iter();
            tallies.into_iter().try_fold(Tally::default(), |sum, tally| Ok(sum.and(tally?)))
        })
    }

    /// Looks whether these tasks have their results, and nothing is left over.
    fn check(&self, witnesses: Vec<TaskId>) -> Result<(), Problem> {
        self.runtime.block_on(async {
            for state in self.queue.states(witnesses).await? {
                if !matches!(&state, Some(TaskState::Done { result, .. }) if result == RESULT.as_bytes()) {
                    return Err(format!("a task has no result: {state:?}").into());
                }
            }
            let left = self.queue.stats().await?.total();
            if left.ready + left.delayed + left.leased + left.dead > 0 {
                return Err(format!("tasks are left over: {left:?}").into());
            }
            Ok(())
        })
    }
}

impl Play for Ours {
    fn play(&mut self, load: &Load, meter: &mut Meter) -> Result<Tally, Problem> {
        let witnesses = meter.time(Phase::Enqueue, || self.enqueue(*load))?;
        let tally = meter.time(Phase::Work, || self.work(*load))?;
        self.check(witnesses)?;
        Ok(tally)
    }
}

async fn enqueue(queue: Queue, load: Load, hand: usize) -> Result<Option<TaskId>, Problem> {
    let mut last = None;
    for payloads in load.portions(hand, load.hands) {
        let tasks = payloads.into_iter().map(NewTask::new).collect();
        last = queue.enqueue(tasks).await?.pop();
    }
    Ok(last.map(|enqueued| enqueued.id))
}

async fn work(queue: Queue, load: Load, hand: usize, recorded: Arc<AtomicUsize>) -> Result<Tally, Problem> {
    let worker = WorkerId::new(&format!("hand-{hand}"))?;
    let (mut tally, mut settle) = (Tally::default(), Vec::new());
    let mut busy = Instant::now();
    loop {
        let reply = queue.step(step(&worker, settle, load.batch)).await?;
        if reply.settled.iter().any(|verdict| *verdict != Verdict::Recorded) {
            return Err("a result was not recorded".into());
        }
        let before = recorded.fetch_add(reply.settled.len(), Ordering::Relaxed);
        if !reply.claimed.is_empty() {
            busy = Instant::now();
        } else if before + reply.settled.len() >= load.tasks || busy.elapsed() > PATIENCE {
            return Ok(tally);
        } else {
            // The last tasks are in the hands of others.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for delivery in &reply.claimed {
            tally.add(&delivery.payload)?;
        }
        settle = reply.claimed.into_iter().map(done).collect();
    }
}

pub(super) fn step(worker: &WorkerId, settle: Vec<Settlement>, claim: usize) -> Step {
    Step::new(worker.clone()).settle(settle).claim(claim, LEASE)
}

pub(super) fn done(delivery: Delivery) -> Settlement {
    Settlement::new(delivery.lease, Ending::Done(RESULT.into()))
}
