//! The queue's answers in the words of the history.

use cofferdam_queue::{Ending, Error, ErrorKind, Lease, StepReply};

use crate::history::{Answer, Delivery, Run, RunEnding, Verdict};

pub(super) fn stepped(reply: &StepReply) -> Answer {
    let deliveries = reply.claimed.iter().map(|one| Delivery {
        task: one.lease.task.to_string(),
        attempt: one.attempt,
        crashes: one.crashes,
    });
    Answer::Step {
        verdicts: reply.settled.iter().map(|one| verdict(*one)).collect(),
        deliveries: deliveries.collect(),
    }
}

pub(super) fn run(lease: &Lease, ending: &Ending) -> Run {
    let (ending, result) = match ending {
        Ending::Done(result) => (RunEnding::Done, Some(String::from_utf8_lossy(result).into_owned())),
        Ending::Failed { .. } => (RunEnding::Failed, None),
        Ending::Rejected { .. } => (RunEnding::Rejected, None),
        Ending::Crashed { .. } => (RunEnding::Crashed, None),
        Ending::HandedBack => (RunEnding::HandedBack, None),
    };
    Run { task: lease.task.to_string(), ending, result }
}

/// The queue's verdict in the words of the history. One that this crate does not know is no answer.
fn verdict(verdict: cofferdam_queue::Verdict) -> Verdict {
    match verdict {
        cofferdam_queue::Verdict::Recorded => Verdict::Recorded,
        cofferdam_queue::Verdict::Retrying => Verdict::Retrying,
        cofferdam_queue::Verdict::Dead => Verdict::Dead,
        cofferdam_queue::Verdict::HandedBack => Verdict::HandedBack,
        cofferdam_queue::Verdict::LeaseLost => Verdict::LeaseLost,
        _ => Verdict::Unanswered,
    }
}

/// What the documentation of the kinds says. A broker that was closed may have been so in the middle of the call.
pub(super) fn may_have_had_effect(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed)
}

pub(super) fn in_full(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
