//! Reading what became of every task.

use std::collections::BTreeSet;
use std::time::Duration;

use cofferdam_queue::{MAX_BATCH, Queue, TaskId, TaskState};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

use super::{Setup, note};
use crate::error::{Context, Error, Result};
use crate::history::{Answer, Ask, Event, Recorder, Standing, What};

/// Between two looks at tasks that are not finished.
const PAUSE: Duration = Duration::from_millis(250);

/// How long one read is repeated while the queue does not answer.
const PERSISTENCE: Duration = Duration::from_secs(30);

/// Reads tasks through the queue itself.
pub struct Auditor {
    runtime: Runtime,
    queue: Queue,
    recorder: Recorder,
    tasks: Vec<TaskId>,
}

impl Auditor {
    /// Opens the queue, to read all tasks that the history speaks of.
    ///
    /// # Errors
    /// When the queue cannot be opened, or the history holds a name that is no task's.
    pub fn open(setup: &Setup, history: &[Event]) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(|| "start the auditor".to_owned())?;
        let recorder = setup.recorder()?;
        let queue = runtime.block_on(setup.queue(&recorder))?;
        let tasks = names(history).into_iter().map(TaskId::new).collect::<Result<_, _>>();
        Ok(Self {
            runtime,
            queue,
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
                let states = self.states(&open).await?;
                let unfinished =
                    |state: &Option<TaskState>| state.as_ref().is_some_and(|state| !state.is_finished());
                open = open
                    .into_iter()
                    .zip(states)
                    .filter(|(_, state)| unfinished(state))
                    .map(|(id, _)| id)
                    .collect();
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
    pub fn read(&self) -> Result {
        self.runtime.block_on(async {
            let states = self.states(&self.tasks).await?;
            for (task, state) in self.tasks.iter().zip(states) {
                self.recorder.write(What::Final { task: task.to_string(), standing: standing(state) });
            }
            let counts = persist(|| self.queue.stats()).await?.total();
            let waiting = counts.ready + counts.delayed + counts.blocked;
            self.recorder.write(What::Totals { waiting, leased: counts.leased, dead: counts.dead });
            Ok(())
        })
    }

    async fn states(&self, tasks: &[TaskId]) -> Result<Vec<Option<TaskState>>> {
        let mut states = Vec::with_capacity(tasks.len());
        for chunk in tasks.chunks(MAX_BATCH) {
            states.extend(persist(|| self.queue.states(chunk.to_vec())).await?);
        }
        Ok(states)
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
                names.extend(tasks.iter().map(String::as_str))
            }
            What::Ok { answer: Answer::Step { deliveries, .. }, .. } => {
                names.extend(deliveries.iter().map(|one| one.task.as_str()));
            }
            _ => {}
        }
    }
    names
}

/// A state that this crate does not know is not a finished one.
fn standing(state: Option<TaskState>) -> Standing {
    match state {
        None => Standing::Missing,
        Some(TaskState::Done { result, .. }) => {
            Standing::Done { result: String::from_utf8_lossy(&result).into_owned() }
        }
        Some(TaskState::Dead { .. }) => Standing::Dead,
        Some(TaskState::Leased { .. }) => Standing::Leased,
        Some(_) => Standing::Waiting,
    }
}
