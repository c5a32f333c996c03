//! What the cases have in common: short ways to say what a worker does and what a queue holds.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::*;

pub(crate) const LEASE: Duration = Duration::from_secs(30);

pub(crate) fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

pub(crate) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

pub(crate) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

pub(crate) fn task(text: &str) -> NewTask {
    NewTask::new(text).id(id(text))
}

pub(crate) fn times(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

pub(crate) fn done(lease: &Lease, result: &[u8]) -> Settlement {
    Settlement::new(lease.clone(), Ending::Done(result.to_vec()))
}

pub(crate) fn failed(lease: &Lease, retry_after: Duration) -> Settlement {
    Settlement::new(lease.clone(), Ending::Failed { error: "no luck".to_owned(), retry_after })
}

pub(crate) fn crashed(lease: &Lease) -> Settlement {
    let ending = Ending::Crashed { error: "the handler panicked".to_owned(), retry_after: Duration::ZERO };
    Settlement::new(lease.clone(), ending)
}

pub(crate) fn handed_back(lease: &Lease) -> Settlement {
    Settlement::new(lease.clone(), Ending::HandedBack)
}

/// Claims the one task that must be there.
pub(crate) async fn claim_one(queue: &Queue, worker: &WorkerId) -> Delivery {
    let mut claimed = queue.claim(worker, 1, LEASE).await.unwrap();
    claimed.pop().expect("a task is ready")
}

/// Claims whatever is ready, in as many trips as it takes.
pub(crate) async fn claim_all(queue: &Queue, worker: &WorkerId) -> Vec<Delivery> {
    let mut all = Vec::new();
    loop {
        let claimed = queue.claim(worker, 100, LEASE).await.unwrap();
        if claimed.is_empty() {
            return all;
        }
        all.extend(claimed);
    }
}

/// The ids of deliveries, in alphabetical order.
pub(crate) fn sorted_ids<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> Vec<&'a str> {
    let mut ids: Vec<_> = deliveries.into_iter().map(|delivery| delivery.lease.task.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// The lease on this task among deliveries.
pub(crate) fn lease_of(deliveries: &[Delivery], task: &str) -> Lease {
    let delivery = deliveries.iter().find(|delivery| delivery.lease.task.as_str() == task);
    delivery.expect("the task was delivered").lease.clone()
}

pub(crate) async fn claim_ids(queue: &Queue, worker: &WorkerId, max: usize) -> Vec<String> {
    let claimed = queue.claim(worker, max, LEASE).await.unwrap();
    claimed.into_iter().map(|delivery| delivery.lease.task.to_string()).collect()
}

pub(crate) async fn settle_one(queue: &Queue, worker: &WorkerId, settlement: Settlement) -> Verdict {
    queue.settle(worker, vec![settlement]).await.unwrap()[0]
}

pub(crate) async fn death_of(queue: &Queue, name: &str) -> (DeathReason, String) {
    match queue.state(&id(name)).await.unwrap() {
        Some(TaskState::Dead { reason, error, .. }) => (reason, error),
        other => panic!("{name} is not dead but {other:?}"),
    }
}

/// How many tasks are ready, delayed, blocked, leased and dead.
pub(crate) async fn counts(queue: &Queue) -> [u64; 5] {
    let total = queue.stats().await.unwrap().total();
    [total.ready, total.delayed, total.blocked, total.leased, total.dead]
}

/// Hears whether this topic is raised within the time that a signal takes, which is none.
pub(crate) async fn is_heard(listener: &mut Listener) -> bool {
    // Far longer than any poll of a store that others may change.
    let patience = Duration::from_secs(20);
    let start = Instant::now();
    listener.changed(patience).await;
    start.elapsed() < patience
}

pub(crate) async fn result_of(queue: &Queue, task: &str) -> Option<Vec<u8>> {
    match queue.state(&id(task)).await.unwrap() {
        Some(TaskState::Done { result, .. }) => Some(result),
        _ => None,
    }
}
