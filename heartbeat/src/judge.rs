//! The verdict on each worker of one round.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::{Entry, Heartbeat, Liveness, WorkerState};

/// The TTL to assume for a worker of which no document was ever read.
const TTL_ASSUMED: Duration = Duration::from_secs(30);

/// A worker that the monitor knows.
pub(crate) struct Known {
    pub(crate) state: WorkerState,
    /// When the monitor found it dead, on its own clock.
    pub(crate) died_at: Option<Duration>,
}

/// The circumstances of one round.
pub(crate) struct Round {
    /// The monitor's clock.
    pub(crate) now: Duration,
    /// The monitor's calendar.
    pub(crate) wall: SystemTime,
    /// For how long every call to the store has succeeded, in one era of it.
    pub(crate) reachable_for: Duration,
}

impl Round {
    /// Turns what the store listed into what is known. Who is not listed any more stopped in order.
    pub(crate) fn judge(
        &self,
        entries: Vec<Entry>,
        known_before: &BTreeMap<String, Known>,
    ) -> BTreeMap<String, Known> {
        let mut known = BTreeMap::new();
        for entry in entries {
            let before = known_before.get(&entry.worker_id);
            let heartbeat = entry
                .document
                .as_deref()
                .and_then(|document| read(&entry.worker_id, document))
                .or_else(|| before.and_then(|known| known.state.heartbeat.clone()));
            let liveness = liveness(&entry, heartbeat.as_ref(), before, self.reachable_for);
            let died_at = (liveness == Liveness::Dead)
                .then(|| before.and_then(|known| known.died_at).unwrap_or(self.now));
            let started_at = before
                .and_then(|known| known.state.started_at)
                .or_else(|| heartbeat.as_ref().map(Heartbeat::started_at));
            let last_seen = self.wall.checked_sub(entry.age).unwrap_or(SystemTime::UNIX_EPOCH);
            let worker_id = entry.worker_id.clone();
            let state =
                WorkerState { worker_id: entry.worker_id, liveness, last_seen, started_at, heartbeat };
            known.insert(worker_id, Known { state, died_at });
        }
        known
    }
}

/// One worker's broken document must not hide the others, and its age still tells that it lives.
fn read(worker_id: &str, document: &str) -> Option<Heartbeat> {
    serde_json::from_str(document)
        .inspect_err(|error| tracing::debug!(worker_id, %error, "heartbeat cannot be read"))
        .ok()
}

fn liveness(
    entry: &Entry,
    heartbeat: Option<&Heartbeat>,
    before: Option<&Known>,
    reachable_for: Duration,
) -> Liveness {
    let ttl = heartbeat.map_or(TTL_ASSUMED, |heartbeat| heartbeat.heartbeat_ttl);
    let interval = heartbeat.map_or(ttl / 3, |heartbeat| heartbeat.heartbeat_interval);
    if entry.document.is_some() {
        let late = interval.saturating_add(interval / 2);
        if entry.age <= late { Liveness::Alive } else { Liveness::Suspect }
    } else if entry.age < ttl {
        // It wrote, so the document that is missing was lost in a failover, or is being taken away this moment.
        Liveness::Suspect
    } else if reachable_for >= ttl || before.is_some_and(|known| known.died_at.is_some()) {
        // Who was dead before the store went out of reach stays dead until it writes again.
        Liveness::Dead
    } else {
        Liveness::Suspect
    }
}
