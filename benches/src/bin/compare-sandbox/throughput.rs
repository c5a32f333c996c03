//! Runs a second on all processors: each is kept busy, with fresh interpreters or with bare processes, by turns.

use std::num::NonZeroUsize;
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
    let (mut ours, mut bare) = (Tally::default(), Tally::default());
    for _ in 0..effort.busy_turns {
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
