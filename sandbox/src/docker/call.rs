//! A container with a program in it, and what one call of it gives.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use serde_json::Value;

use super::autopsy;
use super::channel::{Answers, Broken};
use super::container::Container;
use super::frame::{self, Kind};
use super::hearing::{Hearing, MAX_PROGRESS_BYTES};
use super::shape::Size;
use crate::fault::{MAX_FAULT_BYTES, read_fault, read_result};
use crate::outcome::text;
use crate::{Error, Input, Limits, Outcome, Program, Usage};

/// An interpreter with a program in it.
pub(super) struct Guest {
    container: Container,
    limits: Limits,
    /// The most memory that the runner told of.
    peak: u64,
    /// Whether it can be called again. It cannot once it was out of step, since nobody knows what it does now.
    alive: bool,
}

/// How the runner answered.
enum Answer {
    Loaded,
    TooSmall(u64),
    Fault(Vec<u8>),
    Result(Vec<u8>),
}

/// Why there is no answer.
enum Stop {
    Deadline,
    /// More was said than allowed.
    Flood,
    /// The result alone is too large.
    Large,
    Garbage,
    Closed,
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Closed => Self::Closed,
            Broken::Garbage => Self::Garbage,
            Broken::Noise => Self::Flood,
        }
    }
}

impl Guest {
    pub(super) fn new(container: Container, limits: Limits) -> Self {
        Self { container, limits, peak: 0, alive: true }
    }

    /// Gives the container its size and loads the program that it is for.
    pub(super) async fn load(&mut self, program: &Program, size: &Size) -> Result<(), Error> {
        self.container.resize(size).await?;
        let engine = Arc::clone(&self.container.body.engine);
        let request = frame::load(program, engine.verdicts.unknown(program), self.limits.memory)?;
        let mut hearing = Hearing::default();
        let answer = self.exchange(&request, &mut hearing).await;
        let limits = &self.limits;
        match answer {
            Ok(Answer::Loaded) => {
                engine.verdicts.remember(program);
                Ok(())
            }
            Ok(Answer::Fault(json)) => Err(read_fault(&json, limits, Some(program))),
            Ok(Answer::TooSmall(missing)) => Err(Error::InvalidLimit {
                limit: "memory",
                message: format!(
                    "{} bytes are less than the interpreter itself needs; give at least {}",
                    limits.memory,
                    limits.memory.saturating_add(missing)
                ),
            }),
            Ok(Answer::Result(_)) => Err(self.error(Stop::Garbage).await),
            Err(stop) => Err(self.error(stop).await),
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// Runs the program once.
    pub(super) async fn call(&mut self, input: &Input) -> Outcome {
        let begin = Instant::now();
        let mut hearing = Hearing::new(input.told().cloned());
        let (result, truncated) = self.try_call(input, &mut hearing).await;
        hearing.tell();
        let wall = begin.elapsed();
        // The runner shares its process with the program, so its word is believed as far as it can be true.
        let (cpu, peak) =
            hearing.usage.map_or((None, 0), |(cpu, peak)| (Some(self.possible(cpu, wall)), peak));
        self.peak = self.peak.max(peak.min(self.limits.memory));
        if matches!(result, Err(Error::Memory { .. })) && !self.alive {
            self.peak = self.limits.memory;
        }
        Outcome {
            result,
            stdout: text(hearing.stdout),
            stderr: text(hearing.stderr),
            truncated,
            usage: Usage { wall, cpu, peak_memory: self.peak, fuel: None },
        }
    }

    /// The processor time as far as it fits the wall time.
    fn possible(&self, cpu: Duration, wall: Duration) -> Duration {
        let processors = self.container.body.engine.processors;
        cpu.min(wall.saturating_mul(processors))
    }

    /// The result, and whether output was cut off.
    async fn try_call(&mut self, input: &Input, hearing: &mut Hearing) -> (Result<Value, Error>, bool) {
        // It could not hold this much, and neither need we.
        if frame::series_bytes(input) as u64 >= self.limits.memory {
            return (Err(Error::Memory { limit: self.limits.memory }), false);
        }
        let request = match frame::call(input) {
            Ok(request) => request,
            Err(error) => return (Err(error), false),
        };
        match self.exchange(&request, hearing).await {
            Ok(Answer::Result(json)) => (read_result(&json), false),
            Ok(Answer::Fault(json)) => (Err(read_fault(&json, &self.limits, None)), false),
            Ok(_) => (Err(self.error(Stop::Garbage).await), false),
            Err(stop) => {
                let flood = matches!(stop, Stop::Flood);
                (Err(self.error(stop).await), flood)
            }
        }
    }

    /// Sends a request and hears the program until the runner answers.
    async fn exchange(&mut self, request: &[u8], hearing: &mut Hearing) -> Result<Answer, Stop> {
        // Until it has answered in full it is out of step; so it is, too, when this future is dropped.
        self.alive = false;
        let Container { requests, answers, .. } = &mut self.container;
        answers.budget = self.limits.output;
        let talk = async {
            let reading = pin!(listen(answers, hearing));
            let writing = pin!(requests.send(request));
            // Both at once: a program that never reads must not keep us from noticing that it ended, and one that prints
            // must not wait for us.
            match select(reading, writing).await {
                // An answer before the question was over: the program's own, and the last.
                Either::Left((answer, _)) => answer.map(|answer| (answer, false)),
                Either::Right((_, reading)) => reading.await.map(|answer| (answer, true)),
            }
        };
        let (answer, in_step) =
            tokio::time::timeout(self.limits.wall, talk).await.map_err(|_| Stop::Deadline)??;
        self.alive = in_step;
        Ok(answer)
    }

    async fn error(&mut self, stop: Stop) -> Error {
        self.alive = false;
        match stop {
            Stop::Deadline => Error::Timeout { limit: self.limits.wall },
            Stop::Flood | Stop::Large => Error::Output { limit: self.limits.output },
            Stop::Garbage => {
                Error::Crashed { message: "it wrote what is no answer to the runner's channel".to_owned() }
            }
            Stop::Closed => autopsy::cause(&self.container.body, &self.limits).await,
        }
    }

    /// Removes the container and waits for it.
    pub(super) async fn remove(self) {
        let Container { requests, answers, body, .. } = self.container;
        // The engine does not end a container while it waits for us to read what that still had to say.
        drop((requests, answers));
        body.remove().await;
    }
}

/// Hears the program until the runner answers.
async fn listen(answers: &mut Answers, hearing: &mut Hearing) -> Result<Answer, Stop> {
    loop {
        let (kind, length) = answers.head().await?;
        match kind {
            Kind::Stdout | Kind::Stderr => gather(answers, hearing.stream(kind), length).await?,
            Kind::Progress => hearing.progress(&answers.content(length, MAX_PROGRESS_BYTES).await?),
            Kind::Usage => hearing.used(&answers.content(length, 16).await?),
            Kind::Loaded => return Ok(Answer::Loaded),
            Kind::TooSmall => {
                let missing = answers.content(length, 8).await?;
                let missing = missing.try_into().map(u64::from_le_bytes).map_err(|_| Stop::Garbage)?;
                return Ok(Answer::TooSmall(missing));
            }
            Kind::Fault => return Ok(Answer::Fault(answers.content(length, MAX_FAULT_BYTES).await?)),
            Kind::Result if length > answers.budget => return Err(Stop::Large),
            Kind::Result => {
                let most = usize::try_from(answers.budget).unwrap_or(usize::MAX);
                return Ok(Answer::Result(answers.content(length, most).await?));
            }
            Kind::Ready => return Err(Stop::Garbage),
        }
        hearing.tell();
    }
}

/// Takes text as far as there is room for it.
async fn gather(answers: &mut Answers, stream: &mut Vec<u8>, mut length: u64) -> Result<(), Stop> {
    while length > 0 {
        let room = answers.budget;
        if room == 0 {
            return Err(Stop::Flood);
        }
        let some = answers.some(length.min(room)).await?;
        stream.extend_from_slice(some);
        let taken = some.len() as u64;
        length -= taken;
        answers.budget = answers.budget.saturating_sub(taken);
    }
    Ok(())
}
