//! The connections to the nodes, opened when first needed and closed when in doubt.
//!
//! A connection lives on the runtime that opened it, and is of no use to another: that runtime may stand still or be
//! gone. So the connections are those of one runtime, and a call from another one begins anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::runtime::{Handle, Id};

use super::access::Access;
use super::address::Address;
use super::patience::Patience;
use super::refusal::Refusal;

/// One connection a node at most.
pub(super) struct Nodes {
    access: Arc<Access>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    runtime: Option<Id>,
    connections: HashMap<Address, MultiplexedConnection>,
    /// The node that left an exchange unfinished last, so that others are asked before it.
    suspect: Option<Address>,
}

impl Nodes {
    pub(super) fn new(access: Arc<Access>) -> Self {
        Self { access, open: Mutex::default() }
    }

    /// Sends commands in one go and returns an answer for each, errors of the server among them.
    ///
    /// # Cancellation safety
    /// If the exchange fails or its future is dropped, the connection is not used again: what it would bring next may
    /// belong to this exchange, or never come.
    pub(super) async fn send(
        &self,
        node: &Address,
        commands: &[Cmd],
        patience: &Patience,
    ) -> Result<Vec<Value>, Refusal> {
        let runtime = Handle::try_current().map_err(|_| Refusal::NoRuntime)?.id();
        let after = patience.exchange();
        let mut exchange = Exchange { nodes: self, node, finished: false };
        let answers = async {
            let mut connection = self.connection(runtime, node).await?;
            let answers = exchange_on(&mut connection, commands).await;
            answers.map_err(|error| Refusal::from_client(node, &error))
        };
        let answers = tokio::time::timeout(after, answers).await;
        let answers = answers.unwrap_or_else(|_| Err(Refusal::Silent { node: node.clone(), after }))?;
        if answers.len() != commands.len() {
            return Err(Refusal::Garbled { node: node.clone() });
        }
        exchange.finished = true;
        Ok(answers)
    }

    /// The nodes to ask about the cluster: first those with an open connection, which answered last time, and last the
    /// one that hung just now; among equals in an order that differs each time, so that two that hang are not asked first
    /// for ever.
    pub(super) fn to_ask(&self, known: impl IntoIterator<Item = Address>) -> Vec<Address> {
        let mut open = self.lock();
        let mut nodes: Vec<Address> = known.into_iter().chain(self.access.seeds.iter().cloned()).collect();
        nodes.sort();
        nodes.dedup();
        let start = usize::try_from(crate::random::random_u64()).unwrap_or(0) % nodes.len().max(1);
        nodes.rotate_left(start);
        let suspect = open.suspect.take();
        nodes.sort_by_key(|node| (suspect.as_ref() == Some(node), !open.connections.contains_key(node)));
        nodes
    }

    /// Whether a node failed since this was asked last.
    pub(super) fn has_suspect(&self) -> bool {
        self.lock().suspect.is_some()
    }

    async fn connection(&self, runtime: Id, node: &Address) -> Result<MultiplexedConnection, Refusal> {
        {
            let mut open = self.lock();
            if open.runtime != Some(runtime) {
                open.connections.clear();
                open.runtime = Some(runtime);
            }
            if let Some(connection) = open.connections.get(node) {
                return Ok(connection.clone());
            }
        }
        let connection = self.access.open(node).await?;
        let mut open = self.lock();
        // A call from another runtime may have come first.
        if open.runtime == Some(runtime) {
            open.connections.insert(node.clone(), connection.clone());
        }
        Ok(connection)
    }

    // Every change is one statement, so a poisoned lock guards what is whole.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn exchange_on(connection: &mut MultiplexedConnection, commands: &[Cmd]) -> RedisResult<Vec<Value>> {
    // Alone, a command's answer is told from what is no answer at all; in a pipeline that looks like a closed connection.
    if let [command] = commands {
        return connection.send_packed_command(command).await.map(|answer| vec![answer]);
    }
    let mut pipeline = Pipeline::with_capacity(commands.len());
    for command in commands {
        pipeline.add_command(command.clone());
    }
    connection.send_packed_commands(&pipeline, 0, commands.len()).await
}

/// An exchange that is under way.
struct Exchange<'a> {
    nodes: &'a Nodes,
    node: &'a Address,
    finished: bool,
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let mut open = self.nodes.lock();
            open.connections.remove(self.node);
            open.suspect = Some(self.node.clone());
        }
    }
}
