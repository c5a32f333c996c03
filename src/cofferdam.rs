//! The members, composed.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::builder::EmbeddedBuilder;
use crate::job::Request;
use crate::optimize::{MonteCarlo, MonteCarloReport};
use crate::presence::Presence;
use crate::queue::{NewTask, Queue, TaskId, TaskState, Worker};
use crate::runner::Runner;
use crate::sandbox::{AnySandbox, Policy, Program, Rejection};
use crate::study::{Study, StudyReport};
use crate::telemetry::{Server, Telemetry};
use crate::{CallOutcome, Error, Job, JobId, database};

/// The members of the family, composed: programs are checked, queued, run by workers in sandboxes, recorded, searched
/// over and watched.
///
/// Cloning is cheap; clones are the same. When the last one is dropped, background work ends and the file is closed.
#[derive(Clone)]
pub struct Cofferdam {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) file: PathBuf,
    pub(crate) policy: Policy,
    pub(crate) sandbox: AnySandbox,
    pub(crate) queue: Queue,
    pub(crate) database: DatabaseConnection,
    pub(crate) telemetry: Telemetry,
    pub(crate) presence: Presence,
    pub(crate) concurrency: usize,
}

/// How long one wait for a job lasts before the queue is asked again. Ends are told at once within a process.
const WAIT: Duration = Duration::from_secs(60);

/// A worker's lease on a job. It is renewed while the worker lives, so this is how long a dead worker's job waits.
const LEASE: Duration = Duration::from_secs(5);

impl Cofferdam {
    /// Everything in this process and one folder: sandboxes in WebAssembly, queue and results in one SQLite file.
    /// Several processes may open the same folder and share the work.
    pub fn embedded(folder: impl AsRef<Path>) -> EmbeddedBuilder {
        EmbeddedBuilder::new(folder.as_ref())
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// The database's file.
    #[must_use]
    pub fn database_path(&self) -> &Path {
        &self.inner.file
    }

    /// Where the members' metrics are.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.inner.telemetry
    }

    /// Checks a program by the policy. Takes about a millisecond, on this thread.
    ///
    /// # Errors
    ///
    /// Every reason why the policy refuses it.
    pub fn check(&self, source: &str) -> Result<Program, Rejection> {
        self.inner.policy.check(source)
    }

    /// Puts a job into the queue. When this returns, the job is on the disk and will not be lost.
    ///
    /// Cancellation: a dropped call may or may not have submitted the job; submit it again, it runs once.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`], [`Error::Database`].
    pub async fn submit(&self, job: &Job) -> Result<JobId, Error> {
        let dataset = self.keep(&job.program, &job.data).await?;
        let task = task(&Request {
            program: job.program.hash().to_owned(),
            dataset,
            bars: job.bars.clone(),
            calls: job.calls.clone(),
            seed: job.seed,
            limits: (&job.limits).into(),
        })?;
        Ok(self.inner.queue.submit(task).await?.id)
    }

    /// Waits for what came of a job: one outcome a call, in order. Workers must be running, here or in another process.
    ///
    /// Cancellation safe: the job goes on.
    ///
    /// # Errors
    ///
    /// [`Error::JobDied`] when the queue gave the job up, [`Error::Queue`].
    pub async fn outcome(&self, id: &JobId) -> Result<Vec<CallOutcome>, Error> {
        loop {
            match self.inner.queue.wait(id, WAIT).await? {
                TaskState::Done { result, .. } => {
                    return serde_json::from_slice(&result)
                        .map_err(|error| Error::damaged(format!("result of job {id}"), error));
                }
                TaskState::Dead { error, .. } => {
                    return Err(Error::JobDied { id: id.to_string(), reason: error });
                }
                _ => {}
            }
        }
    }

    /// Runs a worker until `shutdown` resolves and what it had claimed has ended. It beats while it lives; if it dies, its
    /// jobs go back to the queue.
    ///
    /// The future owns what it needs and may be spawned. Dropped before its end, it counts as a worker that crashed: its
    /// jobs wait for the lease to run out.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`] for a name that cannot be used, or a queue that failed or whose disk stays full; then its jobs come
    /// back when their leases run out. [`Error::Heartbeat`].
    pub fn run_worker(
        &self,
        name: &str,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let (inner, name) = (Arc::clone(&self.inner), name.to_owned());
        async move {
            let worker = Worker::builder(inner.queue.clone())
                .name(&name)
                .concurrency(inner.concurrency)
                .lease(LEASE)
                .build()?;
            let (publisher, reporter) = inner.presence.join(&name, worker.id())?;
            let runner =
                Runner::new(inner.database.clone(), inner.policy.clone(), inner.sandbox.clone(), reporter);
            let ended = worker.run(runner, shutdown).await;
            inner.presence.leave(publisher).await?;
            ended?;
            Ok(())
        }
    }

    /// Carries out a walk-forward study of a program: every parameter set becomes a job in the queue, every trial is
    /// recorded, and the report is made of the records. Workers must be running, here or in another process.
    ///
    /// Killed at any moment and called again with the same study, it repeats no recorded trial and gives the same report.
    /// Cancellation safe in the same way; jobs that are queued go on.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidStudy`], [`Error::LooksAhead`], [`Error::Optimize`] for windows that do not fit the data, and what
    /// queue and database report. A trial that fails is recorded as failed and ends nothing.
    pub async fn walk_forward(&self, study: &Study) -> Result<StudyReport, Error> {
        study.run(self).await
    }

    /// Simulates what else could have come of these returns, on all processors, without holding up the runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Optimize`] for returns that cannot be simulated.
    pub async fn monte_carlo(
        &self,
        simulation: &MonteCarlo,
        returns: &[f64],
    ) -> Result<MonteCarloReport, Error> {
        let (simulation, returns) = (simulation.clone(), returns.to_vec());
        let run = tokio::task::spawn_blocking(move || simulation.run(&returns));
        run.await.map_err(crate::optimize::Error::objective)?.map_err(Error::from)
    }

    /// Serves `/metrics`, `/healthz` and `/readyz` at this address until the server is dropped or shut down. It is ready
    /// while database and queue answer.
    ///
    /// # Errors
    ///
    /// [`Error::Telemetry`] when the address cannot be bound.
    pub async fn serve_metrics(&self, address: SocketAddr) -> Result<Server, Error> {
        let (database, queue) = (self.inner.database.clone(), self.inner.queue.clone());
        let server = Server::builder(self.inner.telemetry.clone())
            .bind(address)
            .check("database", move || {
                let database = database.clone();
                async move {
                    database.execute_unprepared("SELECT 1").await.map(drop).map_err(|error| error.to_string())
                }
            })
            .check("queue", move || {
                let queue = queue.clone();
                async move { queue.stats().await.map(drop).map_err(|error| error.to_string()) }
            })
            .start()
            .await?;
        Ok(server)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Stores program and data, so that jobs can name them; gives the data's hash.
    pub(crate) async fn keep(&self, program: &Program, data: &crate::Dataset) -> Result<String, Error> {
        database::put_program(&self.inner.database, program).await?;
        database::put_dataset(&self.inner.database, data).await
    }
}

impl std::fmt::Debug for Cofferdam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cofferdam").field("file", &self.inner.file).finish_non_exhaustive()
    }
}

/// A request as a task whose id is the hash of its content, so that the queue holds it once.
pub(crate) fn task(request: &Request) -> Result<NewTask, Error> {
    let payload = serde_json::to_vec(request).map_err(|error| Error::damaged("a job", error))?;
    let id = TaskId::new(blake3::hash(&payload).to_hex().as_str())?;
    Ok(NewTask::new(payload).id(id))
}
