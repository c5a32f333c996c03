//! The bounds of one call, the same for every backend, and the checks against them.

use std::time::Duration;

use crate::{Error, NewTask, Note, Setting, Settlement, Step};

/// The most tasks, settlements or claims in one trip. A backend serves a batch as one atomic step and serves nobody
/// else meanwhile: 500 small tasks take a few milliseconds.
pub const MAX_BATCH: usize = 500;

/// The largest payload and the largest result in bytes. A queue moves each of them several times and keeps it in
/// the working set of its store, so bulk data belongs elsewhere, with a reference in the task.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// The most payload or result bytes in one trip. It bounds what waits in memory for a transaction.
pub const MAX_BATCH_BYTES: usize = 64 << 20;

/// The longest name of a queue or a worker and the longest task id, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The longest error message that is kept with a task, in bytes; the rest is cut off and marked so.
pub const MAX_ERROR_BYTES: usize = 8 << 10;

/// The largest checkpoint and the largest progress in bytes. They are written while tasks run, perhaps many times.
pub const MAX_NOTE_BYTES: usize = 256 << 10;

/// The largest schedule in bytes, the payload of its tasks included. Every worker reads all schedules every few seconds.
pub const MAX_SCHEDULE_BYTES: usize = 64 << 10;

/// How many tasks one task may wait for. It is one list in one record.
pub const MAX_DEPENDENCIES: usize = 10_000;

/// The longest lease. A lease decides how long a dead worker's tasks lie still, so an hour is already generous.
pub const MAX_LEASE: Duration = Duration::from_secs(3600);

pub(crate) fn check_enqueue(tasks: &[NewTask]) -> Result<(), Error> {
    check_count("tasks", tasks.len())?;
    tasks.iter().try_for_each(check_ties)?;
    check_bytes("a payload", tasks.iter().map(|task| task.payload.len()))
}

/// A group, a limit and a unique key each decide where a clustered store keeps the task, so it can have but one.
fn check_ties(task: &NewTask) -> Result<(), Error> {
    let refuse = |setting, problem| {
        Err(Error::InvalidSetting { setting, value: format!("set for task {}", task.id), problem })
    };
    let ties = [task.group.is_some(), task.limit.is_some(), task.unique.is_some()];
    if ties.into_iter().filter(|tied| *tied).count() > 1 {
        return refuse("limit, unique key or group", "a task has at most one of the three");
    }
    if !task.after.is_empty() && task.group.is_none() {
        return refuse("after", "only tasks of a group can wait for each other: give both the same group");
    }
    if task.after.len() > MAX_DEPENDENCIES {
        return refuse("after", "a task waits for at most 10,000 others: put markers in between");
    }
    Ok(())
}

pub(crate) fn check_notes(notes: &[Note]) -> Result<(), Error> {
    check_count("notes", notes.len())?;
    for (what, bytes) in notes.iter().flat_map(|note| {
        [("a checkpoint", &note.checkpoint), ("progress", &note.progress)]
            .map(|(what, text)| (what, text.as_ref().map_or(0, Vec::len)))
    }) {
        if bytes > MAX_NOTE_BYTES {
            return Err(Error::TooLarge { what, bytes, limit: MAX_NOTE_BYTES });
        }
    }
    Ok(())
}

pub(crate) fn check_setting(setting: &Setting) -> Result<(), Error> {
    match setting {
        Setting::Schedule(_, Some(value)) if value.len() > MAX_SCHEDULE_BYTES => {
            Err(Error::TooLarge { what: "a schedule", bytes: value.len(), limit: MAX_SCHEDULE_BYTES })
        }
        _ => Ok(()),
    }
}

pub(crate) fn check_step(step: &Step) -> Result<(), Error> {
    check_count("settlements", step.settle.len())?;
    check_count("claims", step.places())?;
    check_lease(step.lease)?;
    check_bytes("a result", step.settle.iter().map(Settlement::result_bytes))
}

pub(crate) fn check_count(what: &'static str, count: usize) -> Result<(), Error> {
    if count > MAX_BATCH {
        return Err(Error::BatchTooLarge { what, count, limit: MAX_BATCH });
    }
    Ok(())
}

pub(crate) fn check_lease(lease: Duration) -> Result<(), Error> {
    if lease.as_millis() == 0 || lease > MAX_LEASE {
        let problem = "a lease lasts from one millisecond to one hour";
        return Err(Error::InvalidSetting { setting: "lease", value: format!("{lease:?}"), problem });
    }
    Ok(())
}

fn check_bytes(what: &'static str, sizes: impl Iterator<Item = usize>) -> Result<(), Error> {
    let mut total = 0_usize;
    for bytes in sizes {
        if bytes > MAX_PAYLOAD_BYTES {
            return Err(Error::TooLarge { what, bytes, limit: MAX_PAYLOAD_BYTES });
        }
        total = total.saturating_add(bytes);
    }
    if total > MAX_BATCH_BYTES {
        return Err(Error::TooLarge { what: "the batch", bytes: total, limit: MAX_BATCH_BYTES });
    }
    Ok(())
}
