//! Unique keys: who holds which, and until when.

use rusqlite::{OptionalExtension, params};

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::{Ledger, Task};
use crate::clock::span;
use crate::unique::UniqueSpan;
use crate::{TaskId, Unique};

/// How many keys whose time has passed are dropped for each that is taken for a time, so that they do not pile up.
const SWEEP: i64 = 2;

impl Unique {
    /// Whether the key is held for a time, whatever becomes of its task.
    pub(super) const fn outlives(&self) -> bool {
        matches!(self.span, UniqueSpan::For(_))
    }
}

impl Ledger<'_> {
    /// The task that holds a key.
    pub(super) fn holder(&self, facts: &Facts, key: &str) -> Result<Option<TaskId>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT holder FROM cofferdam_queue_keys
             WHERE queue = ?1 AND unique_key = ?2 AND (free_at IS NULL OR free_at > ?3)",
        )?;
        let found = find.query_row(params![facts.queue, key, self.now], |row| {
            Ok(TaskId::from_stored(row.get_ref(0)?.as_str()?))
        });
        Ok(found.optional()?)
    }

    /// Gives a free key to a task.
    pub(super) fn hold_key(&self, facts: &Facts, unique: &Unique, holder: &TaskId) -> Result<(), Fault> {
        let free_at = match unique.span {
            UniqueSpan::For(length) => Some(self.now.saturating_add(span(length))),
            UniqueSpan::Done | UniqueSpan::Started => None,
        };
        let until_started = unique.span == UniqueSpan::Started;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO cofferdam_queue_keys (queue, unique_key, holder, until_started, free_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![facts.queue, unique.key.as_str(), holder.as_str(), until_started, free_at])?;
        if free_at.is_some() {
            self.connection
                .prepare_cached(
                    "DELETE FROM cofferdam_queue_keys WHERE (queue, unique_key) IN (
                         SELECT queue, unique_key FROM cofferdam_queue_keys WHERE free_at <= ?1 LIMIT ?2)",
                )?
                .execute((self.now, SWEEP))?;
        }
        Ok(())
    }

    /// Frees the key of a task that has ended, unless it is held for a time.
    pub(super) fn free_key(&self, facts: &Facts, task: &Task) -> Result<(), Fault> {
        if let Some(key) = &task.unique_key {
            self.connection
                .prepare_cached(
                    "DELETE FROM cofferdam_queue_keys
                     WHERE queue = ?1 AND unique_key = ?2 AND holder = ?3 AND free_at IS NULL",
                )?
                .execute(params![facts.queue, key, task.id.as_str()])?;
        }
        Ok(())
    }

    /// Frees the key of a task that is claimed, if it holds it only until then.
    pub(super) fn free_key_at_start(&self, facts: &Facts, key: &str, task: &TaskId) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "DELETE FROM cofferdam_queue_keys
                 WHERE queue = ?1 AND unique_key = ?2 AND holder = ?3 AND until_started = 1",
            )?
            .execute(params![facts.queue, key, task.as_str()])?;
        Ok(())
    }
}
