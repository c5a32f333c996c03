//! The tables at one moment of the broker's time, and what all work on them shares: how a task is read, and what a call
//! has to tell.

use std::cell::{Cell, RefCell};

use rusqlite::{Connection, OptionalExtension, Row};

use super::facts::Facts;
use super::fault::Fault;
use crate::random::TokenSource;
use crate::rules::Tally;
use crate::signal::News;
use crate::{DeathReason, Label, LeaseToken, Priority, TaskId};

/// The phases as they are stored.
pub(super) const BLOCKED: i64 = 0;
pub(super) const WAITING: i64 = 1;
pub(super) const LEASED: i64 = 2;
pub(super) const DONE: i64 = 3;
pub(super) const DEAD: i64 = 4;

/// The traits as they are stored, each a bit.
pub(super) mod traits {
    /// The payload lies apart.
    pub(in super::super) const APART: i64 = 1;
    /// A run has left a note.
    pub(in super::super) const NOTED: i64 = 2;
    /// Others wait for the task.
    pub(in super::super) const AWAITED: i64 = 4;
    /// Nobody runs the task.
    pub(in super::super) const MARKER: i64 = 8;
    /// It is enough for the task that those which it waits for end.
    pub(in super::super) const TOLERANT: i64 = 16;
    /// The task has a class, a tenant, a limit, code or a unique key.
    pub(in super::super) const TIED: i64 = 32;
}

/// The tables at one moment of the broker's time.
pub(super) struct Ledger<'a> {
    pub(super) connection: &'a Connection,
    pub(super) now: i64,
    pub(super) tokens: &'a TokenSource,
    /// How far new tasks may make the file grow.
    pub(super) max_bytes: Option<u64>,
    /// What the call that runs has changed so far.
    pub(super) news: RefCell<News>,
    /// By how much that has changed the number of waiting tasks.
    pub(super) moved: Cell<i64>,
}

/// A task on its way from one phase to the next.
pub(super) struct Task {
    pub(super) seq: i64,
    pub(super) id: TaskId,
    pub(super) phase: i64,
    pub(super) traits: i64,
    pub(super) priority: i64,
    pub(super) lane: Option<i64>,
    pub(super) enqueued_at: i64,
    pub(super) ready_at: i64,
    pub(super) tally: Tally,
    pub(super) class: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) code: Option<Label>,
    pub(super) limit: Option<String>,
    pub(super) unique_key: Option<String>,
    pub(super) remaining: u32,
    pub(super) charge: Option<i64>,
}

impl Ledger<'_> {
    /// Runs a call, and answers with what it has changed.
    pub(super) fn told<T>(&self, call: impl FnOnce(&Self) -> Result<T, Fault>) -> Result<(T, News), Fault> {
        // What an earlier call left that failed is void, as its changes are.
        self.news.take();
        self.moved.set(0);
        let answer = call(self)?;
        Ok((answer, self.news.take()))
    }

    /// Notes that so many tasks have begun to wait, or have ceased to.
    pub(super) fn count_waiting(&self, more: i64) {
        self.moved.set(self.moved.get() + more);
    }

    pub(super) fn raise_ready(&self) {
        self.news.borrow_mut().ready = true;
    }

    /// A task by the number of its row.
    pub(super) fn task(&self, seq: i64) -> Result<Option<Task>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT seq, id, phase, traits, priority, lane, enqueued_at, ready_at, failures, crashes, max_attempts,
                 max_crashes, class, tenant, code, limit_name, unique_key, remaining, charge
             FROM cofferdam_queue_tasks WHERE seq = ?1",
        )?;
        find.query_row([seq], |row| Ok(task(row))).optional()?.transpose()
    }

    /// The number of a task's row.
    pub(super) fn seq(&self, facts: &Facts, id: &TaskId) -> Result<Option<i64>, Fault> {
        let mut find = self
            .connection
            .prepare_cached("SELECT seq FROM cofferdam_queue_tasks WHERE queue = ?1 AND id = ?2")?;
        Ok(find.query_row((facts.queue, id.as_str()), |row| row.get(0)).optional()?)
    }
}

fn task(row: &Row<'_>) -> Result<Task, Fault> {
    Ok(Task {
        seq: row.get(0)?,
        id: task_id(row, 1)?,
        phase: row.get(2)?,
        traits: row.get(3)?,
        priority: row.get(4)?,
        lane: row.get(5)?,
        enqueued_at: row.get(6)?,
        ready_at: row.get(7)?,
        tally: tally(row, 8)?,
        class: row.get(12)?,
        tenant: row.get(13)?,
        code: label(row, 14)?,
        limit: row.get(15)?,
        unique_key: row.get(16)?,
        remaining: row.get::<_, Option<u32>>(17)?.unwrap_or(0),
        charge: row.get(18)?,
    })
}

impl Task {
    pub(super) const fn has(&self, traits: i64) -> bool {
        self.traits & traits != 0
    }
}

pub(super) fn death_reason(code: Option<i64>) -> Result<DeathReason, Fault> {
    code.and_then(DeathReason::from_code).ok_or(Fault::Corrupt("reason of death"))
}

pub(super) fn task_id(row: &Row<'_>, column: usize) -> Result<TaskId, rusqlite::Error> {
    Ok(TaskId::from_stored(row.get_ref(column)?.as_str()?))
}

pub(super) fn priority(rank: i64) -> Result<Priority, Fault> {
    Priority::from_rank(rank).ok_or(Fault::Corrupt("priority"))
}

/// A label, which this crate has checked before it was stored.
pub(super) fn label(row: &Row<'_>, column: usize) -> Result<Option<Label>, Fault> {
    let name = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    name.map(|name| Label::new(name).map_err(|_| Fault::Corrupt("label"))).transpose()
}

/// Four columns: failures, crashes and their limits.
pub(super) fn tally(row: &Row<'_>, first: usize) -> Result<Tally, rusqlite::Error> {
    Ok(Tally {
        failures: row.get(first)?,
        crashes: row.get(first + 1)?,
        max_attempts: row.get(first + 2)?,
        max_crashes: row.get(first + 3)?,
    })
}

/// How many bits of a token tell deliveries of one task apart; the others are the number of its row.
const TOKEN_BITS: u32 = 24;

/// A token for a new delivery. It leads to the task's row without a search; what makes it valid is that it stands there.
/// It differs from every earlier one of the task that the same worker had, unless 16 million deliveries lie between.
pub(super) fn token(seq: i64, tokens: &TokenSource) -> LeaseToken {
    let number = tokens.next().0 & ((1 << TOKEN_BITS) - 1);
    LeaseToken(seq.cast_unsigned() << TOKEN_BITS | number)
}

/// The number of the row to which a token leads, if this version made it.
pub(super) fn row_of(token: LeaseToken) -> i64 {
    (token.0 >> TOKEN_BITS).cast_signed()
}

/// A count of rows or places as SQLite takes it.
pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
