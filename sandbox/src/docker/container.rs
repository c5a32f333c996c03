//! One container with the runner in it, from its creation to its removal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::BACKEND;
use super::channel::{Answers, Broken, Requests, split};
use super::engine::{Engine, random, unix_now};
use super::frame::{self, Kind};
use super::shape::Size;
use super::trouble::{GONE, failed};
use crate::Error;

/// A container whose runner is ready for a program, or has one. It is removed when this is dropped, whatever happened.
pub(super) struct Container {
    pub(super) requests: Requests,
    pub(super) answers: Answers,
    pub(super) body: Body,
    size: Size,
    born: Instant,
}

/// How long a runner may take to import numpy and pandas. It takes half a second, and many times that on a machine that
/// is busy or whose disk is cold.
const START_WALL: Duration = Duration::from_secs(120);

/// Bytes that a start may say: warnings of libraries.
const START_NOISE: u64 = 1 << 20;

impl Container {
    /// Creates and starts a container, and waits until its runner is ready.
    pub(super) async fn start(engine: &Arc<Engine>, size: &Size) -> Result<Self, Error> {
        let mut nonce = frame::Nonce::default();
        random(&mut nonce)?;
        // From here on the name is looked after, although nothing of that name exists yet.
        let body = Body {
            engine: Arc::clone(engine),
            name: Some(engine.claim()),
            since: unix_now(),
            losses: engine.losses(),
        };
        let attached =
            engine.start(body.name(), size).await.map_err(|error| failed("start a container", error))?;
        let (mut requests, mut answers) = split(attached, nonce);
        answers.budget = START_NOISE;
        let greet = async {
            // If this fails, the answers say why.
            let _ = requests.send(&frame::hello(&nonce)).await;
            let (kind, length) = answers.head().await?;
            answers.content(length, 4096).await?;
            if kind == Kind::Ready { Ok(()) } else { Err(Broken::Garbage) }
        };
        let greeted = tokio::time::timeout(START_WALL, greet).await;
        let problem = match greeted {
            Ok(Ok(())) => {
                let size = size.clone();
                return Ok(Self { requests, answers, body, size, born: Instant::now() });
            }
            Ok(Err(Broken::Closed)) if body.is_lost() => GONE.to_owned(),
            Ok(Err(Broken::Closed)) => "the runner ended before it was ready".to_owned(),
            Ok(Err(_)) => "what runs in the image is not the runner".to_owned(),
            Err(_) => format!("the runner was not ready after {} s", START_WALL.as_secs()),
        };
        Err(Error::backend(BACKEND, "start a container", format!("{problem}: {}", answers.noise())))
    }

    /// Changes the container's limits, unless they are these already.
    pub(super) async fn resize(&mut self, size: &Size) -> Result<(), Error> {
        if self.size == *size {
            return Ok(());
        }
        let update = self.body.engine.docker.update_container(self.body.name(), size.update());
        update.await.map_err(|error| failed("change a container's limits", error))?;
        self.size = size.clone();
        Ok(())
    }

    pub(super) fn age(&self) -> Duration {
        self.born.elapsed()
    }
}

/// What must be removed in the end.
pub(super) struct Body {
    pub(super) engine: Arc<Engine>,
    /// `None` once the removal has begun.
    name: Option<String>,
    /// When the container was made, in seconds since 1970.
    pub(super) since: u64,
    /// How often the engine had been lost by then.
    losses: u64,
}

impl Body {
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether the engine was lost since the container was made.
    pub(super) fn is_lost(&self) -> bool {
        self.engine.losses() > self.losses
    }

    /// Resolves when the engine is lost.
    pub(super) async fn lost(&self) {
        self.engine.lost(self.losses).await;
    }

    /// Removes the container and waits for it.
    pub(super) async fn remove(mut self) {
        if let Some(name) = self.name.take() {
            self.engine.remove(&name).await;
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            let engine = Arc::clone(&self.engine);
            self.engine.driver.run(async move { engine.remove(&name).await });
        }
    }
}
