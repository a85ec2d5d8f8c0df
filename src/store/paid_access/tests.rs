//! What of paid access is due, on both databases.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::entitlement::{Ledger, SubscriptionState};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::rules::Language;
use uuid::Uuid;

use super::{AppliedEvent, NewPaymentEvent, Payer, Subscription};
use crate::store::Store;
use crate::store::tests;

fn at(minutes: i64) -> Timestamp {
    "2026-06-01T08:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minutes)
}

fn given_by_hand() -> Subscription {
    Subscription {
        id: Uuid::now_v7(),
        tenant: TenantId::new("belle"),
        plan: "premium".to_owned(),
        channel: ChannelId::new("belle-tg"),
        address: None,
        contact: None,
        language: Language::Fr,
        state: SubscriptionState::Active,
        current_period_end: None,
        grace_until: None,
        payer: Payer::Hand,
        provider_subscription: None,
        provider_customer: None,
        provider_payment: None,
        account: None,
        email: None,
        ledger: Ledger::default(),
        told: [].into(),
        version: 1,
        next_check_at: None,
        bound_at: None,
        created_at: at(0),
        invoiced_at: None,
        receipt_url: None,
        pay_url: None,
        moved_at: None,
    }
}

async fn an_event_is_due_until_it_is_applied(store: &Store) {
    let store = &store.operator();
    assert!(!store.paid_access_is_due(at(0)).await.unwrap(), "nothing is there");
    let event = NewPaymentEvent {
        provider: "stripe",
        provider_event_id: "evt_1".to_owned(),
        kind: "invoice.paid".to_owned(),
        is_live: false,
        account: None,
        about: (None, None),
        subject: ("invoice", Some("in_1".to_owned())),
        received_at: at(1),
        applied: None,
    };
    assert!(store.keep_payment_event(&event).await.unwrap());
    assert!(!store.paid_access_is_due(at(0)).await.unwrap() && store.paid_access_is_due(at(1)).await.unwrap());
    let claimed = store.claim_payment_events(at(1), at(2), 10).await.unwrap();
    assert!(!store.paid_access_is_due(at(1)).await.unwrap(), "one node has it");
    assert!(store.paid_access_is_due(at(2)).await.unwrap(), "that node took too long");
    let applied = AppliedEvent { outcome: "not_ours", tenant: None, subscription: None, money: None };
    store.settle_payment_events(&[(claimed[0].id, &applied)], at(2)).await.unwrap();
    assert!(!store.paid_access_is_due(at(60)).await.unwrap());
}

async fn a_subscription_is_due_when_time_changes_it(store: &Store) {
    let store = &store.operator();
    let (later, never) = (Subscription { next_check_at: Some(at(5)), ..given_by_hand() }, given_by_hand());
    for subscription in [&later, &never] {
        assert!(store.add_subscription(subscription).await.unwrap());
    }
    assert!(!store.paid_access_is_due(at(4)).await.unwrap() && store.paid_access_is_due(at(5)).await.unwrap());
    let claimed = store.claim_subscriptions(at(5), at(6), 10).await.unwrap();
    assert_eq!(claimed.iter().map(|row| row.id).collect::<Vec<_>>(), [later.id]);
    assert!(!store.paid_access_is_due(at(5)).await.unwrap());
}

tests::on_both! { an_event_is_due_until_it_is_applied a_subscription_is_due_when_time_changes_it }
