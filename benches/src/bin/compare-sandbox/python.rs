//! The bare Python: CPython as a process, without any isolation.
//!
//! `python3 -I -S -c 1` is the least that it takes to start one, without `site`, without a module, without reading a
//! program or handing back a result. What isolates it would come on top.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Problem;

/// An interpreter that is started without a shell in between.
pub(super) struct Python {
    program: OsString,
    version: String,
}

/// Compiles the program that is its argument, runs it, and says for how long it ran and what its result was.
const TIMED: &str = "import sys, time
code, space = compile(sys.argv[1], 'loop', 'exec'), {}
start = time.perf_counter()
exec(code, space)
print(time.perf_counter() - start, space['result'])";

impl Python {
    /// The interpreter itself. What `python3` names may be a script of a version manager that only looks for the
    /// interpreter; its time would be counted against the peer.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) fn find() -> Result<Self, String> {
        let named = std::env::var_os("COFFERDAM_PYTHON").unwrap_or_else(|| "python3".into());
        let shown = named.to_string_lossy().into_owned();
        let asked = Command::new(&named)
            .args(["-I", "-S", "-c", "import sys; print(sys.executable, sys.version.split()[0], sep='\\n')"])
            .stdin(Stdio::null())
            .output()
            .map_err(|problem| {
                format!("`{shown}` cannot be started ({problem}); name a Python in COFFERDAM_PYTHON")
            })?;
        let answer = String::from_utf8_lossy(&asked.stdout).into_owned();
        match answer.lines().collect::<Vec<_>>()[..] {
            [path, version] if asked.status.success() => {
                let program = if path.is_empty() { named } else { path.into() };
                Ok(Self { program, version: version.to_owned() })
            }
            _ => Err(format!("`{shown}` is no Python 3; name one in COFFERDAM_PYTHON")),
        }
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Starts a process that does nothing, and waits for its end.
    pub(super) fn start(&self) -> Result<(), Problem> {
        let status = self.command().args(["-c", "1"]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(format!("python3 ended with {status}").into()) }
    }

    /// Runs a program and returns the time that it took by its own clock, and its result as text.
    pub(super) fn time(&self, source: &str) -> Result<(Duration, String), Problem> {
        let output = self.command().args(["-c", TIMED, source]).output()?;
        if !output.status.success() {
            return Err(format!("python3: {}", String::from_utf8_lossy(&output.stderr).trim_end()).into());
        }
        let answer = String::from_utf8(output.stdout)?;
        let (seconds, result) = answer.trim_end().split_once(' ').ok_or("python3 gave no time")?;
        Ok((Duration::try_from_secs_f64(seconds.parse()?)?, result.to_owned()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-I", "-S"]).stdin(Stdio::null());
        command
    }
}
