//! What people do to a queue: settings, cancellation, replay, deletion.

use std::num::NonZeroU32;

use super::codes::quarantine;
use super::family::Ended;
use super::record::Phase;
use super::shelf::Shelf;
use crate::rules::{self, Destination};
use crate::settings::DEFAULT_WEIGHT;
use crate::{Cancelled, Label, Limit, Section, Setting, TaskId};

impl Shelf {
    pub(super) fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Mode(mode) => self.settings.mode = mode,
            Setting::Limit(name, limit) => self.set_limit(name, limit),
            Setting::Weight(tenant, weight) if weight.get() == DEFAULT_WEIGHT => {
                self.settings.weights.remove(&tenant);
            }
            Setting::Weight(tenant, weight) => {
                self.settings.weights.insert(tenant, weight);
            }
            Setting::QuarantineAfter(crashes) => self.settings.quarantine_after = crashes,
            Setting::Quarantine(code) => quarantine(&code, &mut self.settings),
            Setting::Release(code) => self.codes.release(&code, &mut self.settings),
            Setting::Schedule(name, Some(schedule)) => {
                self.settings.schedules.insert(name, schedule);
            }
            Setting::Schedule(name, None) => {
                self.settings.schedules.remove(&name);
            }
        }
        // Most settings can let tasks go; those who look in vain look once.
        self.news.ready = true;
    }

    fn set_limit(&mut self, name: Label, limit: Option<Limit>) {
        let held_back = self.gates.set(&name, self.settings.limits.get(&name), limit.as_ref());
        self.ready.reopen(&name, held_back);
        match limit {
            Some(limit) => drop(self.settings.limits.insert(name, limit)),
            None => drop(self.settings.limits.remove(&name)),
        }
    }

    /// The weight of a tenant, if one is set.
    pub(super) fn weight(&self, tenant: &Option<Label>) -> Option<NonZeroU32> {
        self.settings.weights.get(tenant.as_ref()?).copied()
    }

    pub(super) fn cancel(&mut self, id: &TaskId, now: i64) -> Cancelled {
        let Some(record) = self.records.find(id) else { return Cancelled::Unknown };
        let answer = match &record.phase {
            Phase::Done { .. } | Phase::Dead { .. } => return Cancelled::Finished,
            Phase::Leased(_) => Cancelled::Running,
            _ => Cancelled::Waiting,
        };
        let number = record.number;
        self.leave(number);
        self.send(number, None, rules::cancelled(), now);
        answer
    }

    /// Makes a dead task ready again and answers whether it was dead. What waited for it has died meanwhile.
    pub(super) fn replay(&mut self, id: &TaskId, now: i64) -> bool {
        let Some(number) = self.records.number(id) else { return false };
        if !self.records.get(number).is_some_and(|record| matches!(record.phase, Phase::Dead { .. })) {
            return false;
        }
        self.leave(number);
        let Some(record) = self.records.get_mut(number) else { return false };
        record.tally.failures = 0;
        record.tally.crashes = 0;
        record.task.deadline = None;
        let destination =
            if record.task.marker { Destination::Done(&[]) } else { Destination::Waiting { ready_at: now } };
        self.send(number, None, destination, now);
        true
    }

    /// Deletes tasks one after another, since the end of each may end others of the section.
    pub(super) fn purge(&mut self, section: Section, max: usize, now: i64) -> u64 {
        let mut deleted = 0;
        for _ in 0..max {
            let Some(number) = self.numbers(section).next() else { break };
            self.delete(number);
            self.tell_children(now);
            deleted += 1;
        }
        deleted
    }

    pub(super) fn forget(&mut self, ended_by: i64, max: usize) -> u64 {
        let mut forgotten = 0;
        for _ in 0..max {
            let oldest = [self.done.first(), self.dead.first()].into_iter().flatten().min().copied();
            let Some((_, number)) = oldest.filter(|(at, _)| *at <= ended_by) else { break };
            self.delete(number);
            forgotten += 1;
        }
        forgotten
    }

    fn delete(&mut self, number: u64) {
        self.leave(number);
        let Some(record) = self.records.remove(number) else { return };
        self.ready.remove_record(&record.task.tenant);
        self.keys.end(&record);
        if !matches!(record.phase, Phase::Done { .. } | Phase::Dead { .. }) {
            self.news.ended.push(record.task.id.clone());
        }
        // One that ended before has no children left.
        self.ended.extend(Ended::deleted(record));
    }
}
