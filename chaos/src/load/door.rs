//! How tasks get in, and where it is read what became of them.

use std::path::PathBuf;
use std::time::Duration;

use cofferdam_queue::{Error, NewTask, Outbox, OutboxState, Queue, QueueStats, TaskId, TaskState};

use super::Setup;
use super::recording::recorded;
use crate::error::{Context, Result};
use crate::history::{Answer, Ask, Recorder, Standing};

/// How soon the outbox looks whether the queue still has what it was sent. A loss is noticed after some of these.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// How long the outbox knows what became of a task: longer than any run.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// The queue, with an outbox before it where the mode has one. Cheap to clone.
#[derive(Clone)]
pub(super) struct Door {
    queue: Queue,
    outbox: Option<Outbox>,
    recorder: Recorder,
}

impl Door {
    pub(super) async fn open(setup: &Setup, recorder: Recorder) -> Result<Self> {
        let queue = setup.queue(&recorder).await?;
        let mut outbox = None;
        if setup.mode.has_outbox() {
            let path = outbox_file(setup);
            let opened = Outbox::builder(&path, queue.clone());
            let opened = opened.look_interval(LOOK_INTERVAL).keep_outcomes(KEPT).open().await;
            outbox = Some(opened.context(|| format!("open the outbox {}", path.display()))?);
        }
        Ok(Self { queue, outbox, recorder })
    }

    /// Puts tasks in. What the outbox sends to the queue later is written down as well, as what any client asks.
    pub(super) async fn enqueue(&self, tasks: Vec<NewTask>) -> Result<(), Error> {
        let Some(outbox) = &self.outbox else { return self.queue.enqueue(tasks).await.map(drop) };
        let ids = tasks.iter().map(|task| task.task_id().to_string()).collect();
        let call = outbox.enqueue(tasks);
        recorded(&self.recorder, Ask::Enqueue { tasks: ids }, call, |_| Answer::Done).await.map(drop)
    }

    /// Where tasks stand in the queue.
    pub(super) async fn states(&self, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        self.queue.states(tasks).await
    }

    /// Where a task stands for those who put it in, whose state in the queue is this.
    pub(super) async fn standing(&self, task: &TaskId, state: Option<&TaskState>) -> Result<Standing, Error> {
        let held = match &self.outbox {
            Some(outbox) => outbox.state(task).await?,
            None => None,
        };
        Ok(match held {
            Some(OutboxState::Done { result }) => done(&result),
            Some(OutboxState::Dead { .. }) => Standing::Dead,
            // What it refused would have to be sent by somebody else, and waits for that.
            Some(_) => Standing::Waiting,
            None => in_queue(state),
        })
    }

    pub(super) async fn stats(&self) -> Result<QueueStats, Error> {
        self.queue.stats().await
    }

    /// Lets go of the outbox in good order.
    pub(super) async fn close(self) {
        if let Some(outbox) = self.outbox {
            outbox.close().await;
        }
    }
}

fn outbox_file(setup: &Setup) -> PathBuf {
    setup.history.with_file_name("outbox.sqlite3")
}

/// Where a task of this state stands. A state that this crate does not know is not a finished one.
pub(super) fn in_queue(state: Option<&TaskState>) -> Standing {
    match state {
        None => Standing::Missing,
        Some(TaskState::Done { result, .. }) => done(result),
        Some(TaskState::Dead { .. }) => Standing::Dead,
        Some(TaskState::Leased { .. }) => Standing::Leased,
        Some(_) => Standing::Waiting,
    }
}

fn done(result: &[u8]) -> Standing {
    Standing::Done { result: String::from_utf8_lossy(result).into_owned() }
}
