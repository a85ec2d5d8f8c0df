//! What status callbacks change, and what they leave alone (I6, I8).

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use serde_json::json;

use super::Subject;
use super::fixture::{Customer, at, callback, now, queued, settle, taken};
use super::late_failures::failure;
use super::outbox::{over, state};
use crate::domain::event::{ActorType, EventType};
use crate::domain::ids::{ChannelId, NodeId, OutboundId, ProviderMessageId, TenantId};
use crate::domain::send::SendErrorClass;
use crate::domain::status::{DeliveryStatus, OutboxState};
use crate::ports::{Advanced, Settled, StatusUpdate};

/// The code of a callback acts like that of an answer: once, and not again when the contact has said START since.
pub async fn i6_an_opt_out_that_a_callback_reports_is_ours(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let refused = customer.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &refused, taken("SMout"), 1).await;
    let waiting = customer.is_answered(store, "SM2", 2, queued(60)).await;
    let failed = StatusUpdate {
        code: Some("21610".into()),
        failure: Some(failure(SendErrorClass::OptedOut)),
        ..callback(&refused, DeliveryStatus::Failed, 3)
    };
    assert_eq!(store.advance(failed.clone()).await.expect("advances"), Advanced::To(OutboxState::Failed));
    assert!(customer.recipient_status(store).await.opted_out);
    assert!(customer.state(store).await.opted_out);
    assert_eq!(store.advance(failed).await.expect("advances"), Advanced::Unchanged(OutboxState::Failed));
    let rows = store.snapshot().await;
    let row = rows.sent_row(refused.id);
    assert_eq!((row.state, row.last_error.as_deref()), (OutboxState::Failed, Some("21610")));
    let row = rows.sent_row(waiting.id);
    assert_eq!((row.state, row.last_error.as_deref()), (OutboxState::Suppressed, Some("opted_out")));
    let counts = [EventType::OptedOut, EventType::MessageSuppressed, EventType::MessageFailed];
    assert_eq!(counts.map(|event_type| rows.count(event_type)), [1, 1, 2]);

    let other = Customer::of("belle", 2);
    let message = other.is_answered(store, "SM3", 4, now(4)).await;
    settle(store, &message, taken("SMother"), 5).await;
    let rejected = StatusUpdate {
        code: Some("30003".into()),
        failure: Some(failure(SendErrorClass::Reject)),
        ..callback(&message, DeliveryStatus::Failed, 6)
    };
    store.advance(rejected).await.expect("advances");
    assert!(!other.recipient_status(store).await.opted_out);
}

pub async fn i8_a_success_clears_the_failure_before_it(store: &impl Subject) {
    let befores: [(&str, Option<Settled>, Option<DeliveryStatus>); 4] = [
        ("failed", Some(taken("SMout")), Some(DeliveryStatus::Failed)),
        ("dead", Some(Settled::Dead { reason: "exhausted:503".into() }), None),
        ("unknown", Some(Settled::Unknown { ask_at: at(9), reason: "unknown_outcome".into() }), None),
        ("pending", Some(Settled::Retry { at: at(60), reason: "503".into() }), None),
    ];
    for (customer, (before, settled, failed)) in (1..).zip(befores) {
        let message = Customer::of("belle", customer).is_answered(store, &format!("SM{customer}"), 0, now(0)).await;
        if let Some(settled) = settled {
            settle(store, &message, settled, 1).await;
        }
        if let Some(status) = failed {
            let failed = StatusUpdate { code: Some("30008".into()), ..callback(&message, status, 2) };
            store.advance(failed).await.expect("advances");
        }
        let row = store.snapshot().await.sent_row(message.id).clone();
        assert!(row.state.as_str() == before && row.last_error.is_some(), "{before}");
        store.advance(callback(&message, DeliveryStatus::Delivered, 3)).await.expect("advances");
        let row = store.snapshot().await.sent_row(message.id).clone();
        assert_eq!((row.state, row.last_error), (OutboxState::Delivered, None), "{before}");
    }
}

pub async fn i8_a_callback_may_come_first(store: &impl Subject) {
    let message = Customer::of("belle", 1).is_answered(store, "SM1", 0, now(0)).await;
    let advanced = store.advance(callback(&message, DeliveryStatus::Delivered, 1)).await.expect("advances");
    assert_eq!(advanced, Advanced::Arrived(OutboxState::Delivered));
    assert_eq!(store.expire_leases(over(NodeId::new("node-2"), 2)).await.expect("expires"), 0);
    settle(store, &message, taken("SMout"), 3).await;
    let rows = store.snapshot().await;
    let row = rows.sent_row(message.id);
    assert_eq!(row.state, OutboxState::Delivered);
    assert_eq!(row.provider_message_id, Some(ProviderMessageId::new("SMout")));
    assert!(row.sent_at.is_some() && row.lease_owner.is_none());
    assert_eq!((rows.count(EventType::MessageDelivered), rows.count(EventType::MessageSent)), (1, 1));
    settle(store, &message, taken("SMout"), 4).await;
    settle(store, &message, Settled::Dead { reason: "exhausted".into() }, 4).await;
    assert_eq!(
        (state(store, &message).await, store.snapshot().await.count(EventType::MessageSent)),
        (OutboxState::Delivered, 1)
    );
}

pub async fn i8_late_and_repeated_callbacks_leave_only_events(store: &impl Subject) {
    let message = Customer::of("belle", 1).is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &message, taken("SMout"), 1).await;
    let advance = async |status, seconds| store.advance(callback(&message, status, seconds)).await.expect("advances");
    assert_eq!(advance(DeliveryStatus::Read, 2).await, Advanced::Arrived(OutboxState::Read));
    for (second, status) in (3..).zip([DeliveryStatus::Delivered, DeliveryStatus::Sent, DeliveryStatus::Read]) {
        assert_eq!(advance(status, second).await, Advanced::Unchanged(OutboxState::Read));
    }
    let mut failed = callback(&message, DeliveryStatus::Failed, 6);
    failed.code = Some("63024".into());
    assert_eq!(store.advance(failed).await.expect("advances"), Advanced::Unchanged(OutboxState::Read));
    let rows = store.snapshot().await;
    assert_eq!(rows.sent_row(message.id).last_error, None);
    let counts =
        [EventType::MessageSent, EventType::MessageDelivered, EventType::MessageRead, EventType::MessageFailed]
            .map(|event_type| rows.count(event_type));
    assert_eq!(counts, [2, 1, 2, 1]);
    let event = rows.events_of(EventType::MessageFailed).next().expect("its event");
    assert_eq!((&event.payload, event.actor_type), (&json!({ "code": "63024" }), ActorType::Provider));

    let other = Customer::of("belle", 2).is_answered(store, "SM2", 0, now(0)).await;
    settle(store, &other, taken("SMother"), 1).await;
    let mut failed = callback(&other, DeliveryStatus::Failed, 6);
    failed.code = Some("63024".into());
    assert_eq!(store.advance(failed).await.expect("advances"), Advanced::To(OutboxState::Failed));
    assert_eq!(store.snapshot().await.sent_row(other.id).last_error.as_deref(), Some("63024"));
}

pub async fn i8_a_callback_finds_its_row(store: &impl Subject) {
    let message = Customer::of("belle", 1).is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &message, taken("SMout"), 1).await;
    let by_provider_id = StatusUpdate { id: None, ..callback(&message, DeliveryStatus::Delivered, 2) };
    let advanced = store.advance(by_provider_id.clone()).await.expect("advances");
    assert_eq!(advanced, Advanced::Arrived(OutboxState::Delivered));
    let read = store.advance(callback(&message, DeliveryStatus::Read, 2)).await.expect("advances");
    assert_eq!(read, Advanced::To(OutboxState::Read), "it had arrived before");
    let strangers = [
        StatusUpdate { tenant: TenantId::new("taxi"), ..by_provider_id.clone() },
        StatusUpdate { tenant: TenantId::new("taxi"), ..callback(&message, DeliveryStatus::Read, 3) },
        StatusUpdate { id: Some(OutboundId::fresh()), ..by_provider_id.clone() },
        StatusUpdate { channel: ChannelId::new("belle-sms"), ..callback(&message, DeliveryStatus::Read, 3) },
        StatusUpdate { channel: ChannelId::new("belle-sms"), ..callback(&message, DeliveryStatus::Failed, 3) },
        StatusUpdate { provider_message_id: ProviderMessageId::new("SMnone"), ..by_provider_id },
    ];
    let events = store.snapshot().await.events.len();
    for stranger in strangers {
        assert_eq!(store.advance(stranger).await.expect("answers"), Advanced::NoSuchMessage);
    }
    assert_eq!(store.snapshot().await.events.len(), events);
}
