//! Moving slots with everything in them from one master to another, while clients go on.
//!
//! While a slot moves, clients meet ASK for keys that have gone, TRYAGAIN for commands on keys of which some have, and
//! afterwards MOVED.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Cluster, Reply, Wire};
use crate::error::{Context, Error, Result};

/// How long a slot may take, whatever its keys do meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many keys go at once: few, so that clients meet a slot of which a part has gone.
const KEYS: &str = "1";

/// Milliseconds that one key may take to the other master. It stands still for its clients meanwhile.
const MIGRATE_TIMEOUT: &str = "500";

/// A slot on its way.
#[derive(Debug, Clone, Copy)]
pub struct Move {
    /// The slot.
    pub slot: u16,
    /// The port of the master that has it.
    pub from: u16,
    /// The port of the master that gets it.
    pub to: u16,
    /// The pause after each key.
    pub pace: Duration,
}

impl Cluster {
    /// The slots of a shard that hold keys.
    ///
    /// # Errors
    /// When its master does not answer.
    pub fn occupied_slots(&self, shard: usize) -> Result<Vec<u16>> {
        let master = self.master(shard)?;
        let action = || format!("count the keys of {}", master.name());
        let view = master.view().ok_or("it does not answer").context(action)?;
        let slots: Vec<u16> =
            view.myself().into_iter().flat_map(|me| me.slots.iter().cloned().flatten()).collect();
        let commands: Vec<Vec<Vec<u8>>> = slots
            .iter()
            .map(|slot| vec![b"CLUSTER".to_vec(), b"COUNTKEYSINSLOT".to_vec(), slot.to_string().into_bytes()])
            .collect();
        let counts =
            Wire::open(master.port()).and_then(|mut wire| wire.ask_all(&commands)).context(action)?;
        let occupied =
            slots.into_iter().zip(counts).filter(|(_, count)| matches!(count, Reply::Integer(1..)));
        Ok(occupied.map(|(slot, _)| slot).collect())
    }

    /// Moves a slot, key by key, and answers how many keys there were.
    ///
    /// # Errors
    /// When it is not done within half a minute; then the slot lies between the two masters.
    pub fn move_slot(&self, order: Move) -> Result<usize> {
        let Move { slot, from, to, .. } = order;
        let action = || format!("move slot {slot} from port {from} to port {to}");
        let [source, target] = [self.node(from)?, self.node(to)?];
        let (source_id, target_id, slot) = (source.id()?, target.id()?, slot.to_string());
        target.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id])?;
        source.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id])?;
        let mut wire = Wire::open(from).context(action)?;
        let began = Instant::now();
        let mut moved = 0;
        loop {
            moved += move_keys(&mut wire, &order, &slot).context(action)?;
            // The one who gets it learns it first: nobody may be sent to a master that does not know that it has the slot.
            let settled = [target, source]
                .into_iter()
                .map(|node| node.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id]));
            // The source refuses while it holds a key, which then goes in the next round.
            let Some(error) = settled.filter_map(Result::err).next() else { break };
            if began.elapsed() > PATIENCE {
                return Err(error).context(action);
            }
        }
        for shard in 0..super::SHARDS {
            let master = self.master(shard)?;
            if ![from, to].contains(&master.port()) {
                master.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id])?;
            }
        }
        Ok(moved)
    }

    fn node(&self, port: u16) -> Result<&super::Node> {
        let found = self.nodes.iter().find(|node| node.port() == port);
        found.ok_or_else(|| Error::Refused(format!("no node of the cluster listens on port {port}")))
    }
}

/// Moves the keys that are there, and answers how many.
fn move_keys(wire: &mut Wire, order: &Move, slot: &str) -> std::io::Result<usize> {
    let began = Instant::now();
    let mut moved = 0;
    while began.elapsed() < PATIENCE {
        let keys = wire.ask(&[b"CLUSTER", b"GETKEYSINSLOT", slot.as_bytes(), KEYS.as_bytes()])?;
        let keys: Vec<&[u8]> = keys.parts().iter().filter_map(bytes).collect();
        if keys.is_empty() {
            break;
        }
        let port = order.to.to_string();
        let (host, database) = (b"127.0.0.1".as_slice(), b"0".as_slice());
        let mut command =
            vec![b"MIGRATE", host, port.as_bytes(), b"", database, MIGRATE_TIMEOUT.as_bytes(), b"KEYS"];
        command.extend(&keys);
        match wire.ask(&command)? {
            // The other master was busy: the key is still here.
            Reply::Error(error) if error.starts_with("IOERR") => {}
            Reply::Error(error) => return Err(std::io::Error::other(error)),
            _ => moved += keys.len(),
        }
        sleep(order.pace);
    }
    Ok(moved)
}

fn bytes(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::Bulk(bytes) => Some(bytes),
        _ => None,
    }
}
