//! State that is told now and shown at the next scrape.

use std::time::{Duration, Instant};

/// How old a state may be and still be shown. Two minutes are several rounds of whoever tells it; after that, an
/// absent series (which an alert notices) is truer than a number that stands still.
const MAX_AGE: Duration = Duration::from_secs(120);

/// A state and when it was told.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot<T> {
    told: Instant,
    state: T,
}

impl<T> Snapshot<T> {
    pub(crate) fn new(state: T, now: Instant) -> Self {
        Self { told: now, state }
    }

    /// The state, unless it is too old to be shown.
    pub(crate) fn fresh(&self, now: Instant) -> Option<&T> {
        (now.saturating_duration_since(self.told) < MAX_AGE).then_some(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_AGE, Snapshot};
    use std::time::{Duration, Instant};

    #[test]
    fn an_old_state_is_not_shown() {
        let told = Instant::now();
        let snapshot = Snapshot::new(1, told);
        assert_eq!(snapshot.fresh(told + MAX_AGE - Duration::from_millis(1)), Some(&1));
        assert_eq!(snapshot.fresh(told + MAX_AGE), None);
    }
}
