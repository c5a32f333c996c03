//! How an apalis task lies in a queue.
//!
//! Without metadata the payload is the encoded arguments as they are. With metadata it is a record of both, which the
//! task's kind tells.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis_core::task::Task;
use apalis_core::task::metadata::MetadataStore;

use crate::envelope::bytes::{Reader, Writer};
use crate::{Error, Job, Label, NewTask, Priority, TaskId};

/// The kind of tasks whose payload is a record.
const WRAPPED: &str = "apalis.wrapped";

/// The version of the record.
const VERSION: u8 = 1;

/// The task that an apalis task becomes.
pub(super) fn pack(task: Task<Vec<u8>>, max_attempts: NonZeroU32) -> Result<NewTask, Error> {
    let (arguments, context) = task.take();
    let attempts = context.max_attempts().and_then(|most| u32::try_from(most).ok()).and_then(NonZeroU32::new);
    let priority = if context.priority().unwrap_or(0) > 0 { Priority::High } else { Priority::Normal };
    let mut new = if context.metadata().is_empty() {
        NewTask::new(arguments)
    } else {
        NewTask::new(wrapped(context.metadata(), &arguments)).kind(Label::new(WRAPPED)?)
    };
    new = new.max_attempts(attempts.unwrap_or(max_attempts)).priority(priority);
    if let Some(moment) = context.run_at() {
        new = new.delay(until(moment));
    }
    let id =
        context.idempotency_key().map(str::to_owned).or_else(|| context.task_id().map(ToString::to_string));
    match id {
        Some(id) => Ok(new.id(TaskId::new(&id)?)),
        None => Ok(new),
    }
}

/// The metadata and the arguments of a job.
pub(super) fn unpack(job: &Job) -> Result<(MetadataStore, Vec<u8>), Error> {
    if job.kind().is_none_or(|kind| kind.as_str() != WRAPPED) {
        return Ok((MetadataStore::new(), job.payload().to_vec()));
    }
    let mut reader = Reader::open(job.payload(), VERSION)?;
    let mut metadata = MetadataStore::new();
    for _ in 0..reader.number()? {
        metadata.replace(reader.text()?, reader.text()?);
    }
    let arguments = reader.bytes()?.to_vec();
    reader.end()?;
    Ok((metadata, arguments))
}

fn wrapped(metadata: &MetadataStore, arguments: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(VERSION);
    writer.number(metadata.len() as u64);
    // In order, so that equal tasks are equal records.
    for (key, value) in metadata.iter().collect::<BTreeMap<_, _>>() {
        writer.text(key);
        writer.text(value);
    }
    writer.bytes(arguments);
    writer.sealed()
}

/// How long until this second after the epoch.
fn until(moment: u64) -> Duration {
    let moment = UNIX_EPOCH.checked_add(Duration::from_secs(moment));
    moment.and_then(|moment| moment.duration_since(SystemTime::now()).ok()).unwrap_or_default()
}
