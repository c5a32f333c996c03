//! A process that is driven by lines: it is told to go on by one, and answers by others.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Problem;

/// A process that ends with this value, if it has not ended before.
pub struct Child {
    process: Process,
    input: ChildStdin,
    lines: Receiver<(Instant, String)>,
    complaint: Option<JoinHandle<String>>,
}

impl Child {
    /// Starts it with pipes for all that it reads and writes.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self, Problem> {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err("a child has no pipes".into());
        };
        let (said, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if said.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        let complaint = Some(thread::spawn(move || last_line(errors)));
        Ok(Self { process, input, lines, complaint })
    }

    /// Tells the process to go on.
    ///
    /// # Errors
    ///
    /// When it reads no more.
    pub fn go(&mut self) -> Result<(), Problem> {
        self.tell("go")
    }

    /// Tells the process a line.
    ///
    /// # Errors
    ///
    /// When it reads no more.
    pub fn tell(&mut self, line: &str) -> Result<(), Problem> {
        Ok(self.input.write_all(format!("{line}\n").as_bytes())?)
    }

    /// What the process says next, and when it did.
    ///
    /// # Errors
    ///
    /// When it says nothing for so long, or ended: then by its own last words.
    pub fn line(&mut self, patience: Duration) -> Result<(Instant, String), Problem> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(format!("it said nothing for {patience:?}").into()),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.process.wait()?;
                let complaint =
                    self.complaint.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
                let complaint = if complaint.is_empty() { "without a word" } else { &complaint };
                Err(format!("it ended with {status}: {complaint}").into())
            }
        }
    }

    /// Waits for this very line.
    ///
    /// # Errors
    ///
    /// When it says another one, or none.
    pub fn expect(&mut self, line: &str, patience: Duration) -> Result<(), Problem> {
        match self.line(patience)?.1 {
            said if said == line => Ok(()),
            said => Err(format!("it said {said:?} in place of {line:?}").into()),
        }
    }

    /// Ends the process by SIGKILL, and answers the moment before.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<Instant, Problem> {
        let moment = Instant::now();
        self.process.kill()?;
        self.process.wait()?;
        Ok(moment)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn last_line(output: impl Read) -> String {
    BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .filter(|line| !line.trim().is_empty())
        .last()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Child {
        Child::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_child_goes_on_when_it_is_told() {
        let mut child = shell("echo ready; read word; echo $word");
        child.expect("ready", PATIENCE).unwrap();
        assert!(child.line(Duration::from_millis(50)).is_err());
        child.go().unwrap();
        child.expect("go", PATIENCE).unwrap();
    }

    #[test]
    fn what_a_child_complained_of_last_is_told() {
        let mut child = shell("echo one >&2; echo two >&2; exit 3");
        let problem = child.line(PATIENCE).unwrap_err().to_string();
        assert!(problem.contains("exit status: 3") && problem.ends_with(": two"), "{problem}");
    }

    #[test]
    fn a_killed_child_is_gone() {
        let mut child = shell("echo ready; read word");
        child.expect("ready", PATIENCE).unwrap();
        child.kill().unwrap();
        assert!(child.line(PATIENCE).unwrap_err().to_string().contains("signal: 9"));
    }
}
