//! Cases of quota-exempt messages, which are sent on a used-up day too.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use super::Subject;
use super::fixture::{Customer, at, behind, claim_of, ids, now, queued, settle, taken, turn};
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::status::OutboxState;
use crate::domain::turn::ConsentChange;
use crate::ports::{Claimable, Outbox, Settled};

async fn claim(store: &impl Subject, tenant: &str, seconds: i64) -> Vec<Outbound> {
    claim_of(store, tenant, Claimable::QuotaExempt, seconds, 10).await
}

/// A message of theirs, and the turn that answers it with this kind.
async fn is_told(store: &impl Subject, customer: &Customer, id: &str, kind: OutboundKind, seconds: i64) -> Outbound {
    let message = customer.sends(store, id, seconds).await;
    let loaded = customer.loaded(store).await;
    let start = if loaded.open_rows { behind(seconds) } else { queued(seconds) };
    let mut turn = turn(&loaded.state, &message, seconds).answered_with(kind, start);
    if kind == OutboundKind::OptOutConfirmation {
        turn.consent = Some(ConsentChange::OptOut { address: customer.0.address.clone() });
    }
    let answer = turn.outbox[0].message.clone();
    store.commit(turn).await.expect("commits");
    answer
}

pub async fn a_quota_exempt_message_passes_those_that_wait_for_another_day(store: &impl Subject) {
    let (anne, bob, chloe) = (Customer::of("belle", 1), Customer::of("belle", 2), Customer::of("belle", 3));
    let answer = anne.is_answered(store, "SM1", 0, queued(0)).await;
    let help = is_told(store, &anne, "SM2", OutboundKind::Help, 1).await;
    let again = is_told(store, &anne, "SM3", OutboundKind::Help, 2).await;
    bob.is_answered(store, "SM4", 3, queued(3)).await;
    let stopped = is_told(store, &bob, "SM5", OutboundKind::OptOutConfirmation, 4).await;
    chloe.is_answered(store, "SM6", 5, queued(5)).await;
    is_told(store, &Customer::of("taxi", 1), "SM7", OutboundKind::Help, 5).await;

    assert_eq!(ids(&claim(store, "belle", 0).await), [], "not due");
    let claimed = claim(store, "belle", 6).await;
    assert_eq!(ids(&claimed), [help.id, stopped.id], "nothing else, and no two of one conversation");
    let row = store.snapshot().await.sent_row(help.id).clone();
    assert_eq!((row.state, row.message.attempts, row.lease_until), (OutboxState::Sending, 1, Some(at(66))));
    assert_eq!(ids(&claim(store, "belle", 7).await), [], "one is on its way");
    settle(store, &claimed[0], Settled::Retry { at: at(20), reason: "429".into() }, 8).await;
    assert_eq!(ids(&claim(store, "belle", 19).await), [], "it is tried again first");
    let claimed = claim(store, "belle", 20).await;
    assert_eq!(ids(&claimed), [help.id]);
    settle(store, &claimed[0], taken("SMa"), 21).await;
    let claimed = claim(store, "belle", 22).await;
    assert_eq!(ids(&claimed), [again.id]);
    settle(store, &claimed[0], taken("SMb"), 23).await;
    // Another day: the queue goes on as if nothing had passed it.
    let heads = claim_of(store, "belle", Claimable::Heads, 30, 10).await;
    assert!(ids(&heads).contains(&answer.id), "{heads:?}");
}

pub async fn a_quota_exempt_message_is_due_wherever_it_is_queued(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let first = customer.is_answered(store, "SM1", 0, now(0)).await;
    settle(store, &first, Settled::Snooze { at: at(900), reason: "per_day".into() }, 1).await;
    customer.is_answered(store, "SM2", 2, queued(2)).await;
    let due = async || Outbox::due(store).await.expect("lists");
    assert_eq!(due().await, [(customer.channel_key(), at(900))]);
    is_told(store, &customer, "SM3", OutboundKind::Help, 3).await;
    assert_eq!(due().await, [(customer.channel_key(), at(3))]);
}
