//! Which node is the master of which slots.

use std::fmt;

use redis::Value;

/// A server: one of those that the caller named, or one that the cluster told of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Seed(usize),
    Named(String, u16),
}

impl Node {
    /// Reads `host:port`, also with colons in the host.
    pub(super) fn parse(place: &str) -> Option<Self> {
        let (host, port) = place.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() { None } else { Some(Self::Named(host.to_owned(), port.parse().ok()?)) }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(_) => f.write_str("the server"),
            Self::Named(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// A range of slots and its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) master: Node,
    pub(super) replicas: Vec<Node>,
}

/// The map of a cluster, as it was last heard.
#[derive(Debug, Default)]
pub(super) struct Topology {
    ranges: Vec<Range>,
}

impl Topology {
    pub(super) fn master(&self, slot: u16) -> Option<Node> {
        let range = self.ranges.iter().find(|range| (range.first..=range.last).contains(&slot))?;
        Some(range.master.clone())
    }

    pub(super) fn is_master(&self, node: &Node) -> bool {
        self.ranges.iter().any(|range| range.master == *node)
    }

    /// All nodes, the masters first.
    pub(super) fn nodes(&self) -> Vec<Node> {
        let masters = self.ranges.iter().map(|range| &range.master);
        let replicas = self.ranges.iter().flat_map(|range| &range.replicas);
        let mut nodes: Vec<Node> = Vec::new();
        for node in masters.chain(replicas) {
            if !nodes.contains(node) {
                nodes.push(node.clone());
            }
        }
        nodes
    }

    pub(super) fn replace(&mut self, ranges: Vec<Range>) {
        self.ranges = ranges;
    }
}

/// Reads the answer to `CLUSTER SLOTS`: first, last, then the master's host and port. An empty host means the one that
/// was asked.
pub(super) fn read_slots(value: &Value, asked: &str) -> Option<Vec<Range>> {
    let Value::Array(rows) = value else { return None };
    let mut ranges = Vec::with_capacity(rows.len());
    for row in rows {
        let Value::Array(fields) = row else { return None };
        let [Value::Int(first), Value::Int(last), master, replicas @ ..] = fields.as_slice() else {
            return None;
        };
        let replicas = replicas.iter().filter_map(|replica| read_node(replica, asked)).collect();
        ranges.push(Range {
            first: u16::try_from(*first).ok()?,
            last: u16::try_from(*last).ok()?,
            master: read_node(master, asked)?,
            replicas,
        });
    }
    Some(ranges)
}

fn read_node(fields: &Value, asked: &str) -> Option<Node> {
    let Value::Array(fields) = fields else { return None };
    let [host, Value::Int(port), ..] = fields.as_slice() else { return None };
    let host = match host {
        Value::BulkString(bytes) if !bytes.is_empty() => String::from_utf8(bytes.clone()).ok()?,
        _ => asked.to_owned(),
    };
    Some(Node::Named(host, u16::try_from(*port).ok()?))
}

/// How many slots have a master.
pub(super) fn covered(ranges: &[Range]) -> usize {
    ranges.iter().map(|range| usize::from(range.last.saturating_sub(range.first)) + 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let row = |first, last, host, port| {
            let master = Value::Array(vec![text(host), Value::Int(port), text("id")]);
            Value::Array(vec![Value::Int(first), Value::Int(last), master])
        };
        let map = Value::Array(vec![row(0, 8191, "10.0.0.1", 7000), row(8192, 16383, "", 7001)]);
        let ranges = read_slots(&map, "asked").unwrap();
        assert_eq!(covered(&ranges), 16_384);
        let mut topology = Topology::default();
        topology.replace(ranges);
        assert_eq!(topology.master(8192), Some(Node::Named("asked".to_owned(), 7001)));
        assert_eq!(topology.master(1), Some(Node::Named("10.0.0.1".to_owned(), 7000)));
        assert_eq!(read_slots(&Value::Nil, "asked"), None);
    }

    #[test]
    fn places_are_parsed() {
        assert_eq!(Node::parse("127.0.0.1:7000"), Some(Node::Named("127.0.0.1".to_owned(), 7000)));
        assert_eq!(Node::parse("::1:7000"), Some(Node::Named("::1".to_owned(), 7000)));
        assert_eq!(Node::parse(":7000"), None);
    }
}
