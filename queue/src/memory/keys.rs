//! Unique keys and who holds them.

use std::collections::{BTreeSet, HashMap};

use super::record::Record;
use crate::unique::UniqueSpan;
use crate::{Label, TaskId};

/// The keys that are held.
#[derive(Default)]
pub(super) struct Keys {
    holders: HashMap<Label, Holder>,
    /// When the keys that are held for a time become free.
    ends: BTreeSet<(i64, Label)>,
}

/// Who holds a key. For a time, it may be a task that is long gone.
pub(super) struct Holder {
    pub(super) id: TaskId,
    pub(super) number: u64,
    timed: bool,
}

impl Keys {
    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    pub(super) fn holder(&self, key: &Label) -> Option<&Holder> {
        self.holders.get(key)
    }

    /// Gives a new task the key it asks for, which must be free.
    pub(super) fn take(&mut self, record: &Record) {
        let Some(unique) = &record.task.unique else { return };
        let timed = match unique.span {
            UniqueSpan::For(span) => {
                let end = record.enqueued_at.saturating_add(crate::clock::span(span));
                if !unique.outlasts_enqueue(record.task.marker) {
                    return;
                }
                self.ends.insert((end, unique.key.clone()));
                true
            }
            UniqueSpan::Done | UniqueSpan::Started => false,
        };
        let holder = Holder { id: record.task.id.clone(), number: record.number, timed };
        self.holders.insert(unique.key.clone(), holder);
    }

    /// Frees the key of a task that a worker takes, if it was held until then.
    pub(super) fn start(&mut self, record: &Record) {
        if record.task.unique.as_ref().is_some_and(|unique| unique.span == UniqueSpan::Started) {
            self.end(record);
        }
    }

    /// Frees the key of a task that has ended or goes, unless it is held for a time.
    pub(super) fn end(&mut self, record: &Record) {
        let Some(unique) = &record.task.unique else { return };
        let own = |holder: &Holder| holder.number == record.number && !holder.timed;
        if self.holders.get(&unique.key).is_some_and(own) {
            self.holders.remove(&unique.key);
        }
    }

    /// Frees the keys whose time is over.
    pub(super) fn expire(&mut self, now: i64) {
        while let Some((end, _)) = self.ends.first()
            && *end <= now
        {
            if let Some((_, key)) = self.ends.pop_first() {
                self.holders.remove(&key);
            }
        }
    }
}
