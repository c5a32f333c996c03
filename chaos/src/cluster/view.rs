//! The cluster as one node sees it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::Reply;

/// How many slots a cluster has.
const SLOTS: usize = 16_384;

/// What a node says of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// All nodes that it knows.
    pub members: Vec<Member>,
    /// Whether it serves at all.
    pub is_ok: bool,
}

/// A node as another sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The node's id in the cluster.
    pub id: String,
    /// The port for clients.
    pub port: u16,
    /// Whether it is the one who was asked.
    pub is_myself: bool,
    /// Whether it is a master.
    pub is_master: bool,
    /// Whether it counts as failed, or is under suspicion.
    pub is_failing: bool,
    /// The slots that it owns.
    pub slots: Vec<RangeInclusive<u16>>,
    /// Whether a slot is on its way from it or to it.
    pub is_moving: bool,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    Master,
    /// A replica, with the state of its link: "connected" when it follows.
    Replica(String),
}

impl View {
    /// Reads the answers to CLUSTER NODES and CLUSTER INFO.
    pub(super) fn parse(nodes: &str, info: &str) -> Option<Self> {
        let members = nodes.lines().map(Member::parse).collect::<Option<_>>()?;
        Some(Self { members, is_ok: info.lines().any(|line| line == "cluster_state:ok") })
    }

    /// What is wrong with the cluster of so many nodes, if anything is.
    pub(super) fn problem(&self, nodes: usize) -> Option<String> {
        let failing = self.members.iter().find(|member| member.is_failing);
        let owned: usize =
            self.members.iter().flat_map(|member| &member.slots).map(ExactSizeIterator::len).sum();
        if !self.is_ok {
            Some("the cluster down".to_owned())
        } else if self.members.len() != nodes {
            Some(format!("{} nodes", self.members.len()))
        } else if let Some(member) = failing {
            Some(format!("the one on port {} failing", member.port))
        } else if self.members.iter().any(|member| member.is_moving) {
            Some("a slot on its way".to_owned())
        } else {
            (owned != SLOTS).then(|| format!("{owned} slots"))
        }
    }

    /// Who owns which slots, in a form that can be compared.
    pub(super) fn map(&self) -> BTreeMap<u16, u16> {
        let slots = |member: &Member| -> Vec<(u16, u16)> {
            let port = member.port;
            member.slots.iter().cloned().flatten().map(|slot| (slot, port)).collect()
        };
        self.members.iter().flat_map(slots).collect()
    }

    /// The one who was asked.
    pub(super) fn myself(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.is_myself)
    }
}

impl Member {
    /// Reads a line of CLUSTER NODES: id, address, flags, master, ping, pong, epoch, link, slots.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let id = words.next()?.to_owned();
        let port = words.next()?.split('@').next()?.rsplit_once(':')?.1.parse().ok()?;
        let flags: Vec<&str> = words.next()?.split(',').collect();
        let has = |flag| flags.contains(&flag);
        let mut member = Self {
            id,
            port,
            is_myself: has("myself"),
            is_master: has("master"),
            is_failing: has("fail") || has("fail?") || has("handshake") || has("noaddr"),
            slots: Vec::new(),
            is_moving: false,
        };
        for word in words.skip(5) {
            if word.starts_with('[') {
                member.is_moving = true;
            } else {
                let (first, last) = word.split_once('-').unwrap_or((word, word));
                member.slots.push(first.parse().ok()?..=last.parse().ok()?);
            }
        }
        Some(member)
    }
}

impl Role {
    /// Reads the answer to ROLE.
    pub(super) fn parse(reply: &Reply) -> Option<Self> {
        let parts = reply.parts();
        match parts.first()?.text()? {
            "master" => Some(Self::Master),
            "slave" => Some(Self::Replica(parts.get(3)?.text()?.to_owned())),
            _ => None,
        }
    }

    pub(super) const fn is_master(&self) -> bool {
        matches!(self, Self::Master)
    }

    pub(super) fn is_following(&self) -> bool {
        matches!(self, Self::Replica(link) if link == "connected")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "\
a1 127.0.0.1:7001@17001,,tls-port=0 myself,master - 0 0 1 connected 0-5460 5462 [5461->-b2]
b2 127.0.0.1:7002@17002 master,fail? - 1 2 2 connected 5461 5463-16383
c3 127.0.0.1:7003@17003 slave a1 0 3 1 connected
";

    #[test]
    fn nodes_flags_and_slots_are_read() {
        let view = View::parse(NODES, "cluster_state:ok\r\ncluster_slots_ok:16384\r\n").unwrap();
        let [a, b, c] = view.members.as_slice() else { panic!("{view:?}") };
        assert_eq!(
            (a.id.as_str(), a.port, a.is_myself, a.is_master, a.is_moving),
            ("a1", 7001, true, true, true)
        );
        assert_eq!(a.slots, [0..=5460, 5462..=5462]);
        assert!(b.is_failing && !a.is_failing && !c.is_master && c.slots.is_empty());
        assert_eq!(view.map().len(), SLOTS);
        assert_eq!(view.map()[&5462], 7001);
        assert_eq!(view.problem(3).unwrap(), "the one on port 7002 failing");
        assert_eq!(View::parse(NODES, "cluster_state:fail").unwrap().problem(3).unwrap(), "the cluster down");
        assert!(View::parse("a1 nonsense", "").is_none());
    }

    #[test]
    fn a_role_is_read_with_its_link() {
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let replica = |link| {
            Reply::Array(vec![
                bulk("slave"),
                bulk("127.0.0.1"),
                Reply::Integer(1),
                bulk(link),
                Reply::Integer(9),
            ])
        };
        let [connected, connect] = ["connected", "connect"].map(|link| Role::parse(&replica(link)).unwrap());
        assert!(connected.is_following() && !connect.is_following() && !connect.is_master());
        let master =
            Role::parse(&Reply::Array(vec![bulk("master"), Reply::Integer(9), Reply::Array(vec![])]));
        assert!(master.unwrap().is_master());
    }
}
