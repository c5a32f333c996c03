//! Who serves which slots.

use std::collections::BTreeSet;

use redis::Value;

use super::address::Address;
use super::slot;

/// The masters and their slots, as one node saw them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topology {
    ranges: Vec<Range>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
    master: Address,
}

impl Topology {
    /// One server, which serves everything.
    pub(super) fn single(address: Address) -> Self {
        Self { ranges: vec![Range { first: 0, last: slot::COUNT - 1, master: address }] }
    }

    /// Reads the answer to `CLUSTER SLOTS`: ranges of first slot, last slot, master, and replicas that do not matter
    /// here. `None` if it is anything else.
    pub(super) fn read(answer: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(ranges) = answer else { return None };
        let ranges = ranges.iter().map(|range| Range::read(range, asked)).collect::<Option<_>>()?;
        Some(Self { ranges })
    }

    /// Who serves a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Address> {
        self.ranges.iter().find(|range| (range.first..=range.last).contains(&slot)).map(|range| &range.master)
    }

    /// All masters that serve a slot.
    pub(super) fn masters(&self) -> BTreeSet<&Address> {
        self.ranges.iter().map(|range| &range.master).collect()
    }

    /// How many slots nobody serves.
    pub(super) fn uncovered(&self) -> usize {
        (0..slot::COUNT).filter(|slot| self.owner(*slot).is_none()).count()
    }
}

impl Range {
    fn read(range: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(parts) = range else { return None };
        let [first, last, Value::Array(master), ..] = parts.as_slice() else { return None };
        let [host, port, ..] = master.as_slice() else { return None };
        let host = match host {
            Value::Nil => "",
            Value::BulkString(host) => str::from_utf8(host).ok()?,
            _ => return None,
        };
        let master = asked.or_named(host, number(port)?);
        Some(Self { first: number(first)?, last: number(last)?, master })
    }
}

fn number(value: &Value) -> Option<u16> {
    let Value::Int(number) = value else { return None };
    u16::try_from(*number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let master = Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master.clone(), master])
    }

    #[test]
    fn slots_are_found_and_unnamed_hosts_are_the_one_that_was_asked() {
        let asked = Address::new("10.0.0.1", 7000);
        let answer = Value::Array(vec![
            range(0, 8000, Value::BulkString(b"10.0.0.2".to_vec()), 7001),
            range(8001, 16_382, Value::Nil, 7002),
        ]);
        let topology = Topology::read(&answer, &asked).unwrap();
        assert_eq!(topology.owner(8000).unwrap().to_string(), "10.0.0.2:7001");
        assert_eq!(topology.owner(8001).unwrap().to_string(), "10.0.0.1:7002");
        assert_eq!(topology.owner(16_383), None);
        assert_eq!((topology.uncovered(), topology.masters().len()), (1, 2));
        assert_eq!(Topology::single(asked).uncovered(), 0);
    }

    #[test]
    fn an_answer_of_another_shape_is_none() {
        let asked = Address::new("h", 1);
        for bad in [
            Value::Nil,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![range(0, 70_000, Value::Nil, 1)]),
            Value::Array(vec![range(0, 1, Value::Int(1), 1)]),
            Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(1), Value::Array(Vec::new())])]),
        ] {
            assert_eq!(Topology::read(&bad, &asked), None, "{bad:?}");
        }
    }
}
