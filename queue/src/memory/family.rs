//! Tasks that wait for others: who may wait for whom, and what the end of one does to those that waited for it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::record::{Phase, Record};
use super::shelf::Shelf;
use crate::clock::span;
use crate::rules::{self, Destination, PURGED};
use crate::{Error, Label, NewTask, TaskId};

/// The end of a task that others waited for.
pub(super) struct Ended {
    task: TaskId,
    children: Vec<u64>,
    /// The word for its death; `None` when it ended well.
    death: Option<&'static str>,
}

impl Ended {
    /// Takes the children from a task that ends; nothing if it has none.
    pub(super) fn of(record: &mut Record, death: Option<&'static str>) -> Option<Self> {
        let children = std::mem::take(&mut record.children);
        (!children.is_empty()).then(|| Self { task: record.task.id.clone(), children, death })
    }

    /// Takes the children from a task that was deleted before it ended.
    pub(super) fn deleted(mut record: Record) -> Option<Self> {
        Self::of(&mut record, Some(PURGED))
    }
}

impl Shelf {
    /// Refuses a batch in which a task waits for one that its group holds neither here nor earlier in the batch. Of a
    /// task that the queue knows nothing is asked, so a call can be repeated when what it named is forgotten.
    pub(super) fn check_dependencies(&self, tasks: &[NewTask]) -> Result<(), Error> {
        if tasks.iter().all(|task| task.after.is_empty()) {
            return Ok(());
        }
        // What the batch will have added and taken by then: the call is refused before it changes anything.
        let mut earlier: HashMap<&TaskId, &Option<Label>> = HashMap::new();
        let mut taken: HashSet<&Label> = HashSet::new();
        for task in tasks {
            if self.records.number(&task.id).is_some() || earlier.contains_key(&task.id) {
                continue;
            }
            if let Some(unique) = &task.unique {
                if self.keys.holder(&unique.key).is_some() || taken.contains(&unique.key) {
                    continue;
                }
                if unique.outlasts_enqueue(task.marker) {
                    taken.insert(&unique.key);
                }
            }
            let group_of = |id: &TaskId| match self.records.find(id) {
                Some(record) => Some(&record.task.group),
                None => earlier.get(id).copied(),
            };
            if let Some(dependency) = task.after.iter().find(|id| group_of(id) != Some(&task.group)) {
                let (task, dependency) = (task.id.clone(), dependency.clone());
                return Err(Error::UnknownDependency { task, dependency });
            }
            earlier.insert(&task.id, &task.group);
        }
        Ok(())
    }

    /// Puts a new task where it begins: behind those that it waits for, among the waiting, or at its end.
    pub(super) fn begin(&mut self, number: u64, now: i64) {
        let Some(record) = self.records.get_mut(number) else { return };
        let (after, tolerant) = (std::mem::take(&mut record.task.after), record.task.tolerant);
        let mut parents = BTreeSet::new();
        for parent in after.iter().filter_map(|id| self.records.find(id)) {
            match &parent.phase {
                Phase::Done { .. } => {}
                Phase::Dead { reason, .. } if !tolerant => {
                    let fate = rules::orphaned(&parent.task.id, reason.as_str());
                    return self.send(number, None, fate, now);
                }
                Phase::Dead { .. } => {}
                _ => drop(parents.insert(parent.number)),
            }
        }
        let Ok(remaining @ 1..) = u32::try_from(parents.len()) else { return self.unblock(number, now) };
        for parent in parents {
            if let Some(parent) = self.records.get_mut(parent) {
                parent.children.push(number);
            }
        }
        self.enter(number, Phase::Blocked { remaining });
    }

    /// Lets the ends of tasks work on those that waited for them, which may end in turn. The nearest go first.
    pub(super) fn tell_children(&mut self, now: i64) {
        while let Some(ended) = self.ended.pop_front() {
            for child in &ended.children {
                self.tell(*child, &ended, now);
            }
        }
    }

    fn tell(&mut self, number: u64, ended: &Ended, now: i64) {
        let Some(record) = self.records.get_mut(number) else { return };
        // One that was cancelled or replayed meanwhile waits for nobody any more.
        let Phase::Blocked { remaining } = &mut record.phase else { return };
        *remaining = remaining.saturating_sub(1);
        let free = *remaining == 0;
        match ended.death {
            Some(reason) if !record.task.tolerant => {
                self.leave(number);
                self.deliver(number, None, rules::orphaned(&ended.task, reason), now);
            }
            _ if free => {
                self.leave(number);
                self.unblock(number, now);
            }
            _ => {}
        }
    }

    /// Sends on a task that waits for nobody.
    pub(super) fn unblock(&mut self, number: u64, now: i64) {
        let Some(record) = self.records.get(number) else { return };
        let destination = if record.task.marker {
            Destination::Done(&[])
        } else {
            Destination::Waiting { ready_at: now.saturating_add(span(record.task.delay)) }
        };
        self.deliver(number, None, destination, now);
    }
}
