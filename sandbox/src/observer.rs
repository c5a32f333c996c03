//! What a sandbox tells the outside about its work, as plain data.
//!
//! An [`Observer`] is called on threads that run the sandbox or ask it for something, so an implementation must not
//! block and must not panic. It never sees the program, its input or its result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Error, Fault, Outcome, Reason};

/// Receives the events of a sandbox. Every method has an empty default.
pub trait Observer: Send + Sync + 'static {
    /// An isolated interpreter was started (a session was opened).
    fn started(&self, event: &Started) {
        let _ = event;
    }

    /// A program was not taken, or its interpreter could not be started: no call was made.
    fn refused(&self, event: &Refused) {
        let _ = event;
    }

    /// A call ended, well or badly, and its output is cleaned. A call of a session that an earlier one ended is none.
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

/// A program that never came to a call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Refused {
    /// The backend's name.
    pub backend: &'static str,
    /// Why: [`Reason::Rejected`] for a program that broke a rule, which includes the second check inside the guest.
    pub reason: Reason,
    /// Whose fault that was.
    pub fault: Fault,
}

/// A call that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// The backend's name.
    pub backend: &'static str,
    /// Wall time of the call.
    pub duration: Duration,
    /// CPU time that the call used, where the backend can tell; never of a call that was cancelled.
    pub cpu: Option<Duration>,
    /// The most memory that the interpreter held, in bytes; 0 where nobody knows.
    pub peak_memory: u64,
    /// Whether output was cut off, at the limit or by the output policy.
    pub truncated: bool,
    /// Why the call failed and whose fault that was; `None` when it returned a result.
    pub failure: Option<(Reason, Fault)>,
}

impl Finished {
    fn new(backend: &'static str, outcome: &Outcome) -> Self {
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

/// Tells of a program that was not taken.
pub(crate) fn refuse(observer: &dyn Observer, backend: &'static str, error: &Error) {
    observer.refused(&Refused { backend, reason: error.reason(), fault: error.fault() });
}

/// A call that is under way. When this is dropped before its end is told, nobody waits for the call any more, and that
/// is told.
pub(crate) struct Underway {
    observer: Arc<dyn Observer>,
    backend: &'static str,
    begin: Instant,
    over: bool,
}

impl Underway {
    pub(crate) fn begin(observer: &Arc<dyn Observer>, backend: &'static str) -> Self {
        Self { observer: Arc::clone(observer), backend, begin: Instant::now(), over: false }
    }

    /// Tells how the call ended. The outcome must be as the caller will see it.
    pub(crate) fn finish(mut self, outcome: &Outcome) {
        self.over = true;
        // Why it ended was told of the call that ended it.
        if !matches!(outcome.result, Err(Error::SessionEnded)) {
            self.observer.finished(&Finished::new(self.backend, outcome));
        }
    }

    /// There was no call: its program was refused.
    pub(crate) fn refuse(mut self, error: &Error) {
        self.over = true;
        refuse(&*self.observer, self.backend, error);
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if !self.over {
            let (reason, fault) = (Error::Cancelled.reason(), Error::Cancelled.fault());
            self.observer.finished(&Finished {
                backend: self.backend,
                duration: self.begin.elapsed(),
                cpu: None,
                peak_memory: 0,
                truncated: false,
                failure: Some((reason, fault)),
            });
        }
    }
}
