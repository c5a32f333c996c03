//! What befalls the nodes of the cluster.

use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;

use super::lane::{Fault, Scene, time};
use crate::cluster::{Cluster, Move, SHARDS, Watch};
use crate::error::Result;
use crate::history::What;

/// How long a cluster may take to be whole again after a fault is healed: a node reads its file and follows its master.
const HEALING: Duration = Duration::from_secs(60);

/// How long a new master is watched for its first client: well beyond what is allowed.
const WATCHING: Duration = Duration::from_secs(10);

/// A slot goes from one shard to another; at most so many in one fault.
const SLOTS: usize = 3;

/// A fault of a node, or of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeFault {
    /// A master is killed, and started again a while after its replica has taken over.
    KillMaster {
        /// Whose master.
        shard: usize,
        /// The while.
        gone: Duration,
    },
    /// A master stands still until its replica has taken over and a while longer, and goes on as if it were the master.
    FreezeMaster {
        /// Whose master.
        shard: usize,
        /// The while.
        longer: Duration,
    },
    /// A master stands still for too short a time to be deposed.
    StallMaster {
        /// Whose master.
        shard: usize,
        /// For how long.
        still: Duration,
    },
    /// A replica makes itself the master without asking anybody.
    TakeOver {
        /// Whose replica.
        shard: usize,
    },
    /// A master hands over to its replica in good order.
    HandOver {
        /// Whose master.
        shard: usize,
    },
    /// Slots with keys in them move from one shard to another under load.
    Reshard {
        /// The one that has them.
        from: usize,
        /// The one that gets them.
        to: usize,
        /// The pause after each key.
        pace: Duration,
    },
    /// All masters forget all scripts and functions, three times.
    FlushScripts,
    /// A master lets its clients wait.
    PauseClients {
        /// Whose master.
        shard: usize,
        /// For how long.
        pause: Duration,
        /// Whether those who only read are served.
        writes_only: bool,
    },
    /// A replica falls behind, and then its master is killed.
    KillMasterOfLagging {
        /// Whose replica.
        shard: usize,
        /// How far behind.
        lag: Duration,
    },
    /// A replica stands still, its master is killed, and the replica goes on.
    KillMasterOfFrozen {
        /// Whose replica.
        shard: usize,
        /// How long before the kill.
        still: Duration,
    },
    /// A replica is killed, and started again after a while.
    KillReplica {
        /// Whose replica.
        shard: usize,
        /// The while.
        gone: Duration,
    },
    /// A replica stands still.
    FreezeReplica {
        /// Whose replica.
        shard: usize,
        /// For how long.
        still: Duration,
    },
}

impl Fault for NodeFault {
    type Stage = Cluster;

    const KINDS: usize = 12;

    fn draw(kind: usize, rng: &mut Rng) -> Self {
        let shard = rng.usize(0..SHARDS);
        match kind {
            0 => Self::KillMaster { shard, gone: time(rng, 0..3_000) },
            1 => Self::FreezeMaster { shard, longer: time(rng, 0..2_000) },
            2 => Self::StallMaster { shard, still: time(rng, 100..1_500) },
            3 => Self::TakeOver { shard },
            4 => Self::HandOver { shard },
            5 => {
                let to = (shard + rng.usize(1..SHARDS)) % SHARDS;
                Self::Reshard { from: shard, to, pace: time(rng, 5..80) }
            }
            6 => Self::FlushScripts,
            7 => Self::PauseClients { shard, pause: time(rng, 200..3_000), writes_only: rng.bool() },
            8 => Self::KillMasterOfLagging { shard, lag: time(rng, 500..3_000) },
            9 => Self::KillMasterOfFrozen { shard, still: time(rng, 300..1_500) },
            10 => Self::KillReplica { shard, gone: time(rng, 0..3_000) },
            _ => Self::FreezeReplica { shard, still: time(rng, 500..4_000) },
        }
    }

    fn loses_master(&self) -> bool {
        match self {
            Self::KillMaster { .. }
            | Self::FreezeMaster { .. }
            | Self::TakeOver { .. }
            | Self::KillMasterOfLagging { .. }
            | Self::KillMasterOfFrozen { .. } => true,
            Self::StallMaster { .. }
            | Self::HandOver { .. }
            | Self::Reshard { .. }
            | Self::FlushScripts
            | Self::PauseClients { .. }
            | Self::KillReplica { .. }
            | Self::FreezeReplica { .. } => false,
        }
    }

    fn strike(&self, cluster: &mut Cluster, scene: &Scene<'_>) -> Result {
        match *self {
            Self::KillMaster { shard, gone } => kill_master(cluster, scene, shard, gone),
            Self::FreezeMaster { shard, longer } => freeze_master(cluster, scene, shard, longer),
            Self::StallMaster { shard, still } => {
                let master = cluster.master(shard)?;
                master.freeze()?;
                sleep(still);
                master.thaw()
            }
            Self::TakeOver { shard } => depose(cluster, scene, shard, &["CLUSTER", "FAILOVER", "TAKEOVER"]),
            Self::HandOver { shard } => depose(cluster, scene, shard, &["CLUSTER", "FAILOVER"]),
            Self::Reshard { from, to, pace } => reshard(cluster, from, to, pace),
            Self::FlushScripts => flush_scripts(cluster),
            Self::PauseClients { shard, pause, writes_only } => {
                let (time, whom) = (pause.as_millis().to_string(), if writes_only { "WRITE" } else { "ALL" });
                cluster.master(shard)?.ask(&["CLIENT", "PAUSE", &time, whom])?;
                sleep(pause);
                Ok(())
            }
            Self::KillMasterOfLagging { shard, lag } => kill_master_of_lagging(cluster, scene, shard, lag),
            Self::KillMasterOfFrozen { shard, still } => kill_master_of_frozen(cluster, scene, shard, still),
            Self::KillReplica { shard, gone } => {
                let port = cluster.replica(shard)?.port();
                cluster.node_mut(port)?.kill()?;
                sleep(gone);
                cluster.node_mut(port)?.start_again()
            }
            Self::FreezeReplica { shard, still } => {
                let replica = cluster.replica(shard)?;
                replica.freeze()?;
                sleep(still);
                replica.thaw()
            }
        }?;
        cluster.await_whole(HEALING)
    }
}

/// Writes down when the replica serves as the master, and when the first client has found it.
fn await_return(scene: &Scene<'_>, watch: &mut Watch) -> Result {
    watch.await_promotion()?;
    scene.write(What::Promoted { fault: scene.number });
    if watch.await_service(WATCHING) {
        scene.write(What::Served { fault: scene.number });
    }
    Ok(())
}

fn kill_master(cluster: &mut Cluster, scene: &Scene<'_>, shard: usize, gone: Duration) -> Result {
    let (mut watch, port) = (cluster.watch(shard)?, cluster.master(shard)?.port());
    cluster.node_mut(port)?.kill()?;
    await_return(scene, &mut watch)?;
    sleep(gone);
    cluster.node_mut(port)?.start_again()
}

fn freeze_master(cluster: &Cluster, scene: &Scene<'_>, shard: usize, longer: Duration) -> Result {
    let (mut watch, master) = (cluster.watch(shard)?, cluster.master(shard)?);
    master.freeze()?;
    await_return(scene, &mut watch)?;
    sleep(longer);
    master.thaw()
}

fn depose(cluster: &Cluster, scene: &Scene<'_>, shard: usize, command: &[&str]) -> Result {
    let mut watch = cluster.watch(shard)?;
    cluster.replica(shard)?.ask(command)?;
    await_return(scene, &mut watch)
}

fn reshard(cluster: &Cluster, from: usize, to: usize, pace: Duration) -> Result {
    let [source, target] = [cluster.master(from)?.port(), cluster.master(to)?.port()];
    // One stays: a master without any would be missed by nobody, and whoever waits for its return would wait in vain.
    for slot in cluster.occupied_slots(from)?.into_iter().skip(1).take(SLOTS) {
        cluster.move_slot(Move { slot, from: source, to: target, pace })?;
    }
    Ok(())
}

fn flush_scripts(cluster: &Cluster) -> Result {
    for _ in 0..3 {
        for shard in 0..SHARDS {
            let master = cluster.master(shard)?;
            master.ask(&["SCRIPT", "FLUSH"])?;
            master.ask(&["FUNCTION", "FLUSH"])?;
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn kill_master_of_lagging(cluster: &mut Cluster, scene: &Scene<'_>, shard: usize, lag: Duration) -> Result {
    let mut watch = cluster.watch(shard)?;
    let [old, new] = [cluster.master(shard)?.port(), cluster.replica(shard)?.port()];
    cluster.node_mut(new)?.cut_link()?;
    sleep(lag);
    cluster.node_mut(old)?.kill()?;
    await_return(scene, &mut watch)?;
    cluster.node_mut(new)?.mend_link()?;
    cluster.node_mut(old)?.start_again()
}

fn kill_master_of_frozen(cluster: &mut Cluster, scene: &Scene<'_>, shard: usize, still: Duration) -> Result {
    let mut watch = cluster.watch(shard)?;
    let [old, new] = [cluster.master(shard)?.port(), cluster.replica(shard)?.port()];
    cluster.node_mut(new)?.freeze()?;
    sleep(still);
    cluster.node_mut(old)?.kill()?;
    cluster.node_mut(new)?.thaw()?;
    await_return(scene, &mut watch)?;
    cluster.node_mut(old)?.start_again()
}

impl fmt::Display for NodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillMaster { shard, gone } => {
                write!(f, "kill the master of shard {shard}, gone for {gone:?}")
            }
            Self::FreezeMaster { shard, longer } => {
                write!(f, "freeze the master of shard {shard} until it is deposed and {longer:?} longer")
            }
            Self::StallMaster { shard, still } => {
                write!(f, "stall the master of shard {shard} for {still:?}")
            }
            Self::TakeOver { shard } => write!(f, "let the replica of shard {shard} take over"),
            Self::HandOver { shard } => write!(f, "let the master of shard {shard} hand over"),
            Self::Reshard { from, to, pace } => {
                write!(f, "move slots from shard {from} to shard {to}, a key every {pace:?}")
            }
            Self::FlushScripts => write!(f, "flush the scripts and functions of all masters"),
            Self::PauseClients { shard, pause, writes_only } => {
                let whom = if *writes_only { "writing clients" } else { "clients" };
                write!(f, "let the {whom} of shard {shard} wait for {pause:?}")
            }
            Self::KillMasterOfLagging { shard, lag } => {
                write!(f, "let the replica of shard {shard} lag by {lag:?} and kill its master")
            }
            Self::KillMasterOfFrozen { shard, still } => {
                write!(f, "freeze the replica of shard {shard} for {still:?} and kill its master")
            }
            Self::KillReplica { shard, gone } => {
                write!(f, "kill the replica of shard {shard}, gone for {gone:?}")
            }
            Self::FreezeReplica { shard, still } => {
                write!(f, "freeze the replica of shard {shard} for {still:?}")
            }
        }
    }
}
