//! Blocked reasons (I11), and what a new process resets.

use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::status::{HeldReason, OutboxState};
use palabre_actors::ports::{NOTICE_TTL, Outbox, Pause, Settled, Settlement};
use palabre_actors::testing::conformance::fixture::{Customer, at, now, queued};

use super::{fresh, postgres, url};
use crate::store::{BlockedReason, Store};

async fn wait(store: &Store, message: &Outbound, seconds: i64) -> Option<BlockedReason> {
    store.history().blocked_reason(message.id, at(seconds)).await.unwrap()
}

fn pause(customer: &Customer, reason: &str, until: Timestamp) -> Pause {
    Pause { channel_key: customer.channel_key(), reason: reason.to_owned(), until }
}

async fn postpone(store: &Store, message: &Outbound, reason: &str, until: i64) {
    let result = Settled::Snooze { at: at(until), reason: reason.to_owned() };
    let settlement = Settlement { message: message.clone(), result, via: None, cost_micros: 0, at: at(1) };
    store.settle(settlement.into()).await.unwrap();
}

#[tokio::test]
async fn i11_whatever_holds_a_message_back_is_told() {
    let (store, _folder) = fresh().await;
    everything_is_told(&store).await;
}

#[tokio::test]
async fn i11_whatever_holds_a_message_back_is_told_by_postgresql() {
    let (store, _database) = postgres::fresh().await;
    everything_is_told(&store).await;
}

async fn everything_is_told(store: &Store) {
    let (anne, bob) = (Customer::of("belle", 1), Customer::of("belle", 2));
    let first = anne.is_answered(store, "SM1", 0, now(0)).await;
    let second = anne.is_answered(store, "SM2", 0, queued(0)).await;
    let other = bob.is_answered(store, "SM3", 0, queued(0)).await;
    assert_eq!(wait(store, &first, 1).await, None, "a sender is at it");
    let behind = |state, reason: Option<&str>| {
        let reason = reason.map(str::to_owned);
        Some(BlockedReason::Behind { message: first.id, state, reason })
    };
    assert_eq!(wait(store, &second, 1).await, behind(OutboxState::Sending, None));
    assert_eq!(wait(store, &other, 1).await, Some(BlockedReason::Turn { before: 0 }));

    postpone(store, &first, "63018", 100).await;
    let until = at(100);
    assert_eq!(wait(store, &first, 1).await, Some(BlockedReason::Time { reason: Some("63018".into()), until }));
    assert_eq!(wait(store, &first, 100).await, Some(BlockedReason::Turn { before: 1 }), "its time has come");
    assert_eq!(wait(store, &second, 1).await, behind(OutboxState::Pending, Some("63018")));

    store.post_channel_notice(pause(&anne, "breaker_open", at(50)), at(1)).await.unwrap();
    let notice = |until| Some(BlockedReason::ChannelNotice { reason: "breaker_open".into(), until });
    assert_eq!(wait(store, &other, 1).await, notice(at(50)));
    assert_eq!(wait(store, &first, 1).await, Some(BlockedReason::Time { reason: Some("63018".into()), until }));
    assert_eq!(wait(store, &other, 50).await, Some(BlockedReason::Turn { before: 0 }), "it is over");
    store.post_channel_notice(pause(&anne, "breaker_open", at(200)), at(50)).await.unwrap();
    assert_eq!(wait(store, &first, 1).await, notice(at(200)));
    store.pause(pause(&anne, "quality rating", at(300)), at(1)).await.unwrap();
    let paused = Some(BlockedReason::Paused { reason: "quality rating".into(), until: at(300) });
    assert_eq!((wait(store, &first, 1).await, wait(store, &other, 1).await), (paused.clone(), paused));
    let taxi = Customer::of("taxi", 1).is_answered(store, "SM4", 0, queued(0)).await;
    assert_eq!(wait(store, &taxi, 1).await, Some(BlockedReason::Turn { before: 0 }), "another tenant's channel");
}

/// Of three messages, two wait for another day, the third because the provider said so.
async fn three_wait(store: &Store) -> Vec<Outbound> {
    let mut waiting = Vec::new();
    for (number, reason) in (1..).zip(["per_day", "budget", "63018"]) {
        let message = Customer::of("belle", number).is_answered(store, &format!("SM{number}"), 0, now(0)).await;
        let until = at(50_000);
        let result = match reason {
            "budget" => Settled::Held { until, reason: HeldReason::Budget },
            reason => Settled::Snooze { at: until, reason: reason.to_owned() },
        };
        let settlement = Settlement { message: message.clone(), result, via: None, cost_micros: 0, at: at(1) };
        store.settle(settlement.into()).await.unwrap();
        if reason == "budget" {
            let told = wait(store, &message, 1).await;
            assert_eq!(
                told,
                Some(BlockedReason::Time { reason: Some("budget".into()), until }),
                "out of line, and told"
            );
        }
        waiting.push(message);
    }
    store.post_channel_notice(pause(&Customer::of("belle", 1), "per_day", at(50_000)), at(1)).await.unwrap();
    waiting
}

async fn two_are_looked_at_again(store: &Store, waiting: &[Outbound], seconds: i64) {
    store.maintain(at(seconds)).await.unwrap();
    for message in &waiting[..2] {
        assert!(matches!(wait(store, message, seconds).await, Some(BlockedReason::Turn { .. })));
    }
    let until = at(0) + Duration::from_secs(50_000);
    let told = wait(store, &waiting[2], seconds).await;
    assert_eq!(
        told,
        Some(BlockedReason::Time { reason: Some("63018".into()), until }),
        "what the provider said still holds"
    );
}

#[tokio::test]
async fn a_new_process_looks_again_at_what_waits_for_another_day() {
    let (store, folder) = fresh().await;
    let waiting = three_wait(&store).await;
    store.close().await.unwrap();
    let store = Store::open(&url(&folder), true).await.unwrap();
    two_are_looked_at_again(&store, &waiting, 2).await;
}

#[tokio::test]
async fn a_new_node_looks_again_and_believes_the_others_for_as_long_as_they_speak() {
    let (first, database) = postgres::fresh().await;
    let waiting = three_wait(&first).await;
    let second = Store::open(&database.url(), false).await.unwrap();
    let told = wait(&second, &waiting[0], 2).await;
    assert_eq!(
        told,
        Some(BlockedReason::ChannelNotice { reason: "per_day".into(), until: at(50_000) }),
        "the other may be right"
    );
    let silent = i64::try_from(NOTICE_TTL.as_secs()).unwrap() + 2;
    two_are_looked_at_again(&second, &waiting, silent).await;
}
