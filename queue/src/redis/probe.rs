//! What is asked of a server before it is trusted with a queue.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, FromRedisValue, RedisError, Value, cmd};
use tokio::time::timeout;

use super::address::Addresses;
use super::link::open;
use super::shard::SLOTS;
use super::topology::{covered, read_slots};
use crate::Error;

/// The oldest version whose commands and options the functions use. Valkey counts on from 7.2 and tells that number.
const OLDEST: (u32, u32) = (7, 0);

/// Looks for a server that answers, checks it, and answers whether it belongs to a cluster. Where nobody listens is
/// asked once; a server that is slow to take a connection may be busy, and is asked again within the patience.
pub(super) async fn check(addresses: &Addresses, patience: Duration) -> Result<bool, Error> {
    let begun = Instant::now();
    loop {
        match look_around(addresses, patience, begun).await {
            Err(Miss { slow: true, .. }) if begun.elapsed() < patience => {}
            answer => return answer.map_err(|miss| miss.error),
        }
    }
}

/// Why no server will do.
struct Miss {
    error: Error,
    /// Whether one of them might have taken the connection, with more time.
    slow: bool,
}

/// Asks each server once, until one takes the connection.
async fn look_around(addresses: &Addresses, patience: Duration, begun: Instant) -> Result<bool, Miss> {
    let decided = |error| Miss { error, slow: false };
    let mut miss = decided(Error::Closed);
    for seed in addresses.seeds() {
        let server = seed.addr().to_string();
        match timeout(patience, open(addresses, seed.clone())).await {
            Ok(Ok(connection)) => {
                let look = timeout(patience, examine(connection, &server)).await;
                let silent = |_| Err(unanswered(begun, &server, "it does not answer"));
                return look.unwrap_or_else(silent).map_err(decided);
            }
            Ok(Err(error)) if refuses(&error) => return Err(decided(refusal(&server, &error))),
            Ok(Err(error)) => {
                miss.slow |= error.is_timeout();
                miss.error = unanswered(begun, &server, &error.to_string());
            }
            Err(_) => miss.error = unanswered(begun, &server, "it takes no connection"),
        }
    }
    Err(miss)
}

async fn examine(mut connection: MultiplexedConnection, server: &str) -> Result<bool, Error> {
    let unfit = |problem: String| Error::Unfit { server: server.to_owned(), problem };
    let info: String = ask(&mut connection, server, &["INFO"]).await?;
    let version = field(&info, "redis_version").unwrap_or_default();
    if parse_version(version).is_none_or(|version| version < OLDEST) {
        return Err(unfit(format!("it is version {version:?}, and 7.0 or Valkey 8 is needed: upgrade it")));
    }
    // Managed servers hide their configuration; INFO tells the policy as well.
    let policy = field(&info, "maxmemory_policy").unwrap_or("noeviction");
    if policy != "noeviction" {
        return Err(unfit(format!(
            "its eviction policy {policy} would throw tasks away: set maxmemory-policy to noeviction"
        )));
    }
    if field(&info, "cluster_enabled") == Some("1") {
        examine_cluster(&mut connection, server).await?;
        return Ok(true);
    }
    if field(&info, "role") == Some("slave") {
        return Err(unfit("it is a read-only replica: give the address of its master".to_owned()));
    }
    Ok(false)
}

async fn examine_cluster(connection: &mut MultiplexedConnection, server: &str) -> Result<(), Error> {
    let unfit = |problem: String| Error::Unfit { server: server.to_owned(), problem };
    let slots: Value = ask(connection, server, &["CLUSTER", "SLOTS"]).await?;
    let held = covered(&read_slots(&slots, "").unwrap_or_default());
    if held < usize::from(SLOTS) {
        return Err(unfit(format!(
            "its cluster holds {held} of 16384 slots: form it with `redis-cli --cluster create`, or mend it with \
             `redis-cli --cluster fix`"
        )));
    }
    let state: String = ask(connection, server, &["CLUSTER", "INFO"]).await?;
    if field(&state, "cluster_state") != Some("ok") {
        let problem = "its cluster is down: look at `redis-cli --cluster check`, a master may lack a replica";
        return Err(unfit(problem.to_owned()));
    }
    Ok(())
}

async fn ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    server: &str,
    words: &[&str],
) -> Result<T, Error> {
    let (name, arguments) = words.split_first().unwrap_or((&"PING", &[]));
    let mut command = cmd(name);
    command.arg(arguments);
    command.query_async(connection).await.map_err(|error| {
        if refuses(&error) {
            refusal(server, &error)
        } else {
            Error::Unanswered {
                action: "look at the server",
                waited: Duration::ZERO,
                problem: error.to_string(),
            }
        }
    })
}

fn refuses(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

fn refusal(server: &str, error: &RedisError) -> Error {
    let problem = error.detail().map_or_else(|| error.to_string(), str::to_owned);
    Error::Refused { server: server.to_owned(), problem }
}

fn unanswered(begun: Instant, server: &str, problem: &str) -> Error {
    let problem = format!("{server}: {problem}; check that it runs and can be reached");
    Error::Unanswered { action: "reach a server", waited: begun.elapsed(), problem }
}

/// A line of INFO.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

fn parse_version(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_info_are_found() {
        let info = "# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\n";
        assert_eq!(field(info, "maxmemory_policy"), Some("allkeys-lru"));
        assert_eq!(field(info, "maxmemory"), None);
        assert_eq!(parse_version("7.0.15"), Some((7, 0)));
        assert_eq!(parse_version("6.2.6"), Some((6, 2)));
        assert_eq!(parse_version("unstable"), None);
    }
}
