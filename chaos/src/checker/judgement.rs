//! The judgement: all findings, and the figures of the run.

use serde::Serialize;

use super::calls::{hung, length, recoveries, returns, slow};
use super::finding::{Finding, Kind};
use super::interruptions::Interruptions;
use super::story::{Outcome, Story, Totals};
use super::tasks::Case;
use super::terms::Terms;
use crate::clock::{Moment, milliseconds};
use crate::history::{Event, Standing, Verdict, What};

/// What a history shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// Whether every fault that was found is one that the terms allow.
    pub valid: bool,
    /// The figures.
    pub figures: Figures,
    /// The faults.
    pub findings: Vec<Finding>,
}

/// The figures of a run. Times are in milliseconds; one that was never measured is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// Tasks that somebody tried to put in.
    pub attempted: usize,
    /// Tasks that the queue acknowledged.
    pub acknowledged: usize,
    /// Acknowledged tasks without a record at the end.
    pub lost: usize,
    /// Those in per cent of the acknowledged.
    pub lost_percent: f64,
    /// Tasks of which nobody knew whether they were put in, and that were there in the end.
    pub recovered: usize,
    /// Tasks that ended with a result.
    pub done: usize,
    /// Tasks that were given up.
    pub dead: usize,
    /// Times that a task was handed out.
    pub delivered: usize,
    /// Times that a task was handed out once more although no earlier run of it had been settled: the worker was dead,
    /// or taken for dead. This is allowed, and what fenced settlement is for.
    pub duplicated: usize,
    /// Settlements that were refused since the task was somebody else's by then.
    pub fenced: usize,
    /// Acknowledged ends that did not stand: recorded twice, contradicted or revived.
    pub ends_undone: usize,
    /// Calls to the queue.
    pub calls: usize,
    /// Calls that failed without effect.
    pub failed_calls: usize,
    /// Calls of which nobody knows whether they had an effect.
    pub unknown_calls: usize,
    /// The longest call.
    pub longest_call_ms: u64,
    /// Faults that were brought about.
    pub faults: usize,
    /// Masters that were lost in them.
    pub masters_lost: usize,
    /// The longest time from the promotion of a master to its first answer to a client.
    pub slowest_return_ms: Option<u64>,
    /// Tasks of killed workers that were handed out again.
    pub rescued: usize,
    /// The median time from the kill to that.
    pub rescue_p50_ms: Option<u64>,
    /// The 99th percentile of the same.
    pub rescue_p99_ms: Option<u64>,
}

/// Judges a history, which must be in the order of its clock.
#[must_use]
pub fn judge(history: &[Event], terms: &Terms) -> Judgement {
    let story = Story::of(history);
    let interruptions = Interruptions::of(history);
    let cases: Vec<Case<'_>> = story
        .tasks
        .iter()
        .map(|(id, task)| Case {
            id,
            task,
            story: &story,
            interruptions: &interruptions,
            promise: terms.promise,
        })
        .collect();
    let returns = returns(history);
    let mut findings: Vec<Finding> = cases.iter().flat_map(Case::findings).collect();
    findings.extend(miscounted(&story));
    findings.extend(hung(&story, &interruptions, terms));
    findings.extend(slow(&returns, terms.back_within));
    findings.extend(died(history));
    findings.extend(idle(&cases));
    let figures = Figures {
        faults: history.iter().filter(|event| matches!(event.what, What::FaultBegins { .. })).count(),
        masters_lost: interruptions.losses(),
        slowest_return_ms: returns.iter().filter_map(|(_, after)| *after).max().map(milliseconds),
        ..of_calls(&story, &interruptions, of_rescues(&story, &interruptions, of_tasks(&cases, &findings)))
    };
    Judgement { valid: findings.iter().all(|finding| finding.excused), figures, findings }
}

impl Judgement {
    /// How many faults of a kind there are, excused ones included.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        count(&self.findings, kind)
    }
}

fn count(findings: &[Finding], kind: Kind) -> usize {
    findings.iter().filter(|finding| finding.kind == kind).count()
}

fn of_tasks(cases: &[Case<'_>], findings: &[Finding]) -> Figures {
    let number = |wanted: &dyn Fn(&Case<'_>) -> bool| cases.iter().filter(|case| wanted(case)).count();
    let acknowledged = number(&|case| case.is_acknowledged());
    let lost = count(findings, Kind::Lost);
    let undone = [Kind::RecordedTwice, Kind::Contradicted, Kind::Revived];
    let settled_again = |verdict| {
        matches!(verdict, Verdict::Retrying | Verdict::HandedBack | Verdict::Recorded | Verdict::Dead)
    };
    let duplicates = cases.iter().map(|case| {
        let settled = case.task.answered(settled_again).count();
        case.task.deliveries.len().saturating_sub(settled.max(1))
    });
    Figures {
        attempted: number(&|case| !case.task.enqueues.is_empty()),
        acknowledged,
        lost,
        lost_percent: if acknowledged == 0 { 0.0 } else { 100.0 * lost as f64 / acknowledged as f64 },
        recovered: number(&|case| case.is_doubtful() && case.is_there()),
        done: number(&|case| matches!(case.task.standing, Some(Standing::Done { .. }))),
        dead: number(&|case| case.task.standing == Some(&Standing::Dead)),
        delivered: cases.iter().map(|case| case.task.deliveries.len()).sum(),
        duplicated: duplicates.sum(),
        fenced: cases.iter().map(|case| case.task.answered(|one| one == Verdict::LeaseLost).count()).sum(),
        ends_undone: undone.into_iter().map(|kind| count(findings, kind)).sum(),
        ..Figures::default()
    }
}

fn of_rescues(story: &Story<'_>, interruptions: &Interruptions<'_>, figures: Figures) -> Figures {
    let rescues = recoveries(story.tasks.values(), interruptions);
    Figures {
        rescued: rescues.len(),
        rescue_p50_ms: percentile(&rescues, 50),
        rescue_p99_ms: percentile(&rescues, 99),
        ..figures
    }
}

fn of_calls(story: &Story<'_>, interruptions: &Interruptions<'_>, figures: Figures) -> Figures {
    let with = |outcome| story.calls.iter().filter(|call| call.outcome == outcome).count();
    let longest = story.calls.iter().map(|call| length(call, interruptions)).max();
    Figures {
        calls: story.calls.len(),
        failed_calls: with(Outcome::Fail),
        unknown_calls: with(Outcome::Unknown) + with(Outcome::Open),
        longest_call_ms: longest.map_or(0, milliseconds),
        ..figures
    }
}

/// The smallest of the sorted times that at least so many per cent do not exceed.
fn percentile(sorted: &[Moment], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().map(milliseconds)
}

fn miscounted(story: &Story<'_>) -> Option<Finding> {
    let Some(counted) = story.totals else {
        return Some(Finding::new(Kind::Unread, "the totals", "the queue was not asked for its counts"));
    };
    let standing =
        |wanted: &Standing| story.tasks.values().filter(|task| task.standing == Some(wanted)).count() as u64;
    let read = Totals {
        waiting: standing(&Standing::Waiting),
        leased: standing(&Standing::Leased),
        dead: standing(&Standing::Dead),
    };
    (read != counted).then(|| {
        Finding::new(
            Kind::Miscounted,
            "the totals",
            format!("the queue counts {counted:?}, read were {read:?}"),
        )
    })
}

fn died(history: &[Event]) -> Vec<Finding> {
    let deaths = history.iter().filter_map(|event| match &event.what {
        What::Died { target, status } => {
            Some(Finding::new(Kind::Died, target, format!("it ended with {status}")))
        }
        _ => None,
    });
    deaths.collect()
}

fn idle(cases: &[Case<'_>]) -> Option<Finding> {
    let acknowledged = cases.iter().any(Case::is_acknowledged);
    let done = cases.iter().any(|case| matches!(case.task.standing, Some(Standing::Done { .. })));
    let missing = match (acknowledged, done) {
        (true, true) => return None,
        (false, _) => "no task was acknowledged",
        (true, false) => "no task ended with a result",
    };
    Some(Finding::new(Kind::Idle, "the run", missing))
}
