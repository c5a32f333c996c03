//! What has ended and is not settled yet.
//!
//! A settlement leaves only when the broker has answered it, so neither a trip that fails nor one that is dropped
//! loses any. The parts of a clustered store that do not answer are asked again after a back-off of their own, and
//! what concerns the others goes on meanwhile.

use std::collections::{HashMap, HashSet};

use tokio::time::Instant;

use crate::limits::{MAX_BATCH, MAX_BATCH_BYTES};
use crate::{Backoff, Error, LeaseToken, Settlement, TaskId, Verdict};

/// Settlements on their way to the broker.
pub(super) struct Pending {
    settlements: Vec<Settlement>,
    /// The parts of the store that did not answer.
    silent: HashMap<u16, Silence>,
    backoff: Backoff,
}

#[derive(Clone, Copy)]
struct Silence {
    /// How often in a row it did not answer.
    times: u32,
    until: Instant,
}

impl Pending {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { settlements: Vec::new(), silent: HashMap::new(), backoff }
    }

    pub(super) fn push(&mut self, settlement: Settlement) {
        self.settlements.push(settlement);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.settlements.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.settlements.len()
    }

    /// Whether something can be settled now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.settlements.iter().any(|one| self.may_go(one, now))
    }

    /// When something can be settled that cannot be now.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let silences = self.settlements.iter().filter_map(|one| self.silent.get(&one.lease.shard));
        silences.map(|silence| silence.until).min()
    }

    /// As many of the settlements that are due as fit in one trip.
    pub(super) fn trip(&self, now: Instant) -> Vec<Settlement> {
        let mut bytes = 0_usize;
        let due = self.settlements.iter().filter(|one| self.may_go(one, now)).take(MAX_BATCH);
        let fitting = due.take_while(|one| {
            bytes = bytes.saturating_add(one.result_bytes());
            bytes <= MAX_BATCH_BYTES
        });
        fitting.cloned().collect()
    }

    /// Takes the broker's verdicts on a trip, and answers those that conclude a settlement.
    pub(super) fn answered(
        &mut self,
        trip: Vec<Settlement>,
        verdicts: Vec<Verdict>,
        now: Instant,
    ) -> Vec<(Settlement, Verdict)> {
        let (concluded, unanswered): (Vec<_>, Vec<_>) =
            trip.into_iter().zip(verdicts).partition(|(_, verdict)| *verdict != Verdict::Unanswered);
        let gone: HashSet<_> = concluded.iter().map(|(one, _)| mark(one)).collect();
        self.settlements.retain(|one| !gone.contains(&mark(one)));
        for (settlement, _) in &concluded {
            self.silent.remove(&settlement.lease.shard);
        }
        let silent: HashSet<u16> = unanswered.iter().map(|(one, _)| one.lease.shard).collect();
        for shard in silent {
            let times = self.silent.get(&shard).map_or(0, |silence| silence.times).saturating_add(1);
            let pause = pause(&self.backoff, times);
            tracing::warn!(shard, ?pause, "a part of the broker did not answer, its settlements are kept");
            self.silent.insert(shard, Silence { times, until: now + pause });
        }
        concluded
    }

    /// The error that says what was never answered.
    pub(super) const fn left_behind(&self) -> Error {
        Error::Unsettled { tasks: self.settlements.len() }
    }

    fn may_go(&self, settlement: &Settlement, now: Instant) -> bool {
        self.silent.get(&settlement.lease.shard).is_none_or(|silence| silence.until <= now)
    }
}

/// What tells a delivery from all others of this worker: a token alone is unique within its part of the store only.
const fn mark(settlement: &Settlement) -> (&TaskId, LeaseToken) {
    (&settlement.lease.task, settlement.lease.token)
}

/// Half of the bound and jitter over the other half: never at once, never all together.
pub(super) fn pause(backoff: &Backoff, times: u32) -> std::time::Duration {
    backoff.ceiling(times) / 2 + backoff.delay(times) / 2
}
