//! Cases of `Outbox`.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use serde_json::json;

use super::Subject;
use super::fixture::{Customer, at, claim, ids, node, now, queued, settle, taken};
use crate::domain::event::{EntityType, EventType};
use crate::domain::ids::{ChannelId, NodeId, OutboundId, ProviderMessageId};
use crate::domain::message::Outbound;
use crate::domain::send::Receipt;
use crate::domain::status::{HeldReason, OutboxState};
use crate::ports::{ClaimUnknown, EndedLeases, Outbox, Settled};

pub(super) async fn state(store: &impl Subject, message: &Outbound) -> OutboxState {
    store.snapshot().await.sent_row(message.id).state
}

pub async fn a_claim_takes_the_heads_that_are_due(store: &impl Subject) {
    let (alice, bob, carol) = (Customer::of("belle", 1), Customer::of("belle", 2), Customer::of("belle", 3));
    let first = alice.is_answered(store, "SM1", 0, queued(0)).await;
    let second = alice.is_answered(store, "SM2", 1, queued(1)).await;
    let busy = bob.is_answered(store, "SM3", 1, now(1)).await;
    let behind = bob.is_answered(store, "SM4", 2, queued(2)).await;
    let later = carol.is_answered(store, "SM5", 2, queued(100)).await;

    let claimed = claim(store, "belle", 10, 10).await;
    assert_eq!(ids(&claimed), [first.id]);
    assert_eq!((claimed[0].attempts, &claimed[0].body, claimed[0].created_at), (1, &first.body, at(0)));
    assert_eq!((claimed[0].kind, claimed[0].in_reply_to), (first.kind, first.in_reply_to));
    let rows = store.snapshot().await;
    let row = rows.sent_row(first.id);
    assert_eq!(
        (row.state, row.lease_owner.clone(), row.lease_until),
        (OutboxState::Sending, Some(node()), Some(at(70)))
    );
    assert_eq!(ids(&claim(store, "belle", 10, 10).await), [], "nothing twice");

    settle(store, &claimed[0], taken("SMa"), 11).await;
    settle(store, &busy, taken("SMb"), 11).await;
    let mut claimed = ids(&claim(store, "belle", 12, 10).await);
    claimed.sort();
    let mut expected = [second.id, behind.id];
    expected.sort();
    assert_eq!(claimed, expected);
    assert_eq!(ids(&claim(store, "belle", 100, 10).await), [later.id]);
}

pub async fn a_claim_keeps_to_its_tenant_and_limit(store: &impl Subject) {
    let mut mine = Vec::new();
    for n in 0..5 {
        mine.push(Customer::of("belle", n).is_answered(store, &format!("SM{n}"), 0, queued(i64::from(n))).await.id);
        Customer::of("taxi", n).is_answered(store, &format!("SM{n}"), 0, queued(0)).await;
    }
    assert_eq!(ids(&claim(store, "belle", 10, 2).await), mine[..2]);
    assert_eq!(ids(&claim(store, "belle", 10, 10).await), mine[2..]);
    assert_eq!(ids(&claim(store, "nobody", 10, 10).await), []);
    assert_eq!(claim(store, "taxi", 10, 10).await.len(), 5);
}

pub async fn what_is_due_is_the_head(store: &impl Subject) {
    assert_eq!(Outbox::due(store).await.expect("lists"), []);
    let (alice, bob) = (Customer::of("belle", 1), Customer::of("belle", 2));
    let first = alice.is_answered(store, "SM1", 0, now(0)).await;
    alice.is_answered(store, "SM2", 1, queued(1)).await;
    assert_eq!(Outbox::due(store).await.expect("lists"), [], "what waits behind another is not due");
    bob.is_answered(store, "SM3", 1, queued(50)).await;
    Customer::of("taxi", 1).is_answered(store, "SM4", 1, queued(7)).await;
    let (belle, taxi) = (alice.channel_key(), Customer::of("taxi", 1).channel_key());
    let mut due = Outbox::due(store).await.expect("lists");
    due.sort();
    assert_eq!(due, [(belle.clone(), at(50)), (taxi.clone(), at(7))]);
    settle(store, &first, taken("SMa"), 2).await;
    let mut due = Outbox::due(store).await.expect("lists");
    due.sort();
    assert_eq!(due, [(belle, at(1)), (taxi, at(7))]);
}

pub async fn open_rows_rows_are_told(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let open_rows = async || customer.loaded(store).await.open_rows;
    assert!(!open_rows().await);
    let message = customer.is_answered(store, "SM1", 0, queued(0)).await;
    assert!(open_rows().await, "pending");
    let message = claim(store, "belle", 1, 1).await.pop().unwrap_or(message);
    assert!(open_rows().await, "sending");
    settle(store, &message, Settled::Unknown { ask_at: at(5), reason: "timeout".into() }, 2).await;
    assert!(open_rows().await, "unknown");
    settle(store, &message, taken("SMa"), 3).await;
    assert!(!open_rows().await, "sent");
}

pub async fn i5_settlements_write_down_what_came_of_it(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let message = customer.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &message, Settled::Retry { at: at(30), reason: "429".into() }, 1).await;
    let rows = store.snapshot().await;
    let row = rows.sent_row(message.id);
    assert_eq!((row.state, row.next_attempt_at, row.message.attempts), (OutboxState::Pending, at(30), 1));
    assert_eq!((row.last_error.as_deref(), &row.lease_owner, row.lease_until), (Some("429"), &None, None));

    let second = claim(store, "belle", 30, 1).await.pop().expect("is due");
    assert_eq!(second.attempts, 2);
    settle(store, &second, Settled::Snooze { at: at(40), reason: "paced".into() }, 31).await;
    let rows = store.snapshot().await;
    let row = rows.sent_row(message.id);
    assert_eq!((row.message.attempts, row.last_error.as_deref()), (1, Some("429")), "the last attempt's");
    assert_eq!(row.blocked_reason.as_deref(), Some("paced"), "nothing was tried");

    let second = claim(store, "belle", 40, 1).await.pop().expect("is due");
    settle(store, &second, taken("SMa"), 41).await;
    let rows = store.snapshot().await;
    let row = rows.sent_row(message.id);
    assert_eq!((row.state, row.sent_at), (OutboxState::Sent, Some(at(41))));
    assert_eq!((&row.blocked_reason, &row.last_error), (&None, &None));
    assert_eq!(row.provider_message_id, Some(ProviderMessageId::new("SMa")));
    let [event] = &rows.events_of(EventType::MessageSent).collect::<Vec<_>>()[..] else { panic!("one event") };
    assert_eq!((event.entity_type, event.entity_id), (EntityType::MessageOut, Some(message.id.0)));
    assert_eq!((event.correlation, event.created_at), (message.correlation, at(41)));

    let message = customer.is_answered(store, "SM2", 50, now(50)).await;
    settle(store, &message, Settled::Dead { reason: "63016".into() }, 51).await;
    let rows = store.snapshot().await;
    assert_eq!(rows.sent_row(message.id).state, OutboxState::Dead);
    assert_eq!(rows.sent_row(message.id).last_error.as_deref(), Some("63016"));
    let [event] = &rows.events_of(EventType::MessageDead).collect::<Vec<_>>()[..] else { panic!("one event") };
    assert_eq!(event.payload, json!({ "reason": "63016", "attempt": 1 }));
}

pub async fn i11_a_row_says_why_it_waits_for_as_long_as_it_waits(store: &impl Subject) {
    let reasons = async |message: &Outbound| {
        let rows = store.snapshot().await;
        let row = rows.sent_row(message.id);
        (row.blocked_reason.clone(), row.last_error.clone())
    };
    let (word, none) = (|word: &str| Some(word.to_owned()), || None::<String>);
    let paced = || Settled::Snooze { at: at(2), reason: "paced".into() };
    for (number, result, last_error) in [
        (1, Settled::Retry { at: at(9), reason: "503".into() }, word("503")),
        (2, Settled::Unknown { ask_at: at(9), reason: "unknown".into() }, word("unknown")),
        (3, Settled::Suppressed { reason: "opted_out".into(), record_opt_out: false }, word("opted_out")),
        (4, Settled::Dead { reason: "30003".into() }, word("30003")),
        (5, taken("SMa"), none()),
    ] {
        let customer = Customer::of("belle", number);
        let message = customer.is_answered(store, &format!("SM{number}"), 0, now(0)).await;
        settle(store, &message, paced(), 1).await;
        assert_eq!(reasons(&message).await, (word("paced"), none()), "{result:?}");
        let claimed = claim(store, "belle", 2, 1).await.pop().expect("is due");
        settle(store, &claimed, paced(), 2).await;
        let claimed = claim(store, "belle", 2, 1).await.pop().expect("is due");
        settle(store, &claimed, result.clone(), 3).await;
        assert_eq!(reasons(&message).await, (none(), last_error), "{result:?}");
    }
    let again = store.snapshot().await.count(EventType::MessagePostponed);
    assert_eq!(again, 5 + 1, "one event for each row that was snoozed twice for one reason, and one for the retry");

    let held = Customer::of("taxi", 1).is_answered(store, "SM6", 0, now(0)).await;
    settle(store, &held, Settled::Held { until: at(100), reason: HeldReason::Budget }, 1).await;
    assert_eq!(reasons(&held).await, (word("budget"), none()));
    assert_eq!(store.maintain(at(100)).await.expect("releases").changed, 1);
    assert_eq!((reasons(&held).await, state(store, &held).await), ((none(), none()), OutboxState::Pending));
}

pub async fn i5_an_old_attempt_says_nothing_about_a_new_one(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let first = customer.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &first, Settled::Retry { at: at(1), reason: "500".into() }, 1).await;
    let second = claim(store, "belle", 2, 1).await.pop().expect("is due");
    settle(store, &first, Settled::Dead { reason: "exhausted".into() }, 3).await;
    settle(store, &first, Settled::Retry { at: at(9), reason: "500".into() }, 3).await;
    assert_eq!(state(store, &first).await, OutboxState::Sending);
    settle(store, &second, taken("SMa"), 4).await;
    settle(store, &second, Settled::Dead { reason: "exhausted".into() }, 5).await;
    assert_eq!(state(store, &first).await, OutboxState::Sent);
    assert_eq!(store.snapshot().await.count(EventType::MessageDead), 0);
}

pub(super) fn over(node: NodeId, seconds: i64) -> EndedLeases {
    EndedLeases { node, now: at(seconds), lost: Vec::new(), held: Vec::new() }
}

pub async fn i5_lost_leases_become_unknown_and_what_is_in_hand_does_not(store: &impl Subject) {
    let lost = Customer::of("belle", 1).is_answered(store, "SM1", 0, now(0)).await;
    let other = Customer::of("belle", 2).is_answered(store, "SM2", 1, now(1)).await;
    let leases = |seconds, held: &[OutboundId]| EndedLeases {
        lost: vec![at(60), at(99)],
        held: held.to_vec(),
        ..over(node(), seconds)
    };
    assert_eq!(store.expire_leases(leases(2, &[lost.id])).await.expect("expires"), 0, "a sender has it");
    assert_eq!(store.expire_leases(leases(2, &[])).await.expect("expires"), 1, "nobody has it");
    assert_eq!(state(store, &lost).await, OutboxState::Unknown);
    assert_eq!(state(store, &other).await, OutboxState::Sending, "its lease is another one");
    assert_eq!(store.expire_leases(leases(200, &[other.id])).await.expect("expires"), 0, "late, and still in hand");
    assert_eq!(store.expire_leases(leases(200, &[lost.id])).await.expect("expires"), 1);
}

pub async fn i5_what_is_looked_into_is_not_taken_back(store: &impl Subject) {
    let message = Customer::of("belle", 1).is_answered(store, "SM1", 0, now(0)).await;
    assert_eq!(store.expire_leases(over(node(), 60)).await.expect("expires"), 1);
    settle(store, &message, Settled::Snooze { at: at(61), reason: "paced".into() }, 61).await;
    assert_eq!(state(store, &message).await, OutboxState::Unknown);
    settle(store, &message, Settled::Retry { at: at(62), reason: "absent".into() }, 62).await;
    settle(store, &message, Settled::Snooze { at: at(63), reason: "paced".into() }, 63).await;
    let again = claim(store, "belle", 63, 1).await;
    assert_eq!(again.first().map(|message| message.attempts), Some(2), "no number is given away twice");
}

pub async fn i5_expired_leases_become_unknown(store: &impl Subject) {
    let mine = Customer::of("belle", 1).is_answered(store, "SM1", 0, now(0)).await;
    let waiting = Customer::of("belle", 2).is_answered(store, "SM2", 0, queued(0)).await;
    assert_eq!(store.expire_leases(over(node(), 59)).await.expect("expires"), 0, "they still hold");
    assert_eq!(store.expire_leases(over(node(), 60)).await.expect("expires"), 1, "mine ran out");
    let other = Customer::of("taxi", 1).is_answered(store, "SM3", 100, now(100)).await;
    let taken_over = store.expire_leases(over(NodeId::new("node-2"), 101)).await.expect("expires");
    if store.is_shared() {
        assert_eq!(taken_over, 0, "another node is at work on it");
        assert_eq!(store.expire_leases(over(NodeId::new("node-2"), 160)).await.expect("expires"), 1, "it is gone");
    } else {
        assert_eq!(taken_over, 1, "of another life");
    }
    assert_eq!(state(store, &waiting).await, OutboxState::Pending);

    let look = |seconds| ClaimUnknown { node: node(), now: at(seconds), lease_until: at(seconds + 60), limit: 10 };
    assert_eq!(ids(&store.claim_unknown(look(50)).await.expect("claims")), [], "not due");
    let mut found = ids(&store.claim_unknown(look(200)).await.expect("claims"));
    found.sort();
    assert_eq!(found, [mine.id, other.id]);
    assert_eq!(ids(&store.claim_unknown(look(201)).await.expect("claims")), [], "somebody looks into them");
    assert_eq!(state(store, &mine).await, OutboxState::Unknown);
    let found = Receipt { provider_message_id: ProviderMessageId::new("SMa") };
    settle(store, &mine, Settled::Found(found), 202).await;
    settle(store, &other, Settled::Retry { at: at(203), reason: "absent".into() }, 202).await;
    assert_eq!(state(store, &mine).await, OutboxState::Sent);
    let rows = store.snapshot().await;
    let event = rows.events_of(EventType::MessageSent).next().expect("its event");
    assert_eq!(event.payload, json!({ "reason": "found_at_provider", "attempt": 1 }));
    assert_eq!(ids(&claim(store, "taxi", 203, 1).await), [other.id]);
}

pub async fn i5_a_repeated_settlement_changes_nothing(store: &impl Subject) {
    let message = Customer::of("belle", 1).is_answered(store, "SM1", 0, now(0)).await;
    for second in 1..4 {
        settle(store, &message, taken("SMa"), second).await;
    }
    let rows = store.snapshot().await;
    assert_eq!((rows.count(EventType::MessageSent), rows.sent_row(message.id).sent_at), (1, Some(at(1))));
    let mut stranger = message;
    stranger.id = OutboundId::fresh();
    settle(store, &stranger, taken("SMx"), 5).await;
    assert_eq!(store.snapshot().await.outbound.len(), 1);
}

pub async fn i5_of_duplicate_candidates_the_older_is_cleared_up_first(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let older = customer.is_answered(store, "SM1", 0, now(0)).await;
    let younger = customer.is_answered(store, "SM2", 0, now(0)).await;
    let other = Customer::of("belle", 2).is_answered(store, "SM3", 0, now(0)).await;
    let unknown = || Settled::Unknown { ask_at: at(5), reason: "reset".into() };
    let through = [customer.0.channel.clone()];
    let awaits = async |message| store.awaits_duplicate_candidate(message, &through).await.expect("answers");
    settle(store, &other, unknown(), 1).await;
    assert!(!awaits(&other).await, "other conversations do not matter");
    settle(store, &older, unknown(), 1).await;
    assert!(awaits(&older).await, "one is on the wire");
    settle(store, &younger, unknown(), 2).await;
    assert_eq!((awaits(&older).await, awaits(&younger).await), (false, true));
    settle(store, &older, taken("SMa"), 6).await;
    assert!(!awaits(&younger).await);
}

pub async fn i5_a_duplicate_candidate_on_another_channel_counts_where_both_leave_through_one_account(
    store: &impl Subject,
) {
    let whatsapp = Customer::of("belle", 1);
    let sms = whatsapp.by("belle-sms", &whatsapp.0.address.as_str().replace("whatsapp:", "sms:"));
    let stranger = whatsapp.by("belle-sms", "sms:+33600000000");
    let older = whatsapp.is_answered(store, "SM1", 0, now(0)).await;
    let younger = sms.is_answered(store, "SM2", 0, now(0)).await;
    stranger.is_answered(store, "SM3", 0, now(0)).await;
    let (own, both) = ([younger.channel.clone()], [younger.channel.clone(), older.channel.clone()]);
    let awaits = async |message, through: &[ChannelId]| {
        store.awaits_duplicate_candidate(message, through).await.expect("answers")
    };
    let unknown = || Settled::Unknown { ask_at: at(5), reason: "reset".into() };
    settle(store, &younger, unknown(), 1).await;
    assert!(awaits(&younger, &both).await, "one is on the wire");
    assert!(!awaits(&younger, &own).await, "what cannot leave through this account does not matter");
    settle(store, &older, unknown(), 1).await;
    assert_eq!((awaits(&younger, &both).await, awaits(&older, &both).await), (true, false), "the older goes first");
    settle(store, &older, taken("SMa"), 2).await;
    assert!(!awaits(&younger, &both).await);
    let ids = ["SMa", "SMb"].map(ProviderMessageId::new);
    assert_eq!(store.owned_by_others(&younger, &ids).await.expect("answers"), ids[..1]);
}

pub async fn i5_what_was_sent_late_owns_its_receipt_all_the_same(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let waited = customer.is_answered(store, "SM1", 0, now(0)).await;
    let long_after = 400 * 24 * 3_600;
    settle(store, &waited, taken("SMlate"), long_after).await;
    // Written right before the other was sent, long after it was written.
    let mut message = customer.is_answered(store, "SM2", 0, now(0)).await;
    message.created_at = at(long_after - 10);
    let ids = ["SMlate", "SMnew"].map(ProviderMessageId::new);
    assert_eq!(store.owned_by_others(&message, &ids).await.expect("answers"), ids[..1]);
    assert_eq!(store.owned_by_others(&waited, &ids).await.expect("answers"), [], "its own is nobody else's");
}

pub async fn i6_the_providers_opt_out_is_ours(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let refused = customer.is_answered(store, "SM1", 0, now(0)).await;
    let waiting = customer.is_answered(store, "SM2", 1, queued(1)).await;
    let suppressed = |record_opt_out| Settled::Suppressed { reason: "21610".into(), record_opt_out };
    settle(store, &refused, suppressed(true), 2).await;
    let rows = store.snapshot().await;
    assert_eq!(rows.sent_row(refused.id).state, OutboxState::Suppressed);
    assert_eq!(rows.sent_row(waiting.id).state, OutboxState::Suppressed);
    assert_eq!((rows.count(EventType::OptedOut), rows.count(EventType::MessageSuppressed)), (1, 2));
    assert!(customer.recipient_status(store).await.opted_out);

    let other = Customer::of("belle", 2);
    let held = other.is_answered(store, "SM3", 3, now(3)).await;
    settle(store, &held, suppressed(false), 4).await;
    assert_eq!(state(store, &held).await, OutboxState::Suppressed);
    assert!(!other.recipient_status(store).await.opted_out);
}
