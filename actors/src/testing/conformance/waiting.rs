//! Cases of the waiting list.

#![expect(missing_docs, reason = "each function is a test, and its name says what holds")]

use super::Subject;
use super::fixture::{Customer, at, turn};
use crate::domain::ids::{BookingId, WaitingId};
use crate::domain::waiting::{WaitingChange, WaitingEntry, WaitingState};

fn entry(service: &str, seconds: i64) -> WaitingEntry {
    WaitingEntry {
        id: WaitingId::fresh(),
        conversation: crate::domain::ids::ConversationId::fresh(),
        is_mine: true,
        service: service.to_owned(),
        resource: Some("Awa".to_owned()),
        people: 2,
        from: at(0),
        until: at(90_000),
        hours: Some(("14:00:00".parse().expect("a time"), "18:30:00".parse().expect("a time"))),
        replaces: Some(BookingId::fresh()),
        state: WaitingState::Waiting,
        since: at(seconds),
    }
}

/// A turn of the customer's that changes the list.
async fn changes(store: &impl Subject, customer: &Customer, seconds: i64, change: WaitingChange) -> WaitingChange {
    let message = customer.sends(store, &format!("SM{}", uuid::Uuid::now_v7()), seconds).await;
    let mut turn = turn(&customer.state(store).await, &message, seconds);
    let change = match change {
        WaitingChange::Join(entry) => WaitingChange::Join(WaitingEntry { conversation: turn.conversation.id, ..entry }),
        other @ WaitingChange::Become(..) => other,
    };
    turn.effects.waiting.push(change.clone());
    store.commit(turn).await.expect("commits");
    change
}

async fn list(store: &impl Subject, customer: &Customer, seconds: i64) -> Vec<WaitingEntry> {
    store.agenda(&customer.0, at(seconds)).await.expect("reads").waiting
}

pub async fn who_waits_is_read_in_the_order_in_which_they_asked(store: &impl Subject) {
    let (anne, bob) = (Customer::of("belle", 1), Customer::of("belle", 2));
    let elsewhere = Customer::of("taxi", 3);
    let plain = WaitingEntry { resource: None, hours: None, replaces: None, ..entry("soin", 10) };
    let WaitingChange::Join(first) = changes(store, &anne, 5, WaitingChange::Join(entry("manucure", 5))).await else {
        return;
    };
    let WaitingChange::Join(second) = changes(store, &bob, 10, WaitingChange::Join(plain)).await else { return };
    changes(store, &elsewhere, 1, WaitingChange::Join(entry("manucure", 1))).await;
    let of_other = |entry: &WaitingEntry| WaitingEntry { is_mine: false, ..entry.clone() };
    assert_eq!(list(store, &anne, 20).await, [first.clone(), of_other(&second)]);
    assert_eq!(list(store, &bob, 20).await, [of_other(&first), second.clone()]);
    changes(store, &anne, 30, WaitingChange::Become(first.id, WaitingState::Offered)).await;
    assert_eq!(list(store, &anne, 40).await[0].state, WaitingState::Offered);
    changes(store, &anne, 50, WaitingChange::Become(first.id, WaitingState::Taken)).await;
    assert_eq!(list(store, &anne, 60).await, [of_other(&second)]);
    assert!(list(store, &anne, 90_000).await.is_empty(), "what they waited for is over");
}
