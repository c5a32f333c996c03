//! The peer: bashkit's CPython, in a process of its own that times itself.
//!
//! bashkit pins wasmtime to one release, so it must not be a dependency of the family. It is built by cargo from
//! `benches/peers/bashkit`, with the lock file that lies there, into `peers` beside this build's own folder.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Problem;

/// The peer's process, which waits for its next turn.
pub(super) struct Peer {
    child: Child,
    turns: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Why the peer is not measured unless somebody asks for it.
    pub(super) const NOT_ASKED: &str =
        "not asked for; give --peer, which builds it once, in up to a quarter of an hour";

    /// Builds the program, unless an earlier run did, and starts it.
    ///
    /// # Errors
    ///
    /// Why it cannot be measured here.
    pub(super) fn start() -> Result<Self, String> {
        let program = build()?;
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|problem| format!("{} cannot be started: {problem}", program.display()))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(turns), Some(answers)) => Ok(Self { child, turns, answers: BufReader::new(answers) }),
            _ => Err("the peer's process has no pipes".to_owned()),
        }
    }

    /// The time that one run took, by the peer's clock.
    pub(super) fn turn(&mut self) -> Result<Duration, Problem> {
        self.turns.write_all(b"\n")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let micros: f64 = answer.trim_end().parse().map_err(|_| "bashkit ended without an answer")?;
        Ok(Duration::try_from_secs_f64(micros / 1e6)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/bashkit/Cargo.toml");
    let own = std::env::current_exe().map_err(|problem| format!("where this program lies: {problem}"))?;
    let target = own.ancestors().nth(2).ok_or("this program lies in no target folder")?.join("peers");
    eprintln!("building bashkit into {}", target.display());
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "--locked", "--manifest-path"])
        .arg(source)
        .arg("--target-dir")
        .arg(&target)
        .stdin(Stdio::null())
        .status()
        .map_err(|problem| format!("cargo cannot be started: {problem}"))?;
    if status.success() {
        Ok(target.join("release").join(format!("cofferdam-peer-bashkit{}", std::env::consts::EXE_SUFFIX)))
    } else {
        Err(format!("it does not build here: cargo ended with {status}"))
    }
}
