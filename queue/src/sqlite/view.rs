//! The questions that change nothing: is there work, where does a task stand, how full is the queue.

use rusqlite::{OptionalExtension, Row, params};

use super::fault::Fault;
use super::ledger::{Ledger, PHASE_DEAD, PHASE_DONE, PHASE_LEASED, PHASE_WAITING, death_reason};
use crate::clock::moment;
use crate::{Priority, QueueName, QueueStats, TaskId, TaskState};

impl Ledger<'_> {
    /// Whether a claim would find anything.
    pub(super) fn has_ready(&self, queue: &QueueName) -> Result<bool, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT 1 FROM cofferdam_queue_tasks
             WHERE queue = ?1 AND phase = 0 AND priority = ?2 AND ready_at <= ?3 LIMIT 1",
        )?;
        for priority in Priority::ALL {
            if find.exists(params![queue.as_str(), priority.rank(), self.now])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn lookup(&self, queue: &QueueName, ids: &[TaskId]) -> Result<Vec<Option<TaskState>>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT phase, ready_at, worker, lease_until, finished_at, death, outcome
             FROM cofferdam_queue_tasks WHERE queue = ?1 AND id = ?2",
        )?;
        let mut states = Vec::with_capacity(ids.len());
        for id in ids {
            let found =
                find.query_row(params![queue.as_str(), id.as_str()], |row| Ok(state(row))).optional()?;
            states.push(found.transpose()?);
        }
        Ok(states)
    }

    pub(super) fn stats(&self, queue: &QueueName) -> Result<QueueStats, Fault> {
        let mut stats = QueueStats::default();
        for priority in Priority::ALL {
            let place = params![queue.as_str(), priority.rank(), self.now];
            let count = |sql: &str| self.connection.prepare_cached(sql)?.query_row(place, |row| row.get(0));
            let counts = stats.of_mut(priority);
            counts.ready = number(count(
                "SELECT count(*) FROM cofferdam_queue_tasks
                 WHERE queue = ?1 AND phase = 0 AND priority = ?2 AND ready_at <= ?3",
            )?)?;
            counts.delayed = number(count(
                "SELECT count(*) FROM cofferdam_queue_tasks
                 WHERE queue = ?1 AND phase = 0 AND priority = ?2 AND ready_at > ?3",
            )?)?;
            let first: Option<i64> = self
                .connection
                .prepare_cached(
                    "SELECT min(ready_at) FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 0 AND priority = ?2 AND ready_at <= ?3",
                )?
                .query_row(place, |row| row.get(0))?;
            counts.oldest_ready = first.map(moment);
        }
        let mut rest = self.connection.prepare_cached(
            "SELECT 1, priority, count(*) FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 1 GROUP BY priority
             UNION ALL
             SELECT 3, priority, count(*) FROM cofferdam_queue_tasks
             WHERE queue = ?1 AND phase >= 2 AND phase = 3 GROUP BY priority",
        )?;
        let rows = rest.query_map([queue.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        for row in rows {
            let (phase, rank, tasks): (i64, i64, i64) = row?;
            let priority = Priority::from_rank(rank).ok_or(Fault::Corrupt("priority"))?;
            let counts = stats.of_mut(priority);
            let place = if phase == PHASE_LEASED { &mut counts.leased } else { &mut counts.dead };
            *place = number(tasks)?;
        }
        Ok(stats)
    }
}

fn number(count: i64) -> Result<u64, Fault> {
    u64::try_from(count).map_err(|_| Fault::Corrupt("count"))
}

fn state(row: &Row<'_>) -> Result<TaskState, Fault> {
    let phase: i64 = row.get(0)?;
    match phase {
        PHASE_WAITING => Ok(TaskState::Waiting { ready_at: moment(row.get(1)?) }),
        PHASE_LEASED => {
            let worker = row.get_ref(2)?.as_str().map_err(|_| Fault::Corrupt("worker identity"))?;
            let worker = worker.parse().map_err(|_| Fault::Corrupt("worker identity"))?;
            Ok(TaskState::Leased { worker, until: moment(row.get(3)?), progress: None })
        }
        PHASE_DONE => Ok(TaskState::Done { result: row.get(6)?, at: moment(row.get(4)?) }),
        PHASE_DEAD => {
            let reason = death_reason(row.get(5)?)?;
            let error: Vec<u8> = row.get(6)?;
            let error = String::from_utf8(error).map_err(|_| Fault::Corrupt("error message"))?;
            Ok(TaskState::Dead { reason, error, at: moment(row.get(4)?) })
        }
        _ => Err(Fault::Corrupt("phase")),
    }
}
