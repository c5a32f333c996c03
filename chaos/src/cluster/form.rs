//! Making a cluster of nodes that do not know each other.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::address::BUS;
use super::{Node, PAUSE, SHARDS};
use crate::error::{Error, Result};

const SLOTS: usize = 16_384;

/// How long the nodes may take until all know all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gives each shard an equal range of slots, introduces the nodes to each other and makes the second of each pair follow
/// the first.
pub(super) fn form(nodes: &[Node]) -> Result {
    let (masters, replicas) = nodes.split_at(SHARDS.min(nodes.len()));
    for (number, node) in nodes.iter().enumerate() {
        // Different from the start, so that the nodes need not sort it out among themselves.
        node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()])?;
    }
    for (number, master) in masters.iter().enumerate() {
        let first = SLOTS * number / SHARDS;
        let last = SLOTS * (number + 1) / SHARDS - 1;
        master.ask(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()])?;
    }
    if let Some((known, others)) = nodes.split_first() {
        for node in others {
            let [port, bus] = [node.port(), node.port() + BUS].map(|port| port.to_string());
            known.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        }
    }
    await_acquaintance(nodes)?;
    for (master, replica) in masters.iter().zip(replicas) {
        replica.ask(&["CLUSTER", "REPLICATE", &master.id()?])?;
    }
    Ok(())
}

fn await_acquaintance(nodes: &[Node]) -> Result {
    let began = Instant::now();
    let knows_all = |node: &Node| {
        let view = node.view();
        view.is_some_and(|view| {
            view.members.len() == nodes.len() && view.members.iter().all(|one| !one.is_failing)
        })
    };
    while !nodes.iter().all(knows_all) {
        if began.elapsed() > PATIENCE {
            let remedy = "see the logs of the nodes".to_owned();
            let what = "the acquaintance of all nodes".to_owned();
            return Err(Error::TooLate { what, seconds: PATIENCE.as_secs(), remedy });
        }
        sleep(PAUSE);
    }
    Ok(())
}
