//! From a program's text to its result: a sandbox, a session of it, and a bare `python3` process, turn by turn.
//!
//! The peer is not a sandbox: `python3 -I -S -c 1` is the least that it takes to start CPython as a process, without
//! `site`, without a module, without reading a program or handing back a result. What isolates it would come on top.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use cofferdam_benches::Samples;
use cofferdam_sandbox::{Input, Limits, Policy, Program, Sandbox, Session, WasmSandbox};
use serde_json::{Value, json};

/// Measures what it takes to start, side by side with a bare python3 process.
///
/// COFFERDAM_PYTHON names the interpreter to compare with, `python3` by default. The last line is one JSON object
/// with every figure, in microseconds.
#[derive(Parser)]
struct Arguments {
    /// Rounds after the warm-up; each round does everything once.
    #[arg(long, default_value_t = 500)]
    rounds: usize,
    /// Rounds of building a sandbox from the cache, and of the loop with and without fuel.
    #[arg(long, default_value_t = 15)]
    slow_rounds: usize,
}

/// Rounds that are not counted: they fill the slots, the page cache and the processor's own memory.
const WARM_UP: usize = 20;

/// Rest before each thing that is measured, so that it does not pay for what the one before left to be done: a
/// sandbox makes a spare interpreter when a session ends. What a sandbox gives without any rest is measured apart.
const REST: Duration = Duration::from_millis(5);

type Problem = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match compare(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("compare-startup: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn compare(arguments: &Arguments) -> Result<(), Problem> {
    let sandbox = WasmSandbox::builder().build()?;
    let trivial = Policy::default().check("result = 1")?;
    let python = Python::find();

    let mut startup = Startup::default();
    for round in 0..WARM_UP + arguments.rounds {
        if round == WARM_UP {
            startup = Startup::default();
        }
        startup.round(&sandbox, &trivial, python.as_ref()).await?;
    }
    let back_to_back = back_to_back(&sandbox, &trivial, arguments.rounds).await?;
    let build = build_from_cache(arguments.slow_rounds)?;
    let (plain, counted) = loop_with_and_without_fuel(arguments.slow_rounds).await?;

    let rows = [
        ("sandbox run (open, call, close)", &startup.run),
        ("  open", &startup.open),
        ("  first call", &startup.first_call),
        ("  close", &startup.close),
        ("further call in a session", &startup.further_call),
        ("runs without a pause in between", &back_to_back),
        ("python3 -I -S -c 1", &startup.python),
        ("build a sandbox from the cache", &build),
        ("loop of a million additions", &plain),
        ("the same, counting fuel", &counted),
    ];
    let mut report = String::new();
    writeln!(report, "{:34} {:>7} {:>11} {:>11}", "", "samples", "p50 µs", "p99 µs")?;
    for (name, samples) in rows {
        if samples.is_empty() {
            writeln!(report, "{name:34} skipped: {}", Python::MISSING)?;
        } else {
            let (middle, high) = (samples.micros(50), samples.micros(99));
            writeln!(report, "{name:34} {:>7} {middle:>11.1} {high:>11.1}", samples.len())?;
        }
    }
    let ratio = |a: &Samples, b: &Samples| (!a.is_empty()).then(|| a.micros(50) / b.micros(50));
    if let Some(times) = ratio(&startup.python, &startup.run) {
        writeln!(report, "a bare python process takes {times:.1} times as long as a whole sandboxed run")?;
    }
    let summary = json!({
        "bench": "compare-startup",
        "run": summary(&startup.run),
        "open": summary(&startup.open),
        "first_call": summary(&startup.first_call),
        "close": summary(&startup.close),
        "further_call": summary(&startup.further_call),
        "back_to_back": summary(&back_to_back),
        "python": if startup.python.is_empty() { json!("skipped") } else { summary(&startup.python) },
        "build_from_cache": summary(&build),
        "loop": summary(&plain),
        "loop_with_fuel": summary(&counted),
        "python_over_run_p50": ratio(&startup.python, &startup.run),
        "python_over_further_call_p50": ratio(&startup.python, &startup.further_call),
        "fuel_over_no_fuel_p50": ratio(&counted, &plain),
    });
    writeln!(report, "{summary}")?;
    Ok(std::io::stdout().write_all(report.as_bytes())?)
}

fn summary(samples: &Samples) -> Value {
    json!({ "samples": samples.len(), "p50_us": samples.micros(50), "p99_us": samples.micros(99) })
}

/// What is measured in every round.
#[derive(Default)]
struct Startup {
    run: Samples,
    open: Samples,
    first_call: Samples,
    further_call: Samples,
    close: Samples,
    python: Samples,
}

impl Startup {
    async fn round(
        &mut self,
        sandbox: &WasmSandbox,
        program: &Program,
        python: Option<&Python>,
    ) -> Result<(), Problem> {
        let (input, limits) = (Input::new(), Limits::default());
        if let Some(python) = python {
            thread::sleep(REST);
            let start = Instant::now();
            python.start()?;
            self.python.add_since(start);
        }

        thread::sleep(REST);
        let start = Instant::now();
        let outcome = sandbox.run(program, &input, &limits).await?;
        self.run.add_since(start);
        outcome.into_result()?;

        thread::sleep(REST);
        let start = Instant::now();
        let mut session = sandbox.open(program, &limits).await?;
        self.open.add_since(start);
        for samples in [&mut self.first_call, &mut self.further_call] {
            let start = Instant::now();
            let outcome = session.call(&input).await;
            samples.add_since(start);
            outcome.into_result()?;
        }
        let start = Instant::now();
        session.close().await;
        self.close.add_since(start);
        Ok(())
    }
}

/// Runs one after the other, each as soon as the last one is done: what a busy service sees.
async fn back_to_back(sandbox: &WasmSandbox, program: &Program, rounds: usize) -> Result<Samples, Problem> {
    let (input, limits) = (Input::new(), Limits::default());
    let mut samples = Samples::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let outcome = sandbox.run(program, &input, &limits).await?;
        samples.add_since(start);
        outcome.into_result()?;
    }
    Ok(samples)
}

/// The peer: an interpreter as a process, started without a shell in between.
struct Python {
    program: OsString,
}

impl Python {
    const MISSING: &str = "no Python here; name one in COFFERDAM_PYTHON";

    /// The interpreter itself. What `python3` names may be a script of a version manager that only looks for the
    /// interpreter; its time would be counted against the peer.
    fn find() -> Option<Self> {
        let named = std::env::var_os("COFFERDAM_PYTHON").unwrap_or_else(|| "python3".into());
        let asked = Command::new(&named)
            .args(["-I", "-S", "-c", "import sys; print(sys.executable)"])
            .output()
            .ok()?;
        let path = String::from_utf8(asked.stdout).ok()?.trim().to_owned();
        let python = Self { program: if path.is_empty() { named } else { path.into() } };
        python.start().ok().map(|()| python)
    }

    fn start(&self) -> Result<(), Problem> {
        let status = Command::new(&self.program)
            .args(["-I", "-S", "-c", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if status.success() { Ok(()) } else { Err(format!("python3 ended with {status}").into()) }
    }
}

/// Builds sandboxes in a process that has its code in the cache already.
fn build_from_cache(rounds: usize) -> Result<Samples, Problem> {
    let mut samples = Samples::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let sandbox = WasmSandbox::builder().build()?;
        samples.add_since(start);
        drop(sandbox);
    }
    Ok(samples)
}

/// A program that computes, in a sandbox that counts its instructions and in one that does not.
async fn loop_with_and_without_fuel(rounds: usize) -> Result<(Samples, Samples), Problem> {
    let source = "total = 0\nfor i in range(1_000_000):\n    total += i\nresult = total";
    let program = Policy::default().check(source)?;
    let limits = Limits::default().cpu(1.0);
    let mut sessions = Vec::new();
    for fuel in [false, true] {
        let sandbox = WasmSandbox::builder().fuel(fuel).build()?;
        sessions.push((sandbox.open(&program, &limits).await?, Samples::new()));
    }
    for _ in 0..rounds {
        for (session, samples) in &mut sessions {
            let start = Instant::now();
            let outcome = session.call(&Input::new()).await;
            samples.add_since(start);
            outcome.into_result()?;
        }
    }
    let counted = sessions.pop().map(|(_, samples)| samples).unwrap_or_default();
    let plain = sessions.pop().map(|(_, samples)| samples).unwrap_or_default();
    Ok((plain, counted))
}
