//! The tasks of one queue in memory: a map of records and three ordered indexes over them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::{length, moment, span};
use crate::random::TokenSource;
use crate::rules::{self, Destination, Tally};
use crate::{
    Backoff, DeathReason, Delivery, Enqueued, Lease, LeaseToken, NewTask, Novelty, Priority, QueueStats,
    ReapScope, Reaped, Settlement, TaskId, TaskState, Verdict, WorkerId,
};

/// A place among the waiting: the rank of the priority, since when or from when the task is ready, and the order of
/// arrival. The order of places is the order of claims within a priority.
type Place = (u8, i64, u64);

/// Every record stands in exactly one of the three indexes, the one of its phase.
#[derive(Default)]
pub(super) struct Shelf {
    records: HashMap<TaskId, Record>,
    waiting: BTreeMap<Place, TaskId>,
    /// By the end of the lease.
    leased: BTreeSet<(i64, TaskId)>,
    /// By the moment of the end.
    finished: BTreeSet<(i64, TaskId)>,
    arrivals: u64,
}

struct Record {
    arrival: u64,
    payload: Vec<u8>,
    priority: Priority,
    tally: Tally,
    backoff: Option<Backoff>,
    enqueued_at: i64,
    ready_at: i64,
    phase: Phase,
}

enum Phase {
    Waiting,
    Leased {
        worker: WorkerId,
        token: LeaseToken,
        until: i64,
    },
    /// The token of the recording lease stays, so that a repeated settlement is recognised.
    Done {
        result: Vec<u8>,
        token: LeaseToken,
        at: i64,
    },
    Dead {
        reason: DeathReason,
        error: String,
        at: i64,
    },
}

impl Record {
    const fn place(&self) -> Place {
        (self.priority.rank(), self.ready_at, self.arrival)
    }

    /// The end of the lease, if this delivery still holds it.
    fn held_until(&self, worker: &WorkerId, lease: &Lease) -> Option<i64> {
        match &self.phase {
            Phase::Leased { worker: holder, token, until } if holder == worker && *token == lease.token => {
                Some(*until)
            }
            _ => None,
        }
    }
}

impl Shelf {
    pub(super) fn enqueue(&mut self, task: NewTask, now: i64) -> Enqueued {
        if self.records.contains_key(&task.id) {
            return Enqueued { id: task.id, novelty: Novelty::Existing };
        }
        self.arrivals += 1;
        let record = Record {
            arrival: self.arrivals,
            payload: task.payload,
            priority: task.priority,
            tally: Tally {
                failures: 0,
                crashes: 0,
                max_attempts: task.max_attempts.get(),
                max_crashes: task.max_crashes.get(),
            },
            backoff: task.backoff,
            enqueued_at: now,
            ready_at: now.saturating_add(span(task.delay)),
            phase: Phase::Waiting,
        };
        self.waiting.insert(record.place(), task.id.clone());
        self.records.insert(task.id.clone(), record);
        Enqueued { id: task.id, novelty: Novelty::New }
    }

    pub(super) fn claim(
        &mut self,
        worker: &WorkerId,
        max: usize,
        now: i64,
        until: i64,
        tokens: &TokenSource,
    ) -> Vec<Delivery> {
        let mut places: Vec<Place> = Vec::new();
        for priority in Priority::ALL {
            let rank = priority.rank();
            let ready = self.waiting.range((rank, i64::MIN, 0)..=(rank, now, u64::MAX));
            places.extend(ready.map(|(place, _)| *place).take(max - places.len()));
        }
        let mut deliveries = Vec::with_capacity(places.len());
        for place in places {
            let Some(id) = self.waiting.remove(&place) else { continue };
            let Some(record) = self.records.get_mut(&id) else { continue };
            let token = tokens.next();
            record.phase = Phase::Leased { worker: worker.clone(), token, until };
            self.leased.insert((until, id.clone()));
            deliveries.push(Delivery {
                lease: Lease { task: id, token, priority: record.priority, class: None, shard: 0 },
                payload: record.payload.clone(),
                attempt: record.tally.failures.saturating_add(1),
                crashes: record.tally.crashes,
                backoff: record.backoff,
                enqueued_at: moment(record.enqueued_at),
                ready_at: moment(record.ready_at),
                waited: length(now.saturating_sub(record.ready_at)),
                kind: None,
                tenant: None,
                code: None,
                deadline: None,
                checkpoint: None,
            });
        }
        deliveries
    }

    pub(super) fn settle(&mut self, worker: &WorkerId, settlement: &Settlement, now: i64) -> Verdict {
        let lease = &settlement.lease;
        let Some(record) = self.records.get_mut(&lease.task) else { return Verdict::LeaseLost };
        if matches!(&record.phase, Phase::Done { token, .. } if *token == lease.token) {
            return Verdict::Recorded;
        }
        let Some(until) = record.held_until(worker, lease) else { return Verdict::LeaseLost };
        self.leased.remove(&(until, lease.task.clone()));
        let destination = rules::settle(&settlement.ending, &mut record.tally, record.ready_at, now);
        let verdict = destination.verdict(&settlement.ending);
        self.send(&lease.task, lease.token, destination, now);
        verdict
    }

    pub(super) fn renew(&mut self, worker: &WorkerId, lease: &Lease, until: i64) -> bool {
        let Some(record) = self.records.get_mut(&lease.task) else { return false };
        let Some(former) = record.held_until(worker, lease) else { return false };
        self.leased.remove(&(former, lease.task.clone()));
        self.leased.insert((until, lease.task.clone()));
        record.phase = Phase::Leased { worker: worker.clone(), token: lease.token, until };
        true
    }

    pub(super) fn reap(&mut self, scope: &ReapScope, max: usize, now: i64) -> Vec<Reaped> {
        let gone = |(until, id): &&(i64, TaskId)| match scope {
            ReapScope::Expired => *until <= now,
            ReapScope::Worker(worker) => self.records.get(id).is_some_and(
                |record| matches!(&record.phase, Phase::Leased { worker: holder, .. } if holder == worker),
            ),
        };
        let taken: Vec<_> = match scope {
            ReapScope::Expired => self.leased.iter().take_while(gone).take(max).cloned().collect(),
            ReapScope::Worker(_) => self.leased.iter().filter(gone).take(max).cloned().collect(),
        };
        taken.into_iter().filter_map(|entry| self.take_back(entry, now)).collect()
    }

    fn take_back(&mut self, entry: (i64, TaskId), now: i64) -> Option<Reaped> {
        self.leased.remove(&entry);
        let (_, id) = entry;
        let record = self.records.get_mut(&id)?;
        let Phase::Leased { worker, token, .. } = &record.phase else { return None };
        let (worker, token, priority) = (worker.clone(), *token, record.priority);
        let destination = rules::take_back(worker.name(), &mut record.tally, now);
        let dead = matches!(destination, Destination::Dead { .. });
        self.send(&id, token, destination, now);
        Some(Reaped { task: id, priority, worker, dead })
    }

    /// Puts a record that stands in no index at the moment where it goes next.
    fn send(&mut self, id: &TaskId, token: LeaseToken, destination: Destination<'_>, now: i64) {
        let Some(record) = self.records.get_mut(id) else { return };
        record.phase = match destination {
            Destination::Waiting { ready_at } => {
                record.ready_at = ready_at;
                self.waiting.insert(record.place(), id.clone());
                Phase::Waiting
            }
            Destination::Done(result) => {
                record.payload = Vec::new();
                self.finished.insert((now, id.clone()));
                Phase::Done { result: result.to_vec(), token, at: now }
            }
            Destination::Dead { reason, error } => {
                self.finished.insert((now, id.clone()));
                Phase::Dead { reason, error, at: now }
            }
        };
    }

    pub(super) fn state(&self, id: &TaskId) -> Option<TaskState> {
        let record = self.records.get(id)?;
        Some(match &record.phase {
            Phase::Waiting => TaskState::Waiting { ready_at: moment(record.ready_at) },
            Phase::Leased { worker, until, .. } => {
                TaskState::Leased { worker: worker.clone(), until: moment(*until), progress: None }
            }
            Phase::Done { result, at, .. } => TaskState::Done { result: result.clone(), at: moment(*at) },
            Phase::Dead { reason, error, at } => {
                TaskState::Dead { reason: *reason, error: error.clone(), at: moment(*at) }
            }
        })
    }

    pub(super) fn stats(&self, now: i64) -> QueueStats {
        let mut stats = QueueStats::default();
        for record in self.records.values() {
            let counts = stats.of_mut(record.priority);
            match &record.phase {
                Phase::Waiting if record.ready_at <= now => {
                    counts.ready += 1;
                }
                Phase::Waiting => counts.delayed += 1,
                Phase::Leased { .. } => counts.leased += 1,
                Phase::Dead { .. } => counts.dead += 1,
                Phase::Done { .. } => {}
            }
        }
        for priority in Priority::ALL {
            stats.of_mut(priority).oldest_ready = self.oldest_ready(priority, now).map(moment);
        }
        stats
    }

    /// The first place that a claim would take, so since when its task has been ready.
    fn oldest_ready(&self, priority: Priority, now: i64) -> Option<i64> {
        let rank = priority.rank();
        let (first, last) = ((rank, i64::MIN, 0), (rank, now, u64::MAX));
        self.waiting.range(first..=last).next().map(|((_, ready_at, _), _)| *ready_at)
    }

    pub(super) fn forget(&mut self, ended_by: i64, max: usize) -> u64 {
        let mut forgotten = 0;
        for _ in 0..max {
            match self.finished.first() {
                Some((at, _)) if *at <= ended_by => {}
                _ => break,
            }
            if let Some((_, id)) = self.finished.pop_first() {
                self.records.remove(&id);
                forgotten += 1;
            }
        }
        forgotten
    }
}
