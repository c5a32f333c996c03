//! Processes that outlive the command which started them, and the pid files that lead back to them.
//!
//! A pid alone names whoever has the number now. So a pid file also holds the start time that the kernel reported at
//! launch and a word of the command line; only a process that shows both is ours.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::folder::Folder;
use crate::error::{Context, Result};

/// Between two looks at a process or a port: short beside the start of any service here.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// What a service gets to write its data before it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// A process as its pid file describes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Process {
    pid: i32,
    /// Clock ticks from the boot of the machine to the start of the process.
    started: u64,
    /// A word that an argument of the command line contains: the service's folder.
    word: String,
}

/// A process that this command just started.
pub(super) struct Launched {
    child: Child,
    name: String,
    log: PathBuf,
}

/// Starts a process in the background and writes `<name>.pid`; what it prints goes to `<name>.log`. The folder's path
/// must stand in its arguments.
pub(super) fn launch(folder: &Folder, name: &str, command: &mut Command) -> Result<Launched> {
    let log = folder.join(&format!("{name}.log"));
    let output = File::create(&log).context(|| format!("make {}", log.display()))?;
    let errors = output.try_clone().context(|| format!("open {}", log.display()))?;
    // A process group of its own: an interrupt at the terminal must not reach the service.
    let child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .context(|| format!("start {}", command.get_program().display()))?;
    let mut launched = Launched { child, name: name.to_owned(), log };
    let noted = note(folder, name, &mut launched.child);
    if noted.is_err() {
        // Without its pid file nobody would find the process again. That it may be gone already changes nothing.
        let _ = launched.child.kill();
        let _ = launched.child.wait();
    }
    noted.map(|()| launched)
}

/// Writes the pid file, and returns once the process shows what the file says: for a moment after its launch, the
/// kernel reports an empty command line.
fn note(folder: &Folder, name: &str, child: &mut Child) -> Result {
    let pid = i32::try_from(child.id()).context(|| "read the pid".into())?;
    let started = Stat::read(pid).map(|stat| stat.started).ok_or("the process has no start time")?;
    let process = Process { pid, started, word: folder.path().display().to_string() };
    folder.write(&format!("{name}.pid"), &process.to_string())?;
    let began = Instant::now();
    // A process that ended is for the caller to find, together with its log.
    while !process.is_running() && child.try_wait().context(|| format!("look at {name}"))?.is_none() {
        if began.elapsed() > GRACE {
            return Err(format!("{name} does not name {} in its command line", process.word).into());
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

impl Launched {
    /// Waits until `answers` says so. The end of the process or of `patience` is an error that shows the log's end.
    pub(super) fn wait_until(&mut self, patience: Duration, mut answers: impl FnMut() -> bool) -> Result {
        let began = Instant::now();
        while !answers() {
            if let Some(status) = self.child.try_wait().context(|| format!("look at {}", self.name))? {
                return Err(format!("{} ended with {status}\n{}", self.name, tail(&self.log)).into());
            }
            if began.elapsed() > patience {
                let seconds = patience.as_secs();
                return Err(
                    format!("{} does not answer after {seconds} s\n{}", self.name, tail(&self.log)).into()
                );
            }
            sleep(PAUSE);
        }
        Ok(())
    }
}

/// The last lines of a log, of which no more than 4 KiB are read.
fn tail(log: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let length = file.metadata().map_or(0, |data| data.len());
        // A log that cannot be read in part just shows less.
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(4096)));
        let _ = file.read_to_end(&mut text);
    }
    format!("{}\n(end of {})", String::from_utf8_lossy(&text).trim_end(), log.display())
}

impl Process {
    /// Reads a pid file.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).context(|| format!("read {}", file.display()))?;
        Self::parse(&text).ok_or_else(|| {
            format!("{} is no pid file of ours: end its process by hand and remove the file", file.display())
                .into()
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.parse().ok()?;
        let started = lines.next()?.parse().ok()?;
        // An empty word would be found in every command line.
        let word = lines.next().filter(|word| !word.is_empty())?.to_owned();
        Some(Self { pid, started, word })
    }

    /// Whether the process still runs. One that ended and was not collected by its parent does not.
    pub(super) fn is_running(&self) -> bool {
        let alive = Stat::read(self.pid).is_some_and(|stat| stat.started == self.started && !stat.ended);
        alive && self.shows_its_word()
    }

    fn shows_its_word(&self) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&line).split('\0').any(|argument| argument.contains(&self.word))
    }

    /// Ends the process: with the signal, and with SIGKILL after a while. Nothing happens if it is gone.
    pub(super) fn stop(&self, signal: Signal) -> Result {
        for signal in [signal, Signal::KILL] {
            if !self.is_running() {
                return Ok(());
            }
            let pid = Pid::from_raw(self.pid).ok_or("pid 0 is not a process")?;
            match kill_process(pid, signal) {
                // It ended between the look and the signal.
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error).context(|| format!("signal process {}", self.pid)),
            }
            let sent = Instant::now();
            while self.is_running() && sent.elapsed() < GRACE {
                sleep(PAUSE);
            }
        }
        if self.is_running() { Err(format!("process {} survived SIGKILL", self.pid).into()) } else { Ok(()) }
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}\n{}\n{}\n", self.pid, self.started, self.word)
    }
}

/// The part of `/proc/<pid>/stat` that matters here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    ended: bool,
    started: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The second field is the program's name in brackets, which may itself hold spaces and brackets; so the fields
    /// are counted from its last bracket. See proc_pid_stat(5): state is field 3, starttime field 22.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { ended: matches!(state, "Z" | "X"), started })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(child: &Child, word: &str) -> Process {
        let pid = i32::try_from(child.id()).unwrap();
        Process { pid, started: Stat::read(pid).unwrap().started, word: word.into() }
    }

    /// A process that waits to be ended, with `600` in its command line.
    fn sleeper() -> Child {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        while !of(&child, "600").is_running() {
            sleep(Duration::from_millis(1));
        }
        child
    }

    #[test]
    fn a_pid_file_reads_back_as_it_was_written() {
        let process = Process { pid: 7, started: 12_345, word: "/srv/a clone/target".into() };
        assert_eq!(Process::parse(&process.to_string()), Some(process));
    }

    #[test]
    fn a_torn_or_foreign_pid_file_is_an_error_not_a_process() {
        for text in ["", "7", "7\n8\n", "7\n8\n\n", "seven\n8\n/srv\n"] {
            assert_eq!(Process::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_start_time_is_found_behind_a_malicious_name() {
        let line = "42 (a) S 1 (b) Z 9 9) R 1 42 42 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 1 0 998877 1000 2";
        assert_eq!(Stat::parse(line), Some(Stat { ended: false, started: 998_877 }));
        assert_eq!(Stat::parse(&line.replace(") R", ") Z")), Some(Stat { ended: true, started: 998_877 }));
        assert_eq!(Stat::parse("42 (a"), None);
    }

    #[test]
    fn a_process_of_ours_is_ended() {
        let mut child = sleeper();
        let process = of(&child, "600");
        assert!(process.is_running());
        process.stop(Signal::TERM).unwrap();
        assert!(!process.is_running());
        assert!(!child.wait().unwrap().success());
        process.stop(Signal::TERM).unwrap();
    }

    #[test]
    fn a_process_that_only_shares_the_number_is_left_alone() {
        let mut child = sleeper();
        let ours = of(&child, "600");
        let older = Process { started: ours.started - 1, ..of(&child, "600") };
        let another = of(&child, "/srv/another/clone");
        for stranger in [older, another] {
            assert!(!stranger.is_running());
            stranger.stop(Signal::KILL).unwrap();
        }
        assert!(ours.is_running());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_service_that_ends_at_once_is_reported_with_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let root = super::super::folder::Root::new(directory.path().to_owned());
        let folder = root.folder(super::super::service::Service::Redis);
        folder.create().unwrap();
        let mut script = Command::new("/bin/sh");
        script.args(["-c", "sleep 0.2; echo the port is taken; exit 9"]).arg(folder.path());
        let mut launched = launch(&folder, "node", &mut script).unwrap();
        let error = launched.wait_until(Duration::from_secs(60), || false).unwrap_err().to_string();
        assert!(error.contains("node ended with exit status: 9"), "{error}");
        assert!(error.contains("the port is taken"), "{error}");
        assert!(!folder.processes().unwrap().first().unwrap().is_running());
    }

    #[test]
    fn a_service_that_never_answers_is_reported_when_patience_ends() {
        let directory = tempfile::tempdir().unwrap();
        let root = super::super::folder::Root::new(directory.path().to_owned());
        let folder = root.folder(super::super::service::Service::Redis);
        folder.create().unwrap();
        let mut server = Command::new("tail");
        server.arg("-f").arg(folder.write("file", "").unwrap());
        let mut launched = launch(&folder, "node", &mut server).unwrap();
        let error = launched.wait_until(Duration::from_millis(100), || false).unwrap_err().to_string();
        assert!(error.contains("node does not answer"), "{error}");
        launched.child.kill().unwrap();
        launched.child.wait().unwrap();
    }
}
