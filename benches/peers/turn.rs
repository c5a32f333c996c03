//! What compare-queue and the peers' programs say to each other: one turn, which is one phase of one round.
//!
//! A program is called as `<enqueue|work> <variant> <address> <first> <tasks> <bytes> [batch]`. It makes its connections
//! and says `ready`; waits for a line; does its turn and says `done`, which is when compare-queue stops the clock; looks
//! whether everything is recorded that must be, and ends with one line of JSON: how many tasks there were, and the sum of
//! their numbers. Tasks are numbered from `first` on; a payload is text that begins with its task's number.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub type Problem = Box<dyn Error + Send + Sync>;

/// Digits of a task's number at the beginning of its payload.
const DIGITS: usize = 12;

/// What every task answers.
pub const RESULT: &str = "101.25";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Enqueue,
    Work,
}

#[derive(Debug, Clone)]
pub struct Turn {
    pub phase: Phase,
    /// Which way of using the peer.
    pub variant: String,
    /// A URL, those of some nodes of a cluster with commas in between, or the path of a file.
    pub address: String,
    /// The number of the first task. As many as this were done in earlier turns of the round.
    pub first: usize,
    pub tasks: usize,
    pub bytes: usize,
    /// How many tasks share a trip, in place of what the program finds best. For trying that out by hand.
    pub batch: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub tasks: usize,
    pub sum: u64,
}

impl Turn {
    pub fn from_arguments() -> Result<Self, Problem> {
        let mut arguments = std::env::args().skip(1);
        let mut next =
            |name: &str| arguments.next().ok_or_else(|| format!("the argument <{name}> is missing"));
        let phase = match next("phase")?.as_str() {
            "enqueue" => Phase::Enqueue,
            "work" => Phase::Work,
            other => return Err(format!("there is no phase {other:?}").into()),
        };
        Ok(Self {
            phase,
            variant: next("variant")?,
            address: next("address")?,
            first: next("first")?.parse()?,
            tasks: next("tasks")?.parse()?,
            bytes: next("bytes")?.parse()?,
            batch: next("batch").ok().map(|batch| batch.parse()).transpose()?,
        })
    }

    /// The payloads of the turn in portions.
    pub fn portions(&self, batch: usize) -> impl Iterator<Item = Vec<String>> {
        let (bytes, end) = (self.bytes, self.first + self.tasks);
        (self.first..end).step_by(batch).map(move |first| {
            (first..(first + batch).min(end)).map(|number| payload(number, bytes)).collect()
        })
    }

    /// What the turn adds up to when it is whole.
    pub fn whole(&self) -> Tally {
        Tally {
            tasks: self.tasks,
            sum: (self.first..self.first + self.tasks).map(|number| number as u64).sum(),
        }
    }

    /// Looks whether there are as many results as tasks were done in this round.
    pub fn check(&self, results: usize) -> Result<(), Problem> {
        match self.first + self.tasks {
            tasks if tasks == results => Ok(()),
            tasks => Err(format!("{tasks} tasks were done, and {results} have a result").into()),
        }
    }
}

/// Counts what handlers see, from wherever they run.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<(AtomicUsize, AtomicU64)>);

impl Counter {
    /// Counts a task, and answers how many there were by now.
    pub fn add(&self, payload: &str) -> Result<usize, Problem> {
        let (tasks, sum) = &*self.0;
        sum.fetch_add(number(payload)?, Ordering::Relaxed);
        Ok(tasks.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub fn tally(&self) -> Tally {
        let (tasks, sum) = &*self.0;
        Tally { tasks: tasks.load(Ordering::Relaxed), sum: sum.load(Ordering::Relaxed) }
    }
}

fn number(payload: &str) -> Result<u64, Problem> {
    Ok(payload.get(..DIGITS).ok_or("a payload was changed")?.parse()?)
}

fn payload(number: usize, bytes: usize) -> String {
    format!("{number:0DIGITS$}{:x<1$}", "", bytes.saturating_sub(DIGITS))
}

/// Says that everything is there, and waits to be told to begin.
pub fn begin() -> Result<(), Problem> {
    say("ready")?;
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

/// Says that the turn is over.
pub fn done() -> Result<(), Problem> {
    say("done")
}

/// Says what was done in the turn.
pub fn tell(tally: Tally) -> Result<(), Problem> {
    say(&format!("{{\"tasks\":{},\"sum\":{}}}", tally.tasks, tally.sum))
}

fn say(line: &str) -> Result<(), Problem> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}
