//! Tasks that belong together: enqueued as one, waited for as one.
//!
//! A batch is nothing that a broker knows of. It is a marker that waits for all tasks of the batch, or, where these are
//! more than one task may wait for, a tree of markers with the tasks as its leaves. So it survives whatever the tasks
//! survive, and costs one record, or one more for each ten thousand tasks.

use crate::limits::{MAX_BATCH, MAX_DEPENDENCIES};
use crate::{Error, Label, NewTask, Queue, TaskId, TaskState};

/// Tasks that are to be enqueued as one; see [`Queue::submit_batch`].
///
/// ```
/// # use std::time::Duration;
/// use cofferdam_queue::{Batch, Job, Label, Memory, NewTask, Queue, Worker};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cofferdam_queue::Error> {
/// let queue = Queue::new(Memory::new(), "prices")?;
/// let tasks = (0..20).map(|day| NewTask::new(format!("score day {day}"))).collect();
/// let batch = Batch::new(Label::new("march")?, tasks).then(NewTask::new("report on march"));
/// let march = queue.submit_batch(batch).await?;
/// assert_eq!(queue.batch_progress(&march).await?.ended, 0);
///
/// let done = {
///     let (queue, report) = (queue.clone(), march.then.clone().expect("there is a follow-up"));
///     async move { drop(queue.wait(&report, Duration::from_secs(10)).await) }
/// };
/// let handler = |job: Job| async move { Ok(job.payload().to_vec()) };
/// Worker::builder(queue.clone()).concurrency(4).build()?.run(handler, done).await?;
/// assert!(queue.batch_progress(&march).await?.is_complete());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a batch does nothing until it is submitted"]
pub struct Batch {
    group: Label,
    tasks: Vec<NewTask>,
    id: TaskId,
    then: Option<NewTask>,
    strict: bool,
}

impl Batch {
    /// These tasks, which all become members of this group; they can have neither a limit nor a unique key then. On a
    /// cluster a group lies in one place, so give large batches groups of their own. The batch has a random id, and so
    /// have tasks that were given none.
    pub fn new(group: Label, tasks: Vec<NewTask>) -> Self {
        Self { group, tasks, id: TaskId::random(), then: None, strict: false }
    }

    /// Gives the batch an id, which together with ids of the tasks makes submitting it repeatable. Leave room for a
    /// number behind it.
    pub fn id(mut self, id: TaskId) -> Self {
        self.id = id;
        self
    }

    /// A task to be run when all others have ended, well or badly.
    pub fn then(mut self, task: NewTask) -> Self {
        self.then = Some(task);
        self
    }

    /// Counts the batch as failed as soon as one of its tasks dies: whoever waits for it hears so at once, and the
    /// follow-up is not run. The other tasks go on.
    pub const fn strict(mut self) -> Self {
        self.strict = true;
        self
    }
}

/// A batch that was submitted. It can be kept anywhere and made again from its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchTicket {
    /// The marker that is done when the batch is complete, or dead when a strict batch has failed; it can be waited
    /// for as any task.
    pub id: TaskId,
    /// How many tasks the batch has, the follow-up apart.
    pub tasks: u64,
    /// The follow-up.
    pub then: Option<TaskId>,
}

impl BatchTicket {
    /// The ticket of a batch with this id and so many tasks.
    #[must_use]
    pub const fn new(id: TaskId, tasks: u64) -> Self {
        Self { id, tasks, then: None }
    }
}

/// How far a batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchProgress {
    /// How many tasks it has.
    pub tasks: u64,
    /// How many of them have ended, well or badly.
    pub ended: u64,
    /// Whether it failed: it is strict, and one of its tasks died. The others are not counted any more then.
    pub failed: bool,
}

impl BatchProgress {
    /// Whether nothing is left to be done.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.ended == self.tasks
    }
}

impl Queue {
    /// Puts a batch in.
    ///
    /// # Errors
    /// As for [`enqueue`](Self::enqueue); what was added before stays. Submit the same batch again, with ids of your
    /// own, and what is missing is added.
    pub async fn submit_batch(&self, batch: Batch) -> Result<BatchTicket, Error> {
        let Batch { group, tasks, id, then, strict } = batch;
        let ids: Vec<TaskId> = tasks.iter().map(|task| task.task_id().clone()).collect();
        let ticket = BatchTicket {
            id: id.clone(),
            tasks: ids.len() as u64,
            then: then.as_ref().map(|task| task.task_id().clone()),
        };
        // In the order in which they depend on each other, so that every trip finds what it waits for.
        let mut all: Vec<NewTask> = tasks.into_iter().map(|task| task.group(group.clone())).collect();
        all.extend(markers(&id, ids, strict)?.into_iter().map(|marker| marker.group(group.clone())));
        all.extend(then.map(|task| task.group(group).after([id])));
        self.enqueue(all).await?;
        Ok(ticket)
    }

    /// Tells how far a batch has come, at the cost of looking up one task, or one for each ten thousand of its tasks.
    ///
    /// # Errors
    /// [`Error::UnknownTask`] if the queue has no record of the batch, and any error of the store.
    pub async fn batch_progress(&self, batch: &BatchTicket) -> Result<BatchProgress, Error> {
        let tasks = batch.tasks;
        let progress = |ended: u64, failed| BatchProgress { tasks, ended: ended.min(tasks), failed };
        let unknown = || Error::UnknownTask { id: batch.id.clone() };
        match self.state(&batch.id).await?.ok_or_else(unknown)? {
            TaskState::Done { .. } => return Ok(progress(tasks, false)),
            TaskState::Dead { .. } => return Ok(progress(0, true)),
            TaskState::Blocked { remaining } if tasks <= MAX_DEPENDENCIES as u64 => {
                return Ok(progress(tasks.saturating_sub(remaining.into()), false));
            }
            _ => {}
        }
        let leaves = leaves(&batch.id, tasks)?;
        let mut left = 0_u64;
        for part in leaves.chunks(MAX_BATCH) {
            for state in self.states(part.to_vec()).await? {
                if let TaskState::Blocked { remaining } = state.ok_or_else(unknown)? {
                    left += u64::from(remaining);
                }
            }
        }
        Ok(progress(tasks.saturating_sub(left), false))
    }
}

/// The markers of a batch, each after those that it waits for; the last one is the batch itself.
fn markers(id: &TaskId, tasks: Vec<TaskId>, strict: bool) -> Result<Vec<NewTask>, Error> {
    let mut markers = Vec::new();
    let mut below = tasks;
    while below.len() > MAX_DEPENDENCIES {
        let level = below.len().div_ceil(MAX_DEPENDENCIES);
        let mut above = Vec::with_capacity(level);
        for members in below.chunks(MAX_DEPENDENCIES) {
            let inner = inner_id(id, markers.len() as u64)?;
            above.push(inner.clone());
            markers.push(marker(inner, members, strict));
        }
        below = above;
    }
    markers.push(marker(id.clone(), &below, strict));
    Ok(markers)
}

fn marker(id: TaskId, waits_for: &[TaskId], strict: bool) -> NewTask {
    let marker = NewTask::marker().id(id);
    let waits_for = waits_for.iter().cloned();
    if strict { marker.after(waits_for) } else { marker.after_ended(waits_for) }
}

/// The markers that wait for tasks, in a batch that has more of them than one.
fn leaves(id: &TaskId, tasks: u64) -> Result<Vec<TaskId>, Error> {
    (0..tasks.div_ceil(MAX_DEPENDENCIES as u64)).map(|number| inner_id(id, number)).collect()
}

fn inner_id(id: &TaskId, number: u64) -> Result<TaskId, Error> {
    TaskId::new(&format!("{id}/{number}"))
}
