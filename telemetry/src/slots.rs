//! Stable names for workers, whose ids change with every start.

use std::collections::{BTreeMap, HashMap};

use cofferdam_heartbeat::{Liveness, WorkerState};

/// How many workers are shown one by one. The family's bound for a metric is 100 label sets; in a larger fleet the
/// rest still stands in `cofferdam_heartbeat_workers`.
const MAX_SLOTS: usize = 100;

/// Which worker is shown under which name.
///
/// The first worker of a name has the name itself, a second one at the same time `name/1`, and so on. A worker
/// that is started again takes the place of its dead predecessor, so restarts make no new series, and the counters
/// go on from where they were. A place is free again when the monitor has forgotten its worker.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    by_label: BTreeMap<String, Slot>,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) worker: WorkerState,
    /// What earlier workers counted in this place.
    processed_before: u64,
    failed_before: u64,
}

impl Slot {
    pub(crate) fn processed(&self) -> u64 {
        self.processed_before.saturating_add(processed(&self.worker).0)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed_before.saturating_add(processed(&self.worker).1)
    }

    fn take_over(&mut self, worker: &WorkerState) {
        self.processed_before = self.processed();
        self.failed_before = self.failed();
        self.worker = worker.clone();
    }
}

/// Tasks that the worker processed, and those that failed among them.
fn processed(worker: &WorkerState) -> (u64, u64) {
    worker.heartbeat.as_ref().map_or((0, 0), |beat| (beat.tasks_processed, beat.tasks_failed))
}

impl Slots {
    /// Brings the places up to date with all workers that the monitor knows.
    pub(crate) fn update(&mut self, workers: &[WorkerState]) {
        let known: HashMap<&str, &WorkerState> =
            workers.iter().map(|worker| (worker.worker_id.as_str(), worker)).collect();
        self.by_label.retain(|_, slot| known.contains_key(slot.worker.worker_id.as_str()));
        for slot in self.by_label.values_mut() {
            if let Some(worker) = known.get(slot.worker.worker_id.as_str()) {
                slot.worker = (*worker).clone();
            }
        }
        let placed: Vec<String> = self.by_label.values().map(|slot| slot.worker.worker_id.clone()).collect();
        for worker in workers {
            // The dead get no new place: whoever lost theirs to a successor shall not come back as another series.
            if worker.liveness != Liveness::Dead && !placed.contains(&worker.worker_id) {
                self.place(worker);
            }
        }
    }

    fn place(&mut self, worker: &WorkerState) {
        let name = worker.worker_name();
        let full = self.by_label.len() >= MAX_SLOTS;
        for number in 0..MAX_SLOTS {
            let label = if number == 0 { name.to_owned() } else { format!("{name}/{number}") };
            match self.by_label.get_mut(&label) {
                Some(slot) if slot.worker.liveness != Liveness::Dead => {}
                Some(slot) => return slot.take_over(worker),
                None if full => return,
                None => {
                    let slot = Slot { worker: worker.clone(), processed_before: 0, failed_before: 0 };
                    self.by_label.insert(label, slot);
                    return;
                }
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Slot)> {
        self.by_label.iter().map(|(label, slot)| (label.as_str(), slot))
    }
}
