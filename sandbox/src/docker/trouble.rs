//! What the engine's own errors mean for whoever runs it.

use bollard::errors::Error as EngineError;

use super::BACKEND;
use crate::Error;

/// A failure of the engine, with what to do about it. What the engine said is its source.
#[derive(Debug, thiserror::Error)]
#[error("{meaning}")]
struct Trouble {
    meaning: &'static str,
    source: EngineError,
}

/// What is said of an engine that went while somebody needed it.
pub(super) const GONE: &str = "the engine is gone or was restarted, and with it every session that was open; start it if it does not run, and open \
     another session: the sandbox finds it again by itself";

const STUCK: &str = "the engine does not answer in time; if its machine is not just busy, restart it";

const FULL: &str = "the engine's disk is full; make room where it keeps its data (`docker info` says where, `docker system df` what it \
     holds, and `docker system prune` removes what nobody uses)";

/// The error of an action that the engine failed at.
pub(super) fn failed(action: &'static str, error: EngineError) -> Error {
    match meaning(&error) {
        Some(meaning) => Error::backend(BACKEND, action, Trouble { meaning, source: error }),
        None => Error::backend(BACKEND, action, error),
    }
}

/// What the error means, where somebody can do something about it.
fn meaning(error: &EngineError) -> Option<&'static str> {
    match error {
        // No connection, or one that ended in the middle of an answer.
        EngineError::HyperLegacyError { .. }
        | EngineError::HyperResponseError { .. }
        | EngineError::IOError { .. }
        | EngineError::SocketNotFoundError(_) => Some(GONE),
        EngineError::RequestTimeoutError => Some(STUCK),
        EngineError::DockerResponseServerError { message, .. } if is_full(message) => Some(FULL),
        _ => None,
    }
}

/// Whether these are the kernel's words for a disk or a quota that is full, which the engine passes on.
fn is_full(message: &str) -> bool {
    ["no space left on device", "disk quota exceeded"].iter().any(|words| message.contains(words))
}
