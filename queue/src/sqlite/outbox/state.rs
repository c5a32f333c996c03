//! Where the tasks of an outbox stand.

use std::time::SystemTime;

use crate::{DeathReason, TaskId};

/// Where a task of an outbox stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboxState {
    /// It is to be sent.
    Waiting,
    /// The queue has it, and has not said yet that it ended.
    Sent,
    /// It ended well.
    Done {
        /// Its recorded result.
        result: Vec<u8>,
    },
    /// The queue gave it up; it lies among the dead letters there.
    Dead {
        /// Why.
        reason: DeathReason,
        /// The last error.
        error: String,
    },
    /// Another task held its unique key, so it was dropped.
    Duplicate {
        /// That task.
        of: TaskId,
    },
    /// The queue will never take it as it is. It is kept until somebody retries or discards it.
    Refused {
        /// Why not.
        error: String,
    },
}

impl OutboxState {
    /// Whether the outbox does nothing more for the task.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Sent)
    }
}

/// What an outbox holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OutboxStats {
    /// Tasks to be sent.
    pub waiting: u64,
    /// Tasks that the queue has and that have not ended there.
    pub sent: u64,
    /// Outcomes that are kept.
    pub kept: u64,
    /// Tasks that the queue will never take.
    pub refused: u64,
    /// Since when the oldest task has been waiting to be sent.
    pub oldest_waiting: Option<SystemTime>,
    /// How many tasks the queue had lost and was sent again, since the outbox was opened.
    pub sent_again: u64,
    /// Why the relay could not reach the queue when it last tried; `None` when it could.
    pub problem: Option<String>,
}
