//! Lanes: waiting tasks that are alike in class, priority, tenant and limit, and the one among several that goes next.
//!
//! A lane is delayed until its first task is ready, then open, and [held](super::held) from when a claim finds its limit
//! closed.

use rusqlite::{OptionalExtension, Row, params};

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::{Ledger, Task};

/// The states as they are stored.
const DELAYED: i64 = 0;

/// What the tasks of a lane have in common; the empty text stands for none.
#[derive(Clone, Copy)]
pub(super) struct Alike<'a> {
    pub(super) class: &'a str,
    pub(super) priority: i64,
    pub(super) tenant: &'a str,
    pub(super) limit: &'a str,
}

/// The tasks of one class and one priority, over which a claim chooses.
#[derive(Clone, Copy)]
pub(super) struct Crossing<'a> {
    pub(super) class: &'a str,
    pub(super) priority: i64,
}

struct Lane {
    class: String,
    priority: i64,
    tenant: String,
    limit: String,
    state: i64,
    head: Head,
}

/// The first task of a lane, in the order of claims.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) ready_at: i64,
    pub(super) seq: i64,
}

/// An open lane that may be claimed from.
pub(super) struct Open {
    pub(super) lane: i64,
    pub(super) tenant: String,
    pub(super) limit: String,
    pub(super) share: i64,
    pub(super) head: Head,
    /// Whether another one comes after it.
    pub(super) followed: bool,
}

impl Task {
    fn alike(&self) -> Alike<'_> {
        Alike {
            class: self.class.as_deref().unwrap_or_default(),
            priority: self.priority,
            tenant: self.tenant.as_deref().unwrap_or_default(),
            limit: self.limit.as_deref().unwrap_or_default(),
        }
    }
}

impl Ledger<'_> {
    /// The lane of a task that is about to wait; `None` for the ordinary one.
    pub(super) fn lane_of(&self, facts: &Facts, task: &Task) -> Result<Option<i64>, Fault> {
        self.lane(facts, task.alike())
    }

    /// The lane of such tasks, made if it is not there; `None` for the ordinary one. Whoever puts a task in or takes one
    /// out [refreshes](Self::refresh) it afterwards.
    pub(super) fn lane(&self, facts: &Facts, alike: Alike<'_>) -> Result<Option<i64>, Fault> {
        let plain = alike.class.is_empty() && alike.tenant.is_empty() && alike.limit.is_empty();
        if plain && !facts.shared.get() {
            return Ok(None);
        }
        facts.laned.set(true);
        let place = params![facts.queue, alike.tenant, alike.limit, alike.class, alike.priority];
        let found = self
            .connection
            .prepare_cached(
                "SELECT lane FROM cofferdam_queue_lanes
                 WHERE queue = ?1 AND tenant = ?2 AND limit_name = ?3 AND class = ?4 AND priority = ?5",
            )?
            .query_row(place, |row| row.get(0))
            .optional()?;
        if found.is_some() {
            return Ok(found);
        }
        self.connection
            .prepare_cached(
                "INSERT INTO cofferdam_queue_lanes
                     (queue, tenant, limit_name, class, priority, state, head_at, head_seq)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, 9223372036854775807, 0)",
            )?
            .execute(place)?;
        Ok(Some(self.connection.last_insert_rowid()))
    }

    /// Brings a lane in line with its tasks.
    pub(super) fn refresh(&self, facts: &Facts, lane: i64) -> Result<(), Fault> {
        let Some(former) = self.read_lane(lane)? else { return Ok(()) };
        let Some(head) = self.head(lane)? else {
            self.connection
                .prepare_cached("DELETE FROM cofferdam_queue_lanes WHERE lane = ?1")?
                .execute([lane])?;
            return self.let_best_go(facts, &former.limit, former.crossing());
        };
        let place = params![lane, head.ready_at, head.seq];
        if head.ready_at > self.now {
            self.connection
                .prepare_cached(
                    "UPDATE cofferdam_queue_lanes SET state = 0, share = NULL, head_at = ?2, head_seq = ?3
                     WHERE lane = ?1",
                )?
                .execute(place)?;
            return self.let_best_go(facts, &former.limit, former.crossing());
        }
        if former.state == DELAYED {
            let share = self.arrive(facts, former.crossing(), &former.tenant)?;
            self.connection
                .prepare_cached(
                    "UPDATE cofferdam_queue_lanes SET state = 1, share = ?4, head_at = ?2, head_seq = ?3
                     WHERE lane = ?1",
                )?
                .execute(params![lane, head.ready_at, head.seq, share])?;
        } else if former.head != head {
            self.connection
                .prepare_cached(
                    "UPDATE cofferdam_queue_lanes SET head_at = ?2, head_seq = ?3 WHERE lane = ?1",
                )?
                .execute(place)?;
            self.let_best_go(facts, &former.limit, former.crossing())?;
        }
        Ok(())
    }

    fn read_lane(&self, lane: i64) -> Result<Option<Lane>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT class, priority, tenant, limit_name, state, head_at, head_seq
             FROM cofferdam_queue_lanes WHERE lane = ?1",
        )?;
        let found = find.query_row([lane], |row| {
            Ok(Lane {
                class: row.get(0)?,
                priority: row.get(1)?,
                tenant: row.get(2)?,
                limit: row.get(3)?,
                state: row.get(4)?,
                head: head(row, 5)?,
            })
        });
        Ok(found.optional()?)
    }

    fn head(&self, lane: i64) -> Result<Option<Head>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT ready_at, seq FROM cofferdam_queue_tasks
             WHERE phase = 1 AND lane IS NOT NULL AND lane = ?1 ORDER BY ready_at, seq LIMIT 1",
        )?;
        Ok(find.query_row([lane], |row| head(row, 0)).optional()?)
    }

    /// Opens the lanes whose first task has become ready.
    pub(super) fn promote(&self, facts: &Facts) -> Result<(), Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT lane FROM cofferdam_queue_lanes WHERE queue = ?1 AND state = 0 AND head_at <= ?2
             ORDER BY head_at",
        )?;
        let due =
            find.query_map((facts.queue, self.now), |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
        due.into_iter().try_for_each(|lane| self.refresh(facts, lane))
    }

    /// The open lane that goes first, among those with a tenant or among those without.
    pub(super) fn first_open(
        &self,
        facts: &Facts,
        at: Crossing<'_>,
        tenants: bool,
    ) -> Result<Option<Open>, Fault> {
        let mut find = self.connection.prepare_cached(if tenants {
            "SELECT lane, tenant, limit_name, share, head_at, head_seq FROM cofferdam_queue_lanes
             WHERE queue = ?1 AND class = ?2 AND priority = ?3 AND state = 1 AND share >= 0
             ORDER BY share, head_at, head_seq LIMIT 2"
        } else {
            "SELECT lane, tenant, limit_name, 0, head_at, head_seq FROM cofferdam_queue_lanes
             WHERE queue = ?1 AND class = ?2 AND priority = ?3 AND state = 1 AND share IS NULL
             ORDER BY head_at, head_seq LIMIT 2"
        })?;
        let mut rows = find.query(params![facts.queue, at.class, at.priority])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let open = Open {
            lane: row.get(0)?,
            tenant: row.get(1)?,
            limit: row.get(2)?,
            share: row.get(3)?,
            head: head(row, 4)?,
            followed: false,
        };
        Ok(Some(Open { followed: rows.next()?.is_some(), ..open }))
    }

    /// Whether a tenant has ready tasks that its limit holds.
    pub(super) fn holds_tenants(&self, facts: &Facts, at: Crossing<'_>) -> Result<bool, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT 1 FROM cofferdam_queue_lanes
             WHERE queue = ?1 AND class = ?2 AND priority = ?3 AND state = 2 AND share >= 0 LIMIT 1",
        )?;
        Ok(find.exists(params![facts.queue, at.class, at.priority])?)
    }
}

impl Lane {
    fn crossing(&self) -> Crossing<'_> {
        Crossing { class: &self.class, priority: self.priority }
    }
}

fn head(row: &Row<'_>, first: usize) -> Result<Head, rusqlite::Error> {
    Ok(Head { ready_at: row.get(first)?, seq: row.get(first + 1)? })
}
