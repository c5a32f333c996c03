//! A good history of any shape with one fault put in is found to have that fault and no other.

use cofferdam_chaos::checker::Kind;
use cofferdam_chaos::history::{Answer, Ask, Signal, Standing, Verdict, What};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::tale::{Heard, Tale, done, renew};

/// What happens to one run of a task that is not the last.
#[derive(Clone, Copy, Debug)]
enum Try {
    /// It fails and is tried again.
    Retried,
    /// Its worker is killed.
    Killed,
    /// Its worker stands still and is fenced off when it goes on.
    Fenced,
    /// Nobody heard whether the settlement arrived, so it was repeated.
    Repeated,
}

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Recorded,
    /// The worker was killed before it heard of it.
    RecordedUnheard,
    Dead,
    /// It was never there.
    Never,
}

#[derive(Clone, Debug)]
struct Life {
    name: String,
    enqueued: Heard,
    tries: Vec<Try>,
    end: End,
}

fn life() -> impl Strategy<Value = Life> {
    let tries = select(vec![Try::Retried, Try::Killed, Try::Fenced, Try::Repeated]);
    let end = select(vec![End::Recorded, End::RecordedUnheard, End::Dead, End::Never]);
    let heard = select(vec![Heard::Ok, Heard::Unknown, Heard::Nothing, Heard::Fail]);
    (heard, prop::collection::vec(tries, 0..4), end).prop_map(|(enqueued, tries, end)| {
        // What was acknowledged is there, and what failed is not.
        let (enqueued, end) = match (enqueued, end) {
            (Heard::Ok, End::Never) => (Heard::Ok, End::Recorded),
            (Heard::Fail, _) => (Heard::Fail, End::Never),
            other => other,
        };
        Life { name: String::new(), enqueued, tries, end }
    })
}

/// Several lives; the first is acknowledged in every way, so that nearly every fault has somebody to befall.
fn lives() -> impl Strategy<Value = Vec<Life>> {
    let plain = Life { name: String::new(), enqueued: Heard::Ok, tries: Vec::new(), end: End::Recorded };
    prop::collection::vec(life(), 0..12).prop_map(move |others| {
        let mut lives = vec![plain.clone()];
        lives.extend(others);
        for (number, life) in lives.iter_mut().enumerate() {
            life.name = format!("task-{number:02}");
        }
        lives
    })
}

impl Life {
    fn result(&self) -> String {
        format!("last#1 {}", self.name)
    }

    fn standing(&self) -> Standing {
        match self.end {
            End::Recorded | End::RecordedUnheard => done(&self.result()),
            End::Dead => Standing::Dead,
            End::Never => Standing::Missing,
        }
    }

    fn tell(&self, tale: &mut Tale) {
        let name = self.name.as_str();
        // Its own producer, so that a kill concerns no other call.
        let producer = format!("producer-of-{name}");
        let ask = Ask::Enqueue { tasks: vec![name.to_owned()] };
        tale.call(&producer, ask, self.enqueued, Answer::Done, 1);
        if self.enqueued == Heard::Nothing {
            tale.signal(&producer, Signal::Kill);
        }
        if self.end == End::Never {
            return;
        }
        for (number, run) in self.tries.iter().enumerate() {
            let worker = format!("worker-{number}-of-{name}");
            let result = format!("{worker}#1 {name}");
            tale.deliver(&worker, name);
            match run {
                Try::Retried => tale.settle(&worker, name, None, Verdict::Retrying),
                Try::Killed => tale.signal(&worker, Signal::Kill),
                Try::Fenced => tale.settle(&worker, name, Some(&result), Verdict::LeaseLost),
                Try::Repeated => tale
                    .settle_and_hear(&worker, name, None, Verdict::Retrying, Heard::Unknown)
                    .settle(&worker, name, None, Verdict::Retrying),
            };
        }
        let (last, result) = ("last", self.result());
        tale.deliver(last, name);
        match self.end {
            End::Recorded => tale.settle(last, name, Some(&result), Verdict::Recorded),
            End::RecordedUnheard => {
                tale.settle_and_hear(last, name, Some(&result), Verdict::Recorded, Heard::Unknown)
            }
            _ => tale.settle(last, name, None, Verdict::Dead),
        };
    }
}

/// The faults that are put in.
const INJECTED: [Kind; 11] = [
    Kind::Lost,
    Kind::Unexpected,
    Kind::RecordedTwice,
    Kind::Contradicted,
    Kind::Revived,
    Kind::Stuck,
    Kind::Unread,
    Kind::Miscounted,
    Kind::Hung,
    Kind::SlowReturn,
    Kind::Died,
];

/// Tells the lives, with one fault in the life of one that it can befall or beside them all; and whom it befalls.
fn told(lives: &[Life], fault: Option<(Kind, Index)>) -> (Tale, Option<(Kind, String)>) {
    let mut tale = Tale::default();
    // One that no fault befalls, so that the run is never idle.
    tale.good("spare");
    lives.iter().for_each(|life| life.tell(&mut tale));
    let victim = fault.map(|(kind, index)| (kind, index.get(&victims(lives, kind)).to_owned()));
    let mut expected = victim.as_ref().map(|(kind, life)| (*kind, life.name.clone()));
    if let Some((kind, life)) = &victim
        && let Some(subject) = before_reading(*kind, life, &mut tale)
    {
        expected = Some((*kind, subject));
    }
    for life in lives {
        let befallen = victim.as_ref().filter(|(_, victim)| victim.name == life.name).map(|(kind, _)| *kind);
        match befallen {
            Some(Kind::Lost) => tale.read(&life.name, Standing::Missing),
            Some(Kind::Stuck) => tale.read(&life.name, Standing::Waiting),
            Some(Kind::Contradicted) => tale.read(&life.name, done("other#1 1")),
            Some(Kind::Unread) => &mut tale,
            _ => tale.read(&life.name, life.standing()),
        };
    }
    tale.count();
    if let Some((Kind::Miscounted, _)) = &victim {
        tale.tell("auditor", What::Totals { waiting: 17, leased: 0, dead: 0 });
        expected = Some((Kind::Miscounted, "the totals".into()));
    }
    (tale, expected)
}

/// Whom a fault can befall without being another fault as well.
fn victims(lives: &[Life], kind: Kind) -> Vec<Life> {
    let fits = |life: &&Life| match kind {
        Kind::Lost => life.enqueued == Heard::Ok,
        Kind::RecordedTwice | Kind::Contradicted | Kind::Revived => life.end == End::Recorded,
        // An end that was acknowledged would be contradicted as well.
        Kind::Stuck => life.end == End::RecordedUnheard,
        _ => true,
    };
    let fitting: Vec<Life> = lives.iter().filter(fits).cloned().collect();
    if fitting.is_empty() { lives.to_vec() } else { fitting }
}

/// Tells what belongs to the fault; the subject, if it is not the task.
fn before_reading(kind: Kind, life: &Life, tale: &mut Tale) -> Option<String> {
    let name = life.name.as_str();
    match kind {
        Kind::Unexpected => {
            tale.read("stranger", Standing::Dead);
            return Some("stranger".into());
        }
        Kind::RecordedTwice => tale.settle("other", name, Some("other#1 1"), Verdict::Recorded),
        Kind::Contradicted => {
            tale.settle_and_hear("other", name, Some("other#1 1"), Verdict::Recorded, Heard::Unknown)
        }
        Kind::Revived => tale.deliver("other", name),
        Kind::Hung => {
            tale.call("slow", renew(), Heard::Unknown, Answer::Done, 5_500);
            return Some("slow".into());
        }
        Kind::SlowReturn => {
            tale.tell("nemesis", What::Promoted { fault: 3 }).pause(2_500);
            tale.tell("nemesis", What::Served { fault: 3 });
            return Some("fault 3".into());
        }
        Kind::Died => {
            tale.tell("nemesis", What::Died { target: "some worker".into(), status: "signal 11".into() });
            return Some("some worker".into());
        }
        _ => tale,
    };
    None
}

proptest! {
    #[test]
    fn a_good_history_has_no_fault(lives in lives()) {
        prop_assert_eq!(told(&lives, None).0.faults(), []);
    }

    #[test]
    fn one_fault_is_found_and_no_other(
        mut lives in lives(),
        kind in select(INJECTED.to_vec()),
        index in any::<Index>(),
    ) {
        if kind == Kind::Stuck {
            let (name, tries) = ("task-99".to_owned(), vec![Try::Killed]);
            lives.push(Life { name, enqueued: Heard::Ok, tries, end: End::RecordedUnheard });
        }
        let (tale, expected) = told(&lives, Some((kind, index)));
        prop_assert_eq!(tale.faults(), expected.into_iter().collect::<Vec<_>>());
    }
}
