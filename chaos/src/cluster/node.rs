//! One node: its process and what it says of itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::address::BUS;
use super::view::{Role, View};
use super::{NODE_TIMEOUT, PAUSE, Reply, Wire};
use crate::error::{Context, Error, Result};
use crate::process::{Process, Spawner};

/// How long a node may take until it answers; it reads its append-only file first.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node. Its process ends when it is dropped.
#[derive(Debug)]
pub struct Node {
    port: u16,
    shard: usize,
    spawner: Spawner,
    server: PathBuf,
    folder: PathBuf,
    process: Option<Process>,
}

impl Node {
    /// Starts a node with an empty folder of its own in this one, and waits until it answers.
    pub(super) fn start(
        spawner: &Spawner,
        server: &Path,
        folder: &Path,
        port: u16,
        shard: usize,
    ) -> Result<Self> {
        let folder = folder.join(format!("node-{port}"));
        fs::create_dir_all(&folder).context(|| format!("make {}", folder.display()))?;
        let (spawner, server) = (spawner.clone(), server.to_owned());
        let mut node = Self { port, shard, spawner, server, folder, process: None };
        node.start_again()?;
        Ok(node)
    }

    /// Starts the node on what it has written before, and waits until it answers.
    ///
    /// # Errors
    /// When it ends or does not answer in time.
    pub fn start_again(&mut self) -> Result {
        let log = self.folder.join("log");
        let name = self.name();
        self.process = Some(self.spawner.spawn_other(&name, &self.server, &self.arguments(), &log)?);
        let began = Instant::now();
        while self.ask(&["PING"]).is_err() {
            if let Some(status) = self.process.as_mut().map(Process::ended).transpose()?.flatten() {
                return Err(Error::Refused(format!("{name} ended with {status}: see {}", log.display())));
            }
            if began.elapsed() > PATIENCE {
                let (what, remedy) = (format!("an answer of {name}"), format!("see {}", log.display()));
                return Err(Error::TooLate { what, seconds: PATIENCE.as_secs(), remedy });
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    fn arguments(&self) -> Vec<String> {
        let (port, bus, folder, timeout) = (self.port, self.port + BUS, self.folder.display(), NODE_TIMEOUT);
        let options = [
            format!("--bind 127.0.0.1 --port {port} --cluster-port {bus}"),
            format!("--cluster-enabled yes --cluster-node-timeout {timeout}"),
            // What was answered is with the kernel, so a killed process has it when it comes back.
            "--appendonly yes --appendfsync everysec --maxmemory-policy noeviction".to_owned(),
            // The other slots stay in service, and the pairs stay pairs.
            "--cluster-require-full-coverage no --cluster-allow-replica-migration no".to_owned(),
            // A replica that comes back follows at once rather than after five seconds.
            "--repl-diskless-sync-delay 0".to_owned(),
        ];
        let words = options.iter().flat_map(|line| line.split(' ')).map(str::to_owned);
        // Snapshots beside the file would only make work; and the folder may have a space in it.
        words.chain(["--save".into(), String::new(), "--dir".into(), folder.to_string()]).collect()
    }

    /// The name in the history.
    #[must_use]
    pub fn name(&self) -> String {
        format!("node-{}", self.port)
    }

    /// The port for clients.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Which pair it is of.
    #[must_use]
    pub const fn shard(&self) -> usize {
        self.shard
    }

    /// Kills its process and waits for the end.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&mut self) -> Result {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Makes its process stand still.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn freeze(&self) -> Result {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(Signal::STOP))
    }

    /// Makes its process go on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn thaw(&self) -> Result {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(Signal::CONT))
    }

    /// Asks the node one thing.
    ///
    /// # Errors
    /// When it does not answer in time, and when it answers with an error.
    pub fn ask(&self, command: &[&str]) -> Result<Reply> {
        let action = || format!("ask {} for {}", self.name(), command.join(" "));
        let words: Vec<&[u8]> = command.iter().map(|word| word.as_bytes()).collect();
        match Wire::open(self.port).and_then(|mut wire| wire.ask(&words)).context(action)? {
            Reply::Error(error) => Err(error).context(action),
            reply => Ok(reply),
        }
    }

    /// Asks the node something that it answers with text.
    ///
    /// # Errors
    /// As for [`ask`](Self::ask), and when it is no text.
    pub fn text(&self, command: &[&str]) -> Result<String> {
        let text = self.ask(command)?.text().map(str::to_owned);
        text.ok_or_else(|| {
            Error::Refused(format!("{} answered {} without a text", self.name(), command.join(" ")))
        })
    }

    /// What it says that it is; nothing while it does not answer.
    pub(super) fn role(&self) -> Option<Role> {
        Role::parse(&self.ask(&["ROLE"]).ok()?)
    }

    /// The cluster as it sees it; nothing while it does not answer.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        let nodes = self.text(&["CLUSTER", "NODES"]).ok()?;
        View::parse(&nodes, &self.text(&["CLUSTER", "INFO"]).ok()?)
    }

    /// Its id in the cluster.
    pub(super) fn id(&self) -> Result<String> {
        self.text(&["CLUSTER", "MYID"])
    }
}
