//! The servers that these tests share with others, and how they are found.

use cofferdam_heartbeat::RedisStore;

/// The address of the single server.
pub(crate) fn single() -> String {
    service("COFFERDAM_REDIS_URL")
}

/// The addresses of the cluster's nodes.
pub(crate) fn cluster() -> String {
    service("COFFERDAM_REDIS_CLUSTER_URLS")
}

/// From the environment, or from where the services note it. A test without its server fails: one that passes would
/// say what it does not know.
fn service(name: &str) -> String {
    let noted = || {
        let noted = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/services/env"));
        let noted = noted.unwrap_or_default();
        noted.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    };
    std::env::var(name).ok().or_else(noted).unwrap_or_else(|| {
        panic!("{name} names no server: start them with `cargo xtask services up redis redis-cluster`")
    })
}

/// A store that no other test sees.
pub(crate) async fn fresh(url: String) -> RedisStore {
    RedisStore::builder(url).prefix(prefix()).connect().await.unwrap()
}

pub(crate) fn prefix() -> String {
    format!("test:{}", uuid::Uuid::new_v4().simple())
}

/// What another client sees: asks each node until one has the key.
pub(crate) async fn ask<T: redis::FromRedisValue>(urls: &str, command: &[&str]) -> T {
    let mut moved = None;
    for url in urls.split(',') {
        let client = redis::Client::open(url).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut asked = redis::cmd(command[0]);
        match asked.arg(&command[1..]).query_async(&mut connection).await {
            Err(error) if error.code() == Some("MOVED") => moved = Some(error),
            answer => return answer.unwrap(),
        }
    }
    panic!("no node has it: {moved:?}")
}
