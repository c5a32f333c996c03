//! What every broker must do, whatever it stores tasks in. Each case runs on an empty broker whose clock is moved by
//! hand, so no case waits for time to pass.

mod batch;
mod bound;
mod classes;
mod code;
mod control;
mod deadline;
mod death;
mod lease;
mod notes;
mod order;
mod result;
mod views;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use cofferdam_queue::{
    AnyBroker, DeathReason, Delivery, Ending, Label, Lease, Listener, ManualClock, Mode, NewTask, Places,
    Queue, Setting, Settlement, Step, TaskId, TaskState, Verdict, WorkerId,
};

pub(crate) use batch::*;
pub(crate) use bound::*;
pub(crate) use classes::*;
pub(crate) use code::*;
pub(crate) use control::*;
pub(crate) use deadline::*;
pub(crate) use death::*;
pub(crate) use lease::*;
pub(crate) use notes::*;
pub(crate) use order::*;
pub(crate) use result::*;
pub(crate) use views::*;

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

/// Makes a test of each case for the backend that `$make` sets up: all of them, or those that are named.
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
        conformance_of_shards!($make);
        // These ask for an order, a number or an all-or-nothing that only a store in one piece can give.
        conformance!($make:
            fifo_within_a_priority
            higher_priorities_go_first
            a_delayed_task_waits_for_its_time
            enqueue_is_idempotent_by_id
            renewal_names_the_lost_and_cannot_revive
            reaping_in_parts_leaves_nobody_behind
            a_handed_back_task_is_unharmed_and_keeps_its_place
            the_oldest_ready_task_is_known_for_each_priority
            batches_are_bounded
            oversized_payloads_are_refused_and_empty_ones_kept
            a_backlog_of_twenty_thousand
            a_bound_refuses_what_is_too_much_and_adds_nothing_of_it
            a_batch_larger_than_the_bound_never_fits
            what_is_not_ready_does_not_fill_a_queue
            a_bound_on_age_refuses_while_a_task_has_waited_too_long
            both_bounds_hold_together
            peek_shows_ready_tasks_in_the_order_of_their_claims
            peek_shows_delayed_tasks_by_their_time
            peek_shows_running_tasks_by_the_end_of_their_lease
            peek_shows_the_latest_death_first
            a_purge_deletes_no_more_than_it_is_told
            expired_tasks_take_no_places
            each_class_has_its_own_places
            priorities_hold_within_a_class
            quarantine_concerns_all_tasks_of_the_code_and_no_others
            the_cost_of_an_ack_does_not_grow_with_the_number_in_flight
        );
    };
}

/// Makes a test of each case that also holds for a store in several shards: where tasks that nothing ties together
/// have no order among each other, and a call is atomic on each shard alone. The cases count on this: a claim that
/// finds nothing has looked everywhere, and whatever counts tasks counts them all.
#[macro_export]
macro_rules! conformance_of_shards {
    ($make:path) => {
        conformance!($make:
            queues_do_not_mix
            a_finished_task_protects_its_id_until_it_is_forgotten
            an_expired_lease_is_taken_over
            a_stale_owner_cannot_settle
            an_expired_lease_that_nobody_took_can_still_be_settled
            a_renewed_lease_lasts
            a_task_whose_delivery_was_lost_comes_back
            a_reused_worker_name_inherits_nothing
            a_dead_worker_is_reclaimed_at_once
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
            stats_count_every_phase
            a_refused_batch_adds_nothing
            a_paused_queue_takes_tasks_and_hands_out_none
            a_draining_queue_hands_out_what_it_has_and_takes_no_more
            settings_are_kept_for_each_queue
            a_waiting_task_can_be_cancelled
            a_running_task_can_be_cancelled
            a_finished_task_cannot_be_cancelled
            a_dead_task_is_replayed_as_if_it_were_new
            a_replayed_task_may_be_cancelled_and_replayed_again
            calls_of_people_are_bounded_as_well
            peek_shows_what_is_known_of_a_task
            purging_a_section_deletes_it_and_nothing_else
            workers_are_listed_with_what_they_hold
            queues_are_listed_by_name
            a_checkpoint_is_handed_to_the_next_run
            a_note_changes_only_what_it_names
            progress_is_shown_as_long_as_its_run_lasts
            progress_wakes_those_who_watch_until_the_end
            notes_on_a_lost_lease_are_refused_by_name
            a_checkpoint_lives_as_long_as_a_run_may_come
            notes_are_bounded
            a_task_past_its_deadline_dies_unrun
            a_task_before_its_deadline_runs_and_knows_it
            tasks_that_come_back_expire_as_well
            nothing_expires_in_a_paused_queue
            a_replayed_task_has_no_deadline
            a_class_is_claimed_by_those_who_offer_it
            a_task_keeps_its_class_whatever_happens_to_it
            a_worker_may_offer_classes_alone
            code_that_crashes_too_often_is_quarantined
            only_crashes_that_count_lead_to_quarantine
            the_last_crash_of_a_task_counts_for_its_code
            released_code_runs_again_with_a_clean_record
            quarantine_can_be_turned_off_and_on
            code_can_be_quarantined_by_hand
        );
    };
}

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
