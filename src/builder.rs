//! How a [`Cofferdam`] is opened.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cofferdam::Inner;
use crate::presence::Presence;
use crate::queue::{Queue, Sqlite};
use crate::sandbox::{self, AnySandbox, Policy, Sandbox, WasmSandbox};
use crate::telemetry::Telemetry;
use crate::{Cofferdam, Error, database};

/// The file in the folder.
const FILE: &str = "cofferdam.sqlite3";

/// The queue's name in the file.
const QUEUE: &str = "jobs";

/// How long the queue keeps what came of a job. Trials are kept for ever, in a table of their own.
const RESULTS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Chooses what an embedded [`Cofferdam`] is made of.
#[must_use = "nothing is opened until `open` is called"]
pub struct EmbeddedBuilder {
    folder: PathBuf,
    policy: Policy,
    sandbox: Option<AnySandbox>,
    telemetry: Option<Telemetry>,
    concurrency: Option<NonZeroUsize>,
}

impl EmbeddedBuilder {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            policy: Policy::default(),
            sandbox: None,
            telemetry: None,
            concurrency: None,
        }
    }

    /// The policy that programs must pass, when they are submitted and again when a worker loads them.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Where programs run; by default a [`WasmSandbox`] with its default settings.
    pub fn sandbox(mut self, sandbox: impl Sandbox) -> Self {
        self.sandbox = Some(AnySandbox::new(sandbox));
        self
    }

    /// Where the members' metrics go; by default a registry of its own.
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    /// How many jobs a worker runs at once; as many as there are processors by default.
    pub fn concurrency(mut self, jobs: NonZeroUsize) -> Self {
        self.concurrency = Some(jobs);
        self
    }

    /// Opens the folder, and makes it and its database if they are not there. The first time on a machine, CPython is
    /// compiled for its processor, which takes some seconds; that happens on a thread of its own.
    ///
    /// Must be called in a tokio runtime. If the future is dropped, what was opened is closed again.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`], [`Error::ForeignDatabase`], [`Error::NewerDatabase`], and what the members report: a file that
    /// is truncated or no database is an [`Error::Queue`] that names it. A file that is refused is left as it was.
    pub async fn open(self) -> Result<Cofferdam, Error> {
        let folder = self.folder;
        std::fs::create_dir_all(&folder).map_err(|source| Error::Folder { path: folder.clone(), source })?;
        let file = folder.join(FILE);
        database::refuse_foreign(&file).await?;
        let broker = Sqlite::open(&file).await?;
        let database = database::open(&file).await?;

        let telemetry = self.telemetry.unwrap_or_default();
        let sandbox = match self.sandbox {
            Some(sandbox) => sandbox,
            None => wasm(&telemetry).await?,
        };
        let queue = Queue::new(broker, QUEUE)?.with_observer(Arc::new(telemetry.queue_observer()));
        queue.forget(RESULTS_KEPT).await?;
        let presence = Presence::start(&queue, &telemetry)?;
        let concurrency = self.concurrency.or_else(|| std::thread::available_parallelism().ok());
        Ok(Cofferdam::new(Inner {
            file,
            policy: self.policy,
            sandbox,
            queue,
            database,
            telemetry,
            presence,
            concurrency: concurrency.map_or(1, NonZeroUsize::get),
        }))
    }
}

async fn wasm(telemetry: &Telemetry) -> Result<AnySandbox, Error> {
    let observer = Arc::new(telemetry.sandbox_observer(&["wasm"]));
    let built = tokio::task::spawn_blocking(move || WasmSandbox::builder().observer(observer).build()).await;
    // The task itself fails only when the runtime is shutting down, or the build panicked.
    let failed = |error: tokio::task::JoinError| sandbox::Error::Backend {
        backend: "wasm",
        action: "set up wasmtime",
        source: error.into(),
    };
    built.map_err(failed).flatten().map(AnySandbox::new).map_err(Error::Sandbox)
}
