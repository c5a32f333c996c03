//! The broker's sense of time.
//!
//! All leases, delays and ages are measured on the clock of the broker, never on a worker's, so hosts whose clocks
//! differ agree on who is dead. Tests move a [`ManualClock`] by hand.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time to a broker.
pub trait Clock: Send + Sync + 'static {
    /// The present moment. It may stand still; where it steps back, brokers go on with the latest moment seen.
    fn now(&self) -> SystemTime;
}

impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The clock of the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that stands still until it is moved. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows the first second of 2020, an arbitrary moment that is the same in every run.
    #[must_use]
    pub fn new() -> Self {
        Self { millis: Arc::new(AtomicI64::new(1_577_836_800_000)) }
    }

    /// Moves the clock forward, in steps of a millisecond.
    pub fn advance(&self, by: Duration) {
        self.millis.fetch_add(span(by), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        moment(self.millis.load(Ordering::SeqCst))
    }
}

/// A clock that never steps back, in milliseconds since the Unix epoch: the unit that backends store.
pub(crate) struct Timeline {
    clock: Arc<dyn Clock>,
    latest: AtomicI64,
}

impl Timeline {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, latest: AtomicI64::new(i64::MIN) }
    }

    pub(crate) fn now(&self) -> i64 {
        let now = millis(self.clock.now());
        self.latest.fetch_max(now, Ordering::SeqCst).max(now)
    }
}

/// Milliseconds since the Unix epoch, saturating far beyond any date in use.
pub(crate) fn millis(moment: SystemTime) -> i64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => span(after),
        Err(before) => -span(before.duration()),
    }
}

/// A length of time in milliseconds, saturating.
pub(crate) fn span(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// A length of time from milliseconds; a negative one, which a late clock may give, is none.
pub(crate) fn length(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// The moment that lies so many milliseconds after the Unix epoch; the epoch itself where the platform's range ends.
pub(crate) fn moment(millis: i64) -> SystemTime {
    let distance = Duration::from_millis(millis.unsigned_abs());
    let moment = if millis < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    moment.unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Backwards(AtomicI64);

    impl Clock for Backwards {
        fn now(&self) -> SystemTime {
            moment(self.0.fetch_sub(1000, Ordering::SeqCst))
        }
    }

    #[test]
    fn a_timeline_never_steps_back() {
        let timeline = Timeline::new(Arc::new(Backwards(AtomicI64::new(50_000))));
        assert_eq!([timeline.now(), timeline.now(), timeline.now()], [50_000; 3]);
    }

    #[test]
    fn moments_survive_the_round_trip_on_both_sides_of_the_epoch() {
        for value in [-86_400_000, -1, 0, 1, 1_577_836_800_123] {
            assert_eq!(millis(moment(value)), value);
        }
    }
}
