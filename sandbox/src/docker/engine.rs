//! The connection to the engine, and what is asked of it.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bollard::container::AttachContainerResults;
use bollard::errors::Error as EngineError;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use tokio::sync::watch;

use super::BACKEND;
use super::driver::Driver;
use super::image::Image;
use super::owner::Owner;
use super::reaper;
use super::shape::{self, Size};
use super::trouble::failed;
use crate::verdicts::Verdicts;
use crate::{Error, Observer};

/// The labels of every container of ours.
pub(super) const OWNER: &str = "cofferdam.owner";
pub(super) const INSTANCE: &str = "cofferdam.instance";
pub(super) const DEADLINE: &str = "cofferdam.deadline";

/// Where the engine listens when nobody says otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// The engine must know private IPC, init processes and limits on processes: Docker 20.10.
const OLDEST: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// Seconds for one answer of the engine. It takes milliseconds, and seconds on a machine that is busy.
const PATIENCE: u64 = 60;

/// Pauses between attempts to remove a container.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// What all containers of a sandbox have in common.
pub(super) struct Engine {
    pub(super) docker: Docker,
    pub(super) driver: Driver,
    pub(super) image: Image,
    pub(super) processors: u32,
    /// Bytes of memory of the engine's machine.
    pub(super) memory: u64,
    /// Whether the engine can limit processor shares.
    pub(super) limits_cpu: bool,
    pub(super) observer: Arc<dyn Observer>,
    /// Which programs the check inside a container has accepted.
    pub(super) verdicts: Verdicts,
    pub(super) owner: Option<Owner>,
    /// Random, and the same for all containers of this sandbox.
    pub(super) instance: String,
    runtime: Option<String>,
    /// How long after its creation a container is certainly not needed any more.
    useful: Duration,
    created: AtomicU64,
    /// How often the engine was lost. What was made before the last time is lost with it.
    losses: watch::Sender<u64>,
    /// Whether a container could not be removed.
    leaked: AtomicBool,
    /// The names of containers that somebody here will remove. A name is here before its container is.
    live: Mutex<HashSet<String>>,
}

/// What an engine is found by.
pub(super) struct Address {
    pub(super) socket: Option<PathBuf>,
    pub(super) image: String,
    pub(super) runtime: Option<String>,
}

impl Engine {
    /// Connects, and looks whether the engine and the image can do what is promised.
    pub(super) async fn connect(
        address: Address,
        useful: Duration,
        driver: Driver,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let socket = match address.socket {
            Some(socket) => socket,
            None => socket_of(std::env::var("DOCKER_HOST").ok().as_deref())?,
        };
        let docker = reach(&socket).await?;
        let info = docker.info().await.map_err(|error| failed("look at the engine", error))?;
        let unfit = |what: String| Err(Error::backend(BACKEND, "use the engine", what));
        // The engine drops limits that it cannot enforce, with a warning that nobody reads.
        if info.memory_limit != Some(true) || info.pids_limit != Some(true) {
            return unfit(
                "it cannot limit memory and processes; give it the cgroup controllers `memory` and `pids` (for a \
                 rootless engine: delegate them to its user)"
                    .to_owned(),
            );
        }
        if let Some(runtime) = &address.runtime
            && !info.runtimes.unwrap_or_default().contains_key(runtime)
        {
            return unfit(format!("it has no runtime `{runtime}`; add it to the engine's daemon.json"));
        }
        let image = Image::find(&docker, &address.image).await?;
        let mut instance = [0_u8; 8];
        random(&mut instance)?;
        Ok(Self {
            docker,
            driver,
            image,
            processors: info.ncpu.and_then(|count| u32::try_from(count).ok()).unwrap_or(1).max(1),
            memory: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(i64::MAX as u64),
            limits_cpu: info.cpu_cfs_quota == Some(true),
            observer,
            verdicts: Verdicts::default(),
            owner: Owner::here(),
            instance: format!("{:016x}", u64::from_le_bytes(instance)),
            runtime: address.runtime,
            useful,
            created: AtomicU64::new(0),
            losses: watch::Sender::new(0),
            leaked: AtomicBool::new(false),
            live: Mutex::default(),
        })
    }

    /// How often the engine was lost so far.
    pub(super) fn losses(&self) -> u64 {
        *self.losses.borrow()
    }

    /// The engine is gone.
    pub(super) fn note_loss(&self) {
        self.losses.send_modify(|losses| *losses += 1);
    }

    /// Resolves when the engine was lost more often than this.
    pub(super) async fn lost(&self, losses: u64) {
        // An error would mean that the sender is gone, and it is ours.
        let _ = self.losses.subscribe().wait_for(|now| *now > losses).await;
    }

    /// A name for a container that does not exist yet, and that is looked after from now on.
    pub(super) fn claim(&self) -> String {
        let number = self.created.fetch_add(1, Ordering::Relaxed);
        let name = format!("cofferdam-{}-{number}", self.instance);
        self.live().insert(name.clone());
        name
    }

    /// Whether somebody here looks after the container of this name.
    pub(super) fn is_live(&self, name: &str) -> bool {
        self.live().contains(name)
    }

    /// Creates a container of this name, attaches to its streams and starts it.
    pub(super) async fn start(&self, name: &str, size: &Size) -> Result<AttachContainerResults, EngineError> {
        let body = shape::create(&self.image.id, self.runtime.as_deref(), size, self.labels());
        let named = CreateContainerOptionsBuilder::default().name(name).build();
        self.docker.create_container(Some(named), body).await?;
        let streams = AttachContainerOptionsBuilder::default()
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        // Before it runs, or what it says first would be lost.
        let attached = self.docker.attach_container(name, Some(streams)).await?;
        self.docker.start_container(name, None).await?;
        Ok(attached)
    }

    /// Kills and removes the container, and does not give up at the first failure.
    pub(super) async fn remove(&self, name: &str) {
        let mut last = None;
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            match self.docker.remove_container(name, Some(options)).await {
                Ok(()) | Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {
                    last = None;
                    break;
                }
                Err(error) => last = Some(error),
            }
        }
        // If it is still there, the next sweep tries again, since it is nobody's now.
        self.live().remove(name);
        if let Some(error) = last {
            tracing::warn!(%error, name, "a container could not be removed; the next sweep tries again");
            self.leaked.store(true, Ordering::Relaxed);
            self.observer.teardown_failed(BACKEND);
        }
    }

    fn labels(&self) -> HashMap<String, String> {
        let deadline = unix_now().saturating_add(self.useful.as_secs());
        HashMap::from([
            (OWNER.to_owned(), self.owner.as_ref().map_or_else(|| "unknown".to_owned(), Owner::to_string)),
            (INSTANCE.to_owned(), self.instance.clone()),
            (DEADLINE.to_owned(), deadline.to_string()),
        ])
    }

    /// Nothing that holds the lock can leave the set half-changed.
    fn live(&self) -> MutexGuard<'_, HashSet<String>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Engine {
    /// Nobody here removes anything any more.
    fn drop(&mut self) {
        if self.leaked.load(Ordering::Relaxed) || !self.live().is_empty() {
            reaper::abandon(&self.instance);
        }
    }
}

/// Seconds since 1970.
pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Fills the buffer from the system's generator.
pub(super) fn random(room: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(room).map_err(|error| Error::backend(BACKEND, "get random bytes", error))
}

/// The socket that DOCKER_HOST names; the usual one without it.
fn socket_of(host: Option<&str>) -> Result<PathBuf, Error> {
    match host {
        None | Some("") => Ok(PathBuf::from(SOCKET)),
        Some(host) => host.strip_prefix("unix://").map(PathBuf::from).ok_or_else(|| {
            Error::backend(
                BACKEND,
                "reach the engine",
                format!("DOCKER_HOST is `{host}`, and only an engine on a Unix socket is spoken to; set unix:///path"),
            )
        }),
    }
}

/// Opens the connection and agrees on a version.
async fn reach(socket: &Path) -> Result<Docker, Error> {
    let failed = |remedy: String| Error::backend(BACKEND, "reach the engine", remedy);
    // Asked here, because the client's own errors do not tell these apart.
    UnixStream::connect(socket).map_err(|error| {
        let path = socket.display();
        failed(match error.kind() {
            ErrorKind::NotFound => format!(
                "{path} does not exist; start Docker, or name its socket in DOCKER_HOST or by \
                 DockerSandboxBuilder::engine"
            ),
            ErrorKind::PermissionDenied => format!(
                "{path} is closed to this user; join the group that owns it (whose members rule the machine), or run a \
                 rootless engine"
            ),
            ErrorKind::ConnectionRefused => format!("nobody listens on {path}; start Docker"),
            _ => format!("{path}: {error}"),
        })
    })?;
    let path = socket.to_str().ok_or_else(|| failed(format!("{} is not UTF-8", socket.display())))?;
    let docker = Docker::connect_with_unix(path, PATIENCE, API_DEFAULT_VERSION)
        .map_err(|error| Error::backend(BACKEND, "reach the engine", error))?;
    let docker = docker
        .negotiate_version()
        .await
        .map_err(|error| Error::backend(BACKEND, "reach the engine", error))?;
    let version = docker.client_version();
    if version < OLDEST {
        return Err(failed(format!(
            "it speaks API {version}, and {OLDEST} is the oldest that will do; update it to Docker 20.10 or newer"
        )));
    }
    Ok(docker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_unix_socket_is_taken() {
        assert_eq!(socket_of(None).unwrap(), PathBuf::from(SOCKET));
        assert_eq!(
            socket_of(Some("unix:///run/user/1/docker.sock")).unwrap(),
            PathBuf::from("/run/user/1/docker.sock")
        );
        let error = socket_of(Some("tcp://10.0.0.1:2375")).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("unix:///path"));
    }
}
