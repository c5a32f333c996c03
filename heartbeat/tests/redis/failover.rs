//! A cluster that loses masters, and moves slots.

use std::time::Duration;

use cofferdam_heartbeat::{Publisher, RedisStore, Store};

use crate::common::server::{Cluster, cli};
use crate::common::{document, first_beat, settled};
use crate::fleet::{Fleet, INTERVAL, TTL, every_call_ends};

const TIMEOUT: Duration = Duration::from_millis(1500);
const BOUND: Duration = Duration::from_millis(2500);

/// A key of the index. The other one is in the same slot.
const INDEX: &str = "worker:heartbeat-{index}:seen";

/// What the other nodes may take to hear of the new master, and the workers to find it.
const BACK: Duration = Duration::from_millis(3000);

async fn connect(cluster: &Cluster) -> RedisStore {
    RedisStore::builder(cluster.urls()).timeout(TIMEOUT).connect().await.unwrap()
}

fn take_over(port: u16) {
    assert_eq!(cli(port, &["CLUSTER", "FAILOVER", "TAKEOVER"]).trim(), "OK");
}

/// The replica heard nothing for longer than a TTL: in its memory every document expired and the index is old. The old
/// master lives on and hands its clients over, so that no call fails.
#[tokio::test]
async fn a_new_master_that_missed_every_beat_kills_nobody() {
    let cluster = Cluster::start(&[]);
    let store = connect(&cluster).await;
    let mut fleet = Fleet::start(&store, 30).await;
    let (master, replica) = cluster.serving(INDEX);
    let port = cluster.nodes[replica].port;
    for setting in ["masteruser", "masterauth"] {
        assert_eq!(cli(port, &["CONFIG", "SET", setting, "nobody"]).trim(), "OK");
    }
    assert_eq!(cli(cluster.nodes[master].port, &["CLIENT", "KILL", "TYPE", "replica"]).trim(), "1");
    tokio::time::sleep(2 * TTL).await;
    fleet.all_beat_again(TTL).await;
    take_over(port);
    let took = fleet.all_beat_again(INTERVAL + BACK).await;
    println!("taken over by a replica that lagged, all back after {took:?}");
    assert!(fleet.died().is_empty(), "{:?}", fleet.died());
    tokio::time::sleep(TTL + INTERVAL).await;
    fleet.one_dies().await;
}

/// Nothing is lost in time: the old master hands over in order, so no call ever fails, and the index is emptied on the
/// way.
#[tokio::test]
async fn a_new_master_without_an_index_kills_nobody() {
    let cluster = Cluster::start(&[]);
    let store = connect(&cluster).await;
    let mut fleet = Fleet::start(&store, 10).await;
    let (_, replica) = cluster.serving(INDEX);
    let port = cluster.nodes[replica].port;
    assert_eq!(cli(port, &["CLUSTER", "FAILOVER", "TAKEOVER"]).trim(), "OK");
    assert_eq!(cli(port, &["FLUSHALL"]).trim(), "OK");
    fleet.all_beat_again(INTERVAL + BACK).await;
    assert!(fleet.died().is_empty(), "{:?}", fleet.died());
    tokio::time::sleep(TTL + INTERVAL).await;
    fleet.one_dies().await;
}

#[tokio::test]
async fn a_master_that_is_killed_or_hangs_holds_no_call_and_kills_nobody() {
    let mut cluster = Cluster::start(&[]);
    let store = connect(&cluster).await;
    let mut fleet = Fleet::start(&store, 30).await;
    // One that gives its calls up long before the store would: what hangs must not be asked for ever.
    let hasty = Publisher::builder(store.clone(), "hasty");
    let hasty = hasty.interval(Duration::from_millis(100)).ttl(TTL).build().unwrap();
    let key = cofferdam_heartbeat::key(hasty.worker_id());

    let (hanging, heir) = cluster.serving(&key);
    cluster.nodes[hanging].freeze();
    every_call_ends(&store, BOUND).await;
    take_over(cluster.nodes[heir].port);
    tokio::time::timeout(BACK, settled(&hasty)).await.unwrap();
    fleet.all_beat_again(INTERVAL + BACK).await;
    assert!(fleet.died().is_empty(), "{:?}", fleet.died());
    cluster.nodes[hanging].thaw();
    tokio::time::sleep(TTL + INTERVAL).await;

    let (master, replica) = cluster.serving(INDEX);
    cluster.nodes[master].kill();
    let errors = every_call_ends(&store, BOUND).await;
    assert!(!errors.is_empty());
    take_over(cluster.nodes[replica].port);
    fleet.publishers.push(hasty);
    fleet.all_beat_again(INTERVAL + BACK).await;
    assert!(fleet.died().is_empty(), "{:?}", fleet.died());
}

#[tokio::test]
async fn slots_that_move_are_followed() {
    let cluster = Cluster::start(&[]);
    let store = connect(&cluster).await;
    let long = Duration::from_secs(60);
    store.put("w#1", document("w#1"), long).await.unwrap();
    let listed = async || {
        let mut listed = store.list().await.unwrap().entries;
        listed.sort_by(|left, right| left.worker_id.cmp(&right.worker_id));
        listed.into_iter().map(|entry| (entry.worker_id, entry.document)).collect::<Vec<_>>()
    };
    for (key, keys) in [
        ("worker:heartbeat:w#1", vec!["worker:heartbeat:w#1"]),
        (INDEX, vec![INDEX, "worker:heartbeat-{index}:expiry"]),
    ] {
        let slot = cli(cluster.nodes[0].port, &["CLUSTER", "KEYSLOT", key]);
        let (from, _) = cluster.serving(key);
        let (to, _) = cluster.serving(
            ["a", "b", "c", "d", "e"].into_iter().find(|other| cluster.serving(other).0 != from).unwrap(),
        );
        let id = |node: usize| cli(cluster.nodes[node].port, &["CLUSTER", "MYID"]).trim().to_owned();
        let set_slot = |node: usize, what: &str, other: usize| {
            let port = cluster.nodes[node].port;
            assert_eq!(cli(port, &["CLUSTER", "SETSLOT", slot.trim(), what, &id(other)]).trim(), "OK");
        };
        set_slot(to, "IMPORTING", from);
        set_slot(from, "MIGRATING", to);
        store.put("w#1", "before".to_owned(), long).await.unwrap();
        for key in keys {
            let port = cluster.nodes[to].port.to_string();
            let moved = cli(cluster.nodes[from].port, &["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
            assert_eq!(moved.trim(), "OK");
        }
        assert_eq!(listed().await, [("w#1".to_owned(), Some("before".to_owned()))], "asked for");
        store.put("w#1", "while".to_owned(), long).await.unwrap();
        assert_eq!(listed().await, [("w#1".to_owned(), Some("while".to_owned()))]);
        for node in [to, from] {
            set_slot(node, "NODE", to);
        }
        store.put("w#1", "after".to_owned(), long).await.unwrap();
        assert_eq!(listed().await, [("w#1".to_owned(), Some("after".to_owned()))], "moved for good");
    }
    let era = store.list().await.unwrap().era;
    assert_eq!(store.list().await.unwrap().era, era, "who has moved is no longer in doubt");
}

#[tokio::test]
async fn a_worker_costs_a_cluster_three_connections_at_most() {
    let cluster = Cluster::start(&[]);
    let store = connect(&cluster).await;
    let count = || {
        let clients = cluster.nodes.iter().map(|node| {
            let clients = cli(node.port, &["CLIENT", "LIST", "TYPE", "normal"]);
            // All but the one that asks.
            clients.lines().filter(|line| !line.contains("cmd=client")).count()
        });
        clients.sum::<usize>()
    };
    let before = count();
    let publishers: Vec<Publisher> = (0..20)
        .map(|n| {
            let publisher = Publisher::builder(store.clone(), format!("worker-{n}"));
            publisher.interval(INTERVAL).ttl(TTL).build().unwrap()
        })
        .collect();
    for publisher in &publishers {
        first_beat(publisher).await;
    }
    tokio::time::sleep(2 * INTERVAL).await;
    let each = (count() - before) as f64 / 20.0;
    println!("{each} connections a worker");
    assert!(each <= 3.0, "{each}");
}
