//! From a program's text to its result in the caller's hand, by every way there is, turn by turn.

use std::thread;
use std::time::{Duration, Instant};

use cofferdam_benches::Samples;
use cofferdam_sandbox::{Input, Limits, Policy, Program, Sandbox, Session, WasmSandbox};

use super::docker::Docker;
use super::peer::Peer;
use super::python::Python;
use super::report::{Report, median};
use super::{Arguments, Effort, Problem, TRIVIAL};

/// Rounds that are not counted: they fill the slots, the page cache and the processor's own memory.
const WARM_UP: usize = 20;

/// Rest before each thing that is measured, so that it does not pay for what the one before left to be done: a sandbox
/// makes a spare interpreter when a session ends. What it gives without any rest is measured apart.
pub(super) const REST: Duration = Duration::from_millis(5);

/// Measures and tells.
pub(super) async fn measure(
    effort: &Effort,
    arguments: &Arguments,
    python: &Result<Python, String>,
    report: &mut Report,
) -> Result<(), Problem> {
    let program = Policy::default().check(TRIVIAL)?;
    let mut docker = Docker::connect().await;
    if let (true, Err(reason)) = (arguments.require_docker, &docker) {
        return Err(format!("Docker cannot be measured: {reason}").into());
    }
    let mut peer = if arguments.peer { Peer::start() } else { Err(Peer::NOT_ASKED.to_owned()) };

    let mut ours = Ours::new(&program)?;
    let (mut bare, mut theirs) = (Samples::new(), Samples::new());
    for round in 0..WARM_UP + effort.rounds {
        let counted = round.checked_sub(WARM_UP);
        if counted == Some(0) {
            ours.forget();
            (bare, theirs) = Default::default();
        }
        if let Ok(python) = python {
            thread::sleep(REST);
            let start = Instant::now();
            python.start()?;
            bare.add_since(start);
        }
        ours.round(round).await?;
        if let Ok(peer) = &mut peer {
            thread::sleep(REST);
            theirs.add(peer.turn()?);
        }
        if let Ok(docker) = &mut docker {
            // The first turn is not counted, and the others are spread over all rounds.
            match counted {
                None if round == 0 => {
                    docker.turn(&program).await?;
                    docker.forget();
                }
                Some(round) if round % effort.rounds.div_ceil(effort.docker_turns) == 0 => {
                    docker.turn(&program).await?;
                }
                _ => {}
            }
        }
    }
    let back_to_back = ours.back_to_back(effort.rounds).await?;
    let build = build_from_cache(effort.slow_rounds)?;

    report.heading("from text to result, one at a time");
    ours.tell(report);
    report.times("WASM run, without a pause in between", "wasm_back_to_back", &back_to_back);
    match python {
        Ok(_) => report.times("python3 -I -S -c 1", "python_process", &bare),
        Err(reason) => report.no_times("python3 -I -S -c 1", "python_process", reason),
    }
    let name = "bashkit 0.20, CPython in native code";
    match peer {
        Ok(_) => report.times(name, "bashkit_run", &theirs),
        Err(reason) => report.no_times(name, "bashkit_run", &reason),
    }
    report.times("build a WASM sandbox from the cache", "wasm_build_from_cache", &build);
    let bare = median(&bare);
    report.ratio("  bare python over WASM run", "python_over_wasm_run", bare, median(&ours.run));
    report.ratio(
        "  bare python over WASM session call",
        "python_over_wasm_session_call",
        bare,
        median(&ours.call),
    );
    report.ratio("  bashkit over WASM run", "bashkit_over_wasm_run", median(&theirs), median(&ours.run));
    let high = (!ours.run.is_empty()).then(|| ours.run.micros(99));
    report.ratio("  WASM run, p99 over p50", "wasm_run_p99_over_p50", high, median(&ours.run));
    match docker {
        Ok(docker) => docker.close(report).await,
        Err(reason) => Docker::skip(report, &reason),
    }
    Ok(())
}

/// The WASM backend, in every way of using it.
struct Ours {
    sandbox: WasmSandbox,
    /// Keeps no interpreter ready.
    unpooled_sandbox: WasmSandbox,
    program: Program,
    run: Samples,
    new_text: Samples,
    unpooled: Samples,
    open: Samples,
    first_call: Samples,
    call: Samples,
}

impl Ours {
    fn new(program: &Program) -> Result<Self, Problem> {
        Ok(Self {
            sandbox: WasmSandbox::builder().build()?,
            unpooled_sandbox: WasmSandbox::builder().spares(0).build()?,
            program: program.clone(),
            run: Samples::new(),
            new_text: Samples::new(),
            unpooled: Samples::new(),
            open: Samples::new(),
            first_call: Samples::new(),
            call: Samples::new(),
        })
    }

    async fn round(&mut self, round: usize) -> Result<(), Problem> {
        let (input, limits) = (Input::new(), Limits::default());
        // A text that no guest of this sandbox has checked yet: the first run of every program.
        let new_text = Policy::default().check(&format!("result = {round}"))?;
        for (sandbox, program, samples) in [
            (&self.sandbox, &self.program, &mut self.run),
            (&self.unpooled_sandbox, &self.program, &mut self.unpooled),
            (&self.sandbox, &new_text, &mut self.new_text),
        ] {
            thread::sleep(REST);
            let start = Instant::now();
            let outcome = sandbox.run(program, &input, &limits).await?;
            samples.add_since(start);
            outcome.into_result()?;
        }

        thread::sleep(REST);
        let start = Instant::now();
        let mut session = self.sandbox.open(&self.program, &limits).await?;
        self.open.add_since(start);
        for samples in [&mut self.first_call, &mut self.call] {
            let start = Instant::now();
            let outcome = session.call(&input).await;
            samples.add_since(start);
            outcome.into_result()?;
        }
        session.close().await;
        Ok(())
    }

    fn forget(&mut self) {
        for samples in [
            &mut self.run,
            &mut self.new_text,
            &mut self.unpooled,
            &mut self.open,
            &mut self.first_call,
            &mut self.call,
        ] {
            *samples = Samples::new();
        }
    }

    /// Runs one after the other, each as soon as the last one is done: what a busy service sees.
    async fn back_to_back(&self, rounds: usize) -> Result<Samples, Problem> {
        let (input, limits) = (Input::new(), Limits::default());
        let mut samples = Samples::new();
        for _ in 0..rounds {
            let start = Instant::now();
            let outcome = self.sandbox.run(&self.program, &input, &limits).await?;
            samples.add_since(start);
            outcome.into_result()?;
        }
        Ok(samples)
    }

    fn tell(&self, report: &mut Report) {
        for (name, field, samples) in [
            ("WASM run, a fresh interpreter", "wasm_run", &self.run),
            ("WASM run, of a text never run before", "wasm_new_text", &self.new_text),
            ("WASM run, without spares", "wasm_unpooled", &self.unpooled),
            ("WASM session: open", "wasm_session_open", &self.open),
            ("WASM session: first call", "wasm_session_first_call", &self.first_call),
            ("WASM session: call", "wasm_session_call", &self.call),
        ] {
            report.times(name, field, samples);
        }
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
