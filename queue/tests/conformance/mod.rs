//! What every broker must do, whatever it stores tasks in. Each case runs on an empty broker whose clock is moved by
//! hand, so no case waits for time to pass.

mod batch;
mod bound;
mod classes;
mod code;
mod control;
mod deadline;
mod death;
mod fairness;
mod groups;
mod groups_death;
mod lease;
mod limits;
mod markers;
mod notes;
mod order;
mod rates;
mod result;
mod support;
mod unique;
mod views;

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
pub(crate) use fairness::*;
pub(crate) use groups::*;
pub(crate) use groups_death::*;
pub(crate) use lease::*;
pub(crate) use limits::*;
pub(crate) use markers::*;
pub(crate) use notes::*;
pub(crate) use order::*;
pub(crate) use rates::*;
pub(crate) use result::*;
pub(crate) use support::*;
pub(crate) use unique::*;
pub(crate) use views::*;

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
            what_a_full_queue_has_already_can_be_enqueued_again
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
            a_limit_counts_over_priorities_and_classes
            a_stopped_task_keeps_its_place
            stopped_tasks_fill_a_queue
            a_backlog_before_a_closed_limit_costs_nothing
            tenants_take_turns_whatever_their_backlog
            a_claim_of_many_is_many_claims_of_one
            a_weight_buys_more_of_the_workers
            cpu_time_is_shared_not_tasks
            a_charge_is_an_estimate_until_the_run_has_ended
            a_lost_run_costs_its_charge
            no_credit_is_saved_up
            tasks_without_a_tenant_share_as_one
            without_tenants_nothing_is_reckoned
            priority_goes_before_fairness
            an_account_holds_for_all_classes_of_one_queue
            a_tenant_before_a_closed_limit_holds_up_nobody
            a_tenant_that_waits_for_a_limit_has_not_left
            a_task_that_comes_back_keeps_its_place_within_its_tenant
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
            one_reaping_looks_everywhere
            a_stale_owner_cannot_settle
            an_expired_lease_that_nobody_took_can_still_be_settled
            a_renewed_lease_lasts
            a_task_whose_delivery_was_lost_comes_back
            a_reused_worker_name_inherits_nothing
            a_dead_worker_is_reclaimed_at_once
            tasks_that_come_or_come_back_wake_those_who_wait_for_work
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
            schedules_are_kept_byte_for_byte
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
            a_key_is_held_until_its_task_has_ended
            a_key_is_freed_however_its_task_ends
            a_key_may_be_held_until_its_task_starts
            a_key_may_be_held_for_a_time
            the_id_is_looked_at_before_the_key
            a_later_task_hands_over_its_payload
            a_replacement_restarts_the_delay
            a_task_that_has_started_is_not_replaced
            tasks_of_one_batch_meet_each_other
            keys_of_queues_do_not_mix
            a_replayed_task_does_not_take_its_key_again
            a_limit_bounds_how_many_run
            what_a_limit_stops_does_not_stop_others
            a_limit_that_is_set_later_counts_what_runs_already
            a_limit_can_be_raised_and_lifted
            a_freed_place_wakes_those_who_wait_for_work
            a_rate_allows_a_burst_and_then_even_starts
            a_rate_counts_starts_whatever_comes_of_them
            a_rate_and_a_bound_on_concurrency_hold_together
            another_rate_begins_anew_and_the_same_goes_on
            a_closed_limit_keeps_even_what_has_expired
            stopped_tasks_can_be_cancelled_and_purged
            a_task_waits_for_those_before_it
            a_group_keeps_its_order
            what_has_ended_well_is_not_waited_for
            the_delay_begins_with_the_last_end
            an_unknown_dependency_refuses_the_call
            a_repeated_call_asks_nothing_of_forgotten_parents
            ties_that_exclude_each_other_are_refused
            failures_that_are_tried_again_release_nobody
            one_parent_may_release_a_thousand
            the_death_of_a_task_is_that_of_those_who_wait
            every_way_to_die_counts
            a_child_of_the_dead_dies_at_once_unless_it_is_tolerant
            a_task_dies_once_of_two_parents
            replay_of_a_parent_does_not_revive_its_children
            a_blocked_task_can_be_cancelled_and_deleted
            the_deadline_of_a_blocked_task_is_looked_at_when_it_could_run
            a_marker_ends_with_its_batch
            a_marker_never_goes_to_a_worker
            a_chain_of_thousands_ends_in_one_step
        );
    };
}
