//! Lanes whose limit was found closed: a claim skips all tasks of such a limit at once, however many they are.
//!
//! What must never happen is that a lane stays held whose limit is open while nothing else of that limit can be claimed.
//! So whatever opens a limit, and whatever makes an open lane of it less urgent or a held one more urgent, lets the most
//! urgent held one go. More than that would have to be held again when the limit closes.

use rusqlite::{OptionalExtension, params};

use super::facts::Facts;
use super::fault::Fault;
use super::lanes::Crossing;
use super::ledger::Ledger;
use super::limits::Gate;

impl Ledger<'_> {
    /// Sets a lane aside until its limit opens.
    pub(super) fn hold(&self, lane: i64) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE cofferdam_queue_lanes SET state = 2 WHERE lane = ?1")?
            .execute([lane])?;
        Ok(())
    }

    /// Lets go what an open limit still holds: at each crossing, what goes first.
    pub(super) fn let_go(&self, facts: &Facts, limit: &str) -> Result<(), Fault> {
        let (mut class, mut priority) = (String::new(), -1);
        while let Some(next) = self.next_held(facts, limit, Crossing { class: &class, priority })? {
            (class, priority) = next;
            self.let_best_go(facts, limit, Crossing { class: &class, priority })?;
        }
        Ok(())
    }

    /// The first crossing after this one at which a limit holds anything. It is found in two leaps: a comparison of both
    /// columns at once would walk over all lanes of the former crossing.
    fn next_held(
        &self,
        facts: &Facts,
        limit: &str,
        after: Crossing<'_>,
    ) -> Result<Option<(String, i64)>, Fault> {
        let place = params![facts.queue, limit, after.class, after.priority];
        for sql in [
            "SELECT class, priority FROM cofferdam_queue_lanes
             WHERE queue = ?1 AND limit_name = ?2 AND state = 2 AND class = ?3 AND priority > ?4
             ORDER BY priority LIMIT 1",
            "SELECT class, priority FROM cofferdam_queue_lanes
             WHERE queue = ?1 AND limit_name = ?2 AND state = 2 AND class > ?3 AND ?4 = ?4
             ORDER BY class, priority LIMIT 1",
        ] {
            let mut find = self.connection.prepare_cached(sql)?;
            let found = find.query_row(place, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Lets go what goes first at a crossing among what a limit holds, if that is open: of the tenants' lanes the best
    /// and of those without a tenant, whose order among each other is not told by the lanes.
    pub(super) fn let_best_go(&self, facts: &Facts, limit: &str, at: Crossing<'_>) -> Result<(), Fault> {
        if limit.is_empty() {
            return Ok(());
        }
        let place = params![facts.queue, limit, at.class, at.priority];
        let mut look = self.connection.prepare_cached(
            "SELECT 1 FROM cofferdam_queue_lanes
             WHERE queue = ?1 AND limit_name = ?2 AND class = ?3 AND priority = ?4 AND state = 2 LIMIT 1",
        )?;
        if !look.exists(place)? || self.gate(facts, limit)? != Gate::Open {
            return Ok(());
        }
        for sql in [
            "UPDATE cofferdam_queue_lanes SET state = 1 WHERE lane = (
                 SELECT lane FROM cofferdam_queue_lanes WHERE queue = ?1 AND limit_name = ?2 AND class = ?3
                     AND priority = ?4 AND state = 2 AND share >= 0 ORDER BY share, head_at, head_seq LIMIT 1)",
            "UPDATE cofferdam_queue_lanes SET state = 1 WHERE lane = (
                 SELECT lane FROM cofferdam_queue_lanes WHERE queue = ?1 AND limit_name = ?2 AND class = ?3
                     AND priority = ?4 AND state = 2 AND share IS NULL ORDER BY head_at, head_seq LIMIT 1)",
        ] {
            self.connection.prepare_cached(sql)?.execute(place)?;
        }
        self.raise_ready();
        Ok(())
    }
}
