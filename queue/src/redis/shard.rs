//! Where in a cluster a queue's tasks lie.
//!
//! A queue has a fixed number of shards. Shard *i* of *n* has a hash tag whose slot falls into the *i*-th of *n* equal
//! ranges of slots, so shards spread evenly over masters that share the slots evenly. A task lies on the shard that its
//! group, limit, unique key or, without those, its id hashes to.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{NewTask, QueueName};

/// The number of slots of every Redis Cluster.
pub(super) const SLOTS: u16 = 16_384;

/// The keys of a shard, in the order in which every function takes them.
const KEYS: [&str; 17] = [
    "body", "inf", "fin", "dead", "deadz", "w", "x", "cfg", "dep", "note", "r0", "r1", "r2", "s", "q", "a",
    "wait",
];

/// Where settings lie among the keys.
const CFG: usize = 7;

/// Where counters and small facts lie among the keys.
const FACTS: usize = 6;

/// One shard of one queue.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) number: u16,
    pub(super) slot: u16,
    pub(super) keys: Vec<String>,
}

impl Shard {
    /// A place of its own for one key that belongs to no queue.
    pub(super) fn of_key(key: String) -> Self {
        Self { number: 0, slot: slot_of(&key), keys: vec![key] }
    }

    pub(super) fn first_key(&self) -> Vec<u8> {
        self.key(0).as_bytes().to_vec()
    }

    fn key(&self, place: usize) -> &str {
        self.keys.get(place).map_or("", String::as_str)
    }

    pub(super) fn settings(&self) -> &str {
        self.key(CFG)
    }

    pub(super) fn facts(&self) -> &str {
        self.key(FACTS)
    }
}

/// All shards of one queue. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Shards {
    shards: Arc<[Arc<Shard>]>,
    channel: Arc<str>,
    /// When the call of the broker that these shards were looked up for gives up. All that it asks of them shares this
    /// one deadline: a master that does not answer must not add its own to every wave of requests.
    until: Option<Instant>,
}

impl Shards {
    pub(super) fn new(prefix: &str, queue: &QueueName, count: u16) -> Self {
        let shards = (0..count).map(|number| Arc::new(shard(prefix, queue, number, count))).collect();
        Self { shards, channel: format!("{prefix}:{queue}:events").into(), until: None }
    }

    /// The same shards for a call that gives up at this moment.
    pub(super) const fn by(mut self, until: Instant) -> Self {
        self.until = Some(until);
        self
    }

    /// Whether the call at hand has time left.
    pub(super) fn in_time(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }

    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    pub(super) fn all(&self) -> &[Arc<Shard>] {
        &self.shards
    }

    /// Where the functions announce what happens to the queue.
    pub(super) fn channel(&self) -> &Arc<str> {
        &self.channel
    }

    pub(super) fn get(&self, number: u16) -> Option<&Arc<Shard>> {
        self.shards.get(usize::from(number))
    }

    pub(super) fn of_task(&self, task: &NewTask) -> u16 {
        let tie =
            task.group.as_ref().or(task.limit.as_ref()).or(task.unique.as_ref().map(|unique| &unique.key));
        self.of_name(tie.map_or(task.id.as_str(), |tie| tie.as_str()))
    }

    /// The shard to which a name leads: the id of a task that nothing else ties down, or code, whose crashes are counted
    /// there for all.
    pub(super) fn of_name(&self, name: &str) -> u16 {
        let count = u16::try_from(self.shards.len()).unwrap_or(u16::MAX).max(1);
        if count == 1 { 0 } else { crc16(name.as_bytes()) % count }
    }
}

fn shard(prefix: &str, queue: &QueueName, number: u16, count: u16) -> Shard {
    let (tag, slot) = if count == 1 {
        let tag = queue.to_string();
        let slot = slot_of(&tag);
        (tag, slot)
    } else {
        tag_in_range(queue, number, count)
    };
    let keys = KEYS.iter().map(|name| format!("{prefix}:{{{tag}}}:{name}")).collect();
    Shard { number, slot, keys }
}

/// The first tag of the form `queue/number.salt` whose slot lies in the shard's range. A range of one in 12 is met after
/// 12 salts on average.
fn tag_in_range(queue: &QueueName, number: u16, count: u16) -> (String, u16) {
    let (number, count, slots) = (u32::from(number), u32::from(count), u32::from(SLOTS));
    let range = number * slots / count..(number + 1) * slots / count;
    let mut salt = 0_u32;
    loop {
        let tag = format!("{queue}/{number}.{salt}");
        let slot = slot_of(&tag);
        if range.contains(&u32::from(slot)) {
            return (tag, slot);
        }
        salt += 1;
    }
}

/// The slot of a hash tag: CRC16 (XMODEM) modulo 16,384; Redis Cluster specification, "Key distribution model".
pub(super) fn slot_of(tag: &str) -> u16 {
    crc16(tag.as_bytes()) % SLOTS
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_cluster_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
    }

    #[test]
    fn shards_spread_over_equal_ranges_of_slots() {
        let queue = QueueName::new("scores").unwrap();
        let shards = Shards::new("cofferdam", &queue, 12);
        for (number, shard) in shards.all().iter().enumerate() {
            assert_eq!(usize::from(shard.slot) * 12 / 16_384, number);
        }
        let used: HashSet<_> = (0..200).map(|n| shards.of_name(&format!("task {n}"))).collect();
        assert_eq!(used.len(), 12);
    }
}
