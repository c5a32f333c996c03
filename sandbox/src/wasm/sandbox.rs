//! The sandbox: an engine, the compiled component, and the slots.

use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::InstancePre;

use super::BACKEND;
use super::builder::WasmSandboxBuilder;
use super::engine::Ticker;
use super::guest::Blank;
use super::host::Host;
use super::pages::Pages;
use super::session::WasmSession;
use super::spare::Spares;
use crate::observer::Observer;
use crate::threads::Threads;
use crate::verdicts::Verdicts;
use crate::{Error, Limits, OutputPolicy, Profile, Program, Sandbox};

/// Runs programs in CPython 3.14 on WebAssembly. Cloning is cheap; all clones share the slots.
///
/// What it cannot do: limit what one instruction of the host costs (creating an instance, copying input), hide how
/// long a program ran, or close side channels of the processor between a program and the host's own secrets. Give
/// tenants who must not learn of each other processes or machines of their own.
#[derive(Clone)]
pub struct WasmSandbox {
    pub(super) shared: Arc<Shared>,
}

/// What all sessions of a sandbox share.
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) component: InstancePre<Host>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) spares: Spares,
    /// What every interpreter writes to; the first one tells.
    pub(super) pages: OnceLock<Pages>,
    pub(super) threads: Threads,
    pub(super) profile: Profile,
    /// Which programs the check inside a guest has accepted.
    pub(super) verdicts: Verdicts,
    pub(super) max_memory: u64,
    pub(super) allow_unchecked: bool,
    pub(super) output_policy: OutputPolicy,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) _ticker: Ticker,
}

impl Shared {
    /// An interpreter that has seen no program: a spare, or one that is made now.
    pub(super) fn blank(&self) -> Result<Blank, Error> {
        self.spares.take().map_or_else(|| self.make_blank(), Ok)
    }

    /// Makes a spare, unless there are enough; says whether it did. Works on the calling thread.
    pub(super) fn make_spare(&self) -> bool {
        self.spares.make(|| self.make_blank())
    }

    fn make_blank(&self) -> Result<Blank, Error> {
        let make = |pages| Blank::new(&self.engine, &self.component, self.max_memory, pages);
        if let Some(pages) = self.pages.get() {
            return make(pages);
        }
        let mut first = make(&Pages::default())?;
        // Whoever was quicker found the same.
        let _ = self.pages.set(first.survey()?);
        Ok(first)
    }

    pub(super) fn report_slots(&self) {
        let idle = self.slots.available_permits();
        self.observer.slots(BACKEND, self.profile.slots.saturating_sub(idle) as u64, idle as u64);
    }
}

impl WasmSandbox {
    /// Chooses slots, limits, cache and the rest.
    pub fn builder() -> WasmSandboxBuilder {
        WasmSandboxBuilder::default()
    }
}

impl std::fmt::Debug for WasmSandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasmSandbox").field("profile", &self.shared.profile).finish_non_exhaustive()
    }
}

impl Sandbox for WasmSandbox {
    type Session = WasmSession;

    fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    fn allows_unchecked(&self) -> bool {
        self.shared.allow_unchecked
    }

    fn observer(&self) -> &Arc<dyn Observer> {
        &self.shared.observer
    }

    async fn start(&self, program: &Program, limits: &Limits) -> Result<WasmSession, Error> {
        if limits.memory > self.shared.max_memory {
            return Err(Error::InvalidLimit {
                limit: "memory",
                message: format!(
                    "{} bytes are more than the {} that this sandbox was built for; raise WasmSandboxBuilder::max_memory",
                    limits.memory, self.shared.max_memory
                ),
            });
        }
        if limits.fuel.is_some() && !self.shared.profile.enforced.fuel {
            return Err(Error::InvalidLimit {
                limit: "fuel",
                message: "this sandbox does not count it; say WasmSandboxBuilder::fuel(true)".to_owned(),
            });
        }
        let permit = Arc::clone(&self.shared.slots)
            .acquire_owned()
            .await
            .map_err(|error| Error::backend(BACKEND, "wait for a free slot", error))?;
        WasmSession::start(Arc::clone(&self.shared), permit, program.clone(), limits.clone())
    }
}
