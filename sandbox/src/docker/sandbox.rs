//! The sandbox: an engine, a pool of containers, and the slots.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::builder::DockerSandboxBuilder;
use super::engine::Engine;
use super::pool::Pool;
use super::session::{DockerSession, Opening};
use super::slots::Slots;
use crate::{Error, Limits, Observer, OutputPolicy, Profile, Program, Sandbox};

/// Runs programs in CPython with numpy and pandas, each session in a Docker container of its own. Cloning is cheap; all
/// clones share the slots and the pool.
///
/// Every container has no network, no capability, no way to a new privilege or a new process, its own list of system
/// calls, a read-only root, and bounded memory, processors, processes and output. It is used for one session, then
/// killed and removed.
///
/// What it cannot do: stop a bug in the kernel, which all containers share (for very hostile tenants choose a
/// [runtime](DockerSandboxBuilder::runtime) with a kernel of its own); hide facts about the machine that the kernel tells
/// every process (its processors, memory and uptime); or protect from whoever can speak to the engine. Time and random
/// numbers are the machine's and a seed: results are not reproducible to the bit on every machine. The usage that a call
/// reports is the runner's word, and a program that takes its interpreter over can lie about it, within the limits.
#[derive(Clone)]
pub struct DockerSandbox {
    pub(super) shared: Arc<Shared>,
}

/// What all handles of a sandbox share.
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) pool: Arc<Pool>,
    pub(super) slots: Arc<Slots>,
    pub(super) profile: Profile,
    pub(super) lifetime: Duration,
    pub(super) allow_unchecked: bool,
    pub(super) output_policy: OutputPolicy,
    /// Resolves when the backend's thread has ended.
    pub(super) ended: Option<oneshot::Receiver<()>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pool.close();
    }
}

/// The least memory in which CPython starts with numpy and pandas.
const LEAST_MEMORY: u64 = 80 << 20;

/// The least share of a processor that an engine takes.
const LEAST_CPU: f64 = 0.01;

/// The container's start itself takes about ten threads, of the program that makes the container.
const LEAST_PIDS: u32 = 16;

impl DockerSandbox {
    /// Chooses image, engine, slots, pool and the rest.
    pub fn builder() -> DockerSandboxBuilder {
        DockerSandboxBuilder::default()
    }

    /// Waits until the pool holds as many started containers as [`DockerSandboxBuilder::warm`] asked for. Nobody needs to
    /// wait: a session that finds none starts its own.
    ///
    /// It waits for ever while the engine cannot start any. Cancellation safe.
    pub async fn warmed(&self) {
        self.shared.pool.full().await;
    }

    /// Ends the pool and waits until every container is removed, those of open sessions included, which it waits for.
    ///
    /// Dropping the last handle does the same without waiting; a process that ends meanwhile leaves containers for its
    /// next start to remove. If other handles exist this does nothing.
    pub async fn close(self) {
        let Some(mut shared) = Arc::into_inner(self.shared) else { return };
        let ended = shared.ended.take();
        drop(shared);
        if let Some(ended) = ended {
            // An error means that the thread is gone, too.
            let _ = ended.await;
        }
    }

    pub(super) fn check(&self, limits: &Limits) -> Result<(), Error> {
        let invalid = |limit, message: String| Err(Error::InvalidLimit { limit, message });
        let shared = &self.shared;
        if limits.fuel.is_some() {
            return invalid(
                "fuel",
                "this backend does not count it; leave it out, or use the WASM backend".to_owned(),
            );
        }
        if limits.cpu < LEAST_CPU {
            return invalid("cpu", format!("{} is too small a share; give at least {LEAST_CPU}", limits.cpu));
        }
        if limits.memory < LEAST_MEMORY {
            return invalid(
                "memory",
                format!(
                    "{} bytes are less than CPython with numpy and pandas needs; give at least {LEAST_MEMORY}",
                    limits.memory
                ),
            );
        }
        if limits.memory > shared.engine.memory {
            return invalid(
                "memory",
                format!(
                    "{} bytes are more than the engine's machine has ({})",
                    limits.memory, shared.engine.memory
                ),
            );
        }
        if limits.pids < LEAST_PIDS {
            return invalid(
                "pids",
                format!("a container does not start with {}; give at least {LEAST_PIDS}", limits.pids),
            );
        }
        if limits.wall > shared.lifetime {
            return invalid(
                "wall",
                format!(
                    "{} s are more than the {} s that a session may last; raise DockerSandboxBuilder::lifetime",
                    limits.wall.as_secs(),
                    shared.lifetime.as_secs()
                ),
            );
        }
        Ok(())
    }
}

impl std::fmt::Debug for DockerSandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerSandbox").field("profile", &self.shared.profile).finish_non_exhaustive()
    }
}

impl Sandbox for DockerSandbox {
    type Session = DockerSession;

    fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    fn allows_unchecked(&self) -> bool {
        self.shared.allow_unchecked
    }

    fn observer(&self) -> &Arc<dyn Observer> {
        &self.shared.engine.observer
    }

    async fn start(&self, program: &Program, limits: &Limits) -> Result<DockerSession, Error> {
        self.check(limits)?;
        let shared = &self.shared;
        let opening = Opening {
            engine: Arc::clone(&shared.engine),
            pool: Arc::clone(&shared.pool),
            place: shared.slots.take().await?,
            program: program.clone(),
            limits: limits.clone(),
            output_policy: shared.output_policy.clone(),
            lifetime: shared.lifetime,
        };
        opening.open().await
    }
}
