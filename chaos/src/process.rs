//! The processes of a run: started so that none outlives it, and signalled by the one who holds them.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use crate::error::{Context, Error, Result};

/// Between two looks at whether a process has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Starts processes. Cheap to clone. When the last clone is dropped, and when this process ends in whatever way, the
/// kernel kills what was started: see [`leash`].
#[derive(Debug, Clone)]
pub struct Spawner {
    program: PathBuf,
    requests: Sender<Request>,
}

type Request = (Command, Sender<io::Result<Child>>);

impl Spawner {
    /// Starts children through this program, which is the suite's own.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(program: PathBuf) -> Result<Self> {
        let (requests, inbox) = channel::<Request>();
        // To the kernel, the parent of a process is the thread that made it. So it must be one that lasts.
        let body = move || {
            for (mut command, reply) in inbox {
                // Whoever asked waits for the answer.
                drop(reply.send(command.spawn()));
            }
        };
        let thread = thread::Builder::new().name("spawner".to_owned()).spawn(body);
        thread.context(|| "start the thread that starts processes".to_owned())?;
        Ok(Self { program, requests })
    }

    /// Starts a child of the suite's own program with these arguments; what it prints is appended to the log.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> Result<Process> {
        let action = || format!("start {name}");
        let output = File::options().create(true).append(true).open(log).context(action)?;
        let errors = output.try_clone().context(action)?;
        let mut command = Command::new(&self.program);
        // A group of its own: an interrupt at the terminal is for the one who leads the run.
        command.args(arguments).stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let (reply, answer) = channel();
        let gone =
            || Error::Refused("the thread that starts processes is gone: start the run anew".to_owned());
        self.requests.send((command, reply)).map_err(|_| gone())?;
        let child = answer.recv().map_err(|_| gone())?.context(action)?;
        Ok(Process { name: name.to_owned(), child })
    }

    /// Starts another program in the same way.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_other(
        &self,
        name: &str,
        program: &Path,
        arguments: &[String],
        log: &Path,
    ) -> Result<Process> {
        let leash = [OsStr::new("leash"), OsStr::new("--"), program.as_os_str()];
        self.spawn(name, leash.into_iter().chain(arguments.iter().map(OsStr::new)), log)
    }
}

/// Has the kernel kill this process when the thread that started it ends. It stays so through an `exec`.
///
/// # Errors
/// When the kernel refuses.
pub fn leash() -> Result {
    set_parent_process_death_signal(Some(Signal::KILL)).context(|| "ask to die with the parent".to_owned())
}

/// Becomes another program, on the leash.
///
/// # Errors
/// When it does not return, all is well; when it returns, the program could not be started.
pub fn become_leashed(program: &Path, arguments: &[String]) -> Error {
    if let Err(error) = leash() {
        return error;
    }
    let source = Command::new(program).args(arguments).exec();
    Error::Failed { action: format!("start {}", program.display()), source: source.into() }
}

/// A child of this process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Its name in the history and the logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a signal; one that has ended does not mind.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn signal(&self, signal: Signal) -> Result {
        match kill_process(Pid::from_child(&self.child), signal) {
            // Not collected yet, or gone: both have ended.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).context(|| format!("signal {}", self.name)),
        }
    }

    /// Kills it, also while it stands still, and waits for its end.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&mut self) -> Result {
        let name = &self.name;
        self.child.kill().and_then(|()| self.child.wait()).map(drop).context(|| format!("kill {name}"))
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context(|| format!("look at {}", self.name))
    }

    /// Waits for its end; `None` when it has not come within this time.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn wait(&mut self, within: Duration) -> Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            let ended = self.ended()?;
            if ended.is_some() || began.elapsed() >= within {
                return Ok(ended);
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody to tell.
        drop(self.kill());
    }
}
