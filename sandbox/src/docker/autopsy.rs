//! Why a container ended although nobody here ended it.
//!
//! The exit code alone does not tell: 137 is the kernel for want of memory, `docker kill` by somebody else, and a program
//! that chose that number. The engine's flag for want of memory comes late or not at all. So the engine's events are
//! read as well, which name each signal that was sent through it.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use bollard::query_parameters::{EventsOptionsBuilder, InspectContainerOptions};
use futures_util::StreamExt;
use futures_util::future::{Either, select};

use super::BACKEND;
use super::container::Body;
use super::trouble::{self, GONE};
use crate::{Error, Limits};

/// How long the engine may take to notice that a container ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the events of a container say.
#[derive(Default)]
struct Record {
    /// The engine was asked to kill it, and not by us.
    killed: bool,
    out_of_memory: bool,
    exit_code: Option<i64>,
}

/// The cause of death, as an error of the program or of the platform.
pub(super) async fn cause(body: &Body, limits: &Limits) -> Error {
    let failed = |what: &str| Error::backend(BACKEND, "keep a container running", what.to_owned());
    let reading = tokio::time::timeout(PATIENCE, read(body));
    let record = match select(pin!(body.lost()), pin!(reading)).await {
        Either::Left(_) => return failed(GONE),
        // An engine that is back records how it ended what it found, which says nothing of the program.
        Either::Right(_) if body.is_lost() => return failed(GONE),
        Either::Right((Ok(Ok(record)), _)) => record,
        Either::Right((Ok(Err(error)), _)) => return trouble::failed("learn why a container ended", error),
        Either::Right((Err(_), _)) => {
            return failed("the engine has no record of its end; it was restarted, or is very busy");
        }
    };
    if record.killed {
        return failed("somebody killed it through the engine");
    }
    match record.exit_code {
        Some(_) if record.out_of_memory => Error::Memory { limit: limits.memory },
        // The engine may miss why the kernel sent SIGKILL. Nobody in the container can send it, see `confine.py`, so it
        // was the kernel, or a program that ends with this code to pretend so.
        Some(KILLED) => Error::Memory { limit: limits.memory },
        Some(code) => Error::Crashed { message: describe(code) },
        None => failed("the engine has no record of its end; it was restarted"),
    }
}

/// What a shell and the init process call the end by SIGKILL.
const KILLED: i64 = 128 + 9;

async fn read(body: &Body) -> Result<Record, bollard::errors::Error> {
    let filters = HashMap::from([("type", vec!["container"]), ("container", vec![body.name()])]);
    let since = body.since.saturating_sub(1).to_string();
    let options = EventsOptionsBuilder::default().since(&since).filters(&filters).build();
    let mut events = body.engine.docker.events(Some(options));
    let mut record = Record::default();
    while let Some(event) = events.next().await {
        let event = event?;
        let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
        match event.action.as_deref() {
            Some("kill") => record.killed = true,
            Some("oom") => record.out_of_memory = true,
            Some("die") => {
                record.exit_code = attributes.get("exitCode").and_then(|code| code.parse().ok());
                break;
            }
            // Somebody removed it.
            Some("destroy") => {
                record.killed = true;
                break;
            }
            _ => {}
        }
    }
    if !record.killed && !record.out_of_memory {
        let found =
            body.engine.docker.inspect_container(body.name(), None::<InspectContainerOptions>).await?;
        record.out_of_memory = found.state.and_then(|state| state.oom_killed) == Some(true);
    }
    Ok(record)
}

/// An exit code in words.
fn describe(code: i64) -> String {
    let signal = match code {
        134 => "it aborted (SIGABRT)",
        135 => "it touched memory that is not there (SIGBUS)",
        132 => "it ran an instruction that is none (SIGILL)",
        136 => "it failed at arithmetic (SIGFPE)",
        139 => "it touched memory that is not its own (SIGSEGV)",
        153 => "it wrote a file beyond the limit (SIGXFSZ)",
        159 => "it made a system call that ends a process here (SIGSYS)",
        _ => return format!("its process ended itself with exit code {code}"),
    };
    signal.to_owned()
}
