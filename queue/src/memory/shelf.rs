//! The tasks of one queue: their records, an index for each phase, and the one road from phase to phase.

use std::collections::{BTreeSet, VecDeque};

use super::codes::Codes;
use super::family::Ended;
use super::gates::Gates;
use super::keys::Keys;
use super::lanes::Lanes;
use super::record::{Phase, Records};
use crate::rules::Destination;
use crate::settings::DEFAULT_QUARANTINE_AFTER;
use crate::signal::News;
use crate::{LeaseToken, QueueSettings, QueueStats};

/// Every record stands in exactly one index, that of its phase. A task moves by [`leave`](Self::leave) and then
/// [`send`](Self::send) or [`enter`](Self::enter); nothing else touches the indexes, the counts and the limits' places.
pub(super) struct Shelf {
    pub(super) records: Records,
    pub(super) ready: Lanes,
    /// By the moment from which on they are ready.
    pub(super) delayed: BTreeSet<(i64, u64)>,
    pub(super) blocked: BTreeSet<u64>,
    /// By the end of the lease.
    pub(super) leased: BTreeSet<(i64, u64)>,
    /// By the moment of the end, as the dead are.
    pub(super) done: BTreeSet<(i64, u64)>,
    pub(super) dead: BTreeSet<(i64, u64)>,
    /// The numbers of tasks in the indexes; the age of the oldest is looked up when it is asked for.
    pub(super) counts: QueueStats,
    pub(super) gates: Gates,
    pub(super) keys: Keys,
    pub(super) codes: Codes,
    pub(super) settings: QueueSettings,
    /// Tasks that ended and whose children have not heard of it; empty between calls.
    pub(super) ended: VecDeque<Ended>,
    pub(super) news: News,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            records: Records::default(),
            ready: Lanes::default(),
            delayed: BTreeSet::new(),
            blocked: BTreeSet::new(),
            leased: BTreeSet::new(),
            done: BTreeSet::new(),
            dead: BTreeSet::new(),
            counts: QueueStats::default(),
            gates: Gates::default(),
            keys: Keys::default(),
            codes: Codes::default(),
            settings: Self::default_settings(),
            ended: VecDeque::new(),
            news: News::default(),
        }
    }
}

impl Shelf {
    fn default_settings() -> QueueSettings {
        QueueSettings { quarantine_after: Some(DEFAULT_QUARANTINE_AFTER), ..QueueSettings::default() }
    }

    /// Whether the queue holds no task and no setting that somebody made.
    pub(super) fn is_blank(&self) -> bool {
        self.records.is_empty() && self.settings == Self::default_settings()
    }

    /// Whether the shelf can be dropped without a trace.
    pub(super) fn is_disposable(&self) -> bool {
        self.is_blank() && self.codes.is_empty() && self.keys.is_empty()
    }

    /// Does what time alone brings about, before a call looks at anything. Each delayed task is moved once, so the
    /// cost of a great number that is due at one moment falls on one call.
    pub(super) fn tick(&mut self, now: i64) {
        self.keys.expire(now);
        while let Some((ready_at, number)) = self.delayed.first().copied()
            && ready_at <= now
        {
            self.leave(number);
            self.enter(number, Phase::Ready);
        }
        for (limit, held_back) in self.gates.due(now) {
            self.ready.reopen(&limit, held_back);
        }
    }

    /// Takes a task out of the index of its phase. A lease that ends so frees its place under a limit.
    pub(super) fn leave(&mut self, number: u64) {
        let Some(record) = self.records.get(number) else { return };
        let counts = self.counts.of_mut(record.task.priority);
        match &record.phase {
            Phase::New => {}
            Phase::Blocked { .. } => {
                counts.blocked -= 1;
                self.blocked.remove(&number);
            }
            Phase::Delayed => {
                counts.delayed -= 1;
                self.delayed.remove(&(record.ready_at, number));
            }
            Phase::Ready => {
                counts.ready -= 1;
                self.ready.remove(record);
            }
            Phase::Leased(held) => {
                counts.leased -= 1;
                self.leased.remove(&(held.until, number));
                if let Some(limit) = &record.task.limit {
                    let held_back = self.gates.release(limit, self.settings.limits.get(limit));
                    self.news.ready |= !held_back.is_empty();
                    self.ready.reopen(limit, held_back);
                }
            }
            Phase::Done { at, .. } => {
                self.done.remove(&(*at, number));
            }
            Phase::Dead { at, .. } => {
                counts.dead -= 1;
                self.dead.remove(&(*at, number));
            }
        }
    }

    /// Puts a task that stands in no index into that of a phase.
    pub(super) fn enter(&mut self, number: u64, phase: Phase) {
        let Some(record) = self.records.get_mut(number) else { return };
        record.phase = phase;
        let counts = self.counts.of_mut(record.task.priority);
        match &record.phase {
            Phase::New => {}
            Phase::Blocked { .. } => {
                counts.blocked += 1;
                self.blocked.insert(number);
            }
            Phase::Delayed => {
                counts.delayed += 1;
                self.delayed.insert((record.ready_at, number));
            }
            Phase::Ready => {
                counts.ready += 1;
                self.ready.insert(record);
                self.news.ready = true;
            }
            Phase::Leased(held) => {
                counts.leased += 1;
                self.leased.insert((held.until, number));
            }
            Phase::Done { at, .. } => {
                self.done.insert((*at, number));
            }
            Phase::Dead { at, .. } => {
                counts.dead += 1;
                self.dead.insert((*at, number));
            }
        }
    }

    /// Sends a task that stands in no index where it goes next, and with it those that its end lets go.
    pub(super) fn send(
        &mut self,
        number: u64,
        token: Option<LeaseToken>,
        destination: Destination<'_>,
        now: i64,
    ) {
        self.deliver(number, token, destination, now);
        self.tell_children(now);
    }

    /// Sends one task, and leaves its children to [`tell_children`](Self::tell_children).
    pub(super) fn deliver(
        &mut self,
        number: u64,
        token: Option<LeaseToken>,
        destination: Destination<'_>,
        now: i64,
    ) {
        let Some(record) = self.records.get_mut(number) else { return };
        let (phase, reason) = match destination {
            Destination::Waiting { ready_at } => {
                record.ready_at = ready_at;
                return self.enter(number, if ready_at <= now { Phase::Ready } else { Phase::Delayed });
            }
            Destination::Done(result) => {
                record.task.payload = Vec::new();
                record.checkpoint = None;
                (Phase::Done { result: result.to_vec(), token, at: now }, None)
            }
            Destination::Dead { reason, error } => {
                (Phase::Dead { reason, error, at: now }, Some(reason.as_str()))
            }
        };
        self.keys.end(record);
        self.news.ended.push(record.task.id.clone());
        self.ended.extend(Ended::of(record, reason));
        self.enter(number, phase);
    }
}
