//! What a failure that a callback reports leads to: another generation, a wait, or nothing (I3, I5, I8).

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Subject;
use super::fixture::{self, Customer, at, claim, ids, now, queued, settle, taken, turn};
use crate::domain::channel::{ChannelProfile, ChannelTemplate};
use crate::domain::event::EventType;
use crate::domain::ids::ProviderMessageId;
use crate::domain::late_failure::LateFailure;
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::send::{OnUnknown, SendErrorClass};
use crate::domain::status::{DeliveryStatus, OutboxState};
use crate::domain::template::TemplateUse;
use crate::ports::{Advanced, PortErrorKind, Settled, StatusUpdate};

pub(super) fn failure(class: SendErrorClass) -> LateFailure {
    let known = ChannelTemplate { content_id: "HX1".into(), variable_names: vec!["prenom".into()] };
    let templates = BTreeMap::from([("rappel".to_owned(), known)]);
    LateFailure {
        class,
        may_have_arrived: false,
        on_unknown: OnUnknown::Resend,
        channel: Arc::new(ChannelProfile { templates, ..ChannelProfile::default() }),
        deferred_for: Duration::from_secs(86_400),
    }
}

/// Thirty seconds later, and never twice at the same time.
const LATER: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(30)) };

/// A callback about a generation of the message, through the message's own channel.
fn callback(message: &Outbound, generation: u32, status: DeliveryStatus, seconds: i64) -> StatusUpdate {
    StatusUpdate {
        provider_message_id: ProviderMessageId::new(&format!("SM{generation}")),
        generation: Some(generation),
        ..fixture::callback(message, status, seconds)
    }
}

fn failed(message: &Outbound, generation: u32, code: &str, class: SendErrorClass, seconds: i64) -> StatusUpdate {
    StatusUpdate {
        code: Some(code.into()),
        failure: Some(failure(class)),
        ..callback(message, generation, DeliveryStatus::Failed, seconds)
    }
}

pub async fn i5_what_failed_late_and_may_pass_is_sent_again(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let message = customer.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &message, taken("SM0"), 1).await;
    let advanced = store.advance(failed(&message, 0, "30001", LATER, 10)).await.expect("advances");
    assert_eq!(advanced, Advanced::Requeued(at(40)));
    let rows = store.snapshot().await;
    let row = rows.sent_row(message.id);
    assert_eq!((row.state, row.last_error.as_deref()), (OutboxState::Pending, Some("30001")));
    assert_eq!((&row.provider_message_id, row.sent_at, &row.lease_owner), (&None, None, &None));
    let of_generation = (row.message.generation.number, row.message.generation.attempts_before, row.message.attempts);
    assert_eq!(of_generation, (1, 0, 1));
    let events: Vec<_> = rows.events_of(EventType::MessageRequeued).map(|event| event.payload.clone()).collect();
    assert_eq!(events, [json!({ "reason": "30001", "life": 1, "wait_seconds": 30 })]);

    // The same callback again says nothing about the new generation.
    let again = store.advance(failed(&message, 0, "30001", LATER, 11)).await.expect("advances");
    assert_eq!(again, Advanced::Unchanged(OutboxState::Pending));
    assert_eq!(ids(&claim(store, "belle", 39, 10).await), []);
    let claimed = claim(store, "belle", 40, 10).await;
    assert_eq!(ids(&claimed), [message.id]);
    assert_eq!((claimed[0].generation.number, claimed[0].attempts), (1, 2));
    settle(store, &claimed[0], taken("SM1"), 41).await;
    let again = store.advance(failed(&message, 0, "30001", LATER, 42)).await.expect("advances");
    assert_eq!(again, Advanced::Unchanged(OutboxState::Sent));
    let delivered = callback(&message, 1, DeliveryStatus::Delivered, 43);
    assert_eq!(store.advance(delivered).await.expect("advances"), Advanced::Arrived(OutboxState::Delivered));
    let rows = store.snapshot().await;
    let row = rows.sent_row(message.id);
    assert_eq!(row.provider_message_id, Some(ProviderMessageId::new("SM1")));
    assert_eq!((row.last_error.as_deref(), row.cost_micros), (None, 14));
    assert_eq!(rows.count(EventType::MessageRequeued), 1);
}

pub async fn i8_a_success_of_the_first_generation_ends_the_second(store: &impl Subject) {
    // How far the second generation has come when the contact turns out to have the first.
    for (customer, how_far) in (1..).zip(["pending", "sending", "unknown", "sent"]) {
        let message = Customer::of("belle", customer).is_answered(store, &format!("SM{customer}"), 0, now(0)).await;
        settle(store, &message, taken("SM0"), 1).await;
        store.advance(failed(&message, 0, "30001", LATER, 10)).await.expect("advances");
        let mut second = None;
        if how_far != "pending" {
            second = claim(store, "belle", 40, 10).await.pop();
        }
        if let Some(second) = &second {
            match how_far {
                "unknown" => settle(store, second, Settled::Unknown { ask_at: at(99), reason: "503".into() }, 41).await,
                "sent" => settle(store, second, taken("SM1"), 41).await,
                _ => {}
            }
        }
        let state = store.snapshot().await.sent_row(message.id).state;
        assert_eq!(state.as_str(), how_far);
        let late = callback(&message, 0, DeliveryStatus::Delivered, 50);
        assert_eq!(
            store.advance(late).await.expect("advances"),
            Advanced::Arrived(OutboxState::Delivered),
            "{how_far}"
        );
        assert_eq!(ids(&claim(store, "belle", 90, 10).await), [], "{how_far}");
        if let Some(second) = second.filter(|_| how_far == "sending") {
            settle(store, &second, taken("SM1"), 51).await;
        }
        let rows = store.snapshot().await;
        let row = rows.sent_row(message.id);
        assert_eq!((row.state, row.last_error.as_deref()), (OutboxState::Delivered, None), "{how_far}");
        assert_eq!(row.lease_owner, None, "{how_far}");
    }
}

pub async fn i5_an_outcome_of_an_earlier_generation_changes_nothing(store: &impl Subject) {
    let outcomes = [
        taken("SM0"),
        Settled::Found(crate::domain::send::Receipt { provider_message_id: ProviderMessageId::new("SM0") }),
        Settled::Retry { at: at(60), reason: "503".into() },
        Settled::Unknown { ask_at: at(60), reason: "503".into() },
        Settled::Snooze { at: at(60), reason: "paced".into() },
        Settled::Deferred { reason: "window_closed".into() },
        Settled::Dead { reason: "exhausted".into() },
        Settled::Suppressed { reason: "opted_out".into(), record_opt_out: false },
    ];
    for (number, outcome) in (1..).zip(outcomes) {
        let message = Customer::of("belle", number).is_answered(store, &format!("SM{number}"), 0, now(0)).await;
        // The callback is faster than the answer, and the answer than the next attempt.
        store.advance(failed(&message, 0, "30001", LATER, 1)).await.expect("advances");
        settle(store, &message, outcome.clone(), 2).await;
        let rows = store.snapshot().await;
        let row = rows.sent_row(message.id);
        assert_eq!((row.state, row.next_attempt_at), (OutboxState::Pending, at(31)), "{outcome:?}");
        assert_eq!(row.provider_message_id, None, "{outcome:?}");
        let claimed = claim(store, "belle", 40, 10).await;
        assert_eq!(ids(&claimed), [message.id], "{outcome:?}");
        settle(store, &message, outcome.clone(), 41).await;
        assert_eq!(store.snapshot().await.sent_row(message.id).state, OutboxState::Sending, "{outcome:?}");
        settle(store, &claimed[0], taken("SM1"), 42).await;
        let rows = store.snapshot().await;
        assert_eq!(rows.sent_row(message.id).provider_message_id, Some(ProviderMessageId::new("SM1")), "{outcome:?}");
    }
    // A replay is another generation as well.
    let message = Customer::of("belle", 99).is_answered(store, "SM99", 50, now(50)).await;
    store.advance(failed(&message, 0, "30005", SendErrorClass::Reject, 51)).await.expect("advances");
    store.replay(message.id, at(52)).await;
    settle(store, &message, taken("SM0"), 53).await;
    assert_eq!(store.snapshot().await.sent_row(message.id).state, OutboxState::Pending);
}

pub async fn i3_what_comes_back_keeps_its_place(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let first = customer.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &first, taken("SM0"), 1).await;
    let second = customer.is_answered(store, "SM2", 2, queued(60)).await;
    let third = customer.is_answered(store, "SM3", 3, queued(60)).await;
    store.advance(failed(&first, 0, "30001", LATER, 40)).await.expect("advances");
    let claimed = claim(store, "belle", 100, 10).await;
    assert_eq!(ids(&claimed), [first.id], "the others wait behind it");
    settle(store, &claimed[0], taken("SM1"), 101).await;
    let claimed = claim(store, "belle", 102, 10).await;
    assert_eq!(ids(&claimed), [second.id]);
    // While the second is on its way, the first comes back once more: the third waits for both.
    store.advance(failed(&first, 1, "30001", LATER, 103)).await.expect("advances");
    settle(store, &claimed[0], taken("SMsecond"), 104).await;
    assert_eq!(ids(&claim(store, "belle", 200, 10).await), [first.id]);
    assert_eq!(ids(&claim(store, "belle", 200, 10).await), []);
    let rows = store.snapshot().await;
    assert!(rows.sent_row(third.id).behind);
    assert_eq!(rows.sent_row(first.id).message.generation.number, 2);
}

pub async fn i3_a_conversation_in_memory_hears_of_what_came_back(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let first = customer.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &first, taken("SM0"), 1).await;
    let before = customer.loaded(store).await.state;
    store.advance(failed(&first, 0, "63018", LATER, 10)).await.expect("advances");
    // Decided on an empty queue, its answer would overtake what came back.
    let asks = customer.sends(store, "SM2", 11).await;
    let stale = store.commit(turn(&before, &asks, 11).answered(now(11))).await;
    assert_eq!(stale.expect_err("a conflict").kind, PortErrorKind::Conflict);
    assert!(customer.loaded(store).await.open_rows, "the queue has it");
}

pub async fn a_closed_window_sends_the_template_or_waits_for_the_contact(store: &impl Subject) {
    let closed = SendErrorClass::WindowClosed;
    let (with, without) = (Customer::of("belle", 1), Customer::of("belle", 2));
    let message = with.sends(store, "SM1", 0).await;
    let mut answer = turn(&with.loaded(store).await.state, &message, 0).answered_with(OutboundKind::Manual, now(0));
    let variables = BTreeMap::from([("prenom".to_owned(), "Anne".to_owned())]);
    answer.outbox[0].message.template = Some(TemplateUse { name: "rappel".into(), variables });
    let message = answer.outbox[0].message.clone();
    store.commit(answer).await.expect("commits");
    settle(store, &message, taken("SM0"), 1).await;
    let advanced = store.advance(failed(&message, 0, "63016", closed, 10)).await.expect("advances");
    assert!(matches!(advanced, Advanced::Requeued(_)), "{advanced:?}");
    let claimed = claim(store, "belle", 20, 10).await;
    assert_eq!(ids(&claimed), [message.id]);
    assert_eq!((claimed[0].body.as_str(), &claimed[0].template), ("", &message.template), "the template alone");
    settle(store, &claimed[0], taken("SM1"), 21).await;
    let advanced = store.advance(failed(&message, 1, "63016", closed, 22)).await.expect("advances");
    assert_eq!(advanced, Advanced::To(OutboxState::Deferred), "the template was refused as well");

    let message = without.is_answered(store, "SM2", 0, now(0)).await;
    settle(store, &message, taken("SM0"), 1).await;
    let advanced = store.advance(failed(&message, 0, "63016", closed, 10)).await.expect("advances");
    assert_eq!(advanced, Advanced::To(OutboxState::Deferred));
    let rows = store.snapshot().await;
    let row = rows.sent_row(message.id);
    assert_eq!((row.state, row.blocked_reason.as_deref()), (OutboxState::Deferred, Some("63016")));
    assert_eq!(row.message.expires_at, Some(at(10) + chrono::TimeDelta::days(1)));
    let events = [EventType::MessageFailed, EventType::MessageRequeued, EventType::MessageDeferred];
    assert_eq!(events.map(|event_type| rows.count(event_type)), [3, 3, 2]);
    // Their next message brings it back.
    without.is_answered(store, "SM3", 30, queued(30)).await;
    store.maintain(at(31)).await.expect("maintains");
    let claimed = claim(store, "belle", 32, 10).await;
    assert!(ids(&claimed).contains(&message.id));
}

pub async fn codes_that_do_not_pass_stay(store: &impl Subject) {
    let table = [("30005", SendErrorClass::Reject), ("20500", SendErrorClass::Unknown)];
    for (number, (code, class)) in (1..).zip(table) {
        let message = Customer::of("belle", number).is_answered(store, &format!("SM{number}"), 0, now(0)).await;
        settle(store, &message, taken("SM0"), 1).await;
        let advanced = store.advance(failed(&message, 0, code, class, 2)).await.expect("advances");
        assert_eq!(advanced, Advanced::To(OutboxState::Failed), "{code}");
    }
    assert_eq!(store.snapshot().await.count(EventType::MessageRequeued), 0);
    // The provider's age limit and the number of attempts end it as well.
    let message = Customer::of("belle", 9).is_answered(store, "SM9", 0, now(0)).await;
    settle(store, &message, taken("SM0"), 1).await;
    let advanced = store.advance(failed(&message, 0, "30001", LATER, 86_400)).await.expect("advances");
    assert_eq!(advanced, Advanced::To(OutboxState::Failed));
}

/// Two generations, their callbacks shuffled and repeated. The order is drawn anew for each customer, from a fixed seed.
pub async fn i8_callbacks_of_two_generations_in_any_order_lead_forward(store: &impl Subject) {
    use DeliveryStatus::{Delivered, Failed, Read, Sent};
    let mut seed = 20_261_130_u64;
    let mut draw = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap_or_default() % below
    };
    for number in 1..=40 {
        let message = Customer::of("belle", number).is_answered(store, &format!("SM{number}"), 0, now(0)).await;
        settle(store, &message, taken("SM0"), 1).await;
        store.advance(failed(&message, 0, "30001", LATER, 2)).await.expect("advances");
        let claimed = claim(store, "belle", 40, 10).await;
        assert_eq!(ids(&claimed), [message.id]);
        let mut news = vec![(0, Sent), (0, Failed), (0, Failed), (1, Sent), (1, Failed), (1, Failed)];
        let arrives = number % 4 != 0;
        if arrives {
            let first = u32::from(number % 2 == 0);
            news.extend([(first, Delivered), (first, Delivered), (1 - first, Read)]);
        }
        let (mut settled, mut over, mut lives) = (false, false, 1);
        while !news.is_empty() || !settled {
            let next = draw(news.len() + usize::from(!settled));
            if next == news.len() {
                settle(store, &claimed[0], taken("SM1"), 41).await;
                settled = true;
            } else {
                let (generation, status) = news.swap_remove(next);
                let update = match status {
                    Failed => failed(&message, generation, "30001", LATER, 42),
                    status => callback(&message, generation, status, 42),
                };
                store.advance(update).await.expect("advances");
                over |= matches!(status, Delivered | Read);
            }
            let rows = store.snapshot().await;
            let row = rows.sent_row(message.id);
            assert!(row.message.generation.number >= lives, "generations only grow");
            lives = row.message.generation.number;
            assert!(lives <= 2, "each failure begins one generation at most");
            let has_it = matches!(row.state, OutboxState::Delivered | OutboxState::Read);
            assert!(!over || has_it, "what the contact has is never sent again: {}", row.state);
        }
        let rows = store.snapshot().await;
        let row = rows.sent_row(message.id);
        if arrives {
            assert_eq!((row.state, row.last_error.as_deref()), (OutboxState::Read, None));
        } else {
            assert_eq!((row.state, row.message.generation.number), (OutboxState::Pending, 2));
            let again = claim(store, "belle", 80, 10).await;
            assert_eq!(ids(&again), [message.id], "once");
            settle(store, &again[0], taken("SM2"), 81).await;
        }
        assert_eq!(ids(&claim(store, "belle", 200, 10).await), []);
    }
}
