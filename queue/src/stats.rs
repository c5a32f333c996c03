//! How full a queue is.

use std::time::SystemTime;

use crate::Priority;

/// The state of a queue at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QueueStats {
    /// Tasks of high priority.
    pub high: Counts,
    /// Tasks of normal priority.
    pub normal: Counts,
    /// Tasks of low priority.
    pub low: Counts,
}

/// Tasks of one priority. Tasks that ended well are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Wait for a worker.
    pub ready: u64,
    /// Wait for their time.
    pub delayed: u64,
    /// Wait for other tasks.
    pub blocked: u64,
    /// Belong to a worker.
    pub leased: u64,
    /// Were given up and not forgotten yet.
    pub dead: u64,
    /// Since when the oldest ready task has been ready; `None` when none is ready.
    pub oldest_ready: Option<SystemTime>,
}

impl QueueStats {
    /// The tasks of one priority.
    #[must_use]
    pub const fn of(&self, priority: Priority) -> &Counts {
        match priority {
            Priority::High => &self.high,
            Priority::Normal => &self.normal,
            Priority::Low => &self.low,
        }
    }

    /// The tasks of one priority, for those who write a broker.
    pub const fn of_mut(&mut self, priority: Priority) -> &mut Counts {
        match priority {
            Priority::High => &mut self.high,
            Priority::Normal => &mut self.normal,
            Priority::Low => &mut self.low,
        }
    }

    /// The tasks of all priorities, and the oldest ready one among them.
    #[must_use]
    pub fn total(&self) -> Counts {
        Priority::ALL.into_iter().map(|priority| self.of(priority)).fold(Counts::default(), |sum, counts| {
            Counts {
                ready: sum.ready + counts.ready,
                delayed: sum.delayed + counts.delayed,
                blocked: sum.blocked + counts.blocked,
                leased: sum.leased + counts.leased,
                dead: sum.dead + counts.dead,
                oldest_ready: sum.oldest_ready.into_iter().chain(counts.oldest_ready).min(),
            }
        })
    }

    /// Since when the oldest ready task of any priority has been ready; `None` when none is ready.
    #[must_use]
    pub fn oldest_ready(&self) -> Option<SystemTime> {
        self.total().oldest_ready
    }
}
