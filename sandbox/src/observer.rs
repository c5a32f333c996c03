//! What a sandbox tells the outside about its work, as plain data.
//!
//! An [`Observer`] is called on the thread that runs the sandbox, so an implementation must not block and must
//! not panic. It never sees the program, its input or its result.

use std::time::Duration;

#[cfg(any(feature = "docker", feature = "wasm"))]
use crate::Outcome;
use crate::{Fault, Reason};

/// Receives the events of a sandbox. Every method has an empty default.
pub trait Observer: Send + Sync + 'static {
    /// An isolated interpreter was started (a session was opened).
    fn started(&self, event: &Started) {
        let _ = event;
    }

    /// A call ended, well or badly.
    fn finished(&self, event: &Finished) {
        let _ = event;
    }

    /// The number of busy and idle places for interpreters changed.
    fn slots(&self, backend: &'static str, busy: u64, idle: u64) {
        let _ = (backend, busy, idle);
    }

    /// An interpreter could not be removed and may have left something behind.
    fn teardown_failed(&self, backend: &'static str) {
        let _ = backend;
    }
}

/// The observer that looks away.
impl Observer for () {}

/// An interpreter that was started.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Started {
    /// The backend's name, as in [`Profile::backend`](crate::Profile::backend).
    pub backend: &'static str,
    /// Whether code had to be compiled or an image made first.
    pub cold: bool,
    /// From the request to the interpreter that is ready for the first call.
    pub duration: Duration,
}

/// A call that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// The backend's name.
    pub backend: &'static str,
    /// Wall time of the call.
    pub duration: Duration,
    /// CPU time that the call used, where the backend can tell.
    pub cpu: Option<Duration>,
    /// The most memory that the interpreter held, in bytes.
    pub peak_memory: u64,
    /// Whether output was cut off at the limit.
    pub truncated: bool,
    /// Why the call failed and whose fault that was; `None` when it returned a result.
    pub failure: Option<(Reason, Fault)>,
}

impl Finished {
    #[cfg(any(feature = "docker", feature = "wasm"))]
    pub(crate) fn new(backend: &'static str, outcome: &Outcome) -> Self {
        Self {
            backend,
            duration: outcome.usage.wall,
            cpu: outcome.usage.cpu,
            peak_memory: outcome.usage.peak_memory,
            truncated: outcome.truncated,
            failure: outcome.result.as_ref().err().map(|error| (error.reason(), error.fault())),
        }
    }
}
