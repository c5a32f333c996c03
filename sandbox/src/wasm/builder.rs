//! How a [`WasmSandbox`] is made.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::cache::Cache;
use super::engine::{THREAD_STACK, Ticker, engine};
use super::load::load;
use super::sandbox::{Shared, WasmSandbox};
use super::spare::Spares;
use super::{BACKEND, host};
use crate::observer::{Observer, Started};
use crate::profile::Enforced;
use crate::threads::Threads;
use crate::verdicts::Verdicts;
use crate::{Error, OutputPolicy, Profile};

/// Chooses what a [`WasmSandbox`] is made of.
#[must_use = "a builder makes nothing until `build` is called"]
pub struct WasmSandboxBuilder {
    slots: Option<NonZeroUsize>,
    spares: Option<usize>,
    max_memory: u64,
    fuel: bool,
    cache: CacheChoice,
    allow_unchecked: bool,
    output_policy: OutputPolicy,
    observer: Arc<dyn Observer>,
}

enum CacheChoice {
    Default,
    Directory(PathBuf),
    Off,
}

impl Default for WasmSandboxBuilder {
    fn default() -> Self {
        Self {
            slots: None,
            spares: None,
            max_memory: 256 << 20,
            fuel: false,
            cache: CacheChoice::Default,
            allow_unchecked: false,
            output_policy: OutputPolicy::default(),
            observer: Arc::new(()),
        }
    }
}

/// Interpreters per processor by default: enough to keep the processors busy while some guests wait for their share.
const SLOTS_PER_PROCESSOR: usize = 8;

impl WasmSandboxBuilder {
    /// How many interpreters may exist at once; eight per processor by default. Sessions beyond that wait. A slot
    /// costs address space (about 4 GiB, of which there are 128 TiB) but no memory until it is used.
    pub fn slots(mut self, slots: NonZeroUsize) -> Self {
        self.slots = Some(slots);
        self
    }

    /// How many interpreters are kept ready beside the slots; one per processor by default, and 0 for none. A session
    /// that finds one starts in half the time. A spare holds about 1 MiB of memory.
    pub fn spares(mut self, spares: usize) -> Self {
        self.spares = Some(spares);
        self
    }

    /// The most that [`Limits::memory`](crate::Limits::memory) may ask for, in bytes; 256 MiB by default.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Whether to count instructions, so that [`Limits::fuel`](crate::Limits::fuel) can bound them; not by default,
    /// because counting makes programs about a quarter slower. Time is bounded either way; fuel bounds it to the same
    /// instruction on every machine.
    pub fn fuel(mut self, counted: bool) -> Self {
        self.fuel = counted;
        self
    }

    /// Where compiled code is kept between processes. By default that is `cofferdam` in the user's cache directory.
    /// The directory must belong to the process's user and be closed to all others (mode 0700), because code from it
    /// runs in this process.
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = CacheChoice::Directory(directory.into());
        self
    }

    /// Keeps no compiled code between processes: every start compiles CPython anew, which takes several seconds of
    /// all processors.
    pub fn without_cache(mut self) -> Self {
        self.cache = CacheChoice::Off;
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

    /// Makes the sandbox. **Blocks**: some milliseconds when the compiled code is cached, several seconds when not. In
    /// asynchronous code call it from a thread where blocking is allowed (`tokio::task::spawn_blocking`).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLimit`] for more slots or memory than can exist, and [`Error::Backend`] when the named cache
    /// directory is not private or wasmtime cannot be set up. A default cache directory that cannot be used is
    /// reported by a `tracing` warning, and code is compiled at each start.
    pub fn build(self) -> Result<WasmSandbox, Error> {
        let begin = Instant::now();
        let cache = match self.cache {
            CacheChoice::Off => None,
            CacheChoice::Directory(directory) => Some(
                Cache::open(directory)
                    .map_err(|problem| Error::backend(BACKEND, "use the cache directory", problem))?,
            ),
            CacheChoice::Default => Cache::default_directory().and_then(|directory| {
                Cache::open(directory)
                    .inspect_err(|problem| tracing::warn!(%problem, "compiled code is not cached"))
                    .ok()
            }),
        };
        let slots = self.slots.map_or_else(|| processors() * SLOTS_PER_PROCESSOR, NonZeroUsize::get);
        // More of them than sessions would never be taken.
        let spares = self.spares.unwrap_or_else(processors).min(slots);
        let engine = engine(slots.saturating_add(spares), self.max_memory, self.fuel)?;
        let (component, compiled) = load(&engine, cache.as_ref())?;
        let ready = host::linker(&engine)
            .and_then(|linker| linker.instantiate_pre(&component))
            .map_err(|error| Error::backend(BACKEND, "link CPython", error))?;
        let ticker = Ticker::start(&engine)?;
        if compiled {
            self.observer.started(&Started { backend: BACKEND, cold: true, duration: begin.elapsed() });
        }
        let shared = Shared {
            engine,
            component: ready,
            slots: Arc::new(Semaphore::new(slots)),
            spares: Spares::new(spares),
            pages: OnceLock::new(),
            verdicts: Verdicts::default(),
            threads: Threads::new("cofferdam-wasm", THREAD_STACK),
            profile: Profile {
                backend: BACKEND,
                python: cofferdam_python::PYTHON_VERSION.into(),
                modules: cofferdam_python::MODULES.iter().map(|module| (*module).into()).collect(),
                enforced: Enforced {
                    wall: true,
                    cpu: cfg!(unix),
                    memory: true,
                    output: true,
                    pids: true,
                    fuel: self.fuel,
                },
                deterministic: true,
                slots,
            },
            max_memory: self.max_memory,
            allow_unchecked: self.allow_unchecked,
            output_policy: self.output_policy,
            observer: self.observer,
            _ticker: ticker,
        };
        shared.report_slots();
        let shared = Arc::new(shared);
        if spares > 0 {
            let first = Arc::clone(&shared);
            shared
                .threads
                .run(move || while first.make_spare() {})
                .map_err(|error| Error::backend(BACKEND, "start a thread", error))?;
        }
        Ok(WasmSandbox { shared })
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
