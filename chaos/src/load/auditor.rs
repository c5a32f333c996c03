//! Reading what became of every task.

use std::collections::BTreeSet;
use std::time::Duration;

use cofferdam_queue::{MAX_BATCH, TaskId, TaskState};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

use super::door::{Door, in_queue};
use super::{Setup, note};
use crate::error::{Context, Error, Result};
use crate::history::{Answer, Ask, Counts, Event, Recorder, Standing, What};

/// Between two looks at tasks that are not finished.
const PAUSE: Duration = Duration::from_millis(250);

/// How long one read is repeated while the queue does not answer.
const PERSISTENCE: Duration = Duration::from_secs(30);

/// Reads tasks through the queue itself, and through the outbox where there is one.
pub struct Auditor {
    runtime: Runtime,
    door: Door,
    recorder: Recorder,
    tasks: Vec<TaskId>,
}

/// A task and where it stands.
struct Look {
    task: TaskId,
    state: Option<TaskState>,
    standing: Standing,
}

impl Auditor {
    /// Opens the queue, to read all tasks that the history speaks of.
    ///
    /// # Errors
    /// When the queue cannot be opened, or the history holds a name that is no task's.
    pub fn open(setup: &Setup, history: &[Event]) -> Result<Self> {
        // A thread of its own serves the outbox while nothing is read.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context(|| "start the auditor".to_owned())?;
        let recorder = setup.recorder()?;
        let door = runtime.block_on(Door::open(setup, recorder.clone()))?;
        let tasks = names(history).into_iter().map(TaskId::new).collect::<Result<_, _>>();
        Ok(Self {
            runtime,
            door,
            recorder,
            tasks: tasks.context(|| "read the names of the tasks".to_owned())?,
        })
    }

    /// Waits until no task waits or runs any more; false when that takes longer than this.
    ///
    /// # Errors
    /// When the queue does not answer for half a minute.
    pub fn await_quiet(&self, within: Duration) -> Result<bool> {
        self.runtime.block_on(async {
            let end = Instant::now() + within;
            let mut open = self.tasks.clone();
            loop {
                let looks = self.look(&open).await?;
                open = looks.into_iter().filter(Look::is_open).map(|look| look.task).collect();
                if open.is_empty() {
                    return Ok(true);
                }
                if Instant::now() >= end {
                    note(&format!("{} tasks are not finished", open.len()));
                    return Ok(false);
                }
                sleep(PAUSE).await;
            }
        })
    }

    /// Writes down where every task stands, and the queue's own counts.
    ///
    /// # Errors
    /// When the queue does not answer for half a minute.
    pub fn read(self) -> Result {
        self.runtime.block_on(async {
            let looks = self.look(&self.tasks).await?;
            let found = found(&looks);
            for Look { task, standing, .. } in looks {
                self.recorder.write(What::Final { task: task.to_string(), standing });
            }
            let stats = persist(|| self.door.stats()).await?.total();
            let waiting = stats.ready + stats.delayed + stats.blocked;
            let counted = Counts { waiting, leased: stats.leased, dead: stats.dead };
            self.recorder.write(What::Totals { counted, found });
            self.door.clone().close().await;
            Ok(())
        })
    }

    async fn look(&self, tasks: &[TaskId]) -> Result<Vec<Look>> {
        let mut looks = Vec::with_capacity(tasks.len());
        for chunk in tasks.chunks(MAX_BATCH) {
            let states = persist(|| self.door.states(chunk.to_vec())).await?;
            for (task, state) in chunk.iter().cloned().zip(states) {
                let standing = persist(|| self.door.standing(&task, state.as_ref())).await?;
                looks.push(Look { task, state, standing });
            }
        }
        Ok(looks)
    }
}

impl Look {
    /// Whether the task is still on its way, for those who put it in or for the queue alone.
    fn is_open(&self) -> bool {
        let is_open = |standing: &Standing| matches!(standing, Standing::Waiting | Standing::Leased);
        is_open(&self.standing) || is_open(&in_queue(self.state.as_ref()))
    }
}

/// What the queue's counts must be.
fn found(looks: &[Look]) -> Counts {
    let number =
        |wanted: Standing| looks.iter().filter(|look| in_queue(look.state.as_ref()) == wanted).count() as u64;
    Counts {
        waiting: number(Standing::Waiting),
        leased: number(Standing::Leased),
        dead: number(Standing::Dead),
    }
}

/// Repeats a read while the queue does not answer.
async fn persist<T, Call>(read: impl Fn() -> Call) -> Result<T>
where
    Call: Future<Output = Result<T, cofferdam_queue::Error>>,
{
    let end = Instant::now() + PERSISTENCE;
    loop {
        match read().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_transient() && Instant::now() < end => sleep(PAUSE).await,
            Err(source) => {
                return Err(Error::Failed { action: "read the queue".to_owned(), source: source.into() });
            }
        }
    }
}

/// Every task that anybody put in or was given.
fn names(history: &[Event]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for event in history {
        match &event.what {
            What::Invoke { ask: Ask::Enqueue { tasks }, .. } => {
                names.extend(tasks.iter().map(String::as_str));
            }
            What::Ok { answer: Answer::Step { deliveries, .. }, .. } => {
                names.extend(deliveries.iter().map(|one| one.task.as_str()));
            }
            _ => {}
        }
    }
    names
}
