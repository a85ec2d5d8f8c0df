//! Cases of `Outbox::expedite`: retries that are made due because the fallback takes over.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use super::Subject;
use super::fixture::{Customer, at, claim, ids, now, queued, settle, taken, turn};
use crate::domain::message::Outbound;
use crate::domain::status::OutboxState;
use crate::ports::{ExpediteRetries, Settled};

fn expedite(seconds: i64) -> ExpediteRetries {
    let channel_key = Customer::of("belle", 0).channel_key();
    ExpediteRetries { channel_key, any_address: false, without_text: false, now: at(seconds), limit: 10 }
}

async fn fails(store: &impl Subject, message: &Outbound, until: i64) {
    settle(store, message, Settled::Retry { at: at(until), reason: "63012".into() }, 1).await;
}

pub async fn what_failed_is_due_when_another_channel_takes_over(store: &impl Subject) {
    let mut messages = Vec::new();
    for number in 0..5 {
        messages.push(Customer::of("belle", number).is_answered(store, &format!("SM{number}"), 0, now(0)).await);
    }
    let [first, second, gated, unknown, done] = &messages[..] else { panic!("five") };
    let behind = Customer::of("belle", 0).is_answered(store, "SM5", 0, queued(0)).await;
    let fresh = Customer::of("belle", 6).is_answered(store, "SM6", 0, queued(900)).await;
    let other = Customer::of("taxi", 1).is_answered(store, "SM7", 0, now(0)).await;
    fails(store, first, 800).await;
    fails(store, second, 700).await;
    fails(store, &other, 700).await;
    settle(store, gated, Settled::Snooze { at: at(700), reason: "63012".into() }, 1).await;
    settle(store, unknown, Settled::Unknown { ask_at: at(900), reason: "503".into() }, 1).await;
    settle(store, done, taken("SMa"), 1).await;

    let made_due = async |expedite: ExpediteRetries| store.expedite(expedite).await.expect("expedites");
    assert_eq!(made_due(ExpediteRetries { limit: 1, ..expedite(10) }).await, 1, "the one that is due first");
    assert_eq!(ids(&claim(store, "belle", 10, 9).await), [second.id]);
    assert_eq!(made_due(expedite(10)).await, 1);
    assert_eq!(made_due(expedite(10)).await, 0, "and nothing else");
    assert_eq!(ids(&claim(store, "belle", 11, 9).await), [first.id]);
    let rows = store.snapshot().await;
    let due = |message: &Outbound| rows.sent_row(message.id).next_attempt_at;
    assert_eq!((due(gated), due(&other), due(&fresh)), (at(700), at(700), at(900)));
    assert_eq!((rows.sent_row(unknown.id).state, due(unknown)), (OutboxState::Unknown, at(900)), "asked about first");
    assert_eq!(due(&behind), at(0));
}

pub async fn what_the_other_channel_cannot_carry_waits_for_its_time(store: &impl Subject) {
    let by_id = Customer::of("belle", 1).by("belle-wa", "whatsapp:FR.77");
    let nameless = by_id.is_answered(store, "SM1", 0, now(0)).await;
    let customer = Customer::of("belle", 2);
    let message = customer.sends(store, "SM2", 0).await;
    let mut wordless = turn(&customer.state(store).await, &message, 0).answered(now(0));
    wordless.outbox[0].message.body = String::new();
    let template = wordless.outbox[0].message.clone();
    store.commit(wordless).await.expect("commits");
    for message in [&nameless, &template] {
        fails(store, message, 700).await;
    }
    let made_due = async |expedite: ExpediteRetries| store.expedite(expedite).await.expect("expedites");
    assert_eq!(made_due(expedite(10)).await, 0);
    assert_eq!(made_due(ExpediteRetries { any_address: true, ..expedite(10) }).await, 1);
    assert_eq!(ids(&claim(store, "belle", 10, 9).await), [nameless.id]);
    assert_eq!(made_due(ExpediteRetries { without_text: true, ..expedite(10) }).await, 1);
    assert_eq!(ids(&claim(store, "belle", 10, 9).await), [template.id]);

    // A replay begins another generation, which has not failed yet.
    settle(store, &template, Settled::Dead { reason: "63012".into() }, 11).await;
    let template = store.snapshot().await.sent_row(template.id).message.clone();
    settle(store, &template, Settled::Dead { reason: "63012".into() }, 12).await;
    assert_eq!(store.snapshot().await.sent_row(template.id).state, OutboxState::Dead);
    store.replay(template.id, at(900)).await;
    assert_eq!(made_due(ExpediteRetries { without_text: true, ..expedite(20) }).await, 0);
}
