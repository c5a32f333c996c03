//! How long to wait before a failed task is tried again.

use std::time::Duration;

use crate::Error;
use crate::random::random_u64;

/// Exponential back-off with full jitter: before attempt *n* + 1 a task waits a random time between zero and
/// `min(cap, base · 2ⁿ⁻¹)`.
///
/// Full jitter spreads tasks that failed together over the whole interval, so that they do not return together
/// ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
}

impl Backoff {
    /// No waiting at all: a failed task is ready at once.
    pub const NONE: Self = Self { base: Duration::ZERO, cap: Duration::ZERO };

    /// A back-off that starts at `base` and doubles up to `cap`; with one second and one minute, the fourth failure
    /// in a row waits up to eight seconds and the seventh up to a minute.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if `cap` is shorter than `base`.
    pub fn new(base: Duration, cap: Duration) -> Result<Self, Error> {
        if cap < base {
            let problem = "the cap of a back-off must not be shorter than its base";
            return Err(Error::InvalidSetting { setting: "cap", value: format!("{cap:?}"), problem });
        }
        Ok(Self { base, cap })
    }

    /// The bound on the wait after so many attempts that failed.
    #[must_use]
    pub fn ceiling(&self, failed_attempts: u32) -> Duration {
        let doublings = failed_attempts.saturating_sub(1);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// A random wait after so many attempts that failed, at millisecond resolution.
    #[must_use]
    pub fn delay(&self, failed_attempts: u32) -> Duration {
        let ceiling = u64::try_from(self.ceiling(failed_attempts).as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(random_u64() % ceiling.saturating_add(1).max(1))
    }

    /// The shortest bound.
    #[must_use]
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// The longest bound.
    #[must_use]
    pub const fn cap(&self) -> Duration {
        self.cap
    }
}

impl Default for Backoff {
    /// From one second to one minute.
    fn default() -> Self {
        Self { base: Duration::from_secs(1), cap: Duration::from_secs(60) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60)).unwrap();
        let ceilings: Vec<u64> = (0..9).map(|failed| backoff.ceiling(failed).as_secs()).collect();
        assert_eq!(ceilings, [1, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.ceiling(u32::MAX), Duration::from_secs(60));
    }

    #[test]
    fn the_jitter_is_full() {
        let backoff = Backoff::new(Duration::from_secs(8), Duration::from_secs(8)).unwrap();
        let delays: Vec<Duration> = (0..400).map(|_| backoff.delay(1)).collect();
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(8)));
        assert!(delays.iter().any(|delay| *delay < Duration::from_secs(2)));
        assert!(delays.iter().any(|delay| *delay > Duration::from_secs(6)));
    }

    #[test]
    fn a_cap_below_the_base_is_refused() {
        assert!(Backoff::new(Duration::from_secs(2), Duration::from_secs(1)).is_err());
        assert_eq!(Backoff::NONE.delay(7), Duration::ZERO);
    }
}
