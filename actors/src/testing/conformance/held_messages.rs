//! Cases of held messages, which wait for their tenant's budget or for the morning.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use super::Subject;
use super::fixture::{Customer, at, behind, claim, ids, now, queued, settle, taken, turn};
use crate::domain::event::EventType;
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::status::{HeldReason, OutboxState};
use crate::domain::turn::{ConsentChange, Start};
use crate::ports::Settled;

async fn is_held(store: &impl Subject, message: &Outbound, until: i64, seconds: i64) {
    settle(store, message, Settled::Held { until: at(until), reason: HeldReason::Budget }, seconds).await;
}

pub async fn i3_what_the_budget_holds_stands_in_nobodys_way_and_keeps_its_order(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let first = customer.is_answered(store, "SM1", 0, now(0)).await;
    let second = customer.is_answered(store, "SM2", 1, queued(1)).await;
    let urgent = customer.is_answered(store, "SM3", 2, queued(2)).await;
    let held_before = async |message| store.held_before(message).await.expect("answers");
    assert_eq!(held_before(&second).await, None);
    is_held(store, &first, 100, 3).await;
    let rows = store.snapshot().await;
    let row = rows.sent_row(first.id);
    assert_eq!((row.state, row.blocked_reason.as_deref()), (OutboxState::Deferred, Some("budget")));
    assert_eq!((row.next_attempt_at, row.message.attempts, row.lease_until), (at(100), 0, None));
    assert_eq!((held_before(&first).await, held_before(&second).await), (None, Some(at(100))));

    let claimed = claim(store, "belle", 4, 9).await;
    assert_eq!(ids(&claimed), [second.id]);
    is_held(store, &claimed[0], 100, 5).await;
    let claimed = claim(store, "belle", 6, 9).await;
    assert_eq!(ids(&claimed), [urgent.id], "it passes both");
    settle(store, &claimed[0], taken("SMa"), 7).await;
    assert!(!customer.loaded(store).await.open_rows, "nobody stands in line");

    assert_eq!(store.maintain(at(99)).await.expect("tends").changed, 0, "not yet");
    assert_eq!(store.maintain(at(100)).await.expect("tends").changed, 2, "both at once");
    let claimed = claim(store, "belle", 101, 9).await;
    assert_eq!((ids(&claimed), claimed[0].attempts), (vec![first.id], 1));
    settle(store, &claimed[0], taken("SMb"), 102).await;
    assert_eq!(ids(&claim(store, "belle", 103, 9).await), [second.id]);
    let rows = store.snapshot().await;
    let released: Vec<_> = rows.events_of(EventType::MessageReleased).map(|event| event.payload.clone()).collect();
    assert_eq!(released, [serde_json::json!({ "reason": "due" }), serde_json::json!({ "reason": "due" })]);
    assert_eq!(rows.count(EventType::MessageDeferred), 2);
}

pub async fn what_the_contact_says_does_not_bring_back_what_the_budget_holds(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let held = customer.is_answered(store, "SM1", 0, now(0)).await;
    is_held(store, &held, 100, 1).await;
    let loaded = customer.loaded(store).await;
    assert!(!loaded.deferred && !loaded.open_rows);
    let message = customer.sends(store, "SM2", 2).await;
    let mut answer = turn(&customer.state(store).await, &message, 2).answered(now(2));
    answer.releases = true;
    store.commit(answer).await.expect("there is nothing that it should know of");

    let waits = customer.is_answered(store, "SM3", 3, queued(3)).await;
    settle(store, &waits, Settled::Deferred { reason: "window_closed".to_owned() }, 4).await;
    let message = customer.sends(store, "SM4", 5).await;
    let mut answer = turn(&customer.state(store).await, &message, 5).answered(behind(5));
    (answer.releases, answer.knows_deferred) = (true, true);
    store.commit(answer).await.expect("commits");
    let rows = store.snapshot().await;
    assert_eq!(rows.sent_row(waits.id).state, OutboxState::Pending);
    assert_eq!(rows.sent_row(held.id).state, OutboxState::Deferred);
    store.maintain(at(60)).await.expect("tends");
    assert_eq!(store.snapshot().await.sent_row(held.id).state, OutboxState::Deferred);
}

pub async fn i11_what_waits_for_the_morning_says_so_and_holds_up_nothing(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let news = customer.is_answered(store, "SM1", 0, now(0)).await;
    let other = customer.is_answered(store, "SM2", 1, queued(1)).await;
    settle(store, &news, Settled::Held { until: at(100), reason: HeldReason::QuietHours }, 3).await;
    let rows = store.snapshot().await;
    let row = rows.sent_row(news.id);
    assert_eq!((row.state, row.blocked_reason.as_deref()), (OutboxState::Deferred, Some("quiet_hours")));
    assert_eq!(store.held_before(&other).await.expect("answers"), None, "no budget holds what comes after it");
    let claimed = claim(store, "belle", 4, 9).await;
    assert_eq!(ids(&claimed), [other.id]);
    settle(store, &claimed[0], taken("SMa"), 5).await;

    // The contact writes in the night: it goes on waiting.
    let message = customer.sends(store, "SM3", 6).await;
    let mut answer = turn(&customer.state(store).await, &message, 6).answered(now(6));
    answer.releases = true;
    store.commit(answer).await.expect("commits");
    assert_eq!(store.snapshot().await.sent_row(news.id).state, OutboxState::Deferred);
    assert_eq!(store.maintain(at(99)).await.expect("tends").changed, 0, "not yet");
    assert_eq!(store.maintain(at(100)).await.expect("tends").changed, 1);
    assert_eq!(store.snapshot().await.sent_row(news.id).state, OutboxState::Pending);
}

pub async fn what_is_scheduled_goes_out_at_its_time_and_holds_up_nothing(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let early = customer.is_answered(store, "SM1", 0, Start::Scheduled(at(50))).await;
    let late = customer.is_answered(store, "SM2", 1, Start::Scheduled(at(100))).await;
    let rows = store.snapshot().await;
    let row = rows.sent_row(late.id);
    assert_eq!((row.state, row.blocked_reason.as_deref()), (OutboxState::Deferred, Some("scheduled")));
    assert_eq!((row.next_attempt_at, row.message.attempts, row.lease_until), (at(100), 0, None));
    let loaded = customer.loaded(store).await;
    assert!(!loaded.open_rows && !loaded.deferred, "neither in the queue, nor waiting for the contact");
    let answer = customer.is_answered(store, "SM3", 2, queued(2)).await;
    let claimed = claim(store, "belle", 3, 9).await;
    assert_eq!(ids(&claimed), [answer.id]);
    settle(store, &claimed[0], taken("SMa"), 4).await;

    // The contact writes: neither comes sooner.
    let message = customer.sends(store, "SM4", 5).await;
    let mut turn = turn(&customer.state(store).await, &message, 5);
    turn.releases = true;
    store.commit(turn).await.expect("commits");
    assert_eq!(store.maintain(at(49)).await.expect("tends").changed, 0, "not yet");
    assert_eq!(store.maintain(at(50)).await.expect("tends").changed, 1, "the other one has its own time");
    let claimed = claim(store, "belle", 51, 9).await;
    assert_eq!((ids(&claimed), claimed[0].generation.since), (vec![early.id], at(50)), "its age counts from there");
    settle(store, &claimed[0], taken("SMb"), 52).await;
    assert_eq!(store.maintain(at(99)).await.expect("tends").changed, 0);
    assert_eq!(store.maintain(at(100)).await.expect("tends").changed, 1);
    assert_eq!(ids(&claim(store, "belle", 101, 9).await), [late.id]);
}

pub async fn i6_a_stop_counts_for_what_the_budget_holds_or_is_scheduled(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let held = customer.is_answered(store, "SM1", 0, now(0)).await;
    is_held(store, &held, 100, 1).await;
    let scheduled = customer.is_answered(store, "SM9", 1, Start::Scheduled(at(150))).await;
    let stop = customer.sends(store, "SM2", 2).await;
    let mut turn = turn(&customer.state(store).await, &stop, 2).answered_with(OutboundKind::OptOutConfirmation, now(2));
    turn.consent = Some(ConsentChange::OptOut { address: customer.0.address.clone() });
    store.commit(turn).await.expect("commits");
    for message in [&held, &scheduled] {
        assert_eq!(store.snapshot().await.sent_row(message.id).state, OutboxState::Suppressed);
    }
    assert_eq!(store.maintain(at(200)).await.expect("tends").changed, 0);
}

pub async fn i9_each_tenant_gets_back_what_its_budget_held(store: &impl Subject) {
    let mut held = Vec::new();
    for tenant in ["belle", "live", "taxi"] {
        for number in 0..70 {
            let customer = Customer::of(tenant, number);
            let message = customer.is_answered(store, &format!("SM{number}"), 0, now(0)).await;
            is_held(store, &message, if tenant == "live" { 500 } else { 100 }, 1).await;
            held.push(message);
        }
    }
    let pending = async |tenant: &str| {
        let rows = store.snapshot().await.outbound;
        let of = rows.iter().filter(|row| row.message.tenant.as_str() == tenant);
        of.filter(|row| row.state == OutboxState::Pending).count()
    };
    store.maintain(at(100)).await.expect("tends");
    assert!(pending("belle").await > 0 && pending("taxi").await > 0, "nobody's backlog comes first");
    while store.maintain(at(100)).await.expect("tends").changed > 0 {}
    assert_eq!((pending("belle").await, pending("live").await, pending("taxi").await), (70, 0, 70));
}
