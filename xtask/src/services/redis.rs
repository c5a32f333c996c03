//! Redis, alone and as a cluster.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Instant;

use super::folder::Folder;
use super::process::{Launched, PAUSE, launch};
use super::service::{PATIENCE, Settings};
use super::{install, port, probe};
use crate::error::{Context, Result};
use crate::workspace::capture;

const PORT: u16 = 16_379;

/// Three masters, a replica each: the smallest cluster that Redis calls one and that survives the loss of a master.
const NODES: u16 = 6;
const CLUSTER_PORT: u16 = 17_001;

/// The nodes talk to each other on a port this far above the one for clients, as Redis does by default.
const BUS: u16 = 10_000;

/// Milliseconds of silence until a node counts as failed. The default of 15 s would make every test of a failover
/// wait that long.
const NODE_TIMEOUT: &str = "2000";

/// One Redis with an empty database 0.
pub(super) fn start_single(folder: &Folder) -> Result<Settings> {
    let [server, _] = programs()?;
    let port = port::free(PORT)?;
    start(folder, &server, port, &[])?.wait_until(PATIENCE, || answers(port))?;
    Ok(vec![("COFFERDAM_REDIS_URL", url(port))])
}

/// Six nodes that agree on all slots, each replica in step with its master.
pub(super) fn start_cluster(folder: &Folder) -> Result<Settings> {
    let [server, client] = programs()?;
    let ports = port::free_range(CLUSTER_PORT, NODES, BUS)?;
    let cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", NODE_TIMEOUT];
    for &port in &ports {
        start(folder, &server, port, &cluster)?.wait_until(PATIENCE, || answers(port))?;
    }
    let nodes = ports.iter().map(|port| format!("127.0.0.1:{port}"));
    let mut create = Command::new(client);
    create.args(["--cluster", "create"]).args(nodes).args(["--cluster-replicas", "1", "--cluster-yes"]);
    capture(&mut create).context(|| "form the cluster".into())?;
    let began = Instant::now();
    while let Some(port) = ports.iter().find(|port| !is_in_cluster(**port)) {
        if began.elapsed() > PATIENCE {
            return Err(format!("the node on port {port} did not join the cluster").into());
        }
        sleep(PAUSE);
    }
    let urls: Vec<_> = ports.into_iter().map(url).collect();
    Ok(vec![("COFFERDAM_REDIS_CLUSTER_URLS", urls.join(","))])
}

/// The program `redis-server`, for those who start one of their own.
pub(crate) fn server() -> Result<PathBuf> {
    install::require(["redis-server"], &["redis-server"]).map(|[server]| server)
}

fn programs() -> Result<[PathBuf; 2]> {
    install::require(["redis-server", "redis-cli"], &["redis-server", "redis-tools"])
}

fn start(folder: &Folder, server: &Path, port: u16, extra: &[&str]) -> Result<Launched> {
    let name = port.to_string();
    let data = folder.create_inside(&name)?;
    let mut command = Command::new(server);
    command
        .args(["--bind", "127.0.0.1", "--port", &name, "--save", "", "--appendonly", "no"])
        // As in `deploy/redis-cluster/redis.conf`, but not its `min-replicas-to-write`: after a failover there is no second
        // replica, so the cluster would refuse writes just when tests look for them. A test that wants it sets it.
        .args(["--maxmemory-policy", "noeviction"])
        // Redis would otherwise write its title over the command line by which the process is known again.
        .args(["--set-proc-title", "no"])
        .args(extra)
        .arg("--dir")
        .arg(data);
    launch(folder, &name, &mut command)
}

fn answers(port: u16) -> bool {
    probe::redis(port, "PING").as_deref() == Some("PONG")
}

fn is_in_cluster(port: u16) -> bool {
    let says =
        |command, line| probe::redis(port, command).is_some_and(|text| text.lines().any(|l| l == line));
    says("CLUSTER INFO", "cluster_state:ok")
        && says("CLUSTER INFO", "cluster_known_nodes:6")
        && (says("INFO replication", "connected_slaves:1")
            || says("INFO replication", "master_link_status:up"))
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/")
}
