//! The faults that one task shows.

use super::finding::{Finding, Kind};
use super::interruptions::Interruptions;
use super::story::{Handout, Outcome, Story, Task};
use super::terms::Promise;
use crate::clock::Moment;
use crate::history::{Standing, Verdict};

/// A task in the light of the rest.
pub(super) struct Case<'a> {
    pub(super) id: &'a str,
    pub(super) task: &'a Task<'a>,
    pub(super) story: &'a Story<'a>,
    pub(super) interruptions: &'a Interruptions<'a>,
    pub(super) promise: Promise,
}

impl Case<'_> {
    /// Every fault of the task.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.unread());
        findings.extend(self.lost());
        findings.extend(self.stuck());
        findings.extend(self.unexpected());
        let twice = self.recorded_twice();
        if twice.is_none() {
            // Of two results that were acknowledged, one is contradicted as a matter of course.
            findings.extend(self.contradicted());
        }
        findings.extend(twice);
        findings.extend(self.revived());
        findings
    }

    /// Whether the queue has answered for the task.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledgements().next().is_some()
    }

    /// Whether nobody knew at the time if the task was put in.
    pub(super) fn is_doubtful(&self) -> bool {
        !self.is_acknowledged() && self.outcomes().any(|outcome| outcome != Outcome::Fail)
    }

    /// Whether the queue had the task at the end, in whatever state.
    pub(super) fn is_there(&self) -> bool {
        !matches!(self.task.standing, None | Some(Standing::Missing))
    }

    fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        let calls = self.task.enqueues.iter().filter_map(|index| self.story.calls.get(*index));
        calls.map(|call| call.outcome)
    }

    fn acknowledgements(&self) -> impl Iterator<Item = Moment> {
        let calls = self.task.enqueues.iter().filter_map(|index| self.story.calls.get(*index));
        calls.filter(|call| call.outcome == Outcome::Ok).filter_map(|call| call.ended)
    }

    fn finding(&self, kind: Kind, detail: impl Into<String>) -> Finding {
        Finding::new(kind, self.id, detail)
    }

    fn unread(&self) -> Option<Finding> {
        self.task.standing.is_none().then(|| self.finding(Kind::Unread, "it was not read at the end"))
    }

    fn lost(&self) -> Option<Finding> {
        if self.task.standing != Some(&Standing::Missing) || !self.is_acknowledged() {
            return None;
        }
        // Whatever the queue has told of the task later shows that it was still there.
        let deliveries = self.task.deliveries.iter().map(|one| one.at);
        let verdicts = self.task.answered(|verdict| verdict != Verdict::LeaseLost);
        let last_sign = self.acknowledgements().chain(deliveries).chain(verdicts).max()?;
        let excused = !self.promise.keeps_tasks && self.interruptions.lost_after(last_sign);
        let detail =
            format!("it was acknowledged, was last seen at {last_sign}, and there is no record of it");
        Some(self.finding(Kind::Lost, detail).excused_if(excused))
    }

    fn stuck(&self) -> Option<Finding> {
        let state = match self.task.standing? {
            Standing::Waiting => "still waits",
            Standing::Leased => "is still held",
            _ => return None,
        };
        Some(self.finding(Kind::Stuck, format!("it {state} after the quiet time")))
    }

    fn unexpected(&self) -> Option<Finding> {
        if self.is_there() && self.outcomes().all(|outcome| outcome == Outcome::Fail) {
            let detail = if self.task.enqueues.is_empty() {
                "nobody put it in"
            } else {
                "it is there although the queue said that it was not put in"
            };
            return Some(self.finding(Kind::Unexpected, detail));
        }
        if self.task.enqueues.is_empty() && !self.task.deliveries.is_empty() {
            return Some(self.finding(Kind::Unexpected, "it was handed out although nobody put it in"));
        }
        let Some(Standing::Done { result }) = self.task.standing else { return None };
        let known = self.task.runs.iter().any(|one| one.run.result.as_ref() == Some(result));
        (!known)
            .then(|| self.finding(Kind::Unexpected, format!("its result {result:?} is that of no run of it")))
    }

    fn recorded_twice(&self) -> Option<Finding> {
        let recorded = self.task.recorded();
        let [(first, one), .., (last, other)] = recorded.as_slice() else { return None };
        let excused = !self.promise.keeps_ends && self.interruptions.lost_between(*first, *last);
        let detail =
            format!("both {one:?} at {first} and {other:?} at {last} were acknowledged as its result");
        Some(self.finding(Kind::RecordedTwice, detail).excused_if(excused))
    }

    fn contradicted(&self) -> Option<Finding> {
        // An acknowledged task without a record is lost, and that says it all.
        let standing = self.task.standing.filter(|_| self.is_there() || !self.is_acknowledged())?;
        let (at, said) = match (self.task.recorded().first().copied(), self.task.given_up()) {
            (Some((_, result)), _) if is_done_with(standing, result) => return None,
            (Some((at, result)), _) => (at, format!("the result {result:?} was")),
            (None, Some(_)) if *standing == Standing::Dead => return None,
            (None, Some(at)) => (at, "its death was".to_owned()),
            (None, None) => return None,
        };
        let excused = !self.promise.keeps_ends && self.interruptions.lost_after(at);
        let detail = format!("{said} acknowledged at {at}, and in the end it is {standing:?}");
        Some(self.finding(Kind::Contradicted, detail).excused_if(excused))
    }

    /// A call that began after the end was acknowledged must not bring the task again.
    fn revived(&self) -> Option<Finding> {
        let recorded = self.task.recorded().first().map(|(at, _)| *at);
        let ended = recorded.into_iter().chain(self.task.given_up()).min()?;
        let again: &Handout<'_> = self.task.deliveries.iter().find(|one| one.asked > ended)?;
        let excused = !self.promise.keeps_ends && self.interruptions.lost_between(ended, again.at);
        let detail = format!("its end was acknowledged at {ended}, {} got it at {}", again.process, again.at);
        Some(self.finding(Kind::Revived, detail).excused_if(excused))
    }
}

fn is_done_with(standing: &Standing, wanted: &str) -> bool {
    matches!(standing, Standing::Done { result } if result == wanted)
}
