//! A real cluster: its failovers, a real loss, and a slot that moves under a client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cofferdam_chaos::cluster::{Cluster, Move, Reply, Wire, find_server};
use cofferdam_chaos::process::Spawner;

const PATIENCE: Duration = Duration::from_secs(60);

fn start(folder: &Path, first_port: u16) -> Cluster {
    let spawner = Spawner::start(env!("CARGO_BIN_EXE_cofferdam-chaos").into()).unwrap();
    Cluster::start(&spawner, &find_server().unwrap(), folder, first_port).unwrap()
}

/// What the node on this port answers, errors included.
fn ask(port: u16, words: &[&str]) -> Reply {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    Wire::open(port).unwrap().ask(&words).unwrap()
}

/// Keys of one slot, which belongs to the first shard of a new cluster: "b" has slot 3300.
fn key(number: usize) -> String {
    format!("{{b}}{number}")
}

const SLOT: u16 = 3300;

fn put(port: u16, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_eq!(ask(port, &["SET", &key(number), "x"]), Reply::Status("OK".into()), "{number}");
    }
}

fn size(port: u16) -> Reply {
    ask(port, &["DBSIZE"])
}

#[test]
fn a_killed_master_is_replaced_and_comes_back_as_a_replica() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = start(folder.path(), 23_000);
    assert_eq!(cluster.urls().split(',').count(), 6);
    let (old, new) = (cluster.master(0).unwrap().port(), cluster.replica(0).unwrap().port());
    put(old, 0..50);

    let mut watch = cluster.watch(0).unwrap();
    let began = Instant::now();
    cluster.node_mut(old).unwrap().kill().unwrap();
    watch.await_promotion().unwrap();
    assert!(began.elapsed() > Duration::from_secs(1), "the failover came before the node timeout");
    assert!(!watch.await_service(Duration::from_millis(300)), "nobody has called yet");
    assert_eq!(
        ask(new, &["EVAL", "return redis.call('get', KEYS[1])", "1", &key(0)]),
        Reply::Bulk(b"x".to_vec())
    );
    assert!(watch.await_service(Duration::from_secs(1)));
    put(new, 50..60);
    assert!(
        cluster.await_whole(Duration::from_millis(500)).is_err(),
        "a cluster without one of its nodes is whole"
    );

    cluster.node_mut(old).unwrap().start_again().unwrap();
    cluster.await_whole(PATIENCE).unwrap();
    assert_eq!((cluster.master(0).unwrap().port(), cluster.replica(0).unwrap().port()), (new, old));
    assert_eq!((size(new), size(old)), (Reply::Integer(60), Reply::Integer(60)));

    // And back again, this time without a death.
    let mut watch = cluster.watch(0).unwrap();
    cluster.replica(0).unwrap().ask(&["CLUSTER", "FAILOVER", "TAKEOVER"]).unwrap();
    watch.await_promotion().unwrap();
    cluster.await_whole(PATIENCE).unwrap();
    assert_eq!(cluster.master(0).unwrap().port(), old);
}

#[test]
fn only_a_cut_link_makes_a_replica_lose_what_its_master_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = start(folder.path(), 23_010);
    let (first, second) = (cluster.master(0).unwrap().port(), cluster.replica(0).unwrap().port());
    put(first, 0..10);

    // A replica that stands still reads what waited for it when it goes on, though its master is dead by then.
    let mut watch = cluster.watch(0).unwrap();
    cluster.node_mut(second).unwrap().freeze().unwrap();
    put(first, 10..20);
    cluster.node_mut(first).unwrap().kill().unwrap();
    cluster.node_mut(second).unwrap().thaw().unwrap();
    watch.await_promotion().unwrap();
    assert_eq!(size(second), Reply::Integer(20));
    cluster.node_mut(first).unwrap().start_again().unwrap();
    cluster.await_whole(PATIENCE).unwrap();

    // One whose link is cut does not, and what was acknowledged meanwhile is gone for good.
    let mut watch = cluster.watch(0).unwrap();
    cluster.node_mut(first).unwrap().cut_link().unwrap();
    thread::sleep(Duration::from_secs(2));
    put(second, 20..30);
    assert_eq!(ask(second, &["WAIT", "1", "200"]), Reply::Integer(0));
    cluster.node_mut(second).unwrap().kill().unwrap();
    watch.await_promotion().unwrap();
    assert_eq!(size(first), Reply::Integer(20));
    cluster.node_mut(first).unwrap().mend_link().unwrap();
    cluster.node_mut(second).unwrap().start_again().unwrap();
    cluster.await_whole(PATIENCE).unwrap();
    assert_eq!((size(first), size(second)), (Reply::Integer(20), Reply::Integer(20)));
}

#[test]
fn a_slot_moves_with_its_keys_while_a_client_meets_ask_and_tryagain() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = start(folder.path(), 23_020);
    let (from, to) = (cluster.master(0).unwrap().port(), cluster.master(1).unwrap().port());
    put(from, 0..40);
    assert_eq!(cluster.occupied_slots(0).unwrap(), [SLOT]);
    assert!(cluster.occupied_slots(1).unwrap().is_empty());

    let moved = AtomicBool::new(false);
    let met = thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut met = Vec::new();
            while !moved.load(Ordering::Relaxed) {
                for keys in [vec![key(0), key(39)], vec![key(99)]] {
                    let words: Vec<&str> =
                        ["MGET"].into_iter().chain(keys.iter().map(String::as_str)).collect();
                    if let Reply::Error(error) = ask(from, &words) {
                        met.extend(error.split(' ').next().map(str::to_owned));
                    }
                }
            }
            met
        });
        let order = Move { slot: SLOT, from, to, pace: Duration::from_millis(5) };
        let keys = cluster.move_slot(order);
        moved.store(true, Ordering::Relaxed);
        assert_eq!(keys.unwrap(), 40);
        client.join().unwrap()
    });
    for error in ["ASK", "TRYAGAIN"] {
        assert!(met.iter().any(|one| one == error), "no {error}");
    }
    cluster.await_whole(PATIENCE).unwrap();
    assert_eq!((size(from), size(to)), (Reply::Integer(0), Reply::Integer(40)));
    assert_eq!(cluster.occupied_slots(1).unwrap(), [SLOT]);
    let Reply::Error(error) = ask(from, &["GET", &key(0)]) else {
        panic!("the slot is still served by port {from}")
    };
    assert_eq!(error, format!("MOVED {SLOT} 127.0.0.1:{to}"));
}
