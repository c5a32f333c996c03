//! What is found out before the first beat, and said with the remedy and without the password.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cofferdam_heartbeat::{Error, ErrorKind, Publisher, RedisStore, Store};

use crate::common::document;
use crate::common::server::{Cluster, Server, cli};
use crate::fleet::TTL;
use crate::services::{cluster, single};

const SECRET: &str = "hunter2-s3cr3t";

/// What the README tells to grant.
const GRANTED: &str = "~worker:heartbeat* resetchannels -@all +set +get +del +setrange +eval +time +zadd +zrem +zscore \
                       +zrange +zrangebyscore +info +cluster|slots";

/// The error and its causes, which hold the remedy and not the password.
fn told(error: &Error, remedy: &str) -> String {
    let mut text = format!("{error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    assert!(text.contains(remedy), "{text}");
    assert!(!text.contains(SECRET) && !format!("{error:?}").contains(SECRET), "{text} {error:?}");
    text
}

async fn refused(url: &str, kind: ErrorKind, remedy: &str) -> String {
    let builder = RedisStore::builder(url).timeout(Duration::from_millis(900));
    let begin = Instant::now();
    let error = builder.connect().await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_millis(1800), "{:?}", begin.elapsed());
    let text = told(&error, remedy);
    assert_eq!(error.kind(), kind, "{text}");
    text
}

#[tokio::test]
async fn a_wrong_or_missing_password_is_said_at_once_and_never_shown() {
    let log = Log::install();
    let server = Server::start(&["--requirepass", SECRET]);
    let address = server.address();
    for url in [
        format!("redis://:{SECRET}x@{address}/"),
        format!("redis://nobody:{SECRET}@{address}/"),
        format!("redis://{address}/"),
    ] {
        let text = refused(&url, ErrorKind::Config, "check both in the URL").await;
        assert!(text.contains(&address), "{text}");
    }
    let url = format!("redis://:{SECRET}@{address}/");
    let builder = RedisStore::builder(url.as_str());
    assert!(!format!("{builder:?}").contains(SECRET));
    let store = builder.timeout(Duration::from_millis(300)).connect().await.unwrap();
    assert!(!format!("{store:?}").contains(SECRET), "{store:?}");
    store.put("w#1", document("w#1"), TTL).await.unwrap();

    // The password is changed behind a worker's back.
    let publisher =
        Publisher::builder(store.clone(), "worker").interval(Duration::from_millis(50)).build().unwrap();
    crate::common::first_beat(&publisher).await;
    let kill = &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
    for (password, command) in [(SECRET, &["CONFIG", "SET", "requirepass", "other"][..]), ("other", kill)] {
        let done = cli(server.port, &[&["-a", password, "--no-auth-warning"], command].concat());
        assert!(["OK", "1", "2"].contains(&done.trim()), "{done}");
    }
    crate::common::until(|| publisher.stats().last_error.is_some_and(|error| error.contains("check both")))
        .await;
    let error = store.put("w#1", document("w#1"), TTL).await.unwrap_err();
    told(&error, "check both in the URL");
    let stats = format!("{:?} {publisher:?}", publisher.stats());
    assert!(!stats.contains(SECRET), "{stats}");
    let log = log.text();
    assert!(log.contains("heartbeat failed") && !log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn a_user_with_what_the_readme_lists_suffices_and_one_with_less_is_told() {
    let server = Server::start(&[]);
    let user = |name: &str, rights: &str| {
        let rights: Vec<&str> = rights.split_ascii_whitespace().collect();
        let password = format!(">{SECRET}");
        let made = cli(server.port, &[&["ACL", "SETUSER", name, "on", &password][..], &rights].concat());
        assert_eq!(made.trim(), "OK");
        format!("redis://{name}:{SECRET}@{}/", server.address())
    };
    let store = RedisStore::connect(user("beats", GRANTED)).await.unwrap();
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    assert_eq!(store.list().await.unwrap().entries.len(), 1);
    store.forget("w#1").await.unwrap();
    store.delete("w#1").await.unwrap();

    let less = GRANTED.replace("+eval ", "");
    let text =
        refused(&user("noscripts", &less), ErrorKind::Config, "the README of cofferdam-heartbeat").await;
    assert!(text.contains("NOPERM") && text.contains("eval"), "{text}");
    let store = RedisStore::connect(user("readonly", &GRANTED.replace("+set ", ""))).await.unwrap();
    let error = store.put("w#1", document("w#1"), TTL).await.unwrap_err();
    told(&error, "give the user the commands and keys");
}

#[tokio::test]
async fn who_cannot_be_reached_is_named() {
    let mut server = Server::start(&[]);
    let url = format!("redis://u:{SECRET}@{}/", server.address());
    let plain = server.url();
    server.freeze();
    let text = refused(&plain, ErrorKind::Store, "check that it is running and reachable").await;
    assert!(text.contains("did not answer within 300ms"), "{text}");
    server.kill();
    let text = refused(&url, ErrorKind::Store, "check that it is running and reachable").await;
    assert!(text.contains(&server.address()) && text.contains("refused"), "{text}");
    let text = refused("redis://no-such-host.invalid/", ErrorKind::Store, "reachable").await;
    assert!(text.contains("no-such-host.invalid:6379"), "{text}");
}

#[tokio::test]
async fn what_is_no_redis_is_told_from_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::io::Read::read(&mut stream, &mut [0; 64]).unwrap();
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        }
    });
    refused(&url, ErrorKind::Config, "check that the URL names a Redis").await;
}

#[tokio::test]
async fn a_replica_and_several_single_servers_are_refused() {
    let (master, other) = (Server::start(&[]), Server::start(&[]));
    let several = format!("{},{}", master.url(), other.url());
    refused(&several, ErrorKind::Config, "name one of them, or form a cluster").await;
    let port = master.port.to_string();
    assert_eq!(cli(other.port, &["REPLICAOF", "127.0.0.1", &port]).trim(), "OK");
    refused(&other.url(), ErrorKind::Config, "name its master in the URL").await;
}

#[tokio::test]
async fn a_cluster_that_does_not_serve_all_slots_is_refused() {
    let node = Server::start(&["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"]);
    let text = refused(&node.url(), ErrorKind::Store, "start its missing masters, or mend it with").await;
    assert!(text.contains("serves 0 of its 16384 slots"), "{text}");
    assert_eq!(cli(node.port, &["CLUSTER", "ADDSLOTSRANGE", "0", "16382"]).trim(), "OK");
    let text = refused(&node.url(), ErrorKind::Store, "redis-cli --cluster fix").await;
    assert!(text.contains("serves 16383 of its 16384 slots"), "{text}");
}

#[tokio::test]
async fn one_node_that_answers_leads_to_the_whole_cluster() {
    let gone = Server::start(&[]).url();
    for node in cluster().split(',') {
        for seeds in [node.to_owned(), format!("{gone},{node}")] {
            let store = RedisStore::builder(seeds).prefix(crate::services::prefix()).connect().await.unwrap();
            store.put("w#1", document("w#1"), TTL).await.unwrap();
            assert_eq!(store.list().await.unwrap().entries.len(), 1);
            store.delete("w#1").await.unwrap();
        }
    }
}

#[tokio::test]
async fn nodes_that_hang_do_not_keep_the_others_from_being_asked() {
    let hanging: Vec<Server> = (0..3).map(|_| Server::start(&[])).collect();
    hanging.iter().for_each(Server::freeze);
    let node = cluster().split(',').next().unwrap().to_owned();
    let mut seeds: Vec<String> = hanging.iter().map(Server::url).collect();
    seeds.push(node);
    let builder = RedisStore::builder(seeds.join(",")).prefix(crate::services::prefix());
    let store = builder.connect().await.unwrap();
    for _ in 0..5 {
        // Each clone asks anew, in an order of its own.
        store.clone().put("w#1", document("w#1"), TTL).await.unwrap();
    }
    store.delete("w#1").await.unwrap();
}

#[tokio::test]
async fn a_cluster_with_a_password_is_entered_everywhere() {
    let cluster = Cluster::start(&[]);
    for node in &cluster.nodes {
        assert_eq!(cli(node.port, &["CONFIG", "SET", "masterauth", SECRET]).trim(), "OK");
        assert_eq!(cli(node.port, &["CONFIG", "SET", "requirepass", SECRET]).trim(), "OK");
    }
    let store = RedisStore::connect(cluster.urls().replace("redis://", &format!("redis://:{SECRET}@")))
        .await
        .unwrap();
    for n in 0..20 {
        let id = format!("w#{n}");
        store.put(&id, document(&id), TTL).await.unwrap();
    }
    assert_eq!(store.list().await.unwrap().entries.len(), 20);
    refused(&cluster.urls(), ErrorKind::Config, "check both in the URL").await;
}

#[tokio::test]
async fn the_database_of_the_url_is_used_and_a_cluster_has_one() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(format!("{}3", server.url())).await.unwrap();
    store.put("w#1", document("w#1"), TTL).await.unwrap();
    assert_eq!(cli(server.port, &["-n", "3", "EXISTS", "worker:heartbeat:w#1"]).trim(), "1");
    assert_eq!(cli(server.port, &["-n", "0", "DBSIZE"]).trim(), "0");
    refused(&format!("{}99", server.url()), ErrorKind::Config, "check the number in the URL").await;
    let node = cluster().split(',').next().unwrap().to_owned();
    refused(&format!("{node}3"), ErrorKind::Config, "a cluster has database 0 alone").await;
}

#[tokio::test]
async fn settings_out_of_range_are_refused_with_the_remedy() {
    for prefix in ["", "a{b}c", "a\nb", &"x".repeat(129)] {
        let error = RedisStore::builder(single()).prefix(prefix).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        told(&error, "use 1 to 128 bytes");
    }
    for timeout in [0, 29, 60_001] {
        let builder = RedisStore::builder(single()).timeout(Duration::from_millis(timeout));
        let error = builder.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        told(&error, "use 30 ms to 60 s");
    }
}

/// Everything that is logged, in one text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn install() -> Self {
        let log = Self::default();
        tracing::subscriber::set_global_default(log.clone()).unwrap();
        log
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::field::Visit for Log {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?}\n"));
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
