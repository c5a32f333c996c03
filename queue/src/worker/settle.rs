//! From the end of a handler to what the broker is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinError;

use super::failure::{Failure, Kind};
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::{Backoff, Delivery, Ending, Lease, Settlement};

/// The least that a run is charged: a charge of nothing would mean that its use is unknown.
const LEAST_USE: Duration = Duration::from_micros(1);

/// How the run of a handler ended.
pub(super) enum Outcome {
    /// The handler answered.
    Answered(Result<Vec<u8>, Failure>),
    /// The run was cancelled and the handler's future dropped.
    Cancelled,
}

/// What a run has used: what its handler says, or else how long it lasted.
#[derive(Debug)]
pub(super) struct Meter {
    started: Instant,
    state: Mutex<Used>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Used {
    charged: Option<Duration>,
    wall: Option<Duration>,
}

impl Meter {
    pub(super) fn start() -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), state: Mutex::default() })
    }

    pub(super) fn charge(&self, cpu: Duration) {
        self.change(|used| used.charged = Some(used.charged.unwrap_or_default().saturating_add(cpu)));
    }

    /// The run has ended; what passes until it is settled is not its own.
    pub(super) fn stop(&self) {
        self.change(|used| used.wall = Some(self.started.elapsed()));
    }

    fn used(&self) -> Duration {
        let used = self.change(|used| *used);
        let wall = || used.wall.unwrap_or_else(|| self.started.elapsed());
        used.charged.unwrap_or_else(wall).max(LEAST_USE)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Used) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What must be remembered of a delivery to settle it.
pub(super) struct Placed {
    pub(super) lease: Lease,
    attempt: u32,
    crashes: u32,
    backoff: Backoff,
    meter: Arc<Meter>,
}

impl Placed {
    pub(super) fn new(delivery: &Delivery, default: Backoff, meter: Arc<Meter>) -> Self {
        Self {
            lease: delivery.lease.clone(),
            attempt: delivery.attempt,
            crashes: delivery.crashes,
            backoff: delivery.backoff.unwrap_or(default),
            meter,
        }
    }

    pub(super) fn settlement(self, outcome: Result<Outcome, JoinError>) -> Settlement {
        let ending = match outcome {
            Ok(Outcome::Answered(Ok(result))) if result.len() > MAX_PAYLOAD_BYTES => {
                // The handler would answer the same again, so the task is not tried again.
                let bytes = result.len();
                let error = format!("the result has {bytes} bytes, the limit is {MAX_PAYLOAD_BYTES}");
                Ending::Rejected { error }
            }
            Ok(Outcome::Answered(Ok(result))) => Ending::Done(result),
            Ok(Outcome::Answered(Err(failure))) => self.refused(&failure),
            Ok(Outcome::Cancelled) => Ending::HandedBack,
            Err(broken) => {
                Ending::Crashed { error: panic_message(broken), retry_after: self.pause_after_crash() }
            }
        };
        Settlement::new(self.lease, ending).used(self.meter.used())
    }

    fn refused(&self, failure: &Failure) -> Ending {
        let error = failure.message().to_owned();
        match failure.kind() {
            Kind::Permanent => Ending::Rejected { error },
            Kind::Retryable { after } => Ending::Failed {
                error,
                retry_after: after.unwrap_or_else(|| self.backoff.delay(self.attempt)),
            },
            Kind::Crashed => Ending::Crashed { error, retry_after: self.pause_after_crash() },
            #[cfg(feature = "apalis")]
            Kind::HandedBack => Ending::HandedBack,
        }
    }

    fn pause_after_crash(&self) -> Duration {
        self.backoff.delay(self.crashes.saturating_add(1))
    }

    pub(super) fn hand_back(self) -> Settlement {
        Settlement::new(self.lease, Ending::HandedBack).used(self.meter.used())
    }
}

fn panic_message(broken: JoinError) -> String {
    let Ok(payload) = broken.try_into_panic() else {
        return "the runtime ended the handler".to_owned();
    };
    let text = payload.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    format!("the handler panicked: {}", text.as_deref().unwrap_or("(without a message)"))
}
