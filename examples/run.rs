//! Runs Python programs in the sandbox, each in an interpreter of its own.
//!
//! ```text
//! cargo run --release --example run -- strategy.py --params '{"window": 20}' --data examples/data/wti_1986_2019.csv
//! cargo run --release --example run -- --jsonl programs.jsonl --jobs 8 > outcomes.jsonl
//! cargo run --release --example run -- --jsonl programs.jsonl --backend docker --unchecked > outcomes.jsonl
//! ```

mod support;

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use cofferdam::sandbox::{
    AnySandbox, DockerSandbox, Error, Fault, Input, Limits, Outcome, Policy, Program, Reason, Sandbox,
    Violation, WasmSandbox,
};
use serde::Serialize;
use serde_json::{Map, Value};
use support::{FAILED, Problem, Programs, Row, answer, arguments, end, say};

/// Runs Python programs in the sandbox, each in an interpreter of its own.
///
/// Writes one JSON line for each program, in the order of the input:
/// {"id", "outcome": "ok" or "error", "fault", "reason", "result", "stdout", "stderr", "truncated", "wall_us",
/// "peak_memory"}; where there is an error also "message", and "traceback" or "violations".
/// A line of input that is no program gives such an error too, and the rest is run.
#[derive(Parser)]
#[command(after_help = "Exit codes: 0 all programs have an outcome (and the one of FILE is ok), \
                        1 the input or the arguments could not be read, or the sandbox could not be started, \
                        2 the program of FILE was refused or failed.")]
struct Arguments {
    #[command(flatten)]
    programs: Programs,
    /// What isolates the programs.
    #[arg(long, value_enum, default_value_t = Backend::Wasm)]
    backend: Backend,
    /// The image of the Docker backend; by default the one that `cargo xtask image` makes.
    #[arg(long, value_name = "NAME:TAG")]
    image: Option<String>,
    /// Run without asking the policy first; only the isolation stands between the programs and this machine.
    #[arg(long)]
    unchecked: bool,
    /// Programs at once; the number of processors by default.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Wall time of a program. By default 60 for FILE, and 2 for --jsonl, so that a file of endless loops ends soon.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    wall: Option<Duration>,
    /// Memory of a program, from 64 to 4095; 256 by default.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..=4095))]
    memory: Option<u64>,
    /// The dictionary `params`, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    params: Option<Map<String, Value>>,
    /// A CSV file with a header; each column of numbers becomes a series of `data`, an empty cell NaN.
    #[arg(long, value_name = "CSV")]
    data: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Backend {
    /// CPython on WebAssembly, in this process.
    Wasm,
    /// CPython with numpy and pandas, each program in a container of the engine on this machine.
    Docker,
}

fn main() -> ExitCode {
    match arguments::<Arguments>() {
        Ok(arguments) => end(start(&arguments)),
        Err(code) => code,
    }
}

/// Reads what is read once, starts the sandbox, and then the runtime: making a sandbox blocks.
fn start(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let rows = arguments.programs.open()?;
    let limits = limits(arguments);
    let mut input = Input::new().with_params(arguments.params.clone().unwrap_or_default());
    if let Some(path) = &arguments.data {
        input = add_series(input, path)?;
    }
    let jobs = arguments.jobs.or_else(|| std::thread::available_parallelism().ok());
    let jobs = jobs.unwrap_or(NonZeroUsize::MIN);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    // Kept beside the erased sandbox, because only it can be waited for.
    let mut docker = None;
    let sandbox = match arguments.backend {
        Backend::Wasm => WasmSandbox::builder()
            .slots(jobs)
            .max_memory(limits.memory)
            .allow_unchecked(arguments.unchecked)
            .build()
            .map(AnySandbox::new)
            .map_err(|error| chain(&error))?,
        Backend::Docker => {
            let built = runtime.block_on(docker_sandbox(arguments, jobs, &limits));
            AnySandbox::new(docker.insert(built.map_err(|error| chain(&error))?).clone())
        }
    };
    let job = Arc::new(Job { sandbox, input, limits, policy: (!arguments.unchecked).then(Policy::default) });
    let counts = runtime.block_on(run_all(rows, &job, jobs));
    drop(job);
    if let Some(sandbox) = docker {
        runtime.block_on(sandbox.close());
    }
    let counts = counts?;
    let failed = !arguments.programs.are_many() && counts.ok == 0;
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// Containers for many programs are started while others run; for a single program that would be in vain.
async fn docker_sandbox(
    arguments: &Arguments,
    jobs: NonZeroUsize,
    limits: &Limits,
) -> Result<DockerSandbox, Error> {
    let mut builder = DockerSandbox::builder()
        .slots(jobs)
        .warm(if arguments.programs.are_many() { jobs.get() } else { 0 })
        .warm_limits(limits.clone())
        .allow_unchecked(arguments.unchecked);
    if let Some(image) = &arguments.image {
        builder = builder.image(image);
    }
    builder.build().await
}

fn limits(arguments: &Arguments) -> Limits {
    let mut limits = Limits::default();
    if arguments.programs.are_many() {
        limits = limits.wall(Duration::from_secs(2));
    }
    if let Some(wall) = arguments.wall {
        limits = limits.wall(wall);
    }
    if let Some(mib) = arguments.memory {
        limits = limits.memory(mib << 20);
    }
    limits
}

/// What is the same for every program.
struct Job {
    sandbox: AnySandbox,
    input: Input,
    limits: Limits,
    /// `None` where nothing is checked.
    policy: Option<Policy>,
}

/// How the programs ended.
#[derive(Default)]
struct Counts {
    rows: u64,
    ok: u64,
    user: u64,
    platform: u64,
}

/// Programs that wait for their turn or for a slower one before them, for each that runs: an answer in the order of
/// the input must not keep the processors idle, nor the answers fill the memory.
const WAITING_PER_JOB: usize = 4;

async fn run_all(
    rows: impl Iterator<Item = Result<Row, String>>,
    job: &Arc<Job>,
    jobs: NonZeroUsize,
) -> Result<Counts, Problem> {
    let begin = Instant::now();
    let mut counts = Counts::default();
    let mut pending = VecDeque::new();
    let mut rows = rows.fuse();
    loop {
        while pending.len() < jobs.get().saturating_mul(WAITING_PER_JOB)
            && let Some(row) = rows.next().transpose()?
        {
            // The policy blocks while it reads; this thread has nothing else to do. The sandbox has as many slots as
            // there are jobs, so it decides who runs.
            let (id, program) = (row.id.clone(), prepare(job, row));
            let job = Arc::clone(job);
            let task = tokio::spawn(async move {
                job.sandbox.run(&program?, &job.input, &job.limits).await.map_err(Failure::Sandbox)
            });
            pending.push_back((id, task));
        }
        let Some((id, task)) = pending.pop_front() else { break };
        let outcome = task.await.unwrap_or_else(|error| Err(Failure::Lost(error.to_string())));
        let line = serde_json::to_string(&describe(id, outcome, &mut counts));
        answer(&line.map_err(|error| format!("cannot write an answer: {error}"))?)?;
    }
    say(&format!(
        "{} rows, {} ok, {} user faults, {} platform faults, {:.2} s, this process's peak memory {}",
        counts.rows,
        counts.ok,
        counts.user,
        counts.platform,
        begin.elapsed().as_secs_f64(),
        peak_memory().map_or_else(|| "unknown".to_owned(), |kib| format!("{} MiB", kib / 1024)),
    ));
    Ok(counts)
}

/// Why a program has no outcome.
enum Failure {
    /// The row holds no program.
    Row(String),
    /// The policy or the sandbox says no.
    Sandbox(Error),
    /// Our own task ended early.
    Lost(String),
}

fn prepare(job: &Job, row: Row) -> Result<Program, Failure> {
    let code = row.code.map_err(Failure::Row)?;
    match &job.policy {
        Some(policy) => policy.check(&code).map_err(|rejection| Failure::Sandbox(rejection.into())),
        None => Ok(Program::unchecked(code)),
    }
}

/// One line of the answer.
#[derive(Default, Serialize)]
struct Answer {
    id: Value,
    outcome: &'static str,
    fault: Option<&'static str>,
    reason: Option<&'static str>,
    result: Value,
    stdout: String,
    stderr: String,
    truncated: bool,
    /// Wall time of the call, without starting the interpreter.
    wall_us: u64,
    /// Bytes.
    peak_memory: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceback: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<Vec<Violation>>,
}

fn describe(id: Value, outcome: Result<Outcome, Failure>, counts: &mut Counts) -> Answer {
    counts.rows += 1;
    let mut answer = Answer { id, outcome: "error", ..Answer::default() };
    let failure = match outcome {
        Ok(outcome) => {
            answer.stdout = outcome.stdout;
            answer.stderr = outcome.stderr;
            answer.truncated = outcome.truncated;
            answer.wall_us = u64::try_from(outcome.usage.wall.as_micros()).unwrap_or(u64::MAX);
            answer.peak_memory = outcome.usage.peak_memory;
            match outcome.result {
                Ok(result) => {
                    counts.ok += 1;
                    return Answer { outcome: "ok", result, ..answer };
                }
                Err(error) => Failure::Sandbox(error),
            }
        }
        Err(failure) => failure,
    };
    let (fault, reason, message) = match failure {
        Failure::Row(problem) => (Fault::User, Reason::Rejected, problem),
        Failure::Lost(problem) => (Fault::Platform, Reason::Backend, problem),
        Failure::Sandbox(error) => {
            match &error {
                Error::Rejected(rejection) => answer.violations = Some(rejection.violations().to_vec()),
                Error::Exception { traceback, .. } => answer.traceback = Some(traceback.clone()),
                _ => {}
            }
            (error.fault(), error.reason(), chain(&error))
        }
    };
    match fault {
        Fault::User => counts.user += 1,
        Fault::Platform => counts.platform += 1,
    }
    Answer { fault: Some(fault.as_str()), reason: Some(reason.as_str()), message: Some(message), ..answer }
}

/// An error with what lies beneath it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut beneath = error.source();
    while let Some(error) = beneath {
        text = format!("{text}: {error}");
        beneath = error.source();
    }
    text
}

/// Adds the columns of numbers as series.
fn add_series(mut input: Input, path: &Path) -> Result<Input, String> {
    let problem = |error: csv::Error| format!("cannot read {}: {error}", path.display());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(problem)?;
    // `None` once a cell was no number.
    let mut columns: Vec<(String, Option<Vec<f64>>)> =
        reader.headers().map_err(problem)?.iter().map(|name| (name.to_owned(), Some(Vec::new()))).collect();
    for record in reader.records() {
        for ((_, column), cell) in columns.iter_mut().zip(&record.map_err(problem)?) {
            let value = if cell.is_empty() { Some(f64::NAN) } else { cell.parse().ok() };
            if let (Some(values), Some(value)) = (column.as_mut(), value) {
                values.push(value);
            } else {
                *column = None;
            }
        }
    }
    for (name, column) in columns {
        match column {
            Some(values) => input = input.series(name, values),
            None => say(&format!("column `{}` holds text and is left out", name.escape_debug())),
        }
    }
    Ok(input)
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|wall| !wall.is_zero())
        .ok_or_else(|| "give a number of seconds greater than 0, such as 2 or 0.5".to_owned())
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("give a JSON object such as {{\"window\": 20}}: {error}"))
}

/// The most memory that this process held, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
