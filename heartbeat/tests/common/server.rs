//! Redis servers of a test's own, which it may stop, kill and start again. They listen on 127.0.0.1, keep their data in
//! a temporary folder, and end with the value.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The ports that are tried. They lie below those from which the kernel serves outgoing connections, and so do those
/// of the nodes' bus, 10,000 above.
const PORTS: std::ops::Range<u16> = 21_000..21_100;
const BUS: u16 = 10_000;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Server {
    /// Starts `redis-server` on some free port, without persistence unless the arguments ask for it.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_on("--port", arguments)
    }

    /// The same with TLS, and without anything else.
    pub(crate) fn start_with_tls(arguments: &[&str]) -> Self {
        Self::start_on("--tls-port", &[&["--port", "0"], arguments].concat())
    }

    fn start_on(option: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<String> =
            arguments.iter().chain([&option]).map(|argument| (*argument).to_owned()).collect();
        let random = u16::from_le_bytes(*uuid::Uuid::new_v4().as_bytes().first_chunk().unwrap());
        for attempt in 0..u16::MAX {
            let port = PORTS.start + random.wrapping_add(attempt) % (PORTS.end - PORTS.start);
            if !is_free(port) || !is_free(port + BUS) {
                continue;
            }
            // Another test may take the port between the look and the start.
            if let Some(child) = launch(port, &folder, &arguments) {
                return Self { child, port, folder, arguments };
            }
        }
        panic!("no free port from {} to {}", PORTS.start, PORTS.end);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the process as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts the server again on its port. What it had not written is lost.
    pub(crate) fn start_again(&mut self) {
        self.child = launch(self.port, &self.folder, &self.arguments).unwrap();
    }

    /// Holds the process as an overloaded machine would; connections stay open and nobody answers.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be dead already, by the test's own hand.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None` if the port was taken.
fn launch(port: u16, folder: &TempDir, arguments: &[String]) -> Option<Child> {
    let log = folder.path().join("log");
    let _ = fs::remove_file(&log);
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        // The last argument is the option that takes the port.
        .args(arguments)
        .arg(port.to_string())
        .arg("--dir")
        .arg(folder.path())
        .arg("--logfile")
        .arg(&log)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut child = command.spawn().expect("these tests start servers: apt-get install redis-server");
    let begin = Instant::now();
    loop {
        let text = fs::read_to_string(&log).unwrap_or_default();
        if text.contains("Ready to accept connections") {
            return Some(child);
        }
        if child.try_wait().unwrap().is_some() {
            assert!(text.contains("Address already in use") || text.contains("Failed listening"), "{text}");
            return None;
        }
        assert!(begin.elapsed() < PATIENCE, "redis-server does not come up: {text}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Three masters with a replica each.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    /// Forms one, and waits until all nodes agree on it.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut all = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        // A test decides which replica takes over, and when.
        all.extend(["--cluster-replica-no-failover", "yes", "--cluster-replica-validity-factor", "0"]);
        all.extend(arguments);
        let nodes: Vec<Server> = (0..6).map(|_| Server::start(&all)).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(nodes.iter().map(Server::address));
        let made = create.args(["--cluster-replicas", "1", "--cluster-yes"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let cluster = Self { nodes };
        let begin = Instant::now();
        while !cluster.nodes.iter().all(Server::is_in_step) {
            assert!(begin.elapsed() < PATIENCE, "the cluster does not form");
            std::thread::sleep(Duration::from_millis(50));
        }
        cluster
    }

    pub(crate) fn urls(&self) -> String {
        self.nodes.iter().map(Server::url).collect::<Vec<_>>().join(",")
    }

    /// The node that serves a key, and its replica.
    pub(crate) fn serving(&self, key: &str) -> (usize, usize) {
        let slot: u16 = cli(self.nodes[0].port, &["CLUSTER", "KEYSLOT", key]).trim().parse().unwrap();
        let serves = |port: u16| {
            let nodes = cli(port, &["CLUSTER", "NODES"]);
            let me = nodes.lines().find(|line| line.contains("myself")).unwrap().to_owned();
            me.split_ascii_whitespace().skip(8).any(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                first.parse().is_ok_and(|first: u16| first <= slot)
                    && last.parse().is_ok_and(|last: u16| slot <= last)
            })
        };
        let master = self.nodes.iter().position(|node| serves(node.port)).unwrap();
        let id = cli(self.nodes[master].port, &["CLUSTER", "MYID"]).trim().to_owned();
        let follows = |port: u16| {
            cli(port, &["CLUSTER", "NODES"])
                .lines()
                .any(|line| line.contains("myself,slave") && line.contains(&id))
        };
        let replica = self.nodes.iter().position(|node| follows(node.port)).unwrap();
        (master, replica)
    }
}

impl Server {
    fn is_in_step(&self) -> bool {
        let cluster = cli(self.port, &["CLUSTER", "INFO"]);
        let replication = cli(self.port, &["INFO", "replication"]);
        cluster.contains("cluster_state:ok")
            && cluster.contains("cluster_known_nodes:6")
            && (replication.contains("connected_slaves:1") || replication.contains("master_link_status:up"))
    }
}

/// What `redis-cli` prints.
pub(crate) fn cli(port: u16, arguments: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    let output = command.args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Makes an authority, and a certificate of 127.0.0.1 that it signed.
pub(crate) fn certificates(folder: &Path) {
    let script = "
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=test authority' -keyout ca.key -out ca.crt
        openssl req -newkey rsa:2048 -nodes -subj '/CN=test server' -keyout server.key -out server.csr
        printf 'subjectAltName=IP:127.0.0.1' > names
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -days 2 -extfile names -out server.crt";
    let made = Command::new("sh").args(["-e", "-c", script]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "this test needs openssl: {}", String::from_utf8_lossy(&made.stderr));
}
