//! The events, and the form in which they stand in a file.
//!
//! The words are the queue's own, taken over rather than shared: a history must be readable without the version of the
//! queue that made it, and a test must be able to write down one that no queue would make.

use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was written.
    pub at: Moment,
    /// Which life of which process wrote it, such as `worker-2.5`.
    pub process: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A call to the queue began. `call` is its number within the process.
    Invoke {
        /// The number.
        call: u64,
        /// What was asked.
        ask: Ask,
    },
    /// The call was answered.
    Ok {
        /// The number.
        call: u64,
        /// What was answered.
        answer: Answer,
    },
    /// The call failed, and the queue says that it had no effect.
    Fail {
        /// The number.
        call: u64,
        /// What the queue said.
        error: String,
    },
    /// The call failed or was given up, and may have had its effect.
    Unknown {
        /// The number.
        call: u64,
        /// What is known.
        error: String,
    },
    /// A task was read when all was over.
    Final {
        /// The task.
        task: String,
        /// Where it stood.
        standing: Standing,
    },
    /// The queue's own count of its unfinished and dead tasks when all was over.
    Totals {
        /// Tasks that waited, for a worker or for their time.
        waiting: u64,
        /// Tasks that a worker held.
        leased: u64,
        /// Tasks that were given up.
        dead: u64,
    },
    /// A fault was brought about.
    FaultBegins {
        /// Its number in the run.
        fault: u64,
        /// What it does.
        name: String,
        /// Whether a master is lost in it, with whatever it had acknowledged and not replicated.
        loses_master: bool,
    },
    /// The fault is healed.
    FaultEnds {
        /// Its number.
        fault: u64,
    },
    /// A process of the run was sent a signal.
    Signal {
        /// The process.
        target: String,
        /// The signal.
        signal: Signal,
    },
    /// A process ended that nobody had told to.
    Died {
        /// The process.
        target: String,
        /// How it ended.
        status: String,
    },
    /// A new master was seen to serve the slots of one that was lost.
    Promoted {
        /// The fault.
        fault: u64,
    },
    /// The new master answered the first call of a client of the queue.
    Served {
        /// The fault.
        fault: u64,
    },
}

/// What a call to the queue asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Ask {
    /// To put tasks in.
    Enqueue {
        /// Their ids.
        tasks: Vec<String>,
    },
    /// To settle runs and to claim.
    Step {
        /// Who asked.
        worker: String,
        /// The runs that ended.
        settle: Vec<Run>,
        /// How many tasks to claim at most.
        claim: usize,
    },
    /// Anything else, of which only the name and the time matter.
    Other {
        /// The name.
        name: String,
    },
}

/// One run of a task that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The task.
    pub task: String,
    /// How the run ended.
    pub ending: RunEnding,
    /// The result, which no other run of any task has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnding {
    /// With a result.
    Done,
    /// The handler said no.
    Failed,
    /// The handler said no for ever.
    Rejected,
    /// It broke down.
    Crashed,
    /// The worker gave it back.
    HandedBack,
}

/// What a call was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Nothing that matters here beyond the success.
    Done,
    /// What a step brought.
    Step {
        /// What became of the runs, in the order of the request.
        verdicts: Vec<Verdict>,
        /// The tasks that were handed out.
        deliveries: Vec<Delivery>,
    },
}

/// A task that was handed to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The task.
    pub task: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// How many runs broke down before.
    pub crashes: u32,
}

/// What became of a run that was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its result is the task's.
    Recorded,
    /// The task will run again.
    Retrying,
    /// The task is given up.
    Dead,
    /// The task is back in its place.
    HandedBack,
    /// The task was somebody else's by then.
    LeaseLost,
    /// The part of the queue that holds the task did not answer.
    Unanswered,
}

/// Where a task stood when all was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// It waited.
    Waiting,
    /// A worker held it.
    Leased,
    /// It ended with this result.
    Done {
        /// The result.
        result: String,
    },
    /// It was given up.
    Dead,
    /// The queue had no record of it.
    Missing,
}

/// A signal to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// It ends at once.
    Kill,
    /// It stands still.
    Stop,
    /// It goes on.
    Continue,
    /// It is asked to end.
    Terminate,
}

impl Ask {
    /// The name of the call.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Enqueue { .. } => "enqueue",
            Self::Step { .. } => "step",
            Self::Other { name } => name,
        }
    }
}
