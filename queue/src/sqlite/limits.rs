//! Limits: how many tasks of one name run, how many may start, and when a closed limit opens again.

use std::num::{NonZeroU32, NonZeroU64};

use rusqlite::{OptionalExtension, Row, params};

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::Ledger;
use crate::rules::Pace;
use crate::{Limit, Rate};

/// A limit and where it stands.
pub(super) struct LimitRow {
    running: u32,
    arrival: i64,
    pub(super) bounds: Limit,
}

/// Whether a task of a limit may start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// When the rate may open it again; `None` while it is but concurrency that closes it.
    Closed {
        opens_at: Option<i64>,
    },
}

impl LimitRow {
    fn pace(&self) -> Option<Pace> {
        self.bounds.rate.map(Pace::new)
    }

    fn gate(&self, now: i64) -> Gate {
        let opens_at = self
            .pace()
            .filter(|pace| !pace.allows(self.arrival, now))
            .map(|pace| pace.opens_at(self.arrival));
        let full = self.bounds.concurrency.is_some_and(|most| self.running >= most.get());
        if full || opens_at.is_some() { Gate::Closed { opens_at } } else { Gate::Open }
    }
}

impl Ledger<'_> {
    pub(super) fn limit(&self, facts: &Facts, name: &str) -> Result<Option<LimitRow>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT running, arrival, concurrency, starts, per_millis
             FROM cofferdam_queue_limits WHERE queue = ?1 AND limit_name = ?2",
        )?;
        let found = find.query_row(params![facts.queue, name], |row| {
            Ok(LimitRow { running: row.get(0)?, arrival: row.get(1)?, bounds: bounds(row, 2)? })
        });
        Ok(found.optional()?)
    }

    /// Whether a task of this limit may start. A limit that its rate closes is looked at again when that has passed.
    pub(super) fn gate(&self, facts: &Facts, name: &str) -> Result<Gate, Fault> {
        let gate = self.limit(facts, name)?.map_or(Gate::Open, |limit| limit.gate(self.now));
        if let Gate::Closed { opens_at: Some(at) } = gate {
            self.connection
                .prepare_cached(
                    "UPDATE cofferdam_queue_limits SET opens_at = ?3
                     WHERE queue = ?1 AND limit_name = ?2 AND opens_at IS NOT ?3",
                )?
                .execute(params![facts.queue, name, at])?;
        }
        Ok(gate)
    }

    /// Counts a start. It counts without a setting, so that one made later finds the truth.
    pub(super) fn start(&self, facts: &Facts, name: &str) -> Result<(), Fault> {
        let limit = self.limit(facts, name)?;
        let arrival = limit.and_then(|limit| Some(limit.pace()?.started(limit.arrival, self.now)));
        self.connection
            .prepare_cached(
                "INSERT INTO cofferdam_queue_limits (queue, limit_name, running) VALUES (?1, ?2, 1)
                 ON CONFLICT (queue, limit_name)
                 DO UPDATE SET running = running + 1, arrival = coalesce(?3, arrival)",
            )?
            .execute(params![facts.queue, name, arrival])?;
        Ok(())
    }

    /// Counts an end, and lets others start.
    pub(super) fn stop(&self, facts: &Facts, name: &str) -> Result<(), Fault> {
        let place = params![facts.queue, name];
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_limits SET running = running - 1
                 WHERE queue = ?1 AND limit_name = ?2 AND running > 0",
            )?
            .execute(place)?;
        self.connection
            .prepare_cached(
                "DELETE FROM cofferdam_queue_limits
                 WHERE queue = ?1 AND limit_name = ?2 AND running = 0 AND is_set = 0",
            )?
            .execute(place)?;
        self.raise_ready();
        self.let_go(facts, name)
    }

    /// Lets go what limits hold whose rates allow another start by now.
    pub(super) fn open_due(&self, facts: &Facts) -> Result<(), Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT limit_name FROM cofferdam_queue_limits WHERE queue = ?1 AND opens_at <= ?2",
        )?;
        let due =
            find.query_map((facts.queue, self.now), |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        for name in due {
            self.connection
                .prepare_cached(
                    "UPDATE cofferdam_queue_limits SET opens_at = NULL WHERE queue = ?1 AND limit_name = ?2",
                )?
                .execute(params![facts.queue, name])?;
            self.let_go(facts, &name)?;
        }
        Ok(())
    }

    /// Sets a limit, or lifts it. Another rate starts anew, the same one goes on.
    pub(super) fn set_limit(&self, facts: &Facts, name: &str, setting: Option<Limit>) -> Result<(), Fault> {
        let former = self.limit(facts, name)?;
        let rate = setting.and_then(|limit| limit.rate);
        let arrival = match &former {
            Some(limit) if rate.is_some() && limit.bounds.rate == rate => limit.arrival,
            _ => 0,
        };
        self.connection
            .prepare_cached(
                "INSERT INTO cofferdam_queue_limits
                     (queue, limit_name, concurrency, starts, per_millis, is_set, arrival)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (queue, limit_name) DO UPDATE SET concurrency = ?3, starts = ?4, per_millis = ?5,
                     is_set = ?6, arrival = ?7, opens_at = NULL",
            )?
            .execute(params![
                facts.queue,
                name,
                setting.and_then(|limit| limit.concurrency).map(NonZeroU32::get),
                rate.map(|rate| rate.starts.get()),
                rate.map(|rate| rate.per_millis.get().cast_signed()),
                setting.is_some(),
                arrival,
            ])?;
        self.connection
            .prepare_cached(
                "DELETE FROM cofferdam_queue_limits
                 WHERE queue = ?1 AND limit_name = ?2 AND running = 0 AND is_set = 0",
            )?
            .execute(params![facts.queue, name])?;
        self.let_go(facts, name)
    }
}

/// Three columns: concurrency, starts and their span.
pub(super) fn bounds(row: &Row<'_>, first: usize) -> Result<Limit, rusqlite::Error> {
    let (starts, per_millis): (Option<u32>, Option<i64>) = (row.get(first + 1)?, row.get(first + 2)?);
    let starts = starts.and_then(NonZeroU32::new);
    let per_millis = per_millis.and_then(|millis| NonZeroU64::new(millis.cast_unsigned()));
    Ok(Limit {
        concurrency: row.get::<_, Option<u32>>(first)?.and_then(NonZeroU32::new),
        rate: starts.zip(per_millis).map(|(starts, per_millis)| Rate { starts, per_millis }),
    })
}
