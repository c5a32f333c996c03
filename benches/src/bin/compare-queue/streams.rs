//! The bare loop over a stream: XADD, then XACK, XDEL and XREADGROUP in one trip.

use redis::{Pipeline, Value, cmd};

use super::Problem;
use super::raw::{Claimed, Raw};
use super::tasks::RESULT;

const GROUP: &str = "workers";

#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    /// Keeps a small result for each entry in a hash, as queues do that have results.
    pub(super) results: bool,
}

/// An id, then names and values by turns.
type Entry = (Vec<u8>, Vec<Vec<u8>>);

impl Raw for Streams {
    fn prepare(&self, key: &str) -> Pipeline {
        let mut pipeline = Pipeline::new();
        pipeline.cmd("XGROUP").arg("CREATE").arg(key).arg(GROUP).arg("$").arg("MKSTREAM").ignore();
        pipeline
    }

    /// XADD takes one entry at a time, so a batch of them shares no more than the trip.
    fn push(&self, key: &str, payloads: &[Vec<u8>]) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(payloads.len());
        for payload in payloads {
            pipeline.add_command(cmd("XADD").arg(key).arg("*").arg("p").arg(payload).take()).ignore();
        }
        pipeline
    }

    fn step(&self, key: &str, hand: usize, settle: &[Claimed], claim: usize) -> Pipeline {
        let mut pipeline = Pipeline::new();
        if !settle.is_empty() {
            let ids: Vec<_> = settle.iter().map(|one| one.id.as_slice()).collect();
            pipeline.cmd("XACK").arg(key).arg(GROUP).arg(&ids);
            // Entries that are done must go, or the stream grows for ever.
            pipeline.cmd("XDEL").arg(key).arg(&ids);
            if self.results {
                let results = pipeline.cmd("HSET").arg(format!("{key}:results"));
                for id in ids {
                    results.arg(id).arg(RESULT);
                }
                results.ignore();
            }
        }
        pipeline.cmd("XREADGROUP").arg("GROUP").arg(GROUP).arg(format!("hand-{hand}"));
        pipeline.arg("COUNT").arg(claim).arg("STREAMS").arg(key).arg(">");
        pipeline
    }

    fn claimed(&self, settled: usize, mut answers: Vec<Value>) -> Result<Vec<Claimed>, Problem> {
        let entries = answers.pop().ok_or("a step was not answered")?;
        if answers.iter().any(|answer| *answer != Value::Int(settled as i64)) {
            return Err("an entry was acknowledged or deleted twice".into());
        }
        let streams: Option<Vec<(String, Vec<Entry>)>> = redis::from_redis_value(entries)?;
        let entries = streams.into_iter().flatten().flat_map(|(_, entries)| entries);
        let claimed =
            entries.map(|(id, mut fields)| Claimed { id, payload: fields.pop().unwrap_or_default() });
        Ok(claimed.collect())
    }
}
