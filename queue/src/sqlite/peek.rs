//! How people look at the tasks of a queue.

use rusqlite::Row;

use super::facts::Facts;
use super::fault::Fault;
use super::lanes::Head;
use super::ledger::{DEAD, Ledger, death_reason, label, limit, priority, task_id, traits};
use crate::clock::moment;
use crate::{Priority, Section, TaskView};

impl Ledger<'_> {
    pub(super) fn peek(&self, facts: &Facts, section: Section, max: usize) -> Result<Vec<TaskView>, Fault> {
        self.list(facts, section, max)?.into_iter().map(|seq| self.view(seq)).collect()
    }

    /// The first tasks of a section, by the numbers of their rows.
    pub(super) fn list(&self, facts: &Facts, section: Section, max: usize) -> Result<Vec<i64>, Fault> {
        let sql = match section {
            Section::Ready => return self.list_waiting(facts, true, max),
            Section::Delayed => return self.list_waiting(facts, false, max),
            Section::Blocked => {
                "SELECT seq FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 0 ORDER BY seq LIMIT ?2"
            }
            Section::Leased => {
                "SELECT seq FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 2
                 ORDER BY lease_until, seq LIMIT ?2"
            }
            Section::Dead => {
                "SELECT seq FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 4
                 ORDER BY finished_at DESC, seq DESC LIMIT ?2"
            }
        };
        let mut find = self.connection.prepare_cached(sql)?;
        Ok(find.query_map((facts.queue, limit(max)), |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The first ready tasks, by priority, or the first delayed ones whatever their priority.
    fn list_waiting(&self, facts: &Facts, ready: bool, max: usize) -> Result<Vec<i64>, Fault> {
        let mut listed: Vec<Head> = Vec::new();
        for priority in Priority::ALL {
            let most = if ready { max - listed.len() } else { max };
            let mut heads = self.first_waiting(facts, priority, ready, most)?;
            listed.append(&mut heads);
        }
        if !ready {
            listed.sort_unstable();
            listed.truncate(max);
        }
        Ok(listed.into_iter().map(|head| head.seq).collect())
    }

    /// The first ready or delayed tasks of a priority, the ordinary ones and those in lanes.
    fn first_waiting(
        &self,
        facts: &Facts,
        priority: Priority,
        ready: bool,
        most: usize,
    ) -> Result<Vec<Head>, Fault> {
        let mut find = self.connection.prepare_cached(if ready {
            "SELECT ready_at, seq FROM (
                 SELECT ready_at, seq FROM (SELECT ready_at, seq FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 1 AND lane IS NULL AND priority = ?2 AND ready_at <= ?3
                     ORDER BY ready_at, seq LIMIT ?4)
                 UNION ALL
                 SELECT ready_at, seq FROM (SELECT ready_at, seq FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 1 AND lane IS NOT NULL AND priority = ?2 AND ready_at <= ?3
                     ORDER BY ready_at, seq LIMIT ?4))
             ORDER BY ready_at, seq LIMIT ?4"
        } else {
            "SELECT ready_at, seq FROM (
                 SELECT ready_at, seq FROM (SELECT ready_at, seq FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 1 AND lane IS NULL AND priority = ?2 AND ready_at > ?3
                     ORDER BY ready_at, seq LIMIT ?4)
                 UNION ALL
                 SELECT ready_at, seq FROM (SELECT ready_at, seq FROM cofferdam_queue_tasks
                     WHERE queue = ?1 AND phase = 1 AND lane IS NOT NULL AND priority = ?2 AND ready_at > ?3
                     ORDER BY ready_at, seq LIMIT ?4))
             ORDER BY ready_at, seq LIMIT ?4"
        })?;
        let heads = find.query_map((facts.queue, priority.rank(), self.now, limit(most)), |row| {
            Ok(Head { ready_at: row.get(0)?, seq: row.get(1)? })
        })?;
        Ok(heads.collect::<Result<_, _>>()?)
    }

    fn view(&self, seq: i64) -> Result<TaskView, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT id, kind, priority, class, tenant, failures, crashes, enqueued_at, ready_at, worker, phase, death,
                 error, traits, body
             FROM cofferdam_queue_tasks WHERE seq = ?1",
        )?;
        find.query_row([seq], |row| Ok(self.view_of(seq, row)))?
    }

    fn view_of(&self, seq: i64, row: &Row<'_>) -> Result<TaskView, Fault> {
        let worker: Option<String> = row.get(9)?;
        let worker = worker.map(|worker| worker.parse().map_err(|_| Fault::Corrupt("worker identity")));
        let phase: i64 = row.get(10)?;
        let apart = row.get::<_, i64>(13)? & traits::APART != 0;
        Ok(TaskView {
            id: task_id(row, 0)?,
            kind: label(row, 1)?,
            priority: priority(row.get(2)?)?,
            class: label(row, 3)?,
            tenant: label(row, 4)?,
            payload: if apart { self.payload(seq)? } else { row.get(14)? },
            failures: row.get(5)?,
            crashes: row.get(6)?,
            enqueued_at: moment(row.get(7)?),
            ready_at: moment(row.get(8)?),
            worker: worker.transpose()?,
            death: if phase == DEAD { Some((death_reason(row.get(11)?)?, row.get(12)?)) } else { None },
        })
    }
}
