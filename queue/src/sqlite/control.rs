//! What people do to single tasks: cancel, replay, purge.

use std::collections::VecDeque;

use super::facts::Facts;
use super::fault::Fault;
use super::groups::End;
use super::ledger::{BLOCKED, DEAD, DONE, LEASED, Ledger, Task, WAITING, traits};
use crate::rules::{self, Destination};
use crate::{Cancelled, Section, TaskId};

impl Ledger<'_> {
    pub(super) fn cancel(&self, facts: &Facts, ids: &[TaskId]) -> Result<Vec<Cancelled>, Fault> {
        ids.iter().map(|id| self.cancel_one(facts, id)).collect()
    }

    fn cancel_one(&self, facts: &Facts, id: &TaskId) -> Result<Cancelled, Fault> {
        let Some(task) = self.find_task(facts, id)? else { return Ok(Cancelled::Unknown) };
        let answer = match task.phase {
            BLOCKED | WAITING => Cancelled::Waiting,
            LEASED => Cancelled::Running,
            _ => return Ok(Cancelled::Finished),
        };
        self.send(facts, &task, &rules::cancelled())?;
        Ok(answer)
    }

    pub(super) fn replay(&self, facts: &Facts, ids: &[TaskId]) -> Result<Vec<bool>, Fault> {
        ids.iter().map(|id| self.replay_one(facts, id)).collect()
    }

    fn replay_one(&self, facts: &Facts, id: &TaskId) -> Result<bool, Fault> {
        let Some(mut task) = self.find_task(facts, id)?.filter(|task| task.phase == DEAD) else {
            return Ok(false);
        };
        task.tally.failures = 0;
        task.tally.crashes = 0;
        self.connection
            .prepare_cached("UPDATE cofferdam_queue_tasks SET deadline_at = NULL WHERE seq = ?1")?
            .execute([task.seq])?;
        let destination = if task.has(traits::MARKER) {
            Destination::Done(&[])
        } else {
            Destination::Waiting { ready_at: self.now }
        };
        self.send(facts, &task, &destination)?;
        Ok(true)
    }

    /// Deletes tasks of a section, one after another in the order in which they are shown.
    pub(super) fn purge(&self, facts: &Facts, section: Section, max: usize) -> Result<u64, Fault> {
        rules::check_purge(section)?;
        let mut gone = 0;
        while gone < max {
            let listed = self.list(facts, section, max - gone)?;
            if listed.is_empty() {
                break;
            }
            for seq in listed {
                let task = self.task(seq)?.ok_or(Fault::Corrupt("task (it is gone)"))?;
                self.delete(facts, &task)?;
                gone += 1;
                if task.has(traits::AWAITED) {
                    // What waited for it may belong to the section now, or have left it.
                    break;
                }
            }
        }
        Ok(gone as u64)
    }

    fn delete(&self, facts: &Facts, task: &Task) -> Result<(), Fault> {
        self.drop_leftovers(task)?;
        self.free_key(facts, task)?;
        self.connection
            .prepare_cached("DELETE FROM cofferdam_queue_tasks WHERE seq = ?1")?
            .execute([task.seq])?;
        self.leave(facts, task)?;
        // Who waits for it must learn that it is gone.
        self.news.borrow_mut().ended.push(task.id.clone());
        if task.has(traits::AWAITED) && task.phase < DONE {
            let end = End { seq: task.seq, task: task.id.clone(), death: Some(rules::PURGED) };
            self.bring_all(facts, VecDeque::from([end]))?;
        }
        Ok(())
    }

    fn find_task(&self, facts: &Facts, id: &TaskId) -> Result<Option<Task>, Fault> {
        self.seq(facts, id)?.map_or(Ok(None), |seq| self.task(seq))
    }
}
