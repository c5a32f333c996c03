//! A real Redis Cluster of six processes, and what can be done to it.
//!
//! Three pairs of nodes, called shards here: at any time one node of a pair is the master of the pair's slots and the other
//! its replica. The nodes keep an append-only file, so that a node that is killed and started again has what it had
//! written; they never evict, and a part of the slots stays in service without the rest.
//!
//! Nothing here knows what the cluster is used for.

mod address;
mod failover;
mod form;
mod lag;
mod node;
mod reply;
mod reshard;
mod view;
mod wire;

pub use failover::Watch;
pub use node::Node;
pub use reply::Reply;
pub use reshard::Move;
pub use view::{Member, View};
pub use wire::Wire;

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::process::Spawner;

/// How many shards there are: the fewest that can elect a master when one is gone.
pub const SHARDS: usize = 3;

/// Milliseconds of silence until a node counts as failed. Redis' own default of 15 s would leave a short run with two
/// failovers.
const NODE_TIMEOUT: u32 = 2_000;

/// Between two looks at the cluster.
const PAUSE: Duration = Duration::from_millis(50);

/// Servers live here, and the PATH of an ordinary user may leave it out.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/local/bin", "/usr/bin"];

/// Finds the program `redis-server`.
///
/// # Errors
/// When the machine has none.
pub fn find_server() -> Result<PathBuf> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&inherited).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    let found = folders.map(|folder| folder.join("redis-server")).find(|path| path.is_file());
    found.ok_or_else(|| {
        Error::Refused(
            "there is no redis-server: install it, for instance with `apt-get install redis-server`".into(),
        )
    })
}

/// A cluster that was started here. Its processes end when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    /// The first nodes of the shards in their order, then the second ones.
    nodes: Vec<Node>,
}

impl Cluster {
    /// Starts six nodes on free ports from this one upwards, makes a cluster of them and waits until it is whole.
    ///
    /// # Errors
    /// When no ports are free, a node does not come up, or they do not come together.
    pub fn start(spawner: &Spawner, server: &Path, folder: &Path, first_port: u16) -> Result<Self> {
        let ports = address::free_ports(first_port, 2 * SHARDS)?;
        let mut nodes = Vec::new();
        for (number, port) in ports.into_iter().enumerate() {
            nodes.push(Node::start(spawner, server, folder, port, number % SHARDS)?);
        }
        let cluster = Self { nodes };
        form::form(&cluster.nodes)?;
        cluster.await_whole(Duration::from_secs(60))?;
        Ok(cluster)
    }

    /// The addresses of all nodes, with commas between.
    #[must_use]
    pub fn urls(&self) -> String {
        let urls: Vec<_> =
            self.nodes.iter().map(|node| format!("redis://127.0.0.1:{}/", node.port())).collect();
        urls.join(",")
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node that says that it is the master of a shard.
    ///
    /// # Errors
    /// When no node of the pair says so.
    pub fn master(&self, shard: usize) -> Result<&Node> {
        let found = self.pair(shard).find(|node| node.role().is_some_and(|role| role.is_master()));
        found.ok_or_else(|| Error::Refused(format!("shard {shard} has no master: see the logs of its nodes")))
    }

    /// The node that says that it is the replica of a shard.
    ///
    /// # Errors
    /// When no node of the pair says so.
    pub fn replica(&self, shard: usize) -> Result<&Node> {
        let found = self.pair(shard).find(|node| node.role().is_some_and(|role| !role.is_master()));
        found
            .ok_or_else(|| Error::Refused(format!("shard {shard} has no replica: see the logs of its nodes")))
    }

    /// The node on this port, to be changed.
    ///
    /// # Errors
    /// When there is none.
    pub fn node_mut(&mut self, port: u16) -> Result<&mut Node> {
        let found = self.nodes.iter_mut().find(|node| node.port() == port);
        found.ok_or_else(|| Error::Refused(format!("no node of the cluster listens on port {port}")))
    }

    fn pair(&self, shard: usize) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.shard() == shard)
    }

    /// Waits until every node is up and agrees with all others on every slot, and each replica follows its master.
    ///
    /// # Errors
    /// When it takes longer than this.
    pub fn await_whole(&self, within: Duration) -> Result {
        let began = Instant::now();
        loop {
            let Some(problem) = self.problem() else { return Ok(()) };
            if began.elapsed() > within {
                let remedy = format!("{problem}; see the logs of the nodes");
                return Err(Error::TooLate {
                    what: "a whole cluster".into(),
                    seconds: within.as_secs(),
                    remedy,
                });
            }
            sleep(PAUSE);
        }
    }

    /// What is still wrong, if anything is.
    fn problem(&self) -> Option<String> {
        let mut maps = Vec::new();
        for node in &self.nodes {
            let port = node.port();
            let Some(view) = node.view() else {
                return Some(format!("the node on port {port} does not answer"));
            };
            if let Some(problem) = view.problem(self.nodes.len()) {
                return Some(format!("the node on port {port} sees {problem}"));
            }
            maps.push(view.map());
        }
        if maps.windows(2).any(|pair| pair.first() != pair.last()) {
            return Some("the nodes do not agree on the slots".to_owned());
        }
        (0..SHARDS).find_map(|shard| {
            let roles: Vec<_> = self.pair(shard).filter_map(Node::role).collect();
            let masters = roles.iter().filter(|role| role.is_master()).count();
            let followers = roles.iter().filter(|role| role.is_following()).count();
            (masters != 1 || followers != 1).then(|| format!("shard {shard} is {roles:?}"))
        })
    }
}
