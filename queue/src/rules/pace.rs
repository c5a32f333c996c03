//! The arithmetic of rates: the generic cell rate algorithm, one number of state for each limit.

use crate::Rate;

/// A rate, ready to be asked. Its state is the theoretical arrival time, in microseconds since the Unix epoch: when the
/// next start would be due if starts came evenly. Moments are the broker's, in milliseconds. Zero is the state of a
/// limit under which nothing was started.
///
/// A burst of `starts` is allowed after silence, then one start every `per / starts` (ITU-T I.371, with a tolerance of
/// the whole span less one interval).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    interval: i64,
    tolerance: i64,
}

impl Pace {
    pub(crate) fn new(rate: Rate) -> Self {
        let per = i64::try_from(rate.per_millis.get()).unwrap_or(i64::MAX).saturating_mul(1000);
        let interval = per / i64::from(rate.starts.get());
        Self { interval, tolerance: per - interval }
    }

    /// Whether a task may start now.
    pub(crate) const fn allows(self, arrival: i64, now: i64) -> bool {
        arrival <= now.saturating_mul(1000).saturating_add(self.tolerance)
    }

    /// The state after a start now.
    pub(crate) fn started(self, arrival: i64, now: i64) -> i64 {
        arrival.max(now.saturating_mul(1000)).saturating_add(self.interval)
    }

    /// The first moment at which a task may start.
    pub(crate) const fn opens_at(self, arrival: i64) -> i64 {
        let micros = arrival.saturating_sub(self.tolerance);
        micros.div_euclid(1000).saturating_add((micros.rem_euclid(1000) > 0) as i64)
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use super::*;

    fn pace(starts: u32, per_millis: u64) -> Pace {
        let (starts, per_millis) = (NonZeroU32::new(starts).unwrap(), NonZeroU64::new(per_millis).unwrap());
        Pace::new(Rate { starts, per_millis })
    }

    /// The moments of all starts by a worker that asks every millisecond.
    fn starts(pace: Pace, from: i64, millis: i64) -> Vec<i64> {
        let mut arrival = 0;
        let mut starts = Vec::new();
        for now in from..from + millis {
            while pace.allows(arrival, now) {
                arrival = pace.started(arrival, now);
                starts.push(now - from);
            }
            assert!(pace.opens_at(arrival) > now && !pace.allows(arrival, pace.opens_at(arrival) - 1));
        }
        starts
    }

    #[test]
    fn a_burst_is_followed_by_even_starts() {
        assert_eq!(starts(pace(3, 30), 1_577_836_800_000, 41), [0, 0, 0, 10, 20, 30, 40]);
        assert_eq!(starts(pace(1, 20), 1_577_836_800_000, 41), [0, 20, 40]);
        // A third of a second is no whole number of microseconds, let alone of milliseconds.
        assert_eq!(starts(pace(3, 1000), 1_577_836_800_000, 1100), [0, 0, 0, 334, 667, 1000]);
    }

    #[test]
    fn the_extremes_of_a_rate_do_not_overflow() {
        let slowest = pace(1, u64::MAX);
        let arrival = slowest.started(0, 1_577_836_800_000);
        assert!(!slowest.allows(arrival, 1_577_836_800_001));
        let fastest = pace(u32::MAX, 1);
        assert!(fastest.allows(fastest.started(0, 5), 5));
    }
}
