//! Histories, told event by event.

use std::time::Duration;

use cofferdam_chaos::checker::{Finding, Kind, Promise, Terms, judge};
use cofferdam_chaos::history::{
    Answer, Ask, Delivery, Event, Run, RunEnding, Signal, Standing, Verdict, What,
};

pub(crate) const TERMS: Terms = Terms {
    promise: Promise::FULL,
    deadline: Duration::from_secs(4),
    grace: Duration::from_secs(1),
    back_within: Duration::from_secs(2),
};

/// What a client hears of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Ok,
    Fail,
    Unknown,
    /// It was killed before.
    Nothing,
}

/// A history in the making. Every event is a millisecond after the one before.
#[derive(Clone, Default)]
pub(crate) struct Tale {
    pub(crate) events: Vec<Event>,
    at: u64,
    calls: u64,
}

impl Tale {
    /// Lets time pass.
    pub(crate) fn pause(&mut self, milliseconds: u64) -> &mut Self {
        self.at += milliseconds * 1_000;
        self
    }

    pub(crate) fn tell(&mut self, process: &str, what: What) -> &mut Self {
        self.at += 1_000;
        self.events.push(Event { at: self.at, process: process.into(), what });
        self
    }

    /// A call that takes so many milliseconds.
    pub(crate) fn call(
        &mut self,
        process: &str,
        ask: Ask,
        heard: Heard,
        answer: Answer,
        took: u64,
    ) -> &mut Self {
        let call = self.calls;
        self.calls += 1;
        self.tell(process, What::Invoke { call, ask }).pause(took);
        let error = "as the tale has it".to_owned();
        match heard {
            Heard::Ok => self.tell(process, What::Ok { call, answer }),
            Heard::Fail => self.tell(process, What::Fail { call, error }),
            Heard::Unknown => self.tell(process, What::Unknown { call, error }),
            Heard::Nothing => self,
        }
    }

    pub(crate) fn enqueue(&mut self, task: &str, heard: Heard) -> &mut Self {
        self.call("producer", Ask::Enqueue { tasks: vec![task.into()] }, heard, Answer::Done, 1)
    }

    pub(crate) fn deliver(&mut self, process: &str, task: &str) -> &mut Self {
        let ask = Ask::Step { worker: process.into(), settle: Vec::new(), claim: 1 };
        let delivery = Delivery { task: task.into(), attempt: 1, crashes: 0 };
        let answer = Answer::Step { verdicts: Vec::new(), deliveries: vec![delivery] };
        self.call(process, ask, Heard::Ok, answer, 1)
    }

    /// A run that ends with this result, or without one.
    pub(crate) fn settle(
        &mut self,
        process: &str,
        task: &str,
        result: Option<&str>,
        verdict: Verdict,
    ) -> &mut Self {
        self.settle_and_hear(process, task, result, verdict, Heard::Ok)
    }

    pub(crate) fn settle_and_hear(
        &mut self,
        process: &str,
        task: &str,
        result: Option<&str>,
        verdict: Verdict,
        heard: Heard,
    ) -> &mut Self {
        let ending = if result.is_some() { RunEnding::Done } else { RunEnding::Failed };
        let run = Run { task: task.into(), ending, result: result.map(str::to_owned) };
        let ask = Ask::Step { worker: process.into(), settle: vec![run], claim: 0 };
        self.call(process, ask, heard, Answer::Step { verdicts: vec![verdict], deliveries: Vec::new() }, 1)
    }

    pub(crate) fn signal(&mut self, target: &str, signal: Signal) -> &mut Self {
        self.tell("nemesis", What::Signal { target: target.into(), signal })
    }

    pub(crate) fn read(&mut self, task: &str, standing: Standing) -> &mut Self {
        self.tell("auditor", What::Final { task: task.into(), standing })
    }

    /// A fault in which a master is lost.
    pub(crate) fn lose_master(&mut self, fault: u64) -> &mut Self {
        self.tell("nemesis", What::FaultBegins { fault, name: "kill a master".into(), loses_master: true })
            .tell("nemesis", What::Promoted { fault })
            .tell("nemesis", What::Served { fault })
            .tell("nemesis", What::FaultEnds { fault })
    }

    /// The counts that fit what was read.
    pub(crate) fn count(&mut self) -> &mut Self {
        let number = |wanted: Standing| {
            let read = self
                .events
                .iter()
                .filter(|event| matches!(&event.what, What::Final { standing, .. } if *standing == wanted));
            read.count() as u64
        };
        let totals = What::Totals {
            waiting: number(Standing::Waiting),
            leased: number(Standing::Leased),
            dead: number(Standing::Dead),
        };
        self.tell("auditor", totals)
    }

    /// A task that goes its way without a fault.
    pub(crate) fn good(&mut self, task: &str) -> &mut Self {
        let result = format!("w#1 {task}");
        self.enqueue(task, Heard::Ok)
            .deliver("w", task)
            .settle("w", task, Some(&result), Verdict::Recorded)
            .read(task, done(&result))
    }

    pub(crate) fn findings(&self, promise: Promise) -> Vec<Finding> {
        judge(&self.events, &Terms { promise, ..TERMS }).findings
    }

    /// The kinds and subjects that are found under the full promise.
    pub(crate) fn faults(&self) -> Vec<(Kind, String)> {
        let findings = self.findings(Promise::FULL);
        assert!(findings.iter().all(|finding| !finding.excused));
        findings.into_iter().map(|finding| (finding.kind, finding.subject)).collect()
    }
}

pub(crate) fn done(result: &str) -> Standing {
    Standing::Done { result: result.into() }
}

/// A call of which only the time matters.
pub(crate) fn renew() -> Ask {
    Ask::Other { name: "renew".into() }
}
