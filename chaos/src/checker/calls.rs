//! How long calls took, how soon new masters served, and how soon the tasks of the dead ran again.

use std::collections::HashMap;
use std::time::Duration;

use super::finding::{Finding, Kind};
use super::interruptions::Interruptions;
use super::story::{Call, Outcome, Story, Task};
use super::terms::Terms;
use crate::clock::{Moment, milliseconds, span};
use crate::history::{Event, What};

/// The time that a call took while its process could run. One without an answer lasts until its process ends.
pub(super) fn length(call: &Call<'_>, interruptions: &Interruptions<'_>) -> Moment {
    let end = call.ended.unwrap_or_else(|| interruptions.end_of(call.process));
    interruptions.awake(call.process, call.began, end)
}

/// The calls that took longer than they may.
pub(super) fn hung(story: &Story<'_>, interruptions: &Interruptions<'_>, terms: &Terms) -> Vec<Finding> {
    let limit = span(terms.deadline.saturating_add(terms.grace));
    let too_long = story.calls.iter().filter(|call| length(call, interruptions) > limit);
    let finding = |call: &Call<'_>| {
        let took = milliseconds(length(call, interruptions));
        let end = if call.outcome == Outcome::Open { "and got no answer" } else { "until it was answered" };
        let allowed = milliseconds(limit);
        let detail =
            format!("{} at {} took {took} ms {end}, {allowed} ms are allowed", call.ask.name(), call.began);
        Finding::new(Kind::Hung, call.process, detail)
    };
    too_long.map(finding).collect()
}

/// For each fault that lost a master, how long after its promotion the new one served a client; `None` if it never did.
pub(super) fn returns(history: &[Event]) -> Vec<(u64, Option<Moment>)> {
    let mut promoted = Vec::new();
    let mut served = HashMap::new();
    for event in history {
        match event.what {
            What::Promoted { fault } => promoted.push((fault, event.at)),
            What::Served { fault } => {
                served.entry(fault).or_insert(event.at);
            }
            _ => {}
        }
    }
    let after = |(fault, at): (u64, Moment)| {
        (fault, served.get(&fault).map(|served: &Moment| served.saturating_sub(at)))
    };
    promoted.into_iter().map(after).collect()
}

/// The new masters that were found too late.
pub(super) fn slow(returns: &[(u64, Option<Moment>)], within: Duration) -> Vec<Finding> {
    let late = returns.iter().filter(|(_, after)| after.is_none_or(|after| after > span(within)));
    let finding = |(fault, after): &(u64, Option<Moment>)| {
        let detail = match after {
            Some(after) => {
                format!("the new master served the first client after {} ms", milliseconds(*after))
            }
            None => "the new master served no client".to_owned(),
        };
        Finding::new(Kind::SlowReturn, format!("fault {fault}"), detail)
    };
    late.map(finding).collect()
}

/// How long after the kill of its worker each task that the worker held was handed out again, in order of length.
pub(super) fn recoveries<'a>(
    tasks: impl Iterator<Item = &'a Task<'a>>,
    interruptions: &Interruptions<'_>,
) -> Vec<Moment> {
    let mut recoveries = Vec::new();
    for task in tasks {
        for pair in task.deliveries.windows(2) {
            let [held, again] = pair else { continue };
            let Some(killed) = interruptions.killed(held.process).filter(|killed| *killed > held.at) else {
                continue;
            };
            let given_back = task
                .runs
                .iter()
                .any(|run| run.process == held.process && run.verdict.is_some_and(|(at, _)| at >= held.at));
            if !given_back && again.at >= killed {
                recoveries.push(again.at - killed);
            }
        }
    }
    recoveries.sort_unstable();
    recoveries
}
