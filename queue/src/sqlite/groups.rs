//! Dependencies: which task waits for which, and what an end does to those that wait for it.

use std::collections::{BTreeSet, VecDeque};

use rusqlite::{OptionalExtension, params};

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::{BLOCKED, DEAD, DONE, Ledger, Task, death_reason, traits};
use crate::rules::{self, Destination};
use crate::{Error, Label, NewTask, TaskId};

/// A task that has ended, for those that wait for it.
pub(super) struct End {
    pub(super) seq: i64,
    pub(super) task: TaskId,
    /// Why it died, in a word; `None` if it is done.
    pub(super) death: Option<&'static str>,
}

/// What a new task finds of those that it is to wait for.
#[derive(Default)]
pub(super) struct Parents {
    /// Those that have not ended.
    pub(super) open: Vec<i64>,
    /// The first that is dead, and why in a word.
    pub(super) dead: Option<(TaskId, &'static str)>,
}

impl Ledger<'_> {
    /// Looks for what a new task is to wait for.
    pub(super) fn parents(&self, facts: &Facts, task: &NewTask) -> Result<Parents, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT seq, phase, death FROM cofferdam_queue_tasks
             WHERE queue = ?1 AND id = ?2 AND group_name = ?3",
        )?;
        let group = task.group.as_ref().map(Label::as_str);
        let mut parents = Parents::default();
        let mut open = BTreeSet::new();
        for id in &task.after {
            let found = find.query_row(params![facts.queue, id.as_str(), group], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<i64>>(2)?))
            });
            match found.optional()? {
                None => {
                    let (task, dependency) = (task.id.clone(), id.clone());
                    return Err(Error::UnknownDependency { task, dependency }.into());
                }
                Some((_, DONE, _)) => {}
                Some((_, DEAD, death)) => {
                    let reason = death_reason(death)?.as_str();
                    parents.dead.get_or_insert_with(|| (id.clone(), reason));
                }
                Some((seq, _, _)) => drop(open.insert(seq)),
            }
        }
        parents.open = open.into_iter().collect();
        Ok(parents)
    }

    /// Notes that a task waits for others.
    pub(super) fn wait_for(&self, child: i64, parents: &[i64]) -> Result<(), Fault> {
        let mut tie = self
            .connection
            .prepare_cached("INSERT INTO cofferdam_queue_waits (parent, child) VALUES (?1, ?2)")?;
        let mut mark = self.connection.prepare_cached(
            "UPDATE cofferdam_queue_tasks SET traits = traits | ?2 WHERE seq = ?1 AND traits & ?2 = 0",
        )?;
        for parent in parents {
            tie.execute((parent, child))?;
            mark.execute((parent, traits::AWAITED))?;
        }
        Ok(())
    }

    pub(super) fn wait_no_more(&self, child: i64) -> Result<(), Fault> {
        self.connection
            .prepare_cached("DELETE FROM cofferdam_queue_waits WHERE child = ?1")?
            .execute([child])?;
        Ok(())
    }

    /// Brings the end of a task to those that wait for it. What ends by this is added to `ends`.
    pub(super) fn bring(&self, facts: &Facts, end: &End, ends: &mut VecDeque<End>) -> Result<(), Fault> {
        let children = self
            .connection
            .prepare_cached("SELECT child FROM cofferdam_queue_waits WHERE parent = ?1 ORDER BY child")?
            .query_map([end.seq], |row| row.get(0))?
            .collect::<Result<Vec<i64>, _>>()?;
        self.connection
            .prepare_cached("DELETE FROM cofferdam_queue_waits WHERE parent = ?1")?
            .execute([end.seq])?;
        for seq in children {
            let Some(child) = self.task(seq)?.filter(|child| child.phase == BLOCKED) else { continue };
            match end.death {
                Some(reason) if !child.has(traits::TOLERANT) => {
                    self.move_on(facts, &child, &rules::orphaned(&end.task, reason), ends)?;
                }
                _ if child.remaining > 1 => {
                    self.connection
                        .prepare_cached("UPDATE cofferdam_queue_tasks SET remaining = ?2 WHERE seq = ?1")?
                        .execute((seq, child.remaining - 1))?;
                }
                _ => self.move_on(facts, &child, &freed(&child, self.now), ends)?,
            }
        }
        Ok(())
    }
}

/// Where a task goes that waits for nobody any more.
fn freed(task: &Task, now: i64) -> Destination<'static> {
    if task.has(traits::MARKER) {
        return Destination::Done(&[]);
    }
    Destination::Waiting { ready_at: now.saturating_add(task.ready_at.saturating_sub(task.enqueued_at)) }
}
