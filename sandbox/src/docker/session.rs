//! A session: a task with a container on the backend's thread, and the handle to it.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::sync::{mpsc, oneshot};

use super::BACKEND;
use super::call::Guest;
use super::container::Container;
use super::engine::Engine;
use super::pool::Pool;
use super::shape::Size;
use super::slots::Place;
use crate::observer::Started;
use crate::{Error, Input, Limits, Observer, Outcome, OutputPolicy, Program, Session};

/// An interpreter in a container, with one program in it.
#[must_use = "a container that nobody calls only holds memory"]
pub struct DockerSession {
    calls: mpsc::UnboundedSender<Request>,
    /// Resolves when the container is gone.
    ended: oneshot::Receiver<()>,
    output_policy: OutputPolicy,
    observer: Arc<dyn Observer>,
}

struct Request {
    input: Input,
    /// Closed when nobody waits any more.
    answer: oneshot::Sender<Outcome>,
}

/// What is needed to open a session.
pub(super) struct Opening {
    pub(super) engine: Arc<Engine>,
    pub(super) pool: Arc<Pool>,
    pub(super) place: Place,
    pub(super) program: Program,
    pub(super) limits: Limits,
    pub(super) output_policy: OutputPolicy,
    /// How long the session may last.
    pub(super) lifetime: Duration,
}

impl Opening {
    /// Opens the session on the backend's thread. When this future is dropped, what was begun is removed there.
    pub(super) async fn open(self) -> Result<DockerSession, Error> {
        let (opened, session) = oneshot::channel();
        let driver = self.engine.driver.clone();
        driver.run(self.serve(opened));
        session
            .await
            .unwrap_or_else(|_| Err(Error::backend(BACKEND, "start a container", "its thread ended early")))
    }

    /// The session's whole life.
    async fn serve(self, mut opened: oneshot::Sender<Result<DockerSession, Error>>) {
        let begin = Instant::now();
        let size = Size::new(&self.limits, self.engine.processors);
        let (mut guest, warm) = loop {
            let pooled = self.pool.take();
            let warm = pooled.is_some();
            let container = match pooled {
                Some(container) => container,
                None => match Container::start(&self.engine, &size).await {
                    Ok(container) => container,
                    Err(error) => {
                        let _ = opened.send(Err(error));
                        return;
                    }
                },
            };
            let mut guest = Guest::new(container, self.limits.clone());
            // A program can keep CPython's compiler busy; nobody needs to wait for that who does not want the session.
            let loaded = match select(pin!(guest.load(&self.program, &size)), pin!(opened.closed())).await {
                Either::Left((loaded, _)) => loaded,
                Either::Right(_) => Err(Error::Cancelled),
            };
            match loaded {
                Ok(()) => break (guest, warm),
                // What waited in the pool may have been killed there. The next one, or one made now, was not.
                // Its removal needs not be waited for: it stands beside the slots.
                Err(Error::Backend { .. }) if warm => drop(guest),
                Err(error) => {
                    let _ = opened.send(Err(error));
                    guest.remove().await;
                    return;
                }
            }
        };
        let observer = Arc::clone(&self.engine.observer);
        observer.started(&Started { backend: BACKEND, cold: !warm, duration: begin.elapsed() });
        let (calls, requests) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let session = DockerSession { calls, ended, output_policy: self.output_policy, observer };
        if opened.send(Ok(session)).is_ok() {
            answer(&mut guest, requests, self.lifetime.saturating_sub(begin.elapsed())).await;
        }
        guest.remove().await;
        // The slot is free once the container is gone, and not a moment before.
        drop(self.place);
        let _ = end.send(());
    }
}

/// Answers calls until the session is over: nobody can call, a call was dropped, the interpreter ended, or its time.
async fn answer(guest: &mut Guest, mut requests: mpsc::UnboundedReceiver<Request>, lifetime: Duration) {
    let begin = tokio::time::Instant::now();
    while guest.is_alive()
        && let left = lifetime.saturating_sub(begin.elapsed())
        && let Ok(Some(request)) = tokio::time::timeout(left, requests.recv()).await
    {
        let Request { input, mut answer } = request;
        let outcome = match select(pin!(guest.call(&input)), pin!(answer.closed())).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Outcome::nothing(Error::Cancelled),
        };
        // Whoever asked may be gone; then the answer is nobody's, and the session's last.
        if answer.send(outcome).is_err() {
            break;
        }
    }
}

impl Session for DockerSession {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }

    fn output_policy(&self) -> &OutputPolicy {
        &self.output_policy
    }

    /// A container is handed out with its program in it.
    async fn ready(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn invoke(&mut self, input: &Input) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        if self.calls.send(Request { input: input.clone(), answer }).is_err() {
            return Outcome::nothing(Error::SessionEnded);
        }
        outcome.await.unwrap_or_else(|_| Outcome::nothing(Error::SessionEnded))
    }

    async fn close(self) {
        let Self { calls, ended, .. } = self;
        // The task ends when nobody can ask it for anything.
        drop(calls);
        let _ = ended.await;
    }
}
