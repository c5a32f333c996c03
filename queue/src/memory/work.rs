//! What workers do with tasks: claim, settle, renew, leave notes; and what is done to workers that are gone.

use super::codes;
use super::record::{Held, Phase, Record};
use super::shelf::Shelf;
use crate::clock::{length, moment, span};
use crate::random::TokenSource;
use crate::rules::{self, Destination};
use crate::{
    Delivery, Ending, Label, Lease, Mode, Note, Priority, ReapScope, Reaped, Settlement, Step, TaskId,
    Verdict, WorkerId,
};

impl Shelf {
    pub(super) fn claim(&mut self, step: &Step, now: i64, tokens: &TokenSource) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        if self.settings.mode == Mode::Paused {
            return deliveries;
        }
        let until = now.saturating_add(span(step.lease));
        for places in &step.claim {
            for _ in 0..places.count {
                let Some(number) = self.next(&places.class, now) else { break };
                let (worker, token) = (step.worker.clone(), tokens.next());
                deliveries.extend(self.lend(
                    number,
                    Held { worker, token, until, charge: None, progress: None },
                    now,
                ));
            }
        }
        deliveries
    }

    /// The next task for a place of this class. Those that are found not worth running die on the way, which may let
    /// others go first, so each look starts at the top.
    fn next(&mut self, class: &Option<Label>, now: i64) -> Option<u64> {
        loop {
            let number = Priority::ALL.into_iter().find_map(|priority| {
                self.ready.next(class, priority, (&mut self.gates, &self.settings.limits), now)
            })?;
            let Some(fate) = self.records.get(number).and_then(|record| self.fate(record, now)) else {
                return Some(number);
            };
            self.leave(number);
            self.send(number, None, fate, now);
        }
    }

    /// Why a task that a worker could take dies instead.
    fn fate(&self, record: &Record, now: i64) -> Option<Destination<'static>> {
        if record.deadline().is_some_and(|deadline| deadline <= now) {
            return Some(rules::expired());
        }
        let code = record.task.code.as_ref()?;
        codes::is_quarantined(code, &self.settings).then(|| rules::quarantined(code))
    }

    fn lend(&mut self, number: u64, mut held: Held, now: i64) -> Option<Delivery> {
        let record = self.records.get(number)?;
        let weight = self.weight(&record.task.tenant);
        held.charge = self.ready.charge(record, weight);
        if let Some(limit) = &record.task.limit {
            self.gates.start(limit, self.settings.limits.get(limit), now);
        }
        self.keys.start(record);
        let token = held.token;
        self.leave(number);
        self.enter(number, Phase::Leased(held));
        let record = self.records.get(number)?;
        let task = &record.task;
        Some(Delivery {
            lease: Lease {
                task: task.id.clone(),
                token,
                priority: task.priority,
                class: task.class.clone(),
                shard: 0,
            },
            payload: task.payload.clone(),
            attempt: record.tally.failures.saturating_add(1),
            crashes: record.tally.crashes,
            backoff: task.backoff,
            enqueued_at: moment(record.enqueued_at),
            ready_at: moment(record.ready_at),
            waited: length(now.saturating_sub(record.ready_at)),
            kind: task.kind.clone(),
            tenant: task.tenant.clone(),
            code: task.code.clone(),
            deadline: record.deadline().map(moment),
            checkpoint: record.checkpoint.clone(),
        })
    }

    pub(super) fn settle(&mut self, worker: &WorkerId, settlement: &Settlement, now: i64) -> Verdict {
        let lease = &settlement.lease;
        let Some(record) = self.records.find_mut(&lease.task) else { return Verdict::LeaseLost };
        if matches!(record.phase, Phase::Done { token: Some(token), .. } if token == lease.token) {
            return Verdict::Recorded;
        }
        let Some(charge) = record.held(worker, lease).map(|held| held.charge) else {
            return Verdict::LeaseLost;
        };
        let (number, tenant, code) = (record.number, record.task.tenant.clone(), record.task.code.clone());
        let destination = rules::settle(&settlement.ending, &mut record.tally, record.ready_at, now);
        let verdict = destination.verdict(&settlement.ending);
        let used = rules::micros(settlement.used);
        if let Some(charge) = charge.filter(|_| used > 0) {
            self.ready.report(&tenant, charge, used, self.weight(&tenant));
        }
        if let (Ending::Crashed { .. }, Some(code)) = (&settlement.ending, &code) {
            self.codes.crashed(code, &mut self.settings);
        }
        self.leave(number);
        self.send(number, Some(lease.token), destination, now);
        verdict
    }

    pub(super) fn renew(&mut self, worker: &WorkerId, lease: &Lease, until: i64) -> bool {
        let Some(record) = self.records.find_mut(&lease.task) else { return false };
        let number = record.number;
        let Some(held) = record.held(worker, lease) else { return false };
        self.leased.remove(&(held.until, number));
        self.leased.insert((until, number));
        held.until = until;
        true
    }

    /// Keeps a note, or answers whose it is when the lease is lost.
    pub(super) fn note(&mut self, worker: &WorkerId, note: Note) -> Option<TaskId> {
        let Some(record) = self.records.find_mut(&note.lease.task) else { return Some(note.lease.task) };
        let Some(held) = record.held(worker, &note.lease) else { return Some(note.lease.task) };
        if note.progress.is_some() {
            held.progress = note.progress;
            self.news.progressed.push(note.lease.task);
        }
        if note.checkpoint.is_some() {
            record.checkpoint = note.checkpoint;
        }
        None
    }

    /// Takes tasks back. To find those of one worker it looks at every lease, which happens when a worker is known to
    /// be dead.
    pub(super) fn reap(&mut self, scope: &ReapScope, max: usize, now: i64) -> Vec<Reaped> {
        let of_worker = |number: u64, worker: &WorkerId| {
            let record = self.records.get(number);
            record
                .is_some_and(|record| matches!(&record.phase, Phase::Leased(held) if held.worker == *worker))
        };
        let leased = self.leased.iter().copied();
        let taken: Vec<u64> = match scope {
            ReapScope::Expired => {
                leased.take_while(|(until, _)| *until <= now).map(|(_, number)| number).take(max).collect()
            }
            ReapScope::Worker(worker) => leased
                .map(|(_, number)| number)
                .filter(|number| of_worker(*number, worker))
                .take(max)
                .collect(),
        };
        taken.into_iter().filter_map(|number| self.take_back(number, now)).collect()
    }

    fn take_back(&mut self, number: u64, now: i64) -> Option<Reaped> {
        let record = self.records.get_mut(number)?;
        let Phase::Leased(held) = &record.phase else { return None };
        let worker = held.worker.clone();
        let (id, priority) = (record.task.id.clone(), record.task.priority);
        if let Some(code) = &record.task.code {
            self.codes.crashed(code, &mut self.settings);
        }
        let destination = rules::take_back(worker.name(), &mut record.tally, now);
        let dead = matches!(destination, Destination::Dead { .. });
        self.leave(number);
        self.send(number, None, destination, now);
        Some(Reaped::new(id, priority, worker, dead))
    }
}
