//! How a queue looks from outside.

use std::collections::BTreeMap;

use super::record::{Phase, Record};
use super::shelf::Shelf;
use crate::clock::moment;
use crate::{Priority, QueueStats, Section, TaskId, TaskState, TaskView, WorkerId, WorkerLoad};

impl Shelf {
    pub(super) fn state(&self, id: &TaskId) -> Option<TaskState> {
        let record = self.records.find(id)?;
        Some(match &record.phase {
            Phase::Blocked { remaining } => TaskState::Blocked { remaining: *remaining },
            Phase::New | Phase::Delayed | Phase::Ready => {
                TaskState::Waiting { ready_at: moment(record.ready_at) }
            }
            Phase::Leased(held) => TaskState::Leased {
                worker: held.worker.clone(),
                until: moment(held.until),
                progress: held.progress.clone(),
            },
            Phase::Done { result, at, .. } => TaskState::Done { result: result.clone(), at: moment(*at) },
            Phase::Dead { reason, error, at } => {
                TaskState::Dead { reason: *reason, error: error.clone(), at: moment(*at) }
            }
        })
    }

    pub(super) fn stats(&self) -> QueueStats {
        let mut stats = self.counts;
        for priority in Priority::ALL {
            stats.of_mut(priority).oldest_ready = self.ready.oldest(priority).map(moment);
        }
        stats
    }

    pub(super) fn peek(&self, section: Section, max: usize) -> Vec<TaskView> {
        self.numbers(section).take(max).filter_map(|number| self.records.get(number)).map(view).collect()
    }

    /// The tasks of a section, in the order in which people see them.
    pub(super) fn numbers(&self, section: Section) -> Box<dyn Iterator<Item = u64> + '_> {
        match section {
            Section::Ready => Box::new(self.ready.iter()),
            Section::Delayed => Box::new(self.delayed.iter().map(|(_, number)| *number)),
            Section::Blocked => Box::new(self.blocked.iter().copied()),
            Section::Leased => Box::new(self.leased.iter().map(|(_, number)| *number)),
            Section::Dead => Box::new(self.dead.iter().rev().map(|(_, number)| *number)),
        }
    }

    /// Who holds leases. It looks at every lease.
    pub(super) fn workers(&self) -> Vec<WorkerLoad> {
        let mut workers: BTreeMap<&WorkerId, (u64, i64)> = BTreeMap::new();
        for (until, number) in &self.leased {
            if let Some(Phase::Leased(held)) = self.records.get(*number).map(|record| &record.phase) {
                // The first of a worker's leases comes first.
                workers.entry(&held.worker).or_insert((0, *until)).0 += 1;
            }
        }
        let loads = workers.into_iter();
        loads
            .map(|(worker, (leased, until))| WorkerLoad::new(worker.clone(), leased, moment(until)))
            .collect()
    }
}

fn view(record: &Record) -> TaskView {
    let (worker, death) = match &record.phase {
        Phase::Leased(held) => (Some(held.worker.clone()), None),
        Phase::Dead { reason, error, .. } => (None, Some((*reason, error.clone()))),
        _ => (None, None),
    };
    let task = &record.task;
    TaskView {
        id: task.id.clone(),
        kind: task.kind.clone(),
        priority: task.priority,
        class: task.class.clone(),
        tenant: task.tenant.clone(),
        payload: task.payload.clone(),
        failures: record.tally.failures,
        crashes: record.tally.crashes,
        enqueued_at: moment(record.enqueued_at),
        ready_at: moment(record.ready_at),
        worker,
        death,
    }
}
