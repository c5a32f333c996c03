//! What every broker must do, whatever it stores tasks in. Each case runs on an empty broker whose clock is moved by
//! hand, so no case waits for time to pass.

mod batch;
mod death;
mod lease;
mod order;
mod result;

use std::num::NonZeroU32;
use std::time::Duration;

use cofferdam_queue::{
    AnyBroker, Delivery, Ending, Lease, ManualClock, NewTask, Queue, Settlement, TaskId, TaskState, Verdict,
    WorkerId,
};

pub(crate) use batch::*;
pub(crate) use death::*;
pub(crate) use lease::*;
pub(crate) use order::*;
pub(crate) use result::*;

pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// An empty broker, its clock, and what must live as long as it.
pub(crate) struct Setup {
    pub(crate) broker: AnyBroker,
    pub(crate) clock: ManualClock,
    pub(crate) _folder: Option<tempfile::TempDir>,
}

impl Setup {
    pub(crate) fn queue(&self) -> Queue {
        Queue::new(self.broker.clone(), "q").unwrap()
    }
}

/// Makes a test of each case for the backend that `$make` sets up.
#[macro_export]
macro_rules! conformance {
    ($make:path: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                conformance::$case($make().await).await;
            }
        )*
    };
    ($make:path) => {
        conformance!($make:
            fifo_within_a_priority
            higher_priorities_go_first
            a_delayed_task_waits_for_its_time
            queues_do_not_mix
            enqueue_is_idempotent_by_id
            a_finished_task_protects_its_id_until_it_is_forgotten
            an_expired_lease_is_taken_over
            a_stale_owner_cannot_settle
            an_expired_lease_that_nobody_took_can_still_be_settled
            a_renewed_lease_lasts
            renewal_names_the_lost_and_cannot_revive
            a_task_whose_delivery_was_lost_comes_back
            a_reused_worker_name_inherits_nothing
            a_dead_worker_is_reclaimed_at_once
            reaping_in_parts_leaves_nobody_behind
            racing_workers_record_one_result_each
            a_repeated_settlement_is_recognised
            results_are_kept_byte_for_byte
            waiting_ends_with_the_task
            waiting_ends_with_the_timeout
            failures_count_apart_from_crashes
            a_task_dies_of_too_many_failures
            a_task_dies_of_too_many_crashes
            a_rejected_task_dies_at_once
            a_retried_task_waits_for_its_back_off
            a_handed_back_task_is_unharmed_and_keeps_its_place
            stats_count_every_phase
            the_oldest_ready_task_is_known_for_each_priority
            batches_are_bounded
            oversized_payloads_are_refused_and_empty_ones_kept
            a_refused_batch_adds_nothing
            a_backlog_of_twenty_thousand
            the_cost_of_an_ack_does_not_grow_with_the_number_in_flight
        );
    };
}

pub(crate) fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

pub(crate) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
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

pub(crate) async fn claim_ids(queue: &Queue, worker: &WorkerId, max: usize) -> Vec<String> {
    let claimed = queue.claim(worker, max, LEASE).await.unwrap();
    claimed.into_iter().map(|delivery| delivery.lease.task.to_string()).collect()
}

pub(crate) async fn settle_one(queue: &Queue, worker: &WorkerId, settlement: Settlement) -> Verdict {
    queue.settle(worker, vec![settlement]).await.unwrap()[0]
}

pub(crate) async fn result_of(queue: &Queue, task: &str) -> Option<Vec<u8>> {
    match queue.state(&id(task)).await.unwrap() {
        Some(TaskState::Done { result, .. }) => Some(result),
        _ => None,
    }
}
