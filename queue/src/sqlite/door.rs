//! The door: whether a queue may take a batch, by the bound of who enqueues it.
//!
//! From the first bound on, the waiting tasks of a queue are counted as they come and go. So a queue far from its bound
//! is asked nothing, and one near it only how many of the waiting are delayed, and which tasks of the batch it has.

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::Ledger;
use super::view::number;
use crate::rules::check_bound;
use crate::{Bound, NewTask, Priority};

/// The priorities as they are stored.
fn ranks() -> impl Iterator<Item = i64> {
    Priority::ALL.into_iter().map(|priority| i64::from(priority.rank()))
}

impl Ledger<'_> {
    /// Holds a batch against the bound of who enqueues it.
    pub(super) fn check_bound(&self, facts: &Facts, bound: Bound, tasks: &[NewTask]) -> Result<(), Fault> {
        let mut oldest: Option<i64> = None;
        if bound.age.is_some() {
            for rank in ranks() {
                oldest = oldest.into_iter().chain(self.oldest(facts, rank)?).min();
            }
        }
        let mut ready = 0;
        if bound.ready.is_some() {
            let waiting = self.waiting(facts)?;
            ready = number(waiting)?;
            if check_bound(bound, tasks.len(), ready, None, self.now).is_err() {
                let delayed =
                    ranks().map(|rank| self.count(facts, rank, false)).sum::<Result<i64, Fault>>()?;
                ready = number(waiting.saturating_sub(delayed))?;
            }
        }
        if check_bound(bound, tasks.len(), ready, oldest, self.now).is_ok() {
            return Ok(());
        }
        let mut new = 0;
        for task in tasks {
            new += usize::from(self.seq(facts, &task.id)?.is_none());
        }
        Ok(check_bound(bound, new, ready, oldest, self.now)?)
    }

    /// How many tasks wait, ready or delayed.
    fn waiting(&self, facts: &Facts) -> Result<i64, Fault> {
        if let Some(waiting) = facts.waiting.get() {
            return Ok(waiting);
        }
        let mut waiting = 0;
        for rank in ranks() {
            waiting += self.count(facts, rank, true)? + self.count(facts, rank, false)?;
        }
        self.connection
            .prepare_cached("UPDATE cofferdam_queue_queues SET waiting = ?2 WHERE queue = ?1")?
            .execute((facts.queue, waiting))?;
        facts.waiting.set(Some(waiting));
        Ok(waiting)
    }
}
