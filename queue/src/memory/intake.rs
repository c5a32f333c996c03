//! The way in.

use super::record::Phase;
use super::shelf::Shelf;
use crate::clock::span;
use crate::rules::{Destination, check_bound};
use crate::{Bound, Enqueued, Error, Mode, NewTask, Novelty, Priority, QueueName};

impl Shelf {
    /// Takes in a batch, or refuses it as a whole.
    pub(super) fn enqueue(
        &mut self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
        now: i64,
    ) -> Result<Vec<Enqueued>, Error> {
        if self.settings.mode == Mode::Draining {
            return Err(Error::Draining { queue: queue.to_string() });
        }
        if bound != Bound::default() {
            let new = tasks.iter().filter(|task| self.records.number(&task.id).is_none()).count();
            let oldest = Priority::ALL.into_iter().filter_map(|priority| self.ready.oldest(priority)).min();
            check_bound(bound, new, self.counts.total().ready, oldest, now)?;
        }
        self.check_dependencies(&tasks)?;
        Ok(tasks.into_iter().map(|task| self.add(task, now)).collect())
    }

    fn add(&mut self, task: NewTask, now: i64) -> Enqueued {
        if self.records.number(&task.id).is_some() {
            return Enqueued::new(task.id, Novelty::Existing);
        }
        if let Some(holder) = task.unique.as_ref().and_then(|unique| self.keys.holder(&unique.key)) {
            let (id, number) = (holder.id.clone(), holder.number);
            let replace = task.unique.as_ref().is_some_and(|unique| unique.replace);
            let replaced = replace && self.replace(number, task, now);
            return Enqueued::new(id, if replaced { Novelty::Replaced } else { Novelty::Duplicate });
        }
        let id = task.id.clone();
        self.ready.add_record(&task.tenant);
        let number = self.records.add(task, now);
        if let Some(record) = self.records.get(number) {
            self.keys.take(record);
        }
        self.begin(number, now);
        self.tell_children(now);
        Enqueued::new(id, Novelty::New)
    }

    /// Hands the payload of a task to the one that holds its key, and restarts the delay of that one. Answers whether
    /// it still waited.
    fn replace(&mut self, holder: u64, task: NewTask, now: i64) -> bool {
        let Some(record) = self.records.get_mut(holder) else { return false };
        match record.phase {
            Phase::Ready | Phase::Blocked { .. } => {
                record.task.payload = task.payload;
                true
            }
            Phase::Delayed => {
                record.task.payload = task.payload;
                self.leave(holder);
                let ready_at = now.saturating_add(span(task.delay));
                self.send(holder, None, Destination::Waiting { ready_at }, now);
                true
            }
            _ => false,
        }
    }
}
