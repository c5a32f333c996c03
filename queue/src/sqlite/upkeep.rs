//! The work that keeps a queue in order: renew, reap, forget.

use rusqlite::params;

use super::fault::Fault;
use super::ledger::{Ledger, tally, task_id};
use crate::rules::{self, Destination, Tally};
use crate::{Lease, Priority, QueueName, ReapScope, Reaped, TaskId, WorkerId};

/// A leased task whose worker is gone.
pub(super) struct Gone {
    seq: i64,
    task: TaskId,
    worker: String,
    priority: i64,
    tally: Tally,
}

impl Ledger<'_> {
    pub(super) fn renew(
        &self,
        queue: &QueueName,
        worker: &str,
        leases: &[Lease],
        millis: i64,
    ) -> Result<Vec<TaskId>, Fault> {
        let mut extend = self.connection.prepare_cached(
            "UPDATE cofferdam_queue_tasks SET lease_until = ?5
             WHERE queue = ?1 AND id = ?2 AND phase = 1 AND token = ?3 AND worker = ?4",
        )?;
        let until = self.now.saturating_add(millis);
        let mut lost = Vec::new();
        for lease in leases {
            let token = lease.token.0.cast_signed();
            let held = extend.execute(params![queue.as_str(), lease.task.as_str(), token, worker, until])?;
            if held == 0 {
                lost.push(lease.task.clone());
            }
        }
        Ok(lost)
    }

    /// The first leased tasks whose worker is gone.
    pub(super) fn gone(&self, queue: &QueueName, scope: &ReapScope, max: usize) -> Result<Vec<Gone>, Fault> {
        let mut find = self.connection.prepare_cached(match scope {
            ReapScope::Expired => {
                "SELECT seq, id, worker, priority, failures, crashes, max_attempts, max_crashes
                 FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 1 AND lease_until <= ?2
                 ORDER BY lease_until, seq LIMIT ?3"
            }
            ReapScope::Worker(_) => {
                "SELECT seq, id, worker, priority, failures, crashes, max_attempts, max_crashes
                 FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 1 AND worker = ?2
                 ORDER BY lease_until, seq LIMIT ?3"
            }
        })?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Gone {
                seq: row.get(0)?,
                task: task_id(row, 1)?,
                worker: row.get(2)?,
                priority: row.get(3)?,
                tally: tally(row, 4)?,
            })
        };
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = match scope {
            ReapScope::Expired => find.query_map(params![queue.as_str(), self.now, limit], read)?,
            ReapScope::Worker(worker) => {
                find.query_map(params![queue.as_str(), worker.to_string(), limit], read)?
            }
        };
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn reap(
        &self,
        queue: &QueueName,
        scope: &ReapScope,
        max: usize,
    ) -> Result<Vec<Reaped>, Fault> {
        let mut reaped = Vec::new();
        for Gone { seq, task, worker, priority, mut tally } in self.gone(queue, scope, max)? {
            let worker: WorkerId = worker.parse().map_err(|_| Fault::Corrupt("worker identity"))?;
            let priority = Priority::from_rank(priority).ok_or(Fault::Corrupt("priority"))?;
            let destination = rules::take_back(worker.name(), &mut tally, self.now);
            self.send(seq, tally, &destination)?;
            let dead = matches!(destination, Destination::Dead { .. });
            reaped.push(Reaped { task, priority, worker, dead });
        }
        Ok(reaped)
    }

    pub(super) fn forget(&self, queue: &QueueName, age: i64, max: usize) -> Result<u64, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT seq FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase >= 2 AND finished_at <= ?2
             ORDER BY finished_at, seq LIMIT ?3",
        )?;
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let rows =
            find.query_map(params![queue.as_str(), self.now.saturating_sub(age), limit], |row| row.get(0))?;
        let found: Vec<i64> = rows.collect::<Result<_, _>>()?;
        let mut drop_payload =
            self.connection.prepare_cached("DELETE FROM cofferdam_queue_payloads WHERE seq = ?1")?;
        let mut drop_task =
            self.connection.prepare_cached("DELETE FROM cofferdam_queue_tasks WHERE seq = ?1")?;
        for seq in &found {
            drop_payload.execute([seq])?;
            drop_task.execute([seq])?;
        }
        Ok(found.len() as u64)
    }
}
