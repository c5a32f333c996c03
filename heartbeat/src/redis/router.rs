//! From a slot to the node that serves it, and on after a refusal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Value, cmd};

use super::address::Address;
use super::nodes::Nodes;
use super::patience::Patience;
use super::refusal::{Next, Refusal};
use super::topology::Topology;

/// Redirections that are followed without a pause. While slots move, one is common and two happen; more are a ring.
const REDIRECTIONS: u32 = 5;

/// Sends commands to whom they concern, until they are carried out or time runs out. All commands of this store may be
/// carried out twice without harm, so they are repeated although nobody knows what became of them.
pub(super) struct Router {
    pub(super) nodes: Nodes,
    map: Mutex<Map>,
}

/// What is known of the cluster.
struct Map {
    topology: Option<Arc<Topology>>,
    /// Whether a node contradicted it.
    stale: bool,
    /// A single server, of which there is nothing to learn.
    fixed: bool,
}

impl Router {
    /// For the one server at this address.
    pub(super) fn single(nodes: Nodes, address: Address) -> Self {
        let topology = Some(Arc::new(Topology::single(address)));
        Self { nodes, map: Mutex::new(Map { topology, stale: false, fixed: true }) }
    }

    /// For a cluster, of which nothing is known yet.
    pub(super) fn cluster(nodes: Nodes) -> Self {
        Self { nodes, map: Mutex::new(Map { topology: None, stale: false, fixed: false }) }
    }

    /// Whether there is one server and never another.
    pub(super) fn is_single(&self) -> bool {
        self.lock().fixed
    }

    /// Has commands on keys of one slot carried out and returns an answer for each, none of them an error.
    pub(super) async fn call(
        &self,
        slot: u16,
        commands: &[Cmd],
        patience: &Patience,
    ) -> Result<Vec<Value>, Refusal> {
        let (mut tries, mut redirections) = (0, 0);
        let mut elsewhere = None;
        let mut answer = None;
        loop {
            let refusal = match self.attempt(slot, elsewhere.take(), commands, patience).await {
                Ok(answers) => return Ok(answers),
                Err(refusal) => refusal,
            };
            match refusal.next() {
                Next::GiveUp => return Err(refusal),
                Next::Elsewhere { node, asking } => {
                    // A key that moves is still its old owner's for all others.
                    self.lock().stale |= !asking;
                    redirections += 1;
                    if redirections <= REDIRECTIONS {
                        elsewhere = Some((node, asking));
                        continue;
                    }
                }
                Next::Again => self.lock().stale = true,
            }
            // What a node said tells more than that it said nothing in the little time that was left.
            if !matches!(refusal, Refusal::Silent { .. }) {
                answer = Some(refusal.clone());
            }
            if !patience.pause(tries).await {
                return Err(answer.unwrap_or(refusal));
            }
            tries += 1;
        }
    }

    /// Who serves what, asked anew if that was in doubt.
    pub(super) async fn topology(&self, patience: &Patience) -> Result<Arc<Topology>, Refusal> {
        let known = {
            let map = self.lock();
            match &map.topology {
                Some(topology) if map.fixed || !(map.stale || self.nodes.has_suspect()) => {
                    return Ok(Arc::clone(topology));
                }
                known => known.clone(),
            }
        };
        let masters = known.iter().flat_map(|topology| topology.masters()).cloned();
        let mut refusal = Refusal::Uncovered { missing: usize::from(super::slot::COUNT) };
        let nodes = self.nodes.to_ask(masters);
        for (index, node) in nodes.iter().enumerate() {
            match self.ask_topology(node, &patience.for_one_of(nodes.len() - index)).await {
                Ok(topology) => {
                    let topology = Arc::new(topology);
                    let mut map = self.lock();
                    map.topology = Some(Arc::clone(&topology));
                    map.stale = false;
                    return Ok(topology);
                }
                Err(said) => refusal = said,
            }
            if patience.is_over() {
                break;
            }
        }
        self.lock().stale = true;
        Err(refusal)
    }

    async fn attempt(
        &self,
        slot: u16,
        elsewhere: Option<(Address, bool)>,
        commands: &[Cmd],
        patience: &Patience,
    ) -> Result<Vec<Value>, Refusal> {
        let (node, asking) = match elsewhere {
            Some(elsewhere) => elsewhere,
            None => (self.owner(slot, patience).await?, false),
        };
        if !asking {
            return none_refused(&node, self.nodes.send(&node, commands, patience).await?);
        }
        // `ASKING` holds for one command.
        let asked: Vec<Cmd> = commands.iter().flat_map(|command| [cmd("ASKING"), command.clone()]).collect();
        let answers = none_refused(&node, self.nodes.send(&node, &asked, patience).await?)?;
        Ok(answers.into_iter().skip(1).step_by(2).collect())
    }

    async fn owner(&self, slot: u16, patience: &Patience) -> Result<Address, Refusal> {
        let topology = self.topology(patience).await?;
        topology.owner(slot).cloned().ok_or_else(|| Refusal::Uncovered { missing: topology.uncovered() })
    }

    async fn ask_topology(&self, node: &Address, patience: &Patience) -> Result<Topology, Refusal> {
        let mut slots = cmd("CLUSTER");
        slots.arg("SLOTS");
        let answers = none_refused(node, self.nodes.send(node, &[slots], patience).await?)?;
        let topology = answers.first().and_then(|answer| Topology::read(answer, node));
        topology.ok_or_else(|| Refusal::Garbled { node: node.clone() })
    }

    // Every change is one statement, so a poisoned lock guards what is whole.
    fn lock(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answers, unless one is an error.
pub(super) fn none_refused(node: &Address, answers: Vec<Value>) -> Result<Vec<Value>, Refusal> {
    let refused = answers.iter().find_map(|answer| match answer {
        Value::ServerError(error) => Some(Refusal::from_server(node, error)),
        _ => None,
    });
    refused.map_or(Ok(answers), Err)
}
