//! How long to wait before a locked database is tried again.

use std::time::Duration;

/// The first wait. SQLite's own busy handler has already waited inside the call, so this only gives the others a
/// turn.
const FIRST: Duration = Duration::from_millis(5);
/// The longest wait: a writer should be back soon after a long lock ends.
const LONGEST: Duration = Duration::from_millis(500);

/// Waits that double from one to the next, each shortened by up to half at random, so that several writers which
/// were refused together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        wait.mul_f64(1.0 - fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_never_shorter_than_half() {
        let mut backoff = Backoff::new();
        let mut full = FIRST;
        for _ in 0..20 {
            let wait = backoff.next();
            assert!(wait <= full && wait >= full / 2, "{wait:?} is not within [{:?}, {full:?}]", full / 2);
            full = (full * 2).min(LONGEST);
        }
        assert_eq!(full, LONGEST);
    }
}
