//! How a task moves from one phase to another, and what must follow: places of limits, lanes, keys, notes, and the tasks
//! that wait for it.
//!
//! Every move goes through here, so that nothing of a task is forgotten in the phase that it leaves. The one shortcut is
//! for tasks of which nothing stands outside their row.

use std::collections::VecDeque;

use rusqlite::params;

use super::facts::Facts;
use super::fault::Fault;
use super::groups::End;
use super::ledger::{BLOCKED, LEASED, Ledger, Task, WAITING, traits};
use crate::rules::{Destination, Tally};
use crate::{DeathReason, TaskId};

impl Ledger<'_> {
    /// Moves a task to where it goes next, and those that waited for it.
    pub(super) fn send(
        &self,
        facts: &Facts,
        task: &Task,
        destination: &Destination<'_>,
    ) -> Result<(), Fault> {
        let mut ends = VecDeque::new();
        self.move_on(facts, task, destination, &mut ends)?;
        self.bring_all(facts, ends)
    }

    /// Brings ends to those that wait for them, and the ends that follow from these, one after another: a chain may be
    /// longer than the stack is deep.
    pub(super) fn bring_all(&self, facts: &Facts, mut ends: VecDeque<End>) -> Result<(), Fault> {
        while let Some(end) = ends.pop_front() {
            self.bring(facts, &end, &mut ends)?;
        }
        Ok(())
    }

    /// Moves one task. If it ends and others wait for it, that is added to `ends`.
    pub(super) fn move_on(
        &self,
        facts: &Facts,
        task: &Task,
        destination: &Destination<'_>,
        ends: &mut VecDeque<End>,
    ) -> Result<(), Fault> {
        match destination {
            Destination::Waiting { ready_at } => self.put_back(facts, task, *ready_at)?,
            Destination::Done(result) => {
                self.record(task.seq, task.tally, result)?;
                self.drop_leftovers(task)?;
                self.end(facts, task, None, ends)?;
            }
            Destination::Dead { reason, error } => {
                self.bury(task.seq, task.tally, *reason, error)?;
                self.end(facts, task, Some(reason.as_str()), ends)?;
            }
        }
        self.leave(facts, task)
    }

    /// Moves a task that has no trait, in a queue where such tasks stand in no lane.
    pub(super) fn send_plain(
        &self,
        seq: i64,
        id: &TaskId,
        tally: Tally,
        destination: &Destination<'_>,
    ) -> Result<(), Fault> {
        match destination {
            Destination::Waiting { ready_at } => {
                self.raise_ready();
                return self.wait(seq, tally, *ready_at, None);
            }
            Destination::Done(result) => self.record(seq, tally, result)?,
            Destination::Dead { reason, error } => self.bury(seq, tally, *reason, error)?,
        }
        self.news.borrow_mut().ended.push(id.clone());
        Ok(())
    }

    /// Clears up behind a task that has left its phase.
    pub(super) fn leave(&self, facts: &Facts, task: &Task) -> Result<(), Fault> {
        match (task.phase, task.lane) {
            (WAITING, lane) => {
                self.count_waiting(-1);
                lane.map_or(Ok(()), |lane| self.refresh(facts, lane))?;
            }
            (LEASED, _) => {
                if task.has(traits::NOTED) {
                    self.clear_progress(task.seq)?;
                }
                if let Some(limit) = &task.limit {
                    self.stop(facts, limit)?;
                }
            }
            (BLOCKED, _) => self.wait_no_more(task.seq)?,
            _ => {}
        }
        Ok(())
    }

    fn put_back(&self, facts: &Facts, task: &Task, ready_at: i64) -> Result<(), Fault> {
        let lane = self.lane_of(facts, task)?;
        self.wait(task.seq, task.tally, ready_at, lane)?;
        self.raise_ready();
        lane.map_or(Ok(()), |lane| self.refresh(facts, lane))
    }

    fn end(
        &self,
        facts: &Facts,
        task: &Task,
        death: Option<&'static str>,
        ends: &mut VecDeque<End>,
    ) -> Result<(), Fault> {
        self.free_key(facts, task)?;
        if task.has(traits::AWAITED) {
            ends.push_back(End { seq: task.seq, task: task.id.clone(), death });
        }
        self.news.borrow_mut().ended.push(task.id.clone());
        Ok(())
    }

    /// Drops what only a task needs that is not done. A dead one keeps it, for whoever finds out what killed it.
    pub(super) fn drop_leftovers(&self, task: &Task) -> Result<(), Fault> {
        if task.has(traits::APART) {
            self.drop_payload(task.seq)?;
        }
        if task.has(traits::NOTED) {
            self.drop_notes(task.seq)?;
        }
        Ok(())
    }

    fn wait(&self, seq: i64, tally: Tally, ready_at: i64, lane: Option<i64>) -> Result<(), Fault> {
        self.count_waiting(1);
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_tasks SET phase = 1, lane = ?5, ready_at = ?2, failures = ?3, crashes = ?4,
                     worker = NULL, token = NULL, lease_until = NULL, finished_at = NULL, death = NULL, error = NULL,
                     remaining = NULL, charge = NULL
                 WHERE seq = ?1",
            )?
            .execute(params![seq, ready_at, tally.failures, tally.crashes, lane])?;
        Ok(())
    }

    fn record(&self, seq: i64, tally: Tally, result: &[u8]) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_tasks SET phase = 3, failures = ?2, crashes = ?3, worker = NULL,
                     lease_until = NULL, finished_at = ?4, body = ?5
                 WHERE seq = ?1",
            )?
            .execute(params![seq, tally.failures, tally.crashes, self.now, result])?;
        Ok(())
    }

    fn bury(&self, seq: i64, tally: Tally, reason: DeathReason, error: &str) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_tasks SET phase = 4, failures = ?2, crashes = ?3, worker = NULL,
                     lease_until = NULL, finished_at = ?4, death = ?5, error = ?6
                 WHERE seq = ?1",
            )?
            .execute(params![seq, tally.failures, tally.crashes, self.now, reason.code(), error])?;
        Ok(())
    }
}
