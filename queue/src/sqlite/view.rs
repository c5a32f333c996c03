//! The questions that change nothing: is there work, where does a task stand, how full is the queue, who works on it.

use rusqlite::{OptionalExtension, Row, params};

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::{BLOCKED, DEAD, DONE, LEASED, Ledger, WAITING, death_reason, priority, traits};
use crate::clock::moment;
use crate::{Label, Mode, Places, Priority, QueueStats, TaskId, TaskState, WorkerId, WorkerLoad};

impl Ledger<'_> {
    /// Whether a claim could find anything.
    pub(super) fn has_ready(&self, facts: &Facts, claims: &[Places]) -> Result<bool, Fault> {
        if facts.mode == Mode::Paused {
            return Ok(false);
        }
        for places in claims.iter().filter(|places| places.count > 0) {
            if places.class.is_none() {
                for priority in Priority::ALL {
                    if self.first_ordinary(facts, i64::from(priority.rank()))?.is_some() {
                        return Ok(true);
                    }
                }
            }
            if facts.laned.get() && self.has_open(facts, places.class.as_ref())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a lane of a class is open, or may have to be opened.
    fn has_open(&self, facts: &Facts, class: Option<&Label>) -> Result<bool, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM cofferdam_queue_lanes
                     WHERE queue = ?1 AND class = ?2 AND priority IN (0, 1, 2) AND state = 1)
                 OR EXISTS (SELECT 1 FROM cofferdam_queue_lanes WHERE queue = ?1 AND state = 0 AND head_at <= ?3)
                 OR EXISTS (SELECT 1 FROM cofferdam_queue_limits WHERE queue = ?1 AND opens_at <= ?3)",
        )?;
        let class = class.map_or("", Label::as_str);
        Ok(find.query_row(params![facts.queue, class, self.now], |row| row.get(0))?)
    }

    pub(super) fn lookup(&self, facts: &Facts, ids: &[TaskId]) -> Result<Vec<Option<TaskState>>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT phase, ready_at, worker, lease_until, finished_at, death, error, remaining, traits, seq,
                 CASE WHEN phase = 3 THEN body END
             FROM cofferdam_queue_tasks WHERE queue = ?1 AND id = ?2",
        )?;
        let mut states = Vec::with_capacity(ids.len());
        for id in ids {
            let found =
                find.query_row(params![facts.queue, id.as_str()], |row| Ok(self.state(row))).optional()?;
            states.push(found.transpose()?);
        }
        Ok(states)
    }

    fn state(&self, row: &Row<'_>) -> Result<TaskState, Fault> {
        let phase: i64 = row.get(0)?;
        match phase {
            BLOCKED => Ok(TaskState::Blocked { remaining: row.get::<_, Option<u32>>(7)?.unwrap_or(0) }),
            WAITING => Ok(TaskState::Waiting { ready_at: moment(row.get(1)?) }),
            LEASED => {
                let noted = row.get::<_, i64>(8)? & traits::NOTED != 0;
                let progress = if noted { self.progress(row.get(9)?)? } else { None };
                Ok(TaskState::Leased { worker: worker(row, 2)?, until: moment(row.get(3)?), progress })
            }
            DONE => Ok(TaskState::Done { result: row.get(10)?, at: moment(row.get(4)?) }),
            DEAD => {
                let reason = death_reason(row.get(5)?)?;
                Ok(TaskState::Dead { reason, error: row.get(6)?, at: moment(row.get(4)?) })
            }
            _ => Err(Fault::Corrupt("phase")),
        }
    }

    pub(super) fn workers(&self, facts: &Facts) -> Result<Vec<WorkerLoad>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT worker, count(*), min(lease_until) FROM cofferdam_queue_tasks
             WHERE queue = ?1 AND phase = 2 GROUP BY worker",
        )?;
        let rows = find.query_map([facts.queue], |row| Ok((worker(row, 0), row.get(1)?, row.get(2)?)))?;
        let mut loads = Vec::new();
        for row in rows {
            let (worker, leased, until) = row?;
            loads.push(WorkerLoad::new(worker?, number(leased)?, moment(until)));
        }
        loads.sort_by(|one, other| one.worker.cmp(&other.worker));
        Ok(loads)
    }

    pub(super) fn stats(&self, facts: &Facts) -> Result<QueueStats, Fault> {
        let mut stats = QueueStats::default();
        for priority in Priority::ALL {
            let rank = i64::from(priority.rank());
            let counts = stats.of_mut(priority);
            counts.ready = number(self.count(facts, rank, true)?)?;
            counts.delayed = number(self.count(facts, rank, false)?)?;
            counts.oldest_ready = self.oldest(facts, rank)?.map(moment);
        }
        self.count_rest(facts, &mut stats)?;
        Ok(stats)
    }

    /// Counts the ready or the delayed tasks of a priority, the ordinary ones and those in lanes.
    pub(super) fn count(&self, facts: &Facts, rank: i64, ready: bool) -> Result<i64, Fault> {
        let mut count = self.connection.prepare_cached(if ready {
            "SELECT (SELECT count(*) FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 1 AND lane IS NULL AND priority = ?2 AND ready_at <= ?3)
                 + (SELECT count(*) FROM cofferdam_queue_tasks
                    WHERE queue = ?1 AND phase = 1 AND lane IS NOT NULL AND priority = ?2 AND ready_at <= ?3)"
        } else {
            "SELECT (SELECT count(*) FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 1 AND lane IS NULL AND priority = ?2 AND ready_at > ?3)
                 + (SELECT count(*) FROM cofferdam_queue_tasks
                    WHERE queue = ?1 AND phase = 1 AND lane IS NOT NULL AND priority = ?2 AND ready_at > ?3)"
        })?;
        Ok(count.query_row((facts.queue, rank, self.now), |row| row.get(0))?)
    }

    /// Since when the oldest ready task of a priority has been ready.
    pub(super) fn oldest(&self, facts: &Facts, rank: i64) -> Result<Option<i64>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT min(ready_at) FROM cofferdam_queue_tasks
             WHERE queue = ?1 AND phase = 1 AND lane IS NOT NULL AND priority = ?2 AND ready_at <= ?3",
        )?;
        let laned: Option<i64> = find.query_row((facts.queue, rank, self.now), |row| row.get(0))?;
        let ordinary = self.first_ordinary(facts, rank)?.map(|head| head.ready_at);
        Ok(ordinary.into_iter().chain(laned).min())
    }

    fn count_rest(&self, facts: &Facts, stats: &mut QueueStats) -> Result<(), Fault> {
        let mut rest = self.connection.prepare_cached(
            "SELECT 0, priority, count(*) FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 0 GROUP BY priority
             UNION ALL
             SELECT 2, priority, count(*) FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 2 GROUP BY priority
             UNION ALL
             SELECT 4, priority, count(*) FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 4 GROUP BY priority",
        )?;
        let rows = rest.query_map([facts.queue], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        for row in rows {
            let (phase, rank, tasks): (i64, i64, i64) = row?;
            let counts = stats.of_mut(priority(rank)?);
            let place = match phase {
                BLOCKED => &mut counts.blocked,
                LEASED => &mut counts.leased,
                _ => &mut counts.dead,
            };
            *place = number(tasks)?;
        }
        Ok(())
    }
}

pub(super) fn number(count: i64) -> Result<u64, Fault> {
    u64::try_from(count).map_err(|_| Fault::Corrupt("count"))
}

fn worker(row: &Row<'_>, column: usize) -> Result<WorkerId, Fault> {
    let worker = row.get_ref(column)?.as_str().map_err(|_| Fault::Corrupt("worker identity"))?;
    worker.parse().map_err(|_| Fault::Corrupt("worker identity"))
}
