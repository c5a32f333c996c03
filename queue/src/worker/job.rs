//! One task in the hands of a handler.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Cancellation;
use super::desk::Desk;
use super::settle::Meter;
use crate::{Delivery, Error, Label, Note, Queue, QueueName, TaskId, WorkerId};

/// One task in the hands of a handler. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Job {
    run: Arc<Run>,
    cancellation: Cancellation,
}

/// What the clones of a job share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) queue: Queue,
    pub(super) worker: WorkerId,
    pub(super) delivery: Delivery,
    pub(super) desk: Arc<Desk>,
    pub(super) meter: Arc<Meter>,
}

impl Job {
    pub(super) fn new(run: Run, cancellation: Cancellation) -> Self {
        Self { run: Arc::new(run), cancellation }
    }

    /// The queue that the task came from.
    #[must_use]
    pub fn queue(&self) -> &QueueName {
        self.run.queue.name()
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.run.delivery.lease.task
    }

    /// The payload as it was enqueued.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.run.delivery.payload
    }

    /// Of what kind the task is.
    #[must_use]
    pub fn kind(&self) -> Option<&Label> {
        self.run.delivery.kind.as_ref()
    }

    /// For whom the task is.
    #[must_use]
    pub fn tenant(&self) -> Option<&Label> {
        self.run.delivery.tenant.as_ref()
    }

    /// Which attempt this is, from 1. Crashes and hand-backs do not count as attempts.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.run.delivery.attempt
    }

    /// How many runs of this task broke down before without an answer.
    #[must_use]
    pub fn crashes(&self) -> u32 {
        self.run.delivery.crashes
    }

    /// When the task was enqueued, on the broker's clock.
    #[must_use]
    pub fn enqueued_at(&self) -> SystemTime {
        self.run.delivery.enqueued_at
    }

    /// When the task stops being worth its while, on the broker's clock. It was not reached when the task was claimed;
    /// nobody stops a run that goes on beyond it.
    #[must_use]
    pub fn deadline(&self) -> Option<SystemTime> {
        self.run.delivery.deadline
    }

    /// What an earlier run of the task saved, if one did.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&[u8]> {
        self.run.delivery.checkpoint.as_deref()
    }

    /// Keeps this for the next run, should this one not end well, in place of what was kept before. It outlives
    /// failures, crashes and hand-backs. Costs a trip to the broker.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if the task was taken away, which cancels this run; [`Error::TooLarge`] over
    /// [`MAX_NOTE_BYTES`](crate::MAX_NOTE_BYTES); any error of the store, after which the older checkpoint or the new
    /// one is kept.
    pub async fn save(&self, checkpoint: impl Into<Vec<u8>>) -> Result<(), Error> {
        self.note(self.blank().checkpoint(checkpoint.into())).await
    }

    /// Shows this to those who [`follow`](Queue::follow) the task, in place of what was shown before. Costs a trip to
    /// the broker, so report a few times a second at most.
    ///
    /// # Errors
    /// As for [`save`](Self::save).
    pub async fn report(&self, progress: impl Into<Vec<u8>>) -> Result<(), Error> {
        self.note(self.blank().progress(progress.into())).await
    }

    /// Charges CPU time to the task's tenant, in addition to what was charged before. A run that charges nothing is
    /// charged the time that it took on the clock.
    pub fn charge(&self, cpu: Duration) {
        self.run.meter.charge(cpu);
    }

    /// The word that the work is no longer wanted.
    #[must_use]
    pub const fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    fn blank(&self) -> Note {
        Note::new(self.run.delivery.lease.clone())
    }

    async fn note(&self, note: Note) -> Result<(), Error> {
        let Run { queue, worker, desk, delivery, .. } = self.run.as_ref();
        let lost = || Error::LeaseLost { task: self.id().clone() };
        if desk.is_lost(&delivery.lease) {
            return Err(lost());
        }
        if queue.note(worker, vec![note]).await?.is_empty() {
            return Ok(());
        }
        desk.lost(self.id(), delivery.lease.token);
        Err(lost())
    }
}
