//! Looks at the queues of a store and changes what people may change.
//!
//! ```text
//! cargo run -p cofferdam-queue --example queuectl -- --url tasks.sqlite3 ls
//! cargo run -p cofferdam-queue --example queuectl -- --url tasks.sqlite3 --queue prices dead
//! cargo run -p cofferdam-queue --example queuectl --features redis -- --url redis://127.0.0.1:7000 watch
//! ```
//!
//! Payloads and errors are written by strangers: nothing of them reaches the terminal but printable characters.

mod arguments;
mod change;
mod look;
mod open;
mod page;
mod watch;
mod words;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser as _;
use cofferdam_queue::{Mode, Queue, Section};
use page::Page;

/// Exit code when the arguments make no sense or the store cannot be reached.
const FAILED: u8 = 1;

/// Exit code when what was asked for is not there, or not allowed without a further word.
const REFUSED: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(problem) => {
            // Whoever closed our output does not wait for help.
            let _ = problem.print();
            return if problem.use_stderr() { ExitCode::from(FAILED) } else { ExitCode::SUCCESS };
        }
    };
    match run(&arguments).await {
        Ok(()) | Err(Problem::ReaderGone) => ExitCode::SUCCESS,
        Err(Problem::Failed(text)) => complain(&text, FAILED),
        Err(Problem::Refused(text)) => complain(&text, REFUSED),
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    eprintln!("error: {text}");
    ExitCode::from(code)
}

/// Why a command ended early.
enum Problem {
    /// Nobody reads our answers any more.
    ReaderGone,
    /// The store or the arguments: what went wrong, and what to do.
    Failed(String),
    /// What was asked for is not there, or needs a further word.
    Refused(String),
}

impl From<cofferdam_queue::Error> for Problem {
    fn from(error: cofferdam_queue::Error) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self::Failed(text)
    }
}

async fn run(arguments: &Arguments) -> Result<(), Problem> {
    let broker = open::broker(&arguments.url).await?;
    if matches!(arguments.command, Command::Ls) {
        return look::ls(&broker).await?.show(arguments.json);
    }
    let queue = open::queue(broker, arguments.queue.as_deref()).await?;
    match &arguments.command {
        Command::Watch { every, times } => watch::watch(&queue, *every, *times, arguments.json).await,
        command => answer(&queue, command).await?.show(arguments.json),
    }
}

async fn answer(queue: &Queue, command: &Command) -> Result<Page, Problem> {
    match command {
        Command::Stats => look::stats(queue).await,
        Command::Peek { section, max } => look::peek(queue, (*section).into(), *max).await,
        Command::Dead { max } => look::peek(queue, Section::Dead, *max).await,
        Command::Workers => look::workers(queue).await,
        Command::Pause => change::mode(queue, Mode::Paused).await,
        Command::Resume => change::mode(queue, Mode::Running).await,
        Command::Drain { wait } => change::drain(queue, *wait).await,
        Command::Retry { tasks } => change::retry(queue, tasks).await,
        Command::Replay { reason, yes } => change::replay(queue, *reason, *yes).await,
        Command::Purge { section, yes } => change::purge(queue, (*section).into(), *yes).await,
        Command::Cancel { tasks } => change::cancel(queue, tasks).await,
        Command::Ls | Command::Watch { .. } => Err(Problem::Failed("this command has no page".to_owned())),
    }
}
