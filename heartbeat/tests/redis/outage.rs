//! A server that goes, hangs, refuses or forgets: no call waits longer than it may, and nobody dies of it.

use std::time::{Duration, Instant};

use cofferdam_heartbeat::{RedisStore, Store};

use crate::common::document;
use crate::common::server::{Server, cli};
use crate::fleet::{Fleet, INTERVAL, TTL, every_call_ends};
use crate::services::{prefix, single};

/// What a call gets, and what it may take on a busy machine.
const TIMEOUT: Duration = Duration::from_millis(1500);
const BOUND: Duration = Duration::from_millis(2500);

/// What the promise grants after the server is back.
const BACK: Duration = Duration::from_millis(1000);

async fn connect(server: &Server) -> RedisStore {
    RedisStore::builder(server.url()).timeout(TIMEOUT).connect().await.unwrap()
}

#[tokio::test]
async fn a_server_that_lost_everything_kills_nobody_and_all_come_back_within_an_interval() {
    let mut server = Server::start(&[]);
    let store = connect(&server).await;
    let mut fleet = Fleet::start(&store, 5).await;
    let id = fleet.publishers[0].worker_id().to_owned();
    for down in [Duration::ZERO, 2 * TTL] {
        server.kill();
        tokio::time::sleep(down).await;
        if !down.is_zero() {
            let errors = every_call_ends(&store, BOUND).await;
            assert_eq!(errors.len(), 4);
            assert!(errors[0].contains("cannot be reached: Connection refused"), "{errors:?}");
        }
        server.start_again();
        let took = fleet.all_beat_again(INTERVAL + BACK).await;
        println!("down for {down:?}, all back after {took:?}");
        assert!(fleet.died().is_empty(), "{:?}", fleet.died());
        assert_eq!(fleet.publishers[0].worker_id(), id);
    }
    fleet.one_dies().await;
}

#[tokio::test]
async fn a_server_that_hangs_holds_no_call_and_kills_nobody() {
    let server = Server::start(&[]);
    let store = connect(&server).await;
    let mut fleet = Fleet::start(&store, 3).await;
    server.freeze();
    let errors = every_call_ends(&store, BOUND).await;
    assert_eq!(errors.len(), 4);
    for error in errors {
        assert!(error.contains("did not answer within"), "{error}");
    }
    tokio::time::sleep(2 * TTL).await;
    server.thaw();
    let took = fleet.all_beat_again(INTERVAL + BACK).await;
    println!("thawed, all back after {took:?}");
    assert!(fleet.died().is_empty(), "{:?}", fleet.died());
    fleet.one_dies().await;
}

#[tokio::test]
async fn a_server_that_was_told_to_pause_holds_no_call_and_kills_nobody() {
    let server = Server::start(&[]);
    let store = connect(&server).await;
    let mut fleet = Fleet::start(&store, 3).await;
    // Longer than four calls that get no answer.
    let pause = 6 * TTL;
    let milliseconds = pause.as_millis().to_string();
    for kind in ["ALL", "WRITE"] {
        assert_eq!(cli(server.port, &["CLIENT", "PAUSE", &milliseconds, kind]).trim(), "OK");
        let begin = Instant::now();
        let errors = every_call_ends(&store, BOUND).await;
        assert_eq!(errors.len(), if kind == "ALL" { 4 } else { 3 }, "{kind}: {errors:?}");
        tokio::time::sleep(pause.saturating_sub(begin.elapsed())).await;
        fleet.all_beat_again(INTERVAL + BACK).await;
        assert!(fleet.died().is_empty(), "{kind}: {:?}", fleet.died());
    }
    fleet.one_dies().await;
}

#[tokio::test]
async fn nobody_dies_while_the_server_takes_no_writes() {
    let server = Server::start(&[]);
    let store = connect(&server).await;
    let mut fleet = Fleet::start(&store, 3).await;
    for (setting, refusing, code, remedy) in [
        ("min-replicas-to-write", "1", "NOREPLICAS", "bring a replica back"),
        ("maxmemory", "1", "OOM", "raise maxmemory"),
    ] {
        assert_eq!(cli(server.port, &["CONFIG", "SET", setting, refusing]).trim(), "OK");
        let error = store.put("w#1", document("w#1"), TTL).await.unwrap_err();
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert!(text.contains(code) && text.contains(remedy), "{text}");
        tokio::time::sleep(2 * TTL).await;
        assert_eq!(fleet.alive(), 0, "nobody could write");
        assert!(fleet.died().is_empty(), "{setting}: {:?}", fleet.died());
        assert_eq!(cli(server.port, &["CONFIG", "SET", setting, "0"]).trim(), "OK");
        fleet.all_beat_again(INTERVAL + BACK).await;
        // Ready again to call someone dead.
        tokio::time::sleep(TTL + INTERVAL).await;
        assert!(fleet.died().is_empty(), "{setting}: {:?}", fleet.died());
    }
    fleet.one_dies().await;
}

#[tokio::test]
async fn a_master_that_became_a_replica_is_not_read() {
    let (server, master) = (Server::start(&[]), Server::start(&[]));
    let store = connect(&server).await;
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    let (host, port) = ("127.0.0.1", master.port.to_string());
    assert_eq!(cli(server.port, &["REPLICAOF", host, &port]).trim(), "OK");
    let error = store.list().await.unwrap_err();
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert!(text.contains("read-only replica: name its master"), "{text}");
    let error = store.put("w#1", document("w#1"), TTL).await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("READONLY"), "{error:?}");
}

#[tokio::test]
async fn calls_that_are_given_up_at_any_moment_leave_a_store_that_works() {
    let server = Server::start(&[]);
    let store = connect(&server).await;
    for n in 0..200_u64 {
        let given_up = Duration::from_micros(n * 7 % 900);
        let id = format!("w#{n}");
        let _ = tokio::time::timeout(given_up, store.put(&id, document(&id), TTL)).await;
        let _ = tokio::time::timeout(given_up, store.list()).await;
        let _ = tokio::time::timeout(given_up, store.delete(&id)).await;
    }
    // Frozen, so that even the shortest wait is one in the middle.
    server.freeze();
    let put = store.put("w#1", document("w#1"), TTL);
    tokio::time::timeout(Duration::from_millis(50), put).await.unwrap_err();
    server.thaw();
    store.put("last#1", document("last#1"), TTL).await.unwrap();
    let listed = store.list().await.unwrap().entries;
    let last = listed.iter().find(|entry| entry.worker_id == "last#1").unwrap();
    assert_eq!(last.document, Some(document("last#1")));
    store.delete("last#1").await.unwrap();
}

#[test]
fn a_store_goes_with_its_caller_from_runtime_to_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let builder = RedisStore::builder(single()).prefix(prefix());
    let store = first.block_on(builder.connect()).unwrap();
    let id = |n: u8| format!("w#{n}");
    first.block_on(store.put(&id(1), document(&id(1)), TTL)).unwrap();
    // The first one stands still from here on, and later it is gone.
    let second = runtime();
    let begin = Instant::now();
    second.block_on(store.put(&id(2), document(&id(2)), TTL)).unwrap();
    let took = begin.elapsed();
    assert!(took < Duration::from_millis(700), "{took:?} is what it takes to give up a connection");
    drop(first);
    runtime().block_on(store.put(&id(3), document(&id(3)), TTL)).unwrap();
    assert_eq!(second.block_on(store.list()).unwrap().entries.len(), 3);

    let mut outside = std::task::Context::from_waker(std::task::Waker::noop());
    let mut put = Box::pin(store.list());
    let std::task::Poll::Ready(Err(error)) = put.as_mut().poll(&mut outside) else {
        panic!("a call without a runtime must fail at once");
    };
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("no tokio runtime"), "{error:?}");
}
