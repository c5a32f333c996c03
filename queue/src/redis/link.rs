//! Connections to the masters of a cluster, or to the one server there is.
//!
//! A call goes to the master of its slot and is tried again, with growing and jittered pauses, until it is answered or
//! its deadline has passed: a master that fails over, a slot that moves, a server that restarts. It must never wait
//! longer than the deadline, and never wait behind a call that blocks: such calls have a link of their own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionInfo, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::address::Addresses;
use super::script::{Request, load_library};
use super::topology::{Node, Range, Topology, read_slots};
use crate::random::random_u64;
use crate::{Error, error};

/// The first pause after a failure, and the longest. A failover takes a cluster a second or two; ten tries a second
/// notice its end soon and burden nobody.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// How often a server that did not answer is tried, so that work which can be done elsewhere leaves it out until then.
const PROBE: Duration = Duration::from_millis(100);

/// How long a connection may take to be made. On a network that works it takes milliseconds.
const CONNECT: Duration = Duration::from_secs(1);

/// How often the map of a cluster is asked for at most. Those who come meanwhile use what the last one learned.
const REFRESH: Duration = Duration::from_millis(50);

/// How many replicas must confirm a write, and how long they may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Confirmation {
    pub(super) replicas: usize,
    pub(super) within: Duration,
}

/// An answer, and how many replicas confirmed it.
pub(super) struct Reply {
    pub(super) value: Value,
    pub(super) confirmed: usize,
}

/// Connections to all masters. Whoever calls must be on the runtime that the link was made for.
pub(super) struct Link {
    addresses: Addresses,
    clustered: bool,
    pub(super) deadline: Duration,
    topology: Mutex<Topology>,
    lines: Mutex<HashMap<Node, Arc<Line>>>,
    refreshed: tokio::sync::Mutex<Option<Refreshed>>,
}

/// When the map was last asked for, and who answered.
struct Refreshed {
    at: Instant,
    by: Option<Node>,
}

/// The connection to one server, made when it is first needed and again after it broke.
#[derive(Default)]
struct Line {
    connection: tokio::sync::Mutex<Option<(u64, MultiplexedConnection)>>,
    /// It did not answer, and somebody is trying it until it does.
    silent: AtomicBool,
}

/// What to do about a failed try.
enum Failure {
    /// Nothing helps.
    Final(Error),
    /// The node named there has the slot now, for this once or for good.
    Moved { node: Node, asking: bool },
    /// The server does not know the functions yet.
    UnknownFunction,
    /// It may pass. `unsure`: the call may have taken effect.
    Passing { problem: String, unsure: bool },
}

impl Link {
    pub(super) fn new(addresses: Addresses, clustered: bool, deadline: Duration) -> Self {
        Self {
            addresses,
            clustered,
            deadline,
            topology: Mutex::default(),
            lines: Mutex::default(),
            refreshed: tokio::sync::Mutex::default(),
        }
    }

    /// Carries a call out.
    pub(super) async fn call(
        self: &Arc<Self>,
        mut request: Request,
        confirmation: Option<Confirmation>,
    ) -> Result<Reply, Error> {
        let begun = Instant::now();
        let until = request.until.unwrap_or(begun + self.deadline);
        let (mut pause, longest) = PAUSE;
        let (mut redirect, mut load, mut hops) = (None, false, 0_u32);
        let mut loads = 0_u32;
        loop {
            let answer =
                self.attempt(&request, redirect.take(), std::mem::take(&mut load), confirmation, until).await;
            let problem = match answer {
                Ok(reply) => return Ok(reply),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::UnknownFunction) => {
                    load = true;
                    loads += 1;
                    if loads <= 3 {
                        continue;
                    }
                    "the server does not keep the functions".to_owned()
                }
                Err(Failure::Moved { node, asking }) => {
                    hops += 1;
                    if !asking {
                        self.refresh().await;
                    }
                    redirect = Some((node, asking));
                    if hops <= 3 {
                        continue;
                    }
                    "the slot moves to and fro".to_owned()
                }
                Err(Failure::Passing { problem, unsure }) => {
                    if unsure {
                        request.note_repeat();
                    }
                    self.refresh().await;
                    problem
                }
            };
            let now = Instant::now();
            if now >= until {
                let waited = now - begun;
                return Err(Error::Unanswered { action: request.action, waited, problem });
            }
            tracing::debug!(action = request.action, problem, "trying again");
            sleep(jittered(pause).min(until - now)).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        request: &Request,
        redirect: Option<(Node, bool)>,
        load: bool,
        confirmation: Option<Confirmation>,
        until: Instant,
    ) -> Result<Reply, Failure> {
        let asking = redirect.as_ref().is_some_and(|(_, asking)| *asking);
        let node = match redirect {
            Some((node, _)) => node,
            None => self.master(request.shard.slot).await?,
        };
        // A node that hangs must not use up the whole deadline: another may take its place meanwhile.
        let patience = (self.deadline / 3).max(confirmation.map_or(Duration::ZERO, |wait| wait.within * 2));
        let limit = until.min(Instant::now() + patience);
        let line = self.line(&node);
        let connected = self.connected(&line, &node, limit).await;
        let (generation, mut connection) = connected.inspect_err(|_| self.note_silence(&node))?;
        if load {
            // If somebody else was faster, the answer is an error that says so; whatever else is wrong, the call will tell.
            drop(timeout_at(limit, connection.send_packed_command(&load_library())).await);
        }
        let mut pipeline = Pipeline::new();
        if asking {
            pipeline.cmd("ASKING");
        }
        pipeline.add_command(request.to_command());
        if let Some(wait) = confirmation {
            // A repeated call may find everything done, and WAIT waits for what this connection wrote: so it writes.
            pipeline.cmd("HINCRBY").arg(request.shard.facts()).arg("confirmed").arg(1);
            pipeline.cmd("WAIT").arg(wait.replicas).arg(wait.within.as_millis().to_string());
        }
        let before = usize::from(asking);
        let expected = before + if confirmation.is_some() { 3 } else { 1 };
        let sent = connection.send_packed_commands(&pipeline, 0, expected);
        let answers = match timeout_at(limit, sent).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => {
                if breaks_connection(&error) {
                    self.note_silence(&node);
                    drop_broken(&line, generation).await;
                }
                return Err(self.judge(&error, &node));
            }
            Err(_) => {
                self.note_silence(&node);
                drop_broken(&line, generation).await;
                return Err(Failure::Passing { problem: format!("{node} does not answer"), unsure: true });
            }
        };
        let mut answers = answers.into_iter().skip(before);
        let value = answers.next().unwrap_or(Value::Nil);
        let value = value.extract_error().map_err(|error| self.judge(&error, &node))?;
        let confirmed = match answers.nth(1) {
            Some(Value::Int(replicas)) => usize::try_from(replicas).unwrap_or(0),
            _ => 0,
        };
        Ok(Reply { value, confirmed })
    }

    /// The master of a slot, as far as is known.
    async fn master(&self, slot: u16) -> Result<Node, Failure> {
        if !self.clustered {
            return Ok(Node::Seed(0));
        }
        if let Some(node) = self.topology().master(slot) {
            return Ok(node);
        }
        self.refresh().await;
        let problem = format!("no reachable node knows a master for slot {slot}");
        self.topology().master(slot).ok_or(Failure::Passing { problem, unsure: false })
    }

    /// Whether the master of a slot answered when it was last asked, as far as is known.
    pub(super) fn answers(&self, slot: u16) -> bool {
        let master = self.topology().master(slot);
        master.is_none_or(|node| !self.line(&node).silent.load(Ordering::Relaxed))
    }

    /// Marks a node of a cluster, and tries it until it answers or is no master any more.
    fn note_silence(self: &Arc<Self>, node: &Node) {
        let line = self.line(node);
        if !self.clustered || line.silent.swap(true, Ordering::Relaxed) {
            return;
        }
        let (link, node) = (Arc::downgrade(self), node.clone());
        tokio::spawn(async move {
            loop {
                sleep(PROBE).await;
                let Some(link) = link.upgrade() else { return };
                if !link.topology().is_master(&node) || link.ask_for_slots(&node).await.is_some() {
                    line.silent.store(false, Ordering::Relaxed);
                    return;
                }
            }
        });
    }

    /// Asks the nodes that are known, one after the other, for the map of the cluster.
    async fn refresh(&self) {
        if !self.clustered {
            return;
        }
        let mut refreshed = self.refreshed.lock().await;
        if refreshed.as_ref().is_some_and(|last| last.at.elapsed() < REFRESH) {
            return;
        }
        // Who answered last is asked first, so that a node that hangs costs its patience once.
        let mut nodes: Vec<Node> = refreshed.take().and_then(|last| last.by).into_iter().collect();
        nodes.extend(self.topology().nodes());
        nodes.extend((0..self.addresses.seeds().len()).map(Node::Seed));
        let mut by = None;
        for node in nodes {
            if let Some(slots) = self.ask_for_slots(&node).await {
                self.topology().replace(slots);
                by = Some(node);
                break;
            }
        }
        *refreshed = Some(Refreshed { at: Instant::now(), by });
    }

    async fn ask_for_slots(&self, node: &Node) -> Option<Vec<Range>> {
        let limit = Instant::now() + CONNECT / 2;
        let line = self.line(node);
        let (generation, mut connection) = self.connected(&line, node, limit).await.ok()?;
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let answer = timeout_at(limit, connection.send_packed_command(&command)).await;
        let Ok(Ok(value)) = answer else {
            drop_broken(&line, generation).await;
            return None;
        };
        read_slots(&value, &node_host(&self.addresses, node)).filter(|slots| !slots.is_empty())
    }

    fn line(&self, node: &Node) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lines.entry(node.clone()).or_default())
    }

    async fn connected(
        &self,
        line: &Line,
        node: &Node,
        limit: Instant,
    ) -> Result<(u64, MultiplexedConnection), Failure> {
        let hangs = || Failure::Passing { problem: format!("{node} takes no connection"), unsure: false };
        let mut connection = timeout_at(limit, line.connection.lock()).await.map_err(|_| hangs())?;
        if let Some(there) = connection.as_ref() {
            return Ok(there.clone());
        }
        let info = match node {
            Node::Seed(number) => self.addresses.seeds().get(*number).cloned(),
            Node::Named(host, port) => self.addresses.node(host, *port),
        };
        let info = info.ok_or_else(hangs)?;
        let opened = timeout_at(limit, open(&self.addresses, info)).await.map_err(|_| hangs())?;
        let opened = opened.map_err(|error| self.judge(&error, node).before_sending())?;
        Ok(connection.insert((random_u64(), opened)).clone())
    }

    fn topology(&self) -> std::sync::MutexGuard<'_, Topology> {
        self.topology.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an error of the client library means.
    fn judge(&self, error: &RedisError, node: &Node) -> Failure {
        let said = || error.detail().map_or_else(|| error.to_string(), str::to_owned);
        let passing = |unsure| Failure::Passing { problem: format!("{node}: {error}"), unsure };
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) if self.clustered => {
                let asking = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
                match error.redirect_node().and_then(|(place, _)| Node::parse(place)) {
                    Some(node) => Failure::Moved { node, asking },
                    None => passing(false),
                }
            }
            ErrorKind::Server(ServerErrorKind::ResponseError)
                if error.detail().is_some_and(|detail| detail.contains("Function not found")) =>
            {
                Failure::UnknownFunction
            }
            ErrorKind::Server(ServerErrorKind::NoPerm) | ErrorKind::AuthenticationFailed => {
                Failure::Final(Error::Refused { server: node.to_string(), problem: said() })
            }
            ErrorKind::Server(
                ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::ReadOnly,
            ) => passing(false),
            _ if error.is_io_error() || error.is_timeout() => passing(true),
            _ => match error.code() {
                Some("OOM") => Failure::Final(Error::StorageFull { source: Box::new(error.clone()) }),
                Some("NOAUTH" | "WRONGPASS") => {
                    Failure::Final(Error::Refused { server: node.to_string(), problem: said() })
                }
                // Too few replicas, a disk that refuses, a script of somebody else that runs too long: it may pass.
                Some("NOREPLICAS" | "MISCONF" | "BUSY") => passing(false),
                _ => {
                    let source: error::Source = Box::new(error.clone());
                    Failure::Final(Error::Storage { action: "carry out a function", source })
                }
            },
        }
    }
}

impl Failure {
    /// The same failure where nothing was sent yet.
    fn before_sending(self) -> Self {
        match self {
            Self::Passing { problem, .. } => Self::Passing { problem, unsure: false },
            other => other,
        }
    }
}

/// Opens a connection whose own timeouts lie beyond ours.
pub(super) async fn open(
    addresses: &Addresses,
    info: ConnectionInfo,
) -> Result<MultiplexedConnection, RedisError> {
    let client = addresses.client(info)?;
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The host under which a node was reached, for a map that leaves out its own.
fn node_host(addresses: &Addresses, node: &Node) -> String {
    match node {
        Node::Named(host, _) => host.clone(),
        Node::Seed(number) => match addresses.seeds().get(*number).map(ConnectionInfo::addr) {
            Some(redis::ConnectionAddr::Tcp(host, _) | redis::ConnectionAddr::TcpTls { host, .. }) => {
                host.clone()
            }
            _ => "127.0.0.1".to_owned(),
        },
    }
}

fn breaks_connection(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error()
}

/// Lets go of a connection, unless another has taken its place.
async fn drop_broken(line: &Line, generation: u64) {
    if let Ok(mut connection) = timeout(CONNECT, line.connection.lock()).await
        && connection.as_ref().is_some_and(|(of, _)| *of == generation)
    {
        *connection = None;
    }
}

/// Half of a pause, and a random part of the other half.
fn jittered(pause: Duration) -> Duration {
    let micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    pause / 2 + Duration::from_micros(random_u64() % (micros / 2).max(1))
}
