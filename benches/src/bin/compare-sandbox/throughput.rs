//! Runs a second on all processors: each is kept busy, with fresh interpreters or with bare processes, by turns.
//!
//! Fresh interpreters are measured in one process and in a process for each processor. Within one process, each page that a
//! guest writes for the first time is news to every processor that runs the process, and they wait for each other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cofferdam_sandbox::{Input, Limits, Policy, Program, Sandbox, WasmSandbox};

use super::python::Python;
use super::report::Report;
use super::{Effort, Problem, TRIVIAL};

/// Runs, and how long they took altogether.
#[derive(Default)]
struct Tally {
    runs: usize,
    time: Duration,
}

impl Tally {
    fn per_second(&self) -> f64 {
        self.runs as f64 / self.time.as_secs_f64()
    }
}

/// Measures and tells.
pub(super) fn measure(
    effort: &Effort,
    python: &Result<Python, String>,
    report: &mut Report,
) -> Result<(), Problem> {
    let sandbox = WasmSandbox::builder().build()?;
    let program = Policy::default().check(TRIVIAL)?;
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (mut ours, mut apart, mut bare) = (Tally::default(), Tally::default(), Tally::default());
    for _ in 0..effort.busy_turns {
        busy_apart(processors, effort.busy, &mut apart)?;
        busy(processors, effort.busy, &mut ours, |end| run_until(end, &sandbox, &program))?;
        if let Ok(python) = python {
            busy(processors, effort.busy, &mut bare, |end| {
                let mut runs = 0;
                while Instant::now() < end {
                    python.start()?;
                    runs += 1;
                }
                Ok(runs)
            })?;
        }
    }
    report.section(&format!("runs a second, {processors} callers on {processors} processors"));
    let ours = ours.per_second();
    report.figure("WASM run, a fresh interpreter", "wasm_runs_per_s", ours, "/s");
    let apart = apart.per_second();
    report.figure("  the same, a process a processor", "wasm_runs_per_s_process_a_processor", apart, "/s");
    let name = "python3 -I -S -c 1";
    let bare = match python {
        Ok(_) => {
            report.figure(name, "python_processes_per_s", bare.per_second(), "/s");
            Some(bare.per_second())
        }
        Err(reason) => {
            report.no_figure(name, "python_processes_per_s", reason);
            None
        }
    };
    report.ratio("  WASM over bare python", "wasm_over_python_per_s", Some(ours), bare);
    let name = "  WASM, a process a processor, over bare python";
    report.ratio(name, "wasm_apart_over_python_per_s", Some(apart), bare);
    Ok(())
}

/// Has a thread for every processor work until the time is over. What a thread has begun by then it ends, in time that
/// counts.
fn busy(
    processors: usize,
    turn: Duration,
    tally: &mut Tally,
    work: impl Fn(Instant) -> Result<usize, Problem> + Sync,
) -> Result<(), Problem> {
    let start = Instant::now();
    let runs: Result<Vec<usize>, Problem> = thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(|| work(start + turn))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a caller's thread ended early".into())))
            .collect()
    });
    tally.time += start.elapsed();
    tally.runs += runs?.into_iter().sum::<usize>();
    Ok(())
}

/// Has a process for every processor run fresh interpreters until the time is over.
fn busy_apart(processors: usize, turn: Duration, tally: &mut Tally) -> Result<(), Problem> {
    let begin = || {
        Command::new(std::env::current_exe()?)
            .args(["--busy-child", &turn.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
    };
    let mut children = (0..processors).map(|_| begin()).collect::<Result<Vec<_>, _>>()?;
    let outcome = together(&mut children);
    // Whatever went wrong, none is left behind.
    for child in &mut children {
        let _ = child.kill();
        let _ = child.wait();
    }
    let (runs, time) = outcome?;
    tally.runs += runs;
    tally.time += time;
    Ok(())
}

/// Lets children that are ready begin at once, and adds up what they did. The longest time counts.
fn together(children: &mut [Child]) -> Result<(usize, Duration), Problem> {
    let mut ends = Vec::new();
    for child in children {
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a child has no pipes".into());
        };
        ends.push((input, BufReader::new(output)));
    }
    let mut line = String::new();
    for (_, output) in &mut ends {
        output.read_line(&mut line)?;
    }
    for (input, _) in &mut ends {
        input.write_all(b"go\n")?;
    }
    let (mut runs, mut longest) = (0, Duration::ZERO);
    for (_, output) in &mut ends {
        line.clear();
        output.read_line(&mut line)?;
        let (count, micros) = line.trim().split_once(' ').ok_or("a child ended early")?;
        runs += count.parse::<usize>()?;
        longest = longest.max(Duration::from_micros(micros.parse()?));
    }
    Ok((runs, longest))
}

/// What a child does: it says that it is ready, waits for a word, and says how many runs it made in how many
/// microseconds.
pub(super) fn child(turn: Duration) -> Result<(), Problem> {
    // There is one processor for it, so a spare would only take turns with what it is made for.
    let sandbox = WasmSandbox::builder().spares(0).build()?;
    let program = Policy::default().check(TRIVIAL)?;
    run_until(Instant::now(), &sandbox, &program)?;
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let start = Instant::now();
    let runs = run_until(start + turn, &sandbox, &program)?;
    println!("{runs} {}", start.elapsed().as_micros());
    Ok(())
}

fn run_until(end: Instant, sandbox: &WasmSandbox, program: &Program) -> Result<usize, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let (input, limits) = (Input::new(), Limits::default());
        let mut runs = 0;
        while Instant::now() < end {
            sandbox.run(program, &input, &limits).await?.into_result()?;
            runs += 1;
        }
        Ok(runs)
    })
}
