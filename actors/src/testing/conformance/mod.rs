//! Conformance suite of stores: run against the fake, SQLite and PostgreSQL.
//!
//! ```ignore
//! palabre_actors::store_conformance!(async { (FakeStore::new(), ()) });
//! ```

#![expect(clippy::expect_used, clippy::panic, reason = "it is a suite of tests")]

pub mod callbacks;
pub mod expedite;
pub mod fixture;
pub mod held_messages;
pub mod identity;
pub mod identity_sequences;
pub mod inbox;
pub mod late_failures;
pub mod opt_in;
pub mod outbox;
pub mod quota_exempt;
pub mod rate_limit;
pub mod timers;
pub mod turns;
pub mod usage;
pub mod waiting;

use crate::domain::Timestamp;
use crate::domain::ids::OutboundId;
use crate::ports::{Inbox, Outbox, Pending, RecipientStatuses, Turns};
use crate::testing::fakes::{FakeStore, Snapshot};

/// A store under test.
pub trait Subject: Inbox + Turns + Outbox + RecipientStatuses {
    /// All rows as they stand.
    fn snapshot(&self) -> Pending<'_, Snapshot>;

    /// Whether other nodes may work on it: what they have leased is theirs until the lease runs out.
    fn is_shared(&self) -> bool {
        false
    }

    /// Replays a message, as an operator does; no effect where that is not allowed.
    fn replay(&self, id: OutboundId, at: Timestamp) -> Pending<'_, ()>;
}

impl Subject for FakeStore {
    fn snapshot(&self) -> Pending<'_, Snapshot> {
        let snapshot = Self::snapshot(self);
        Box::pin(async move { snapshot })
    }

    fn replay(&self, id: OutboundId, at: Timestamp) -> Pending<'_, ()> {
        Self::replay(self, id, at);
        Box::pin(async {})
    }
}

/// One `#[tokio::test]` for each case of the suite. The argument is an expression that is a future of a fresh, empty
/// store, and of something to keep as long as the store (a temporary folder).
#[macro_export]
macro_rules! store_conformance {
    ($make:expr) => {
        $crate::store_conformance!(@cases $make, inbox:
            i1_an_accepted_message_has_its_row_and_its_event,
            i2_a_repeat_is_ignored_and_told,
            i2_fifty_copies_in_one_batch_are_one_message,
            i2_fifty_copies_at_once_are_one_message,
            i2_the_same_id_elsewhere_is_another_message,
            i2_an_id_of_one_chat_may_be_another_message_in_another,
            i3_ids_grow_in_the_order_of_acceptance,
            content_comes_back_as_it_was,
            the_backlog_has_what_had_no_turn,
            a_buried_message_is_dead,
        );
        $crate::store_conformance!(@cases $make, turns:
            i4_a_turn_commits_as_one,
            i4_a_conflict_writes_nothing,
            i4_a_message_has_one_turn,
            i4_of_many_turns_at_once_one_wins,
            i4_a_conflict_is_its_own_alone,
            i4_two_newcomers_with_one_address_are_one_contact,
            i6_stop_holds_back_what_nobody_began,
            i6_a_phone_number_is_one_person_on_every_channel,
            i6_stop_counts_for_every_address_of_the_contact,
            start_lifts_the_stop,
            i9_a_stop_is_for_one_tenant,
            i3_a_turn_releases_what_it_knows_of,
            live_sessions_open_once_and_close_when_idle,
            sessions_close,
            a_contact_goes_by_the_name_they_last_showed,
            timers_come_due_in_order,
        );
        $crate::store_conformance!(@cases $make, outbox:
            a_claim_takes_the_heads_that_are_due,
            a_claim_keeps_to_its_tenant_and_limit,
            what_is_due_is_the_head,
            open_rows_rows_are_told,
            i5_settlements_write_down_what_came_of_it,
            i11_a_row_says_why_it_waits_for_as_long_as_it_waits,
            i5_an_old_attempt_says_nothing_about_a_new_one,
            i5_expired_leases_become_unknown,
            i5_lost_leases_become_unknown_and_what_is_in_hand_does_not,
            i5_what_is_looked_into_is_not_taken_back,
            i5_a_repeated_settlement_changes_nothing,
            i5_of_duplicate_candidates_the_older_is_cleared_up_first,
            i5_a_duplicate_candidate_on_another_channel_counts_where_both_leave_through_one_account,
            i5_what_was_sent_late_owns_its_receipt_all_the_same,
            i6_the_providers_opt_out_is_ours,
        );
        $crate::store_conformance!(@cases $make, callbacks:
            i6_an_opt_out_that_a_callback_reports_is_ours,
            i8_a_success_clears_the_failure_before_it,
            i8_a_callback_may_come_first,
            i8_late_and_repeated_callbacks_leave_only_events,
            i8_a_callback_finds_its_row,
        );
        $crate::store_conformance!(@cases $make, late_failures:
            i5_what_failed_late_and_may_pass_is_sent_again,
            i8_a_success_of_the_first_generation_ends_the_second,
            i5_an_outcome_of_an_earlier_generation_changes_nothing,
            i3_what_comes_back_keeps_its_place,
            i3_a_conversation_in_memory_hears_of_what_came_back,
            a_closed_window_sends_the_template_or_waits_for_the_contact,
            codes_that_do_not_pass_stay,
            i8_callbacks_of_two_generations_in_any_order_lead_forward,
        );
        $crate::store_conformance!(@cases $make, quota_exempt:
            a_quota_exempt_message_passes_those_that_wait_for_another_day,
            a_quota_exempt_message_is_due_wherever_it_is_queued,
        );
        $crate::store_conformance!(@cases $make, expedite:
            what_failed_is_due_when_another_channel_takes_over,
            what_the_other_channel_cannot_carry_waits_for_its_time,
        );
        $crate::store_conformance!(@cases $make, held_messages:
            i3_what_the_budget_holds_stands_in_nobodys_way_and_keeps_its_order,
            what_the_contact_says_does_not_bring_back_what_the_budget_holds,
            i11_what_waits_for_the_morning_says_so_and_holds_up_nothing,
            i6_a_stop_counts_for_what_the_budget_holds_or_is_scheduled,
            what_is_scheduled_goes_out_at_its_time_and_holds_up_nothing,
            i9_each_tenant_gets_back_what_its_budget_held,
        );
        $crate::store_conformance!(@cases $make, opt_in:
            i6_a_welcome_asks_where_it_was_meant_for_and_where_it_left,
            i6_a_callback_that_comes_first_says_where_a_welcome_left,
            i6_who_confirms_is_one_person_on_every_channel,
            what_was_said_is_dated_when_it_was_said,
            i6_marketing_is_stopped_and_resumed,
        );
        $crate::store_conformance!(@cases $make, timers:
            timers_are_due_in_the_order_of_their_times,
            i4_a_timer_fires_once,
            i4_a_turn_that_loses_leaves_the_timers_as_they_were,
            timers_are_cancelled_one_by_one_or_by_kind,
            who_answers_and_what_a_flow_remembers_come_back,
            a_conversation_is_found_by_its_id_within_its_tenant,
            an_action_comes_back_as_it_was_and_passes_a_stop,
            i3_an_answer_does_not_overtake_what_a_timer_wrote,
        );
        $crate::store_conformance!(@cases $make, identity:
            i3_spellings_of_one_number_are_one_conversation,
            i6_a_stop_by_any_spelling_is_a_stop_by_all,
            i6_two_contacts_become_one_and_are_silent_if_either_was,
            a_merged_contact_has_one_conversation_on_each_channel,
            i6_an_address_that_joins_a_silent_contact_is_silent,
            i6_every_order_of_meeting_and_stopping_silences_and_opens_all,
        );
        $crate::store_conformance!(@cases $make, identity_sequences:
            i6_no_sequence_gets_an_answer_between_stop_and_start,
        );
        $crate::store_conformance!(@cases $make, usage: sent_messages_are_counted,);
        $crate::store_conformance!(@cases $make, waiting: who_waits_is_read_in_the_order_in_which_they_asked,);
    };
    (@cases $make:expr, $module:ident: $($case:ident,)+) => {
        mod $module {
            use super::*;

            $(
                #[tokio::test]
                async fn $case() {
                    let (store, _kept) = $make.await;
                    $crate::testing::conformance::$module::$case(&store).await;
                }
            )+
        }
    };
}

#[cfg(test)]
mod fake {
    use crate::testing::fakes::FakeStore;

    store_conformance!(async { (FakeStore::new(), ()) });
}
