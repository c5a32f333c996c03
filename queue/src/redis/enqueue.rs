//! Putting tasks in, each on its shard.

use std::time::Duration;

use ::redis::Value;

use super::record::{encode, is_rich};
use super::script::LIBRARY;
use super::shard::Shards;
use super::values::{array, bytes, integer, odd, text};
use super::{Args, Inner};
use crate::clock::span;
use crate::{Bound, Enqueued, Error, NewTask, Novelty, QueueName, TaskId};

/// When a producer that was told that the queue is full may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Inner {
    pub(super) async fn enqueue(
        &self,
        queue: &QueueName,
        shards: &Shards,
        tasks: &[NewTask],
        bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); shards.all().len()];
        for (place, task) in tasks.iter().enumerate() {
            if let Some(of_shard) = places.get_mut(usize::from(shards.of_task(task))) {
                of_shard.push(place);
            }
        }
        let mut requests = Vec::new();
        let mut asked = Vec::new();
        for (shard, places) in shards.all().iter().zip(places).filter(|(_, places)| !places.is_empty()) {
            let of_shard = || places.iter().filter_map(|place| tasks.get(*place));
            let args = arguments(of_shard(), bound, shards.all().len());
            requests.push(self.request(&LIBRARY.enqueue, shards, shard, args));
            asked.push(places);
        }
        let mut answers: Vec<_> =
            tasks.iter().map(|task| Enqueued::new(task.id.clone(), Novelty::Existing)).collect();
        let mut failed = None;
        for (places, reply) in asked.into_iter().zip(self.call_confirmed(requests).await) {
            let outcome = reply.and_then(|(value, confirmed)| {
                let read = read_answers(value, places.len(), queue, bound, shards.all().len())?;
                confirmed?;
                Ok(read)
            });
            match outcome {
                Err(error) => failed = failed.or(Some(error)),
                Ok(read) => {
                    for (place, (novelty, holder)) in places.into_iter().zip(read) {
                        if let Some(answer) = answers.get_mut(place) {
                            answer.novelty = novelty;
                            answer.id = holder.unwrap_or_else(|| answer.id.clone());
                        }
                    }
                }
            }
        }
        failed.map_or(Ok(answers), Err)
    }
}

fn arguments<'a>(tasks: impl Iterator<Item = &'a NewTask> + Clone, bound: Bound, shards: usize) -> Args {
    let rich = tasks.clone().any(is_rich);
    let share = bound.ready.map(|ready| share_of(ready, shards));
    let mut args = Args::default()
        .text(&share.map(|share| share.to_string()).unwrap_or_default())
        .text(&bound.age.map(|age| span(age).to_string()).unwrap_or_default())
        .text(if rich { "rich" } else { "plain" });
    for task in tasks {
        args = args.text(task.id.as_str()).bytes(encode(task));
        if rich {
            args = args.bytes(pack_ids(&task.after));
        }
    }
    args
}

/// What a bound on the whole queue allows to each shard.
fn share_of(ready: u64, shards: usize) -> u64 {
    ready.div_ceil(u64::try_from(shards).unwrap_or(1).max(1))
}

/// A MessagePack array of strings, or nothing for none.
fn pack_ids(ids: &[TaskId]) -> Vec<u8> {
    let mut packed = Vec::new();
    if let Ok(count @ 1..) = u16::try_from(ids.len()) {
        packed.push(0xdc);
        packed.extend(count.to_be_bytes());
        for id in ids {
            packed.push(0xda);
            // An id has at most 128 bytes.
            packed.extend(u16::try_from(id.as_str().len()).unwrap_or(0).to_be_bytes());
            packed.extend(id.as_str().as_bytes());
        }
    }
    packed
}

type Answer = (Novelty, Option<TaskId>);

fn read_answers(
    value: Value,
    count: usize,
    queue: &QueueName,
    bound: Bound,
    shards: usize,
) -> Result<Vec<Answer>, Error> {
    let (codes, mut holders) = match value {
        Value::Array(values) => {
            let mut values = values.into_iter();
            let first = values.next().ok_or_else(odd)?;
            if let Some(error) = refusal(text(&first)?, values.as_slice(), bound, shards)? {
                return Err(error);
            }
            (first, array(values.next().ok_or_else(odd)?)?.into_iter())
        }
        value => (value, Vec::new().into_iter()),
    };
    let codes = bytes(&codes)?;
    if codes == b"draining" {
        return Err(Error::Draining { queue: queue.to_string() });
    }
    if codes.len() != count {
        return Err(odd());
    }
    codes
        .iter()
        .map(|code| {
            let mut holder = || Ok(Some(TaskId::from_stored(text(&holders.next().ok_or_else(odd)?)?)));
            match code {
                b'0' => Ok((Novelty::Existing, None)),
                b'1' => Ok((Novelty::New, None)),
                b'2' => Ok((Novelty::Duplicate, holder()?)),
                b'3' => Ok((Novelty::Replaced, holder()?)),
                _ => Err(odd()),
            }
        })
        .collect()
}

fn refusal(word: &str, rest: &[Value], bound: Bound, shards: usize) -> Result<Option<Error>, Error> {
    let found = |place: usize| rest.get(place).ok_or_else(odd);
    Ok(match word {
        "ready" => Some(Error::QueueFull {
            what: "the number of ready tasks",
            found: integer(found(0)?)?.to_string(),
            bound: share_of(bound.ready.unwrap_or(0), shards).to_string(),
            retry_after: RETRY_AFTER,
        }),
        "age" => Some(Error::QueueFull {
            what: "the age of the oldest ready task",
            found: format!("{:?}", crate::clock::length(integer(found(0)?)?)),
            bound: format!("{:?}", bound.age.unwrap_or_default()),
            retry_after: RETRY_AFTER,
        }),
        "parent" => Some(Error::UnknownDependency {
            task: TaskId::from_stored(text(found(0)?)?),
            dependency: TaskId::from_stored(text(found(1)?)?),
        }),
        _ => None,
    })
}
