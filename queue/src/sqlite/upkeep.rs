//! The work that keeps a queue in order: renew, reap, forget.

use rusqlite::params;

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::{Ledger, limit, priority, task_id, traits};
use super::settle::Shown;
use crate::{Lease, ReapScope, Reaped, TaskId, WorkerId};

/// A leased task whose worker is gone.
pub(super) struct Gone {
    seq: i64,
    task: TaskId,
    worker: String,
    priority: i64,
}

impl Ledger<'_> {
    pub(super) fn renew(
        &self,
        facts: &Facts,
        worker: &str,
        leases: &[Lease],
        millis: i64,
    ) -> Result<Vec<TaskId>, Fault> {
        let until = self.now.saturating_add(millis);
        let mut lost = Vec::new();
        for lease in leases {
            if !self.renew_one(facts, worker, lease, until)? {
                lost.push(lease.task.clone());
            }
        }
        Ok(lost)
    }

    fn renew_one(&self, facts: &Facts, worker: &str, lease: &Lease, until: i64) -> Result<bool, Fault> {
        let Some(shown) = self.shown(facts, worker, lease)?.filter(Shown::holds) else { return Ok(false) };
        self.connection
            .prepare_cached("UPDATE cofferdam_queue_tasks SET lease_until = ?2 WHERE seq = ?1")?
            .execute((shown.seq, until))?;
        Ok(true)
    }

    /// The first leased tasks whose worker is gone.
    pub(super) fn gone(&self, facts: &Facts, scope: &ReapScope, max: usize) -> Result<Vec<Gone>, Fault> {
        let mut find = self.connection.prepare_cached(match scope {
            ReapScope::Expired => {
                "SELECT seq, id, worker, priority FROM cofferdam_queue_tasks
                 WHERE queue = ?1 AND phase = 2 AND lease_until <= ?2 ORDER BY lease_until, seq LIMIT ?3"
            }
            ReapScope::Worker(_) => {
                "SELECT seq, id, worker, priority FROM cofferdam_queue_tasks
                 WHERE queue = ?1 AND phase = 2 AND worker = ?2 ORDER BY lease_until, seq LIMIT ?3"
            }
        })?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Gone { seq: row.get(0)?, task: task_id(row, 1)?, worker: row.get(2)?, priority: row.get(3)? })
        };
        let rows = match scope {
            ReapScope::Expired => find.query_map(params![facts.queue, self.now, limit(max)], read)?,
            ReapScope::Worker(worker) => {
                find.query_map(params![facts.queue, worker.to_string(), limit(max)], read)?
            }
        };
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn reap(&self, facts: &Facts, scope: &ReapScope, max: usize) -> Result<Vec<Reaped>, Fault> {
        let mut reaped = Vec::new();
        for Gone { seq, task, worker, priority: rank } in self.gone(facts, scope, max)? {
            let worker: WorkerId = worker.parse().map_err(|_| Fault::Corrupt("worker identity"))?;
            let dead = self.take_back(facts, seq, worker.name())?;
            reaped.push(Reaped { task, priority: priority(rank)?, worker, dead });
        }
        Ok(reaped)
    }

    pub(super) fn forget(&self, facts: &Facts, age: i64, max: usize) -> Result<u64, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT seq, traits FROM (
                 SELECT seq, traits, finished_at FROM (
                     SELECT seq, traits, finished_at FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 3 AND finished_at <= ?2 ORDER BY finished_at, seq LIMIT ?3)
                 UNION ALL
                 SELECT seq, traits, finished_at FROM (
                     SELECT seq, traits, finished_at FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 4 AND finished_at <= ?2 ORDER BY finished_at, seq LIMIT ?3))
             ORDER BY finished_at, seq LIMIT ?3",
        )?;
        let place = (facts.queue, self.now.saturating_sub(age), limit(max));
        let found = find
            .query_map(place, |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<(i64, i64)>, _>>()?;
        let mut drop_task =
            self.connection.prepare_cached("DELETE FROM cofferdam_queue_tasks WHERE seq = ?1")?;
        for (seq, has) in &found {
            if has & traits::APART != 0 {
                self.drop_payload(*seq)?;
            }
            if has & traits::NOTED != 0 {
                self.drop_notes(*seq)?;
            }
            drop_task.execute([seq])?;
        }
        Ok(found.len() as u64)
    }
}
