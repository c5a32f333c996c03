//! What isolation costs: CPython in WebAssembly and in Docker, a bare `python3` process, and a peer, in one run.
//!
//! One module a question. Where things are compared, they take turns, so that whatever else the machine does falls on all
//! alike. What is not here (an engine, an image, an interpreter, the peer) is printed by name as skipped, with the
//! reason, and stands as `null` in the last line.
#![forbid(unsafe_code)]

mod docker;
mod indicators;
mod latency;
mod loops;
mod memory;
mod peer;
mod policy;
mod python;
mod report;
mod throughput;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use cofferdam_benches::chain;
use report::Report;

/// Measures the sandboxes side by side with a bare python3 process and with bashkit's CPython.
///
/// COFFERDAM_PYTHON names the interpreter to compare with, `python3` by default. The last line is one JSON object with
/// every figure.
#[derive(Parser)]
struct Arguments {
    /// Rounds of what takes milliseconds; each does everything once.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// A tenth of everything, to see that it works; its figures say little.
    #[arg(long)]
    quick: bool,
    /// Build the peer and measure it, too. The first time this takes up to a quarter of an hour, and a registry.
    #[arg(long)]
    peer: bool,
    /// Fail when Docker cannot be measured, in place of skipping it.
    #[arg(long)]
    require_docker: bool,
    /// For the program itself: be one of several processes that are kept busy for so many milliseconds.
    #[arg(long, hide = true, value_name = "MS")]
    busy_child: Option<u64>,
}

/// How much of everything is measured.
struct Effort {
    /// Rounds of what takes milliseconds.
    rounds: usize,
    /// Turns of each Docker pool among those rounds: a container takes a good part of a second to come and to go.
    docker_turns: usize,
    /// Rounds of what computes for tens of milliseconds.
    slow_rounds: usize,
    /// Turns of each side at keeping all processors busy, and how long a turn lasts.
    busy_turns: usize,
    busy: Duration,
    /// Interpreters whose memory is measured.
    instances: usize,
}

impl Effort {
    fn new(arguments: &Arguments) -> Self {
        let rounds = usize::try_from(arguments.rounds).unwrap_or(usize::MAX);
        let whole = Self {
            rounds,
            docker_turns: 20.min(rounds),
            slow_rounds: 20,
            busy_turns: 3,
            busy: Duration::from_secs(1),
            instances: 16,
        };
        if !arguments.quick {
            return whole;
        }
        let rounds = rounds.div_ceil(10);
        Self {
            rounds,
            docker_turns: 2.min(rounds),
            slow_rounds: 2,
            busy_turns: 1,
            busy: Duration::from_millis(300),
            instances: 8,
        }
    }
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// The least that a program can do and have a result.
const TRIVIAL: &str = "result = 1";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.busy_child {
        // It has a runtime of its own.
        Some(milliseconds) => throughput::child(Duration::from_millis(milliseconds)),
        None => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Problem::from)
            .and_then(|runtime| runtime.block_on(compare(&arguments))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("compare-sandbox: {}", chain(problem.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn compare(arguments: &Arguments) -> Result<(), Problem> {
    let effort = Effort::new(arguments);
    let python = python::Python::find();
    let mut report = Report::new();
    report.python(python.as_ref().ok());

    // Memory first, while this process holds nothing else.
    let memory = memory::measure(effort.instances).await?;
    latency::measure(&effort, arguments, &python, &mut report).await?;
    throughput::measure(&effort, &python, &mut report)?;
    loops::measure(effort.slow_rounds, &python, &mut report).await?;
    indicators::measure(effort.slow_rounds, &mut report).await?;
    policy::measure(effort.rounds, &mut report)?;
    memory.tell(&mut report);

    Ok(std::io::stdout().write_all(report.finish().as_bytes())?)
}
