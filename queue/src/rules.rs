//! The rules by which a task moves on, shared by all backends: what an ending, a lost worker, a cancellation or the
//! death of another task does to it. The folder holds the arithmetic of rates and of shares, and the doorkeeper.

mod door;
mod pace;
mod share;

pub(crate) use door::check_bound;
pub(crate) use pace::Pace;
pub(crate) use share::{charge, micros};

use crate::clock::span;
use crate::limits::MAX_ERROR_BYTES;
use crate::{DeathReason, Ending, Error, Label, Section, TaskId, Verdict};

/// What a task has behind it and what it may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) failures: u32,
    pub(crate) crashes: u32,
    pub(crate) max_attempts: u32,
    pub(crate) max_crashes: u32,
}

/// Where a task goes when a run of it has ended.
#[derive(Debug)]
pub(crate) enum Destination<'a> {
    /// To the results.
    Done(&'a [u8]),
    /// Back among the waiting, in the place that this moment gives it.
    Waiting { ready_at: i64 },
    /// To the dead letters.
    Dead { reason: DeathReason, error: String },
}

impl Destination<'_> {
    pub(crate) const fn verdict(&self, ending: &Ending) -> Verdict {
        match (self, ending) {
            (Self::Done(_), _) => Verdict::Recorded,
            (Self::Dead { .. }, _) => Verdict::Dead,
            (Self::Waiting { .. }, Ending::HandedBack) => Verdict::HandedBack,
            (Self::Waiting { .. }, _) => Verdict::Retrying,
        }
    }
}

/// Applies an ending to a task that became ready at `ready_at` and was running until now.
pub(crate) fn settle<'a>(ending: &'a Ending, tally: &mut Tally, ready_at: i64, now: i64) -> Destination<'a> {
    match ending {
        Ending::Done(result) => Destination::Done(result),
        Ending::HandedBack => Destination::Waiting { ready_at },
        Ending::Rejected { error } => {
            Destination::Dead { reason: DeathReason::Rejected, error: bounded(error) }
        }
        Ending::Failed { error, retry_after } => {
            tally.failures = tally.failures.saturating_add(1);
            if tally.failures >= tally.max_attempts {
                return Destination::Dead { reason: DeathReason::Failures, error: bounded(error) };
            }
            Destination::Waiting { ready_at: now.saturating_add(span(*retry_after)) }
        }
        Ending::Crashed { error, retry_after } => crash(error, tally, now.saturating_add(span(*retry_after))),
    }
}

/// Applies the loss of its worker to a task: a crash, and it is ready again at once.
pub(crate) fn take_back(worker: &str, tally: &mut Tally, now: i64) -> Destination<'static> {
    crash(&format!("the lease of worker {worker} ran out, so it is taken for dead"), tally, now)
}

fn crash(error: &str, tally: &mut Tally, ready_at: i64) -> Destination<'static> {
    tally.crashes = tally.crashes.saturating_add(1);
    if tally.crashes >= tally.max_crashes {
        return Destination::Dead { reason: DeathReason::Crashes, error: bounded(error) };
    }
    Destination::Waiting { ready_at }
}

/// What becomes of a task that somebody cancels.
pub(crate) fn cancelled() -> Destination<'static> {
    Destination::Dead { reason: DeathReason::Cancelled, error: "cancelled".to_owned() }
}

/// What becomes of a task that is found past its deadline at a claim.
pub(crate) fn expired() -> Destination<'static> {
    let error = "its deadline passed before a worker took it".to_owned();
    Destination::Dead { reason: DeathReason::Expired, error }
}

/// What becomes of a task that is found to run quarantined code at a claim.
pub(crate) fn quarantined(code: &Label) -> Destination<'static> {
    let error =
        format!("its code {code} is in quarantine after too many crashes: release it and replay the task");
    Destination::Dead { reason: DeathReason::Quarantined, error }
}

/// The word for the end of a task that was deleted before it ended, where others name the reason of its death.
pub(crate) const PURGED: &str = "purged";

/// What becomes of a task that waits for the success of one that died, for the reason that this word names.
pub(crate) fn orphaned(parent: &TaskId, reason: &str) -> Destination<'static> {
    let error = format!("task {parent} that it waited for died: {reason}");
    Destination::Dead { reason: DeathReason::Dependency, error }
}

/// Refuses to delete running tasks: their workers would not learn of it before they settle.
pub(crate) fn check_purge(section: Section) -> Result<(), Error> {
    if section == Section::Leased {
        let problem = "running tasks cannot be deleted: cancel them first";
        let value = section.as_str().to_owned();
        return Err(Error::InvalidSetting { setting: "section", value, problem });
    }
    Ok(())
}

/// The beginning of an error message, marked where it was cut: handlers pass on what untrusted code wrote.
pub(crate) fn bounded(error: &str) -> String {
    if error.len() <= MAX_ERROR_BYTES {
        return error.to_owned();
    }
    let mark = "… (cut)";
    let end = error.floor_char_boundary(MAX_ERROR_BYTES - mark.len());
    let (kept, _) = error.split_at(end);
    format!("{kept}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut_at_a_character_and_says_so() {
        let cut = bounded(&"é".repeat(MAX_ERROR_BYTES));
        assert!(cut.len() <= MAX_ERROR_BYTES && cut.len() > MAX_ERROR_BYTES - 16);
        assert!(cut.ends_with("é… (cut)"));
        assert_eq!(bounded("short"), "short");
    }
}
