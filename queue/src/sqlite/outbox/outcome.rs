//! Outcomes as they are stored.

use super::state::OutboxState;
use crate::{DeathReason, TaskId};

/// How an ended or refused task ended; part of the format. Deaths follow from 10 on, by their codes.
const DONE: i64 = 0;
const DUPLICATE: i64 = 1;
const REFUSED: i64 = 2;
const DEATHS: i64 = 10;

pub(super) fn stored(state: &OutboxState) -> (i64, &[u8]) {
    match state {
        OutboxState::Done { result } => (DONE, result),
        OutboxState::Duplicate { of } => (DUPLICATE, of.as_str().as_bytes()),
        OutboxState::Dead { reason, error } => (DEATHS + i64::from(reason.code()), error.as_bytes()),
        OutboxState::Refused { error } => (REFUSED, error.as_bytes()),
        // These two are no endings and never come here; a refusal without words does no harm.
        OutboxState::Waiting | OutboxState::Sent => (REFUSED, b""),
    }
}

pub(super) fn from_stored(ending: i64, outcome: Vec<u8>) -> Option<OutboxState> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    Some(match ending {
        DONE => OutboxState::Done { result: outcome },
        DUPLICATE => OutboxState::Duplicate { of: TaskId::new(&text(outcome)?).ok()? },
        REFUSED => OutboxState::Refused { error: text(outcome)? },
        _ => OutboxState::Dead { reason: DeathReason::from_code(ending - DEATHS)?, error: text(outcome)? },
    })
}
