//! The bounds of one call, the same for every backend, and the checks against them.

use std::time::Duration;

use crate::{Error, NewTask, Settlement, Step};

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

/// The longest lease. A lease decides how long a dead worker's tasks lie still, so an hour is already generous.
pub const MAX_LEASE: Duration = Duration::from_secs(3600);

pub(crate) fn check_enqueue(tasks: &[NewTask]) -> Result<(), Error> {
    check_count("tasks", tasks.len())?;
    check_bytes("a payload", tasks.iter().map(|task| task.payload.len()))
}

pub(crate) fn check_step(step: &Step) -> Result<(), Error> {
    check_count("settlements", step.settle.len())?;
    check_count("claims", step.claim)?;
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
