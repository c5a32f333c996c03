//! A session: a thread with an instance on it, and the handle to it.
//!
//! The guest runs on a thread of its own, so that it never holds up the caller's runtime, whatever that is, and has
//! the stack that CPython needs. The session ends when the handle is dropped; taking the instance down happens on its
//! thread, and nobody waits for it but who needs its slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::BACKEND;
use super::sandbox::Shared;
use crate::observer::Started;
use crate::{Error, Input, Limits, Observer, Outcome, OutputPolicy, Program, Session};

/// An interpreter in a WebAssembly instance, with one program in it.
#[must_use = "an interpreter that nobody calls only holds memory"]
pub struct WasmSession {
    calls: mpsc::Sender<Request>,
    /// Tells how loading the program went; `None` once it told.
    loaded: Option<oneshot::Receiver<Result<(), Error>>>,
    cancelled: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

struct Request {
    input: Input,
    answer: oneshot::Sender<Outcome>,
}

impl WasmSession {
    pub(super) fn start(
        shared: Arc<Shared>,
        permit: OwnedSemaphorePermit,
        program: Program,
        limits: Limits,
    ) -> Result<Self, Error> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (calls, requests) = mpsc::channel();
        let (tell, loaded) = oneshot::channel();
        let thread = SessionThread {
            shared: Arc::clone(&shared),
            program,
            limits,
            cancelled: Arc::clone(&cancelled),
            requests,
        };
        let slots = Arc::clone(&shared);
        shared
            .threads
            .run(move || {
                thread.run(tell);
                // The slot is free once the instance is gone, and not a moment before.
                drop(permit);
                slots.report_slots();
                slots.make_spare();
            })
            .map_err(|error| Error::backend(BACKEND, "start a thread", error))?;
        Ok(Self { calls, loaded: Some(loaded), cancelled, shared })
    }
}

impl Session for WasmSession {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn observer(&self) -> &Arc<dyn Observer> {
        &self.shared.observer
    }

    fn output_policy(&self) -> &OutputPolicy {
        &self.shared.output_policy
    }

    /// Cancellation: when the future is dropped, the program is stopped, and with it the session.
    async fn ready(&mut self) -> Result<(), Error> {
        let Some(loaded) = &mut self.loaded else { return Ok(()) };
        let guard = CancelOnDrop(Some(Arc::clone(&self.cancelled)));
        let answer = loaded.await.unwrap_or_else(|_| Err(thread_died()));
        guard.disarm();
        self.loaded = None;
        answer
    }

    async fn invoke(&mut self, input: &Input) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        if self.calls.send(Request { input: input.clone(), answer }).is_err() {
            return Outcome::nothing(Error::SessionEnded);
        }
        let guard = CancelOnDrop(Some(Arc::clone(&self.cancelled)));
        let outcome = outcome.await.unwrap_or_else(|_| Outcome::nothing(Error::SessionEnded));
        guard.disarm();
        outcome
    }

    /// Between calls nothing of the program runs, so there is nothing to wait for.
    async fn close(self) {}
}

impl Drop for WasmSession {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Release);
    }
}

/// Stops the guest when the future that waits for it is dropped.
struct CancelOnDrop(Option<Arc<AtomicBool>>);

impl CancelOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(cancelled) = &self.0 {
            cancelled.store(true, Ordering::Release);
        }
    }
}

/// What the session's thread owns.
struct SessionThread {
    shared: Arc<Shared>,
    program: Program,
    limits: Limits,
    cancelled: Arc<AtomicBool>,
    requests: mpsc::Receiver<Request>,
}

impl SessionThread {
    fn run(self, started: oneshot::Sender<Result<(), Error>>) {
        let shared = &self.shared;
        let begin = Instant::now();
        shared.report_slots();
        let policy = shared.verdicts.unknown(&self.program);
        let guest =
            shared.blank().and_then(|blank| blank.load(&self.program, policy, &self.limits, self.cancelled));
        let mut guest = match guest {
            Ok(guest) => guest,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        if policy.is_some() {
            shared.verdicts.remember(&self.program);
        }
        shared.observer.started(&Started { backend: BACKEND, cold: false, duration: begin.elapsed() });
        if started.send(Ok(())).is_err() {
            return;
        }
        while guest.is_alive()
            && let Ok(request) = self.requests.recv()
        {
            let outcome = guest.call(&request.input);
            // Whoever asked may be gone; then the answer is nobody's.
            let _ = request.answer.send(outcome);
        }
    }
}

fn thread_died() -> Error {
    Error::backend(BACKEND, "start an interpreter", "its thread ended early")
}
