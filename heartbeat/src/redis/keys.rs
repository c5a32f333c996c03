//! The keys, and the commands on them.
//!
//! Beside the documents there are two sorted sets of worker ids, both in one slot: by the time of the last put, from
//! which a document's age comes, and by the time at which it expires, from which the forgotten are told. Each worker
//! has its own TTL, so one does not follow from the other. All times are of the clock of the server that holds the
//! sets, in milliseconds, read where they are written.

use std::time::Duration;

use redis::{Cmd, Value, cmd};

use super::slot;
use crate::memory::REMEMBERED;

/// The names of all keys of one store.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
    seen: String,
    expiry: String,
}

/// Scripts go out whole each time: they are short, they go out every ten seconds, and so none can be missing.
///
/// What expired an hour ago is swept on the way, at most a hundred ids a put, so that the sets do not grow where no
/// monitor runs. The sweep keeps pace, since a put adds one id at most.
const PUT: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3], 'LIMIT', 0, 100)
if #old > 0 then
  redis.call('ZREM', KEYS[1], unpack(old))
  redis.call('ZREM', KEYS[2], unpack(old))
end
return #old";

/// A worker that wrote again has an expiry in the future and stays.
const FORGET: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = redis.call('ZSCORE', KEYS[2], ARGV[1])
if expiry and tonumber(expiry) > now then
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])";

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            seen: format!("{prefix}-{{index}}:seen"),
            expiry: format!("{prefix}-{{index}}:expiry"),
        }
    }

    /// The key of a worker's document.
    pub(super) fn document(&self, worker_id: &str) -> String {
        format!("{}:{worker_id}", self.prefix)
    }

    /// The slot of a worker's document.
    pub(super) fn document_slot(&self, worker_id: &str) -> u16 {
        slot::of(&self.document(worker_id))
    }

    /// The slot of the index.
    pub(super) fn index_slot(&self) -> u16 {
        slot::of(&self.seen)
    }

    /// Writes a document.
    pub(super) fn set(&self, worker_id: &str, document: &str, ttl: Duration) -> Cmd {
        let mut set = cmd("SET");
        set.arg(self.document(worker_id)).arg(document).arg("PX").arg(milliseconds(ttl));
        set
    }

    /// Reads a document.
    pub(super) fn get(&self, worker_id: &str) -> Cmd {
        let mut get = cmd("GET");
        get.arg(self.document(worker_id));
        get
    }

    /// Removes a document.
    pub(super) fn del(&self, worker_id: &str) -> Cmd {
        let mut del = cmd("DEL");
        del.arg(self.document(worker_id));
        del
    }

    /// A write that changes nothing, whether the document is there or not, and that is refused as every write is.
    pub(super) fn touch(&self, worker_id: &str) -> Cmd {
        let mut touch = cmd("SETRANGE");
        touch.arg(self.document(worker_id)).arg(0).arg("");
        touch
    }

    /// Puts an id into the index, with the time of now.
    pub(super) fn index_put(&self, worker_id: &str, ttl: Duration) -> Cmd {
        let mut put = self.script(PUT);
        put.arg(worker_id).arg(milliseconds(ttl)).arg(milliseconds(REMEMBERED));
        put
    }

    /// Takes an id out of the index unless its document should still be there.
    pub(super) fn index_forget(&self, worker_id: &str) -> Cmd {
        let mut forget = self.script(FORGET);
        forget.arg(worker_id);
        forget
    }

    /// Takes an id out of the index.
    pub(super) fn index_delete(&self, worker_id: &str) -> [Cmd; 2] {
        [&self.seen, &self.expiry].map(|set| {
            let mut delete = cmd("ZREM");
            delete.arg(set).arg(worker_id);
            delete
        })
    }

    /// Reads the time, and all ids with the time of their last put.
    pub(super) fn index_list(&self) -> [Cmd; 2] {
        let mut list = cmd("ZRANGE");
        list.arg(&self.seen).arg(0).arg(-1).arg("WITHSCORES");
        [cmd("TIME"), list]
    }

    fn script(&self, text: &str) -> Cmd {
        let mut script = cmd("EVAL");
        script.arg(text).arg(2).arg(&self.seen).arg(&self.expiry);
        script
    }
}

/// Reads the answers to [`Keys::index_list`]: the time of now, and ids with the time of their last put. `None` if they
/// are anything else. An id that is no text is none of ours.
pub(super) fn read_index(answers: &[Value]) -> Option<(Duration, Vec<(String, Duration)>)> {
    let [Value::Array(time), Value::Array(scored)] = answers else { return None };
    let [seconds, microseconds] = time.as_slice() else { return None };
    let now = Duration::from_secs(text(seconds)?.parse().ok()?)
        + Duration::from_micros(text(microseconds)?.parse().ok()?);
    let pairs = scored.chunks_exact(2).filter_map(|pair| match pair {
        [id, score] => {
            let score: f64 = text(score)?.parse().ok()?;
            let seen = Duration::try_from_secs_f64(score / 1000.0).ok()?;
            Some((text(id)?.to_owned(), seen))
        }
        _ => None,
    });
    Some((now, pairs.collect()))
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn documents_carry_no_hash_tag_and_the_index_is_one_slot() {
        let keys = Keys::new("worker:heartbeat");
        assert_eq!(keys.document("w#1"), crate::key("w#1"));
        assert_eq!(slot::of(&keys.seen), slot::of(&keys.expiry));
        assert_ne!(keys.document_slot("w#1"), keys.document_slot("w#2"));
    }

    #[test]
    fn the_index_is_read_and_what_is_none_of_ours_is_passed_over() {
        let time = Value::Array(vec![bulk("1795430046"), bulk("123456")]);
        let scored = Value::Array(vec![
            bulk("w#1"),
            bulk("1795430045123"),
            Value::BulkString(vec![0xff]),
            bulk("1"),
            bulk("w#2"),
            bulk("-inf"),
        ]);
        let (now, workers) = read_index(&[time.clone(), scored]).unwrap();
        assert_eq!(now, Duration::from_micros(1_795_430_046_123_456));
        assert_eq!(workers.len(), 1);
        assert_eq!(now.saturating_sub(workers[0].1).as_millis(), 1000);
        for bad in [vec![], vec![time.clone()], vec![Value::Nil, Value::Nil], vec![time, Value::Nil]] {
            assert!(read_index(&bad).is_none());
        }
    }
}
