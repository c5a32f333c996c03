//! From the end of a handler to what the broker is told.

use tokio::task::JoinError;

use super::handler::Failure;
use crate::limits::{MAX_BATCH, MAX_BATCH_BYTES, MAX_PAYLOAD_BYTES};
use crate::{Backoff, Delivery, Ending, Lease, Settlement};

/// How the run of a handler ended.
pub(super) enum Outcome {
    /// The handler answered.
    Answered(Result<Vec<u8>, Failure>),
    /// The run was cancelled and the handler's future dropped.
    Cancelled,
}

/// What must be remembered of a delivery to settle it.
pub(super) struct Placed {
    pub(super) lease: Lease,
    attempt: u32,
    crashes: u32,
    backoff: Backoff,
}

impl Placed {
    pub(super) fn new(delivery: &Delivery, default: Backoff) -> Self {
        Self {
            lease: delivery.lease.clone(),
            attempt: delivery.attempt,
            crashes: delivery.crashes,
            backoff: delivery.backoff.unwrap_or(default),
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
            Ok(Outcome::Answered(Err(failure))) if failure.is_permanent() => {
                Ending::Rejected { error: failure.message().to_owned() }
            }
            Ok(Outcome::Answered(Err(failure))) => Ending::Failed {
                error: failure.message().to_owned(),
                retry_after: self.backoff.delay(self.attempt),
            },
            Ok(Outcome::Cancelled) => Ending::HandedBack,
            Err(broken) => Ending::Crashed {
                error: panic_message(broken),
                retry_after: self.backoff.delay(self.crashes.saturating_add(1)),
            },
        };
        Settlement::new(self.lease, ending)
    }

    pub(super) fn hand_back(self) -> Settlement {
        Settlement::new(self.lease, Ending::HandedBack)
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

/// How many of the settlements that wait fit in one trip.
pub(super) fn trip_length(pending: &[Settlement]) -> usize {
    let mut bytes = 0_usize;
    let fitting = pending.iter().take(MAX_BATCH).take_while(|one| {
        bytes = bytes.saturating_add(one.result_bytes());
        bytes <= MAX_BATCH_BYTES
    });
    fitting.count()
}
