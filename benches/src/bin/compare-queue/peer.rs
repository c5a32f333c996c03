//! Peers: programs of their own, with trees of dependencies of their own, that are driven as processes.
//!
//! Each is built by cargo from `benches/peers/<name>`, with the lock file that lies there, into `peers` beside this
//! build's own folder. How each is used, and why so, stands in its source. A process does one phase; what it does before
//! it says that it is ready, and after it said that it is done, costs it nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cofferdam_benches::Child;

use super::Problem;
use super::meter::{Meter, Phase};
use super::party::Play;
use super::tasks::{Load, Tally};

/// How long a phase may take. Tens of thousands of tasks take seconds, so a peer that needs more hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// A program that was built, and one way of using it.
#[derive(Clone)]
pub(super) struct Peer {
    program: PathBuf,
    /// A word that the program understands.
    variant: &'static str,
    /// The largest backlog that it is given. It enqueues so many and does them, again and again, until all are done.
    wave: usize,
}

/// A peer at a server or a file.
struct Visitor {
    peer: Peer,
    address: String,
}

impl Peer {
    pub(super) fn new(program: PathBuf, variant: &'static str) -> Self {
        Self { program, variant, wave: usize::MAX }
    }

    pub(super) fn in_waves(self, wave: usize) -> Self {
        Self { wave, ..self }
    }

    pub(super) fn at(self, address: String) -> impl Play {
        Visitor { peer: self, address }
    }
}

impl Play for Visitor {
    fn play(&mut self, load: &Load, meter: &mut Meter) -> Result<Tally, Problem> {
        let mut tally = Tally::default();
        while tally.tasks < load.tasks {
            let first = tally.tasks;
            let tasks = self.peer.wave.min(load.tasks - first);
            self.turn(Phase::Enqueue, first, tasks, load, meter)?;
            let done = self.turn(Phase::Work, first, tasks, load, meter)?;
            if done.tasks != tasks {
                return Err(format!("{tasks} tasks went in and {} came out", done.tasks).into());
            }
            tally = tally.and(done);
        }
        Ok(tally)
    }
}

impl Visitor {
    fn turn(
        &self,
        phase: Phase,
        first: usize,
        tasks: usize,
        load: &Load,
        meter: &mut Meter,
    ) -> Result<Tally, Problem> {
        let word = match phase {
            Phase::Enqueue => "enqueue",
            Phase::Work => "work",
        };
        let mut command = Command::new(&self.peer.program);
        command.args([word, self.peer.variant, &self.address]);
        command.args([first, tasks, load.bytes].map(|number| number.to_string()));
        let mut child = Child::start(&mut command)?;
        child.expect("ready", PATIENCE)?;
        meter.time(phase, || {
            child.go()?;
            child.expect("done", PATIENCE)
        })?;
        let (_, line) = child.line(PATIENCE)?;
        let answer: serde_json::Value = serde_json::from_str(&line)?;
        let number = |name: &str| {
            answer
                .get(name)
                .and_then(serde_json::Value::as_u64)
                .ok_or_else(|| format!("{line} has no {name}"))
        };
        Ok(Tally { tasks: usize::try_from(number("tasks")?)?, sum: number("sum")? })
    }
}

/// Builds the program of this name, unless an earlier run did.
///
/// # Errors
///
/// Why it cannot be measured here.
pub(super) fn build(name: &str) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name).join("Cargo.toml");
    let own = std::env::current_exe().map_err(|problem| format!("where this program lies: {problem}"))?;
    let target = own.ancestors().nth(2).ok_or("this program lies in no target folder")?.join("peers");
    eprintln!("building {name} into {}", target.display());
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "--locked", "--manifest-path"])
        .arg(source)
        .arg("--target-dir")
        .arg(&target)
        .stdin(Stdio::null())
        .status()
        .map_err(|problem| format!("cargo cannot be started: {problem}"))?;
    if status.success() {
        Ok(target.join("release").join(format!("cofferdam-peer-{name}{}", std::env::consts::EXE_SUFFIX)))
    } else {
        Err(format!("it does not build here: cargo ended with {status}"))
    }
}
