//! Whether a backlog makes a queue slower, or makes it forget.
//!
//! Tasks wait, few or a million. Then, turn by turn, a portion is enqueued, and one step settles the portion before and
//! claims the next; each such turn is timed, at a backlog that stays as deep as it is. At the end everything is worked off,
//! and each task must have come out once.

use std::time::Instant;

use cofferdam_benches::Samples;
use cofferdam_queue::{NewTask, Queue, Verdict, WorkerId};

use super::Problem;
use super::ours::{Backend, done, runtime, step};
use super::site::Site;
use super::tasks::{Load, Tally};

/// The backlog beside which a deep one is held.
pub(super) const SHALLOW: usize = 1000;

/// Turns that are timed.
const TURNS: usize = 500;

/// How long a turn takes beside so many waiting tasks.
///
/// # Errors
///
/// Why nobody knows, or which tasks did not come out as they went in.
pub(super) fn measure(
    backend: Backend,
    site: Result<&Site, &str>,
    load: &Load,
    waiting: usize,
) -> Result<Samples, Problem> {
    let site = site?;
    site.clean()?;
    let outcome = runtime()?.block_on(async {
        let queue = backend.open(&site.address()?).await?;
        turns(&queue, Load { tasks: waiting + TURNS * load.batch, ..*load }).await
    });
    site.clean()?;
    outcome
}

async fn turns(queue: &Queue, load: Load) -> Result<Samples, Problem> {
    let enqueue = |payloads: Vec<Vec<u8>>| queue.enqueue(payloads.into_iter().map(NewTask::new).collect());
    let portions = load.tasks.div_ceil(load.batch);
    let mut waiting = load.portions(0, 1);
    for payloads in waiting.by_ref().take(portions - TURNS) {
        enqueue(payloads).await?;
    }
    let worker = WorkerId::new("backlog")?;
    let (mut samples, mut tally, mut settle) = (Samples::new(), Tally::default(), Vec::new());
    loop {
        let more = waiting.next();
        let (timed, begun) = (more.is_some(), Instant::now());
        if let Some(payloads) = more {
            enqueue(payloads).await?;
        }
        let reply = queue.step(step(&worker, settle, load.batch)).await?;
        if timed {
            samples.add_since(begun);
        }
        if reply.settled.iter().any(|verdict| *verdict != Verdict::Recorded) {
            return Err("a result was not recorded".into());
        }
        if reply.claimed.is_empty() {
            break;
        }
        for delivery in &reply.claimed {
            tally.add(&delivery.payload)?;
        }
        settle = reply.claimed.into_iter().map(done).collect();
    }
    load.check(tally)?;
    Ok(samples)
}
