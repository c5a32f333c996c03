//! Who may enqueue: the caller's bound on what waits.

use std::time::Duration;

use crate::clock::{length, span};
use crate::{Bound, Error};

/// When a refused producer may try again: long enough that refused ones do not become the load.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Checks a batch with so many tasks that the queue does not know yet against a bound on a queue that holds `ready`
/// ready tasks, the oldest of them ready since `oldest`. A batch without new tasks passes, since a call that was refused
/// by one shard and taken by another must be repeatable by the ids of its tasks, however full the queue is by then.
pub(crate) fn check_bound(
    bound: Bound,
    new: usize,
    ready: u64,
    oldest: Option<i64>,
    now: i64,
) -> Result<(), Error> {
    if new == 0 {
        return Ok(());
    }
    let full = |what, found, bound| Err(Error::QueueFull { what, found, bound, retry_after: RETRY_AFTER });
    if let Some(most) = bound.ready
        && ready.saturating_add(new as u64) > most
    {
        return full("the number of ready tasks", ready.to_string(), most.to_string());
    }
    let waited = oldest.map_or(0, |oldest| now.saturating_sub(oldest));
    match bound.age {
        Some(longest) if waited > span(longest) => {
            full("the age of the oldest ready task", format!("{:?}", length(waited)), format!("{longest:?}"))
        }
        _ => Ok(()),
    }
}
