//! Watching a task while it runs.

use std::fmt;

use crate::queue::LONGEST_LOOK_INTERVAL;
use crate::{Error, Listener, Queue, TaskId, TaskState};

/// Shows the progress of one task as it changes; made by [`Queue::follow`].
#[must_use = "a follower sees nothing unless `next` is awaited"]
pub struct Follow {
    queue: Queue,
    task: TaskId,
    listener: Listener,
    /// Whether the task has been looked at before, so that the next look waits for a change.
    looked: bool,
    seen: Option<Vec<u8>>,
    outcome: Option<TaskState>,
}

impl Follow {
    pub(crate) fn new(queue: Queue, task: TaskId, listener: Listener) -> Self {
        Self { queue, task, listener, looked: false, seen: None, outcome: None }
    }

    /// The progress that a run of the task last showed, as soon as it differs from what was seen before; `None` when
    /// the task is done or dead. Who asks rarely skips what came in between and gets the latest.
    ///
    /// # Errors
    /// [`Error::UnknownTask`] if the queue has no record of the task, and any error of the store; ask again to go on.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while self.outcome.is_none() {
            if self.looked {
                self.listener.changed(LONGEST_LOOK_INTERVAL).await;
                self.looked = false;
            }
            let state = self.queue.state(&self.task).await?;
            self.looked = true;
            match state {
                None => return Err(Error::UnknownTask { id: self.task.clone() }),
                Some(state) if state.is_finished() => self.outcome = Some(state),
                Some(TaskState::Leased { progress: Some(progress), .. }) => {
                    if self.seen.as_ref() != Some(&progress) {
                        self.seen = Some(progress.clone());
                        return Ok(Some(progress));
                    }
                }
                // The next run begins anew, even where the last one ended.
                Some(_) => self.seen = None,
            }
        }
        Ok(None)
    }

    /// How the task ended, once [`next`](Self::next) has answered `None`.
    #[must_use]
    pub const fn outcome(&self) -> Option<&TaskState> {
        self.outcome.as_ref()
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("task", &self.task).finish_non_exhaustive()
    }
}
