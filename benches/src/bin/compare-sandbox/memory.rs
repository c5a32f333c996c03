//! What an interpreter holds: by how much this process grows for each.
//!
//! The figure is the proportional set size, which counts a page that several share once. One more interpreter is opened
//! before the first look, so that what all of them share is not counted against any.

use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use cofferdam_sandbox::{Input, Limits, Policy, Sandbox, Session, WasmSandbox};

use super::report::Report;
use super::{Problem, TRIVIAL};

/// KiB for each interpreter, or why nobody knows.
pub(super) struct Memory(Result<Figures, String>);

struct Figures {
    instances: usize,
    spare: f64,
    idle: f64,
    running: f64,
}

/// Opens so many interpreters and looks.
pub(super) async fn measure(instances: usize) -> Result<Memory, Problem> {
    if let Err(reason) = held() {
        return Ok(Memory(Err(reason)));
    }
    let spare = spares(instances)?;
    let (idle, running) = sessions(instances).await?;
    Ok(Memory(Ok(Figures { instances, spare, idle, running })))
}

impl Memory {
    pub(super) fn tell(&self, report: &mut Report) {
        let rows = [
            ("a spare, before any program", "spare_instance_kib"),
            ("a session with its program, idle", "idle_instance_kib"),
            ("a session that has run", "running_instance_kib"),
        ];
        match &self.0 {
            Ok(figures) => {
                report.section(&format!("memory of one interpreter, mean of {}", figures.instances));
                for ((name, field), kib) in
                    rows.into_iter().zip([figures.spare, figures.idle, figures.running])
                {
                    report.figure(name, field, kib, "KiB");
                }
            }
            Err(reason) => {
                report.section("memory of one interpreter");
                for (name, field) in rows {
                    report.no_figure(name, field, reason);
                }
            }
        }
    }
}

/// What a sandbox with more spares holds more than one with a single spare.
fn spares(instances: usize) -> Result<f64, Problem> {
    let slots = NonZeroUsize::new(instances + 1).ok_or("no instances")?;
    let mut grown = Vec::new();
    // The first time is not counted: it loads the code.
    for spares in [1, 1, instances + 1] {
        let before = held()?;
        let sandbox = WasmSandbox::builder().slots(slots).spares(spares).build()?;
        grown.push(settled()? - before);
        drop(sandbox);
        settled()?;
    }
    match grown[..] {
        [_, one, all] => Ok((all - one) / instances as f64),
        _ => Err("a sandbox was not measured".into()),
    }
}

/// What sessions hold once their program is loaded, and once it has run.
async fn sessions(instances: usize) -> Result<(f64, f64), Problem> {
    let slots = NonZeroUsize::new(instances + 1).ok_or("no instances")?;
    let sandbox = WasmSandbox::builder().slots(slots).spares(0).build()?;
    let program = Policy::default().check(TRIVIAL)?;
    let (input, limits) = (Input::new(), Limits::default());
    sandbox.run(&program, &input, &limits).await?.into_result()?;
    let mut shared = sandbox.open(&program, &limits).await?;
    shared.call(&input).await.into_result()?;

    let before = settled()?;
    let mut sessions = Vec::new();
    for _ in 0..instances {
        sessions.push(sandbox.open(&program, &limits).await?);
    }
    let idle = settled()? - before;
    for session in &mut sessions {
        session.call(&input).await.into_result()?;
    }
    let running = settled()? - before;
    Ok((idle / instances as f64, running / instances as f64))
}

/// What this process holds once it holds the same for a while: spares are made, and taken down, out of sight.
fn settled() -> Result<f64, Problem> {
    const STILL: Duration = Duration::from_millis(150);
    const LONGEST: Duration = Duration::from_secs(10);
    /// Threads come and go.
    const NOISE_KIB: f64 = 64.0;

    let begin = Instant::now();
    let (mut last, mut since) = (held()?, Instant::now());
    let mut now = last;
    while since.elapsed() < STILL {
        if begin.elapsed() > LONGEST {
            return Err("this process's memory does not come to rest".into());
        }
        thread::sleep(Duration::from_millis(10));
        now = held()?;
        if (now - last).abs() > NOISE_KIB {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(now)
}

/// The proportional set size of this process in KiB.
fn held() -> Result<f64, String> {
    const ROLLUP: &str = "/proc/self/smaps_rollup";
    let rollup = std::fs::read_to_string(ROLLUP).map_err(|problem| format!("{ROLLUP}: {problem}"))?;
    rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| format!("{ROLLUP} has no Pss"))
}
