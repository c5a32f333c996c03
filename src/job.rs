//! What is handed to a worker, and what comes back.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::optimize::FailureReason;
use crate::queue::TaskId;
use crate::sandbox::{self, Limits, Program, Reason};
use crate::{Dataset, Error};

/// The id of a job: a hash of its program, data, calls, seed and limits. Submitting the same job again gives the same id
/// and runs nothing anew.
pub type JobId = TaskId;

/// A program, its data, and one or more calls of it, which one worker makes in one session.
#[derive(Debug, Clone)]
#[must_use = "a job does nothing until it is submitted"]
pub struct Job {
    pub(crate) program: Program,
    pub(crate) data: Dataset,
    pub(crate) bars: Range<usize>,
    pub(crate) calls: Vec<Map<String, Value>>,
    pub(crate) limits: Limits,
    pub(crate) seed: u64,
}

impl Job {
    /// A job over all bars of `data`, without any call yet, with the default limits and the seed 0.
    pub fn new(program: Program, data: Dataset) -> Self {
        let bars = 0..data.bars();
        Self { program, data, bars, calls: Vec::new(), limits: Limits::default(), seed: 0 }
    }

    /// Adds a call with these entries in the program's `params`.
    pub fn call<N: Into<String>>(mut self, params: impl IntoIterator<Item = (N, Value)>) -> Self {
        self.calls.push(params.into_iter().map(|(name, value)| (name.into(), value)).collect());
        self
    }

    /// Shows the program only these bars of the data.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSeries`] when the data does not have them.
    pub fn bars(mut self, bars: Range<usize>) -> Result<Self, Error> {
        if bars.start > bars.end || bars.end > self.data.bars() {
            return Err(Error::InvalidSeries {
                name: self.data.names().next().unwrap_or_default().to_owned(),
                problem: format!(
                    "has {} bars, so bars {} to {} are not in it",
                    self.data.bars(),
                    bars.start,
                    bars.end
                ),
            });
        }
        self.bars = bars;
        Ok(self)
    }

    /// Sets the limits of each call.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Seeds the program's random numbers, the same for each call.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

/// What came of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallOutcome {
    /// The program's result; `None` when it failed.
    pub result: Option<Value>,
    /// Why there is no result; `None` when there is one.
    pub failure: Option<CallFailure>,
    /// What the program printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// Whether something that it printed was cut off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// How long the call took.
    pub wall: Duration,
}

/// Why a call has no result. The program is to blame: where the platform failed, the job is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallFailure {
    /// What sort of failure it was.
    pub reason: FailureReason,
    /// What was wrong, where, and what to do.
    pub message: String,
}

impl CallFailure {
    pub(crate) fn new(error: &sandbox::Error) -> Self {
        let reason = match error.reason() {
            Reason::Rejected => FailureReason::Rejected,
            Reason::Exception => FailureReason::Exception,
            Reason::Timeout => FailureReason::Timeout,
            Reason::Memory => FailureReason::Resources,
            Reason::Output => FailureReason::InvalidOutput,
            Reason::Cancelled => FailureReason::Cancelled,
            _ => FailureReason::Platform,
        };
        let message = match error {
            sandbox::Error::Exception { traceback, .. } if !traceback.is_empty() => {
                format!("{error}\n{traceback}")
            }
            _ => error.to_string(),
        };
        Self { reason, message }
    }
}

/// A job as it lies in the queue: program and data by their hashes, since thousands of jobs share them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) program: String,
    pub(crate) dataset: String,
    pub(crate) bars: Range<usize>,
    pub(crate) calls: Vec<Map<String, Value>>,
    pub(crate) seed: u64,
    pub(crate) limits: RequestLimits,
}

/// [`Limits`] as they lie in the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestLimits {
    wall: Duration,
    cpu: f64,
    memory: u64,
    output: u64,
    fuel: Option<u64>,
}

impl From<&Limits> for RequestLimits {
    fn from(limits: &Limits) -> Self {
        let Limits { wall, cpu, memory, output, fuel, .. } = *limits;
        Self { wall, cpu, memory, output, fuel }
    }
}

impl From<&RequestLimits> for Limits {
    fn from(limits: &RequestLimits) -> Self {
        let given =
            Self::default().wall(limits.wall).cpu(limits.cpu).memory(limits.memory).output(limits.output);
        limits.fuel.map_or(given.clone(), |fuel| given.fuel(fuel))
    }
}
