//! What every example does alike: reads its arguments, answers on stdout, and ends with a sentence and a code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

/// Exit code when the input could not be read or the arguments make no sense.
const UNREADABLE: u8 = 1;

/// Reads the arguments. Help ends with 0, a mistake with `UNREADABLE`, which clap would call 2.
pub(crate) fn arguments<A: Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|problem| {
        // Whoever closed our output does not wait for help.
        let _ = problem.print();
        if problem.use_stderr() { ExitCode::from(UNREADABLE) } else { ExitCode::SUCCESS }
    })
}

/// Says a sentence on stderr, if anybody listens.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Turns the end of the work into an exit code. That the reader of our answers went away is no error.
pub(crate) fn end(answered: Result<ExitCode, Problem>) -> ExitCode {
    match answered {
        Ok(code) => code,
        Err(Problem::ReaderGone) => ExitCode::SUCCESS,
        Err(Problem::Sentence(text)) => {
            say(&format!("error: {text}"));
            ExitCode::from(UNREADABLE)
        }
    }
}

/// Why the work ended early.
pub(crate) enum Problem {
    /// Nobody reads our answers any more.
    ReaderGone,
    /// What went wrong, and what to do.
    Sentence(String),
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self::Sentence(text)
    }
}

/// Writes one answer as one line, and at once, so that a slow row does not hide the ones before it.
pub(crate) fn answer(line: &str) -> Result<(), Problem> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Problem::ReaderGone,
        _ => Problem::Sentence(format!("cannot write to stdout: {error}")),
    })
}
