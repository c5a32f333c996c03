//! How a [`DockerSandbox`] is made.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::BACKEND;
use super::driver::Driver;
use super::engine::{Address, Engine};
use super::pool::{self, Pool};
use super::reaper;
use super::sandbox::{DockerSandbox, Shared};
use super::shape::Size;
use super::slots::Slots;
use super::watch::watch;
use crate::profile::Enforced;
use crate::{Error, Limits, Observer, OutputPolicy, Profile};

/// Chooses what a [`DockerSandbox`] is made of.
#[must_use = "a builder makes nothing until `build` is called"]
pub struct DockerSandboxBuilder {
    engine: Option<PathBuf>,
    image: String,
    runtime: Option<String>,
    slots: Option<NonZeroUsize>,
    warm: usize,
    warm_limits: Limits,
    lifetime: Duration,
    allow_unchecked: bool,
    output_policy: OutputPolicy,
    observer: Arc<dyn Observer>,
}

/// What `cargo xtask image` makes.
const IMAGE: &str = concat!("cofferdam-python:", env!("CARGO_PKG_VERSION"));

/// How long a session may last by default.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Sessions per processor by default: enough to keep the processors busy at half a core for each, and some to wait.
const SLOTS_PER_PROCESSOR: usize = 4;

impl Default for DockerSandboxBuilder {
    fn default() -> Self {
        Self {
            engine: None,
            image: IMAGE.to_owned(),
            runtime: None,
            slots: None,
            warm: 0,
            warm_limits: Limits::default(),
            lifetime: LIFETIME,
            allow_unchecked: false,
            output_policy: OutputPolicy::default(),
            observer: Arc::new(()),
        }
    }
}

impl DockerSandboxBuilder {
    /// The Unix socket of the engine. By default the one that `DOCKER_HOST` names, else `/var/run/docker.sock`.
    pub fn engine(mut self, socket: impl Into<PathBuf>) -> Self {
        self.engine = Some(socket.into());
        self
    }

    /// The image; by default `cofferdam-python` with this crate's version as its tag. It is never pulled, and must say by
    /// its labels that it holds a runner of this version.
    pub fn image(mut self, name: impl Into<String>) -> Self {
        self.image = name.into();
        self
    }

    /// The container runtime, by the name that the engine knows it by, such as `runsc` (gVisor) or `kata`. By default the
    /// engine's own default. One that puts a kernel of its own between program and machine is a much stronger wall.
    pub fn runtime(mut self, name: impl Into<String>) -> Self {
        self.runtime = Some(name.into());
        self
    }

    /// How many sessions may exist at once; four per processor of the engine by default. Sessions beyond that wait. Each may
    /// hold the memory that its limits allow.
    pub fn slots(mut self, slots: NonZeroUsize) -> Self {
        self.slots = Some(slots);
        self
    }

    /// How many started containers are kept ready beside the slots; none by default. A session that finds one starts in
    /// milliseconds, and another is started in the background. One holds about 65 MiB.
    pub fn warm(mut self, containers: usize) -> Self {
        self.warm = containers;
        self
    }

    /// For which limits the containers are kept ready; [`Limits::default`] by default. A session with other limits on
    /// memory, processor or processes changes the container's first, which takes the engine some milliseconds.
    pub fn warm_limits(mut self, limits: Limits) -> Self {
        self.warm_limits = limits;
        self
    }

    /// How long a session may last at most, from its opening; 24 hours by default. No call begins later, and no call's wall
    /// time may be longer. After twice this time a container is left over for certain, and whoever finds it removes it.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Whether to run programs that no policy has checked; not by default. Isolation does not depend on the check, but
    /// it is one layer less.
    pub fn allow_unchecked(mut self, allow: bool) -> Self {
        self.allow_unchecked = allow;
        self
    }

    /// What may leave the sandbox.
    pub fn output_policy(mut self, policy: OutputPolicy) -> Self {
        self.output_policy = policy;
        self
    }

    /// Who is told what the sandbox does.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Makes the sandbox: connects to the engine, checks the image, and removes what processes that were killed left behind.
    ///
    /// It works under any executor: the talk with the engine happens on a thread and in a runtime of the sandbox's own. When
    /// the future is dropped, nothing is left behind.
    ///
    /// # Errors
    ///
    /// [`Error::Backend`], whose source says what to do, when the engine cannot be reached, is too old or cannot enforce
    /// limits, when it does not have the image or the runtime, or when the image holds no runner of this version; and
    /// [`Error::InvalidLimit`] when the pool's limits make no sense.
    pub async fn build(self) -> Result<DockerSandbox, Error> {
        let (driver, ended) = Driver::start()?;
        let address = Address { socket: self.engine, image: self.image, runtime: self.runtime };
        let useful = self.lifetime.saturating_mul(2).saturating_add(pool::OLDEST);
        let connecting = Engine::connect(address, useful, driver.clone(), Arc::clone(&self.observer));
        let engine = driver
            .ask(async move {
                let engine = Arc::new(connecting.await?);
                reaper::sweep(&engine).await?;
                Ok(engine)
            })
            .await?;
        let processors = engine.processors as usize;
        let slots = self.slots.map_or(processors.saturating_mul(SLOTS_PER_PROCESSOR), NonZeroUsize::get);
        let pool = Arc::new(Pool::new(self.warm, Size::new(&self.warm_limits, engine.processors)));
        let shared = Shared {
            profile: Profile {
                backend: BACKEND,
                python: engine.image.python.clone().into(),
                modules: engine.image.modules.iter().map(|module| module.clone().into()).collect(),
                enforced: Enforced {
                    wall: true,
                    cpu: engine.limits_cpu,
                    memory: true,
                    output: true,
                    pids: true,
                    fuel: false,
                },
                deterministic: false,
                slots,
            },
            slots: Slots::new(slots, Arc::clone(&self.observer)),
            lifetime: self.lifetime,
            allow_unchecked: self.allow_unchecked,
            output_policy: self.output_policy,
            ended: Some(ended),
            pool: Arc::clone(&pool),
            engine: Arc::clone(&engine),
        };
        let sandbox = DockerSandbox { shared: Arc::new(shared) };
        // Waiting costs none of a program's wall time.
        sandbox.check(&self.warm_limits.wall(Duration::ZERO))?;
        driver.run(pool::keep(Arc::clone(&pool), Arc::clone(&engine)));
        driver.run(watch(pool, engine));
        Ok(sandbox)
    }
}
