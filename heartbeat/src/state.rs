//! What a monitor knows about a worker.

use std::time::SystemTime;

use crate::Heartbeat;

/// A worker as a monitor saw it last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerState {
    /// The worker's id: name, `#`, epoch.
    pub worker_id: String,
    /// Whether it lives.
    pub liveness: Liveness,
    /// When it wrote last, on the monitor's calendar.
    pub last_seen: SystemTime,
    /// When it started, by its own clock; `None` if it fell silent before the monitor could read a document. It
    /// does not change while the worker lives.
    pub started_at: Option<SystemTime>,
    /// The last document that the monitor could read.
    pub heartbeat: Option<Heartbeat>,
}

impl WorkerState {
    /// The worker's name: its id without the epoch.
    #[must_use]
    pub fn worker_name(&self) -> &str {
        self.worker_id.rsplit_once('#').map_or(self.worker_id.as_str(), |(name, _epoch)| name)
    }

    /// The epoch in the worker's id: which of the lives under this name it is. `None` if another program made the id.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        let (_name, epoch) = self.worker_id.rsplit_once('#')?;
        let is_ours = epoch.len() == 16 && epoch.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(epoch, 16).ok().filter(|_| is_ours)
    }
}

/// Whether a worker lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Liveness {
    /// It wrote within one and a half of its intervals.
    Alive,
    /// It missed a beat, or its TTL ran out while nobody could know why.
    Suspect,
    /// Its TTL ran out while the store was in reach.
    Dead,
}

impl Liveness {
    /// All of them, from the best to the worst.
    pub const ALL: [Self; 3] = [Self::Alive, Self::Suspect, Self::Dead];

    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Dead => "dead",
        }
    }
}
