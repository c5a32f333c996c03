//! How a monitor is made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::{Clock, Error, Monitor, Observer, Store, SystemClock};

/// How often a running monitor looks. Half the promised interval of a beat: a missed beat is seen within 5 s, and
/// a store with a thousand workers still answers one list in that time.
const PERIOD: Duration = Duration::from_secs(5);

/// How long a dead worker is remembered, so that a person who comes late still finds out who died.
const FORGET_AFTER: Duration = Duration::from_secs(10 * 60);

impl<S: Store> Monitor<S> {
    /// Begins to describe a monitor of this store.
    pub fn builder(store: S) -> MonitorBuilder<S> {
        MonitorBuilder {
            store,
            clock: Arc::new(SystemClock::new()),
            observer: Arc::new(()),
            period: PERIOD,
            forget_after: FORGET_AFTER,
        }
    }
}

/// Describes a [`Monitor`].
#[must_use = "nothing is watched before build()"]
pub struct MonitorBuilder<S> {
    store: S,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    period: Duration,
    forget_after: Duration,
}

impl<S: Store> MonitorBuilder<S> {
    /// How often [`Monitor::run`] looks: every 5 s by default; more than zero.
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// How long a dead worker is remembered: 10 minutes by default.
    pub fn forget_after(mut self, forget_after: Duration) -> Self {
        self.forget_after = forget_after;
        self
    }

    /// Who is told what the monitor sees.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Where the monitor takes the time from: the machine's clocks by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the monitor. It looks only when told to, by [`Monitor::observe`] or [`Monitor::run`].
    ///
    /// # Errors
    /// If the period is zero.
    pub fn build(self) -> Result<Monitor<S>, Error> {
        if self.period.is_zero() {
            let remedy = "more than zero; the default is 5 s";
            return Err(Error::Timing { what: "monitor period", given: self.period, remedy });
        }
        Ok(Monitor {
            store: self.store,
            clock: self.clock,
            observer: self.observer,
            period: self.period,
            forget_after: self.forget_after,
            known: BTreeMap::new(),
            reachable_since: None,
            era: None,
            published: watch::Sender::new(Arc::from([])),
        })
    }
}

impl<S> fmt::Debug for MonitorBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorBuilder")
            .field("period", &self.period)
            .field("forget_after", &self.forget_after)
            .finish_non_exhaustive()
    }
}
