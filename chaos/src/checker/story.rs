//! What the history tells of each task and each call, put together.

use std::collections::{BTreeMap, HashMap};

use crate::clock::Moment;
use crate::history::{Answer, Ask, Delivery, Event, Run, Standing, Verdict, What};

/// The events of a history, by whom they are about.
#[derive(Debug, Default)]
pub(super) struct Story<'a> {
    pub(super) tasks: BTreeMap<&'a str, Task<'a>>,
    pub(super) calls: Vec<Call<'a>>,
    pub(super) totals: Option<Totals>,
    open: HashMap<(&'a str, u64), usize>,
}

/// The queue's own counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) waiting: u64,
    pub(super) leased: u64,
    pub(super) dead: u64,
}

/// One call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) process: &'a str,
    pub(super) ask: &'a Ask,
    pub(super) began: Moment,
    pub(super) ended: Option<Moment>,
    pub(super) outcome: Outcome,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It did not, as far as the history goes: it may have had its effect.
    Open,
    Ok,
    Fail,
    Unknown,
}

/// Everything about one task.
#[derive(Debug, Default)]
pub(super) struct Task<'a> {
    /// The calls that put it in.
    pub(super) enqueues: Vec<usize>,
    pub(super) deliveries: Vec<Handout<'a>>,
    /// The runs that were to be settled, with the call and what was answered.
    pub(super) runs: Vec<Settled<'a>>,
    pub(super) standing: Option<&'a Standing>,
}

/// One time that the task was handed out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handout<'a> {
    pub(super) process: &'a str,
    /// When the call began that brought it.
    pub(super) asked: Moment,
    pub(super) at: Moment,
}

/// One try to settle a run of the task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled<'a> {
    pub(super) run: &'a Run,
    pub(super) process: &'a str,
    /// The answer and its time, where one came.
    pub(super) verdict: Option<(Moment, Verdict)>,
}

impl<'a> Story<'a> {
    pub(super) fn of(history: &'a [Event]) -> Self {
        let mut story = Self::default();
        for event in history {
            story.note(event);
        }
        story
    }

    fn note(&mut self, event: &'a Event) {
        match &event.what {
            What::Invoke { call, ask } => self.begin(event, *call, ask),
            What::Ok { call, answer } => {
                self.end(event, *call, Outcome::Ok);
                if let Answer::Step { verdicts, deliveries } = answer {
                    self.stepped(event, *call, verdicts, deliveries);
                }
            }
            What::Fail { call, .. } => self.end(event, *call, Outcome::Fail),
            What::Unknown { call, .. } => self.end(event, *call, Outcome::Unknown),
            What::Final { task, standing } => self.task(task).standing = Some(standing),
            What::Totals { waiting, leased, dead } => {
                self.totals = Some(Totals { waiting: *waiting, leased: *leased, dead: *dead });
            }
            _ => {}
        }
    }

    fn task(&mut self, id: &'a str) -> &mut Task<'a> {
        self.tasks.entry(id).or_default()
    }

    fn begin(&mut self, event: &'a Event, call: u64, ask: &'a Ask) {
        let (process, index) = (event.process.as_str(), self.calls.len());
        self.calls.push(Call { process, ask, began: event.at, ended: None, outcome: Outcome::Open });
        self.open.insert((process, call), index);
        match ask {
            Ask::Enqueue { tasks } => tasks.iter().for_each(|task| self.task(task).enqueues.push(index)),
            Ask::Step { settle, .. } => {
                for run in settle {
                    self.task(&run.task).runs.push(Settled { run, process, verdict: None });
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, event: &'a Event, call: u64, outcome: Outcome) {
        let index = self.open.get(&(event.process.as_str(), call)).copied();
        if let Some(begun) = index.and_then(|index| self.calls.get_mut(index)) {
            begun.ended = Some(event.at);
            begun.outcome = outcome;
        }
    }

    fn stepped(&mut self, event: &'a Event, call: u64, verdicts: &[Verdict], deliveries: &'a [Delivery]) {
        let process = event.process.as_str();
        let begun = self.open.get(&(process, call)).and_then(|index| self.calls.get(*index));
        let asked = begun.map_or(event.at, |call| call.began);
        if let Some(Ask::Step { settle, .. }) = begun.map(|call| call.ask) {
            let answered = settle.iter().zip(verdicts).filter(|(_, one)| **one != Verdict::Unanswered);
            for (run, verdict) in answered {
                let mut runs = self.task(&run.task).runs.iter_mut();
                // A run whose answer was lost is settled again; each try is its own entry, known by its place in memory.
                if let Some(settled) = runs.rfind(|one| std::ptr::eq(one.run, run)) {
                    settled.verdict = Some((event.at, *verdict));
                }
            }
        }
        for delivery in deliveries {
            self.task(&delivery.task).deliveries.push(Handout { process, asked, at: event.at });
        }
    }
}

impl<'a> Task<'a> {
    /// The results that were acknowledged as recorded, each with the time of its first acknowledgement.
    pub(super) fn recorded(&self) -> Vec<(Moment, &'a str)> {
        let mut recorded: Vec<(Moment, &str)> = Vec::new();
        for (at, result) in self.runs.iter().filter_map(Settled::recorded) {
            if !recorded.iter().any(|(_, known)| *known == result) {
                recorded.push((at, result));
            }
        }
        recorded.sort_unstable();
        recorded
    }

    /// When the task was first acknowledged to be dead.
    pub(super) fn given_up(&self) -> Option<Moment> {
        self.answered(|verdict| verdict == Verdict::Dead).min()
    }

    /// The times at which such a verdict was answered.
    pub(super) fn answered(&self, wanted: impl Fn(Verdict) -> bool) -> impl Iterator<Item = Moment> {
        let verdicts = self.runs.iter().filter_map(|one| one.verdict);
        verdicts.filter(move |(_, verdict)| wanted(*verdict)).map(|(at, _)| at)
    }
}

impl<'a> Settled<'a> {
    fn recorded(&self) -> Option<(Moment, &'a str)> {
        let (at, verdict) = self.verdict?;
        // A run without a result that is acknowledged as recorded shows as an empty one.
        (verdict == Verdict::Recorded).then(|| (at, self.run.result.as_deref().unwrap_or_default()))
    }
}
