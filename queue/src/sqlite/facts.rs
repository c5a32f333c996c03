//! What is known of a queue while a call runs on it: read once, and kept where the call has changed it.

use std::cell::Cell;
use std::num::NonZeroU32;

use rusqlite::OptionalExtension;

use super::fault::Fault;
use super::ledger::Ledger;
use crate::settings::DEFAULT_QUARANTINE_AFTER;
use crate::{Mode, QueueName};

/// What is known of a queue while a call runs.
pub(super) struct Facts {
    pub(super) queue: i64,
    pub(super) mode: Mode,
    pub(super) quarantine_after: Option<NonZeroU32>,
    /// Whether tasks without a tenant stand in lanes as well.
    pub(super) shared: Cell<bool>,
    /// Whether any lane is there.
    pub(super) laned: Cell<bool>,
    /// The virtual time of the tenant last claimed.
    pub(super) clock: Cell<i64>,
    /// How many tasks waited when the call began, where that is counted.
    pub(super) waiting: Cell<Option<i64>>,
}

impl Ledger<'_> {
    /// What is known of a queue; `None` if it was never used.
    pub(super) fn facts(&self, name: &QueueName) -> Result<Option<Facts>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT mode, queue, quarantine_after, shared, clock, waiting,
                 EXISTS (SELECT 1 FROM cofferdam_queue_lanes l WHERE l.queue = q.queue)
             FROM cofferdam_queue_queues q WHERE name = ?1",
        )?;
        let facts = find.query_row([name.as_str()], |row| {
            let after: Option<u32> = row.get(2)?;
            let facts = Facts {
                queue: row.get(1)?,
                mode: Mode::Running,
                quarantine_after: after.map_or(Some(DEFAULT_QUARANTINE_AFTER), NonZeroU32::new),
                shared: Cell::new(row.get(3)?),
                clock: Cell::new(row.get(4)?),
                waiting: Cell::new(row.get(5)?),
                laned: Cell::new(row.get(6)?),
            };
            Ok((row.get(0)?, facts))
        });
        match facts.optional()? {
            None => Ok(None),
            Some((code, facts)) => Ok(Some(Facts { mode: mode(code)?, ..facts })),
        }
    }

    /// Runs a call on a queue; `None` if that was never used.
    pub(super) fn on<T>(
        &self,
        name: &QueueName,
        call: impl FnOnce(&Facts) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let Some(facts) = self.facts(name)? else { return Ok(None) };
        let clock = facts.clock.get();
        let answer = call(&facts)?;
        self.keep(&facts, clock)?;
        Ok(Some(answer))
    }

    /// Runs a call on a queue, which is made known by this.
    pub(super) fn on_new<T>(
        &self,
        name: &QueueName,
        mut call: impl FnMut(&Facts) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if let Some(answer) = self.on(name, &mut call)? {
            return Ok(answer);
        }
        self.connection
            .prepare_cached("INSERT INTO cofferdam_queue_queues (name) VALUES (?1)")?
            .execute([name.as_str()])?;
        self.on(name, call)?.ok_or(Fault::Corrupt("queue (it does not stay)"))
    }

    fn keep(&self, facts: &Facts, clock: i64) -> Result<(), Fault> {
        let moved = self.moved.take();
        if facts.clock.get() == clock && (moved == 0 || facts.waiting.get().is_none()) {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_queues SET clock = ?2, waiting = waiting + ?3 WHERE queue = ?1",
            )?
            .execute((facts.queue, facts.clock.get(), moved))?;
        Ok(())
    }
}

/// The modes as they are stored.
const MODES: [Mode; 3] = [Mode::Running, Mode::Paused, Mode::Draining];

pub(super) fn mode(code: i64) -> Result<Mode, Fault> {
    let mode = usize::try_from(code).ok().and_then(|code| MODES.get(code));
    mode.copied().ok_or(Fault::Corrupt("mode"))
}

pub(super) fn mode_code(mode: Mode) -> i64 {
    (0..).zip(MODES).find(|(_, one)| *one == mode).map_or(0, |(code, _)| code)
}
