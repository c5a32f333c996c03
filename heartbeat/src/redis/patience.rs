//! How long one call may take, and its parts.

use std::time::Duration;

use tokio::time::Instant;

use crate::random::random_u64;

/// A call has time for this many exchanges that a node does not answer. Three, so that after one that hung, the others
/// can be asked who serves now, and that one can be tried too.
const EXCHANGES: u32 = 3;

/// The first pause before another try; it doubles.
const PAUSE: Duration = Duration::from_millis(10);

/// The longest one. A failover takes seconds, and a call that waits longer than this between two looks at it would find
/// the new master late.
const PAUSE_MAX: Duration = Duration::from_millis(400);

/// The time that is left to a call.
pub(super) struct Patience {
    until: Instant,
    exchange: Duration,
}

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { until: Instant::now() + timeout, exchange: timeout / EXCHANGES }
    }

    /// How long the next exchange may take.
    pub(super) fn exchange(&self) -> Duration {
        self.exchange.min(self.left())
    }

    /// For the next of so many nodes, any of which may answer instead: less than for one that has to, so that several
    /// that hang do not use up the call, and half of that at least, since a node may be far away.
    pub(super) fn for_one_of(&self, nodes: usize) -> Self {
        // One part is for what is done with the answer.
        let parts = u32::try_from(nodes).unwrap_or(u32::MAX).saturating_add(1);
        let exchange = (self.left() / parts).clamp(self.exchange / 2, self.exchange);
        Self { until: self.until, exchange }
    }

    /// Whether there is none left.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Sleeps before try number `tries` + 1; `false`, and at once, if no time is left for it.
    ///
    /// The pause is a random part of its bound: workers that lost their server together do not come back together.
    pub(super) async fn pause(&self, tries: u32) -> bool {
        let bound = PAUSE.saturating_mul(1_u32.checked_shl(tries).unwrap_or(u32::MAX)).min(PAUSE_MAX);
        let bound_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let pause = Duration::from_millis(bound_ms / 2 + random_u64() % (bound_ms / 2 + 1));
        if self.left() <= pause {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}
