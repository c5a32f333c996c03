//! Which servers are measured, and who their masters are.
//!
//! Addresses come from the arguments, else from the environment, else from what `cargo xtask services up` wrote down.
//! Whatever answers there may be in use by somebody, so nothing is ever flushed: only keys of this program's own names
//! are deleted.

use std::fmt;

use cofferdam_benches::service;
use redis::{Client, Connection, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

use super::{Arguments, Problem};

/// Every queue of this program has this in its name, and so in each of its keys.
pub(super) const NAME: &str = "compare-queue";

/// One Redis, or a cluster as one whole.
pub(super) struct Server {
    pub(super) kind: Kind,
    /// As somebody gave them, with commas in between.
    pub(super) urls: String,
    /// Whoever serves slots, in the order of the slots.
    pub(super) masters: Vec<Master>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Cluster,
}

/// A node that serves slots.
pub(super) struct Master {
    info: ConnectionInfo,
    slots: (u16, u16),
}

impl Server {
    /// What there is of the two, the Redis alone first.
    ///
    /// # Errors
    ///
    /// When there is neither, or one that was named does not answer.
    pub(super) fn find(arguments: &Arguments) -> Result<Vec<Self>, Problem> {
        let mut found = Vec::new();
        for (kind, given, variable) in [
            (Kind::Single, &arguments.url, "COFFERDAM_REDIS_URL"),
            (Kind::Cluster, &arguments.cluster_urls, "COFFERDAM_REDIS_CLUSTER_URLS"),
        ] {
            if let Some(urls) = given.clone().or_else(|| service(variable)) {
                found.push(Self::open(kind, urls)?);
            }
        }
        Ok(found)
    }

    fn open(kind: Kind, urls: String) -> Result<Self, Problem> {
        let mut reason = Problem::from("no address was given");
        for url in urls.split(',').map(str::trim) {
            match masters(kind, url) {
                Ok(masters) => return Ok(Self { kind, urls, masters }),
                Err(problem) => reason = problem,
            }
        }
        Err(format!("{kind} at {} cannot be measured: {reason}", shown(&urls)).into())
    }
}

impl Master {
    pub(super) fn connect(&self) -> Result<Connection, Problem> {
        Ok(Client::open(self.info.clone())?.get_connection()?)
    }

    /// A hash tag that lies in a slot of this master. On a Redis alone any does.
    pub(super) fn tag(&self) -> Result<String, Problem> {
        let mut connection = self.connect()?;
        let (first, last) = self.slots;
        for number in 0..100_000 {
            let tag = format!("{{{NAME}:{number}}}");
            // A server that knows nothing of slots has no use for them either.
            let slot = redis::cmd("CLUSTER").arg("KEYSLOT").arg(&tag).query(&mut connection).unwrap_or(first);
            if (first..=last).contains(&slot) {
                return Ok(tag);
            }
        }
        Err("no name was found for the slots of a master".into())
    }
}

impl Kind {
    /// What stands in the names of fields between a party and its figure.
    pub(super) fn infix(self) -> &'static str {
        match self {
            Self::Single => "",
            Self::Cluster => "_cluster",
        }
    }

    /// What is said of everybody when there is no such server.
    pub(super) fn missing(self) -> &'static str {
        match self {
            Self::Single => "no Redis: `cargo xtask services up redis`, or --url",
            Self::Cluster => "no cluster: `cargo xtask services up redis-cluster`, or --cluster-urls",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "one Redis",
            Self::Cluster => "the cluster",
        })
    }
}

fn masters(kind: Kind, url: &str) -> Result<Vec<Master>, Problem> {
    let info = url.into_connection_info()?;
    let mut connection = Client::open(info.clone())?.get_connection()?;
    if kind == Kind::Single {
        let cluster: String = redis::cmd("INFO").arg("cluster").query(&mut connection)?;
        if cluster.contains("cluster_enabled:1") {
            return Err("it is a node of a cluster: name it by --cluster-urls".into());
        }
        return Ok(vec![Master { info, slots: (0, u16::MAX) }]);
    }
    let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut connection)?;
    let mut masters = nodes.lines().filter_map(|line| master(line, &info)).collect::<Vec<_>>();
    masters.sort_by_key(|master| master.slots);
    if masters.is_empty() { Err("no node of it serves slots".into()) } else { Ok(masters) }
}

/// Reads `<id> <ip:port@bus,host> <flags> <master> <ping> <pong> <epoch> <link> <slots> …`, where slots are `a-b` or `a`.
fn master(line: &str, info: &ConnectionInfo) -> Option<Master> {
    let mut words = line.split(' ');
    let (host, port) = words.nth(1)?.split('@').next()?.rsplit_once(':')?;
    if !words.next()?.split(',').any(|flag| flag == "master") {
        return None;
    }
    let slots = words.nth(5)?;
    let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
    let address = ConnectionAddr::Tcp(host.to_owned(), port.parse().ok()?);
    Some(Master { info: info.clone().set_addr(address), slots: (first.parse().ok()?, last.parse().ok()?) })
}

/// Addresses without what stands before an at sign, which may be a password.
fn shown(urls: &str) -> String {
    let shown =
        |url: &str| url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, host)| format!("…@{host}"));
    urls.split(',').map(shown).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_told_from_replicas_and_from_those_without_slots() {
        let info = "redis://user:secret@127.0.0.1:7001/".into_connection_info().unwrap();
        let read = |line| master(line, &info).map(|master| (master.slots, master.info.addr().to_string()));
        let line = "07c37df 127.0.0.1:7002@17002,host-2 myself,master - 0 1426238316232 2 connected 5461-10922 [77->-e7d1]";
        assert_eq!(read(line), Some(((5461, 10922), "127.0.0.1:7002".to_owned())));
        let line = "292f8b3 ::1:7003@17003 master - 0 1426238318243 3 connected 16383";
        assert_eq!(read(line), Some(((16383, 16383), "::1:7003".to_owned())));
        assert_eq!(read("6ec2392 127.0.0.1:7004@17004 slave 07c37df 0 1426238317239 4 connected"), None);
        assert_eq!(read("824fe11 127.0.0.1:7005@17005 master - 0 1426238316741 5 connected"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(shown("redis://u:p@ss@a:1/,redis://b:2/"), "…@a:1/,redis://b:2/");
    }
}
