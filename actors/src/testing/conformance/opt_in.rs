//! Cases of the double opt-in: where a welcome asked, and for whom a confirmation counts.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use super::Subject;
use super::fixture::{self, Customer, at, claim, ids, now, settle, taken, turn};
use crate::domain::address::Scheme;
use crate::domain::ids::{ChannelId, ProviderMessageId};
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::send::Receipt;
use crate::domain::status::{DeliveryStatus, OutboxState};
use crate::domain::turn::ConsentChange;
use crate::ports::{OptIn, Settled, Settlement, StatusUpdate, Via};
use crate::testing::fakes::{ConsentRow, Snapshot};

/// The same person on another channel.
fn on(customer: &Customer, channel: &str, address: &str) -> Customer {
    customer.by(channel, address)
}

async fn opt_in(store: &impl Subject, customer: &Customer) -> (bool, bool) {
    let key = &customer.0;
    let OptIn { asked, confirmed } = store.opt_in(&key.tenant, &key.channel, &key.address).await.expect("answers");
    (asked, confirmed)
}

/// A message of theirs brings the welcome, which a sender has.
async fn is_welcomed(store: &impl Subject, customer: &Customer, id: &str, seconds: i64) -> Outbound {
    let message = customer.sends(store, id, seconds).await;
    let turn = turn(&customer.state(store).await, &message, seconds).answered_with(OutboundKind::Welcome, now(seconds));
    let welcome = turn.outbox[0].message.clone();
    store.commit(turn).await.expect("commits");
    welcome
}

async fn confirms(store: &impl Subject, customer: &Customer, id: &str, seconds: i64) -> String {
    let message = customer.sends(store, id, seconds).await;
    let mut turn = turn(&customer.state(store).await, &message, seconds);
    turn.consent = Some(ConsentChange::Confirm { address: customer.0.address.clone() });
    store.commit(turn).await.expect("commits");
    message.id.to_string()
}

async fn leaves_by_sms(store: &impl Subject, message: &Outbound, seconds: i64) {
    let via = Some(Via { channel: ChannelId::new("belle-sms"), scheme: Scheme::Sms });
    let result = Settled::Sent(Receipt { provider_message_id: ProviderMessageId::new("SMsms") });
    let settlement = Settlement { message: message.clone(), result, via, cost_micros: 0, at: at(seconds) };
    store.settle(settlement.into()).await.expect("settles");
}

pub async fn what_was_said_is_dated_when_it_was_said(store: &impl Subject) {
    let anne = Customer::of("belle", 1);
    let stop = anne.sends(store, "SM1", 0).await;
    let mut turn = turn(&anne.state(store).await, &stop, 40);
    turn.consent = Some(ConsentChange::OptOut { address: anne.0.address.clone() });
    store.commit(turn).await.expect("commits");
    let dated: Vec<_> = store.snapshot().await.consents.iter().map(|row| row.created_at).collect();
    assert_eq!(dated, [stop.received_at]);
    assert_ne!(stop.received_at, at(40));
}

/// What the ledger says: what, on which channel, of whom, and what proves it.
fn ledger(rows: &Snapshot) -> Vec<(&str, &str, &str, Option<&str>)> {
    rows.consents.iter().map(told).collect()
}

fn told(row: &ConsentRow) -> (&str, &str, &str, Option<&str>) {
    let channel = row.channel.as_ref().map_or("", ChannelId::as_str);
    (&row.what, channel, row.address.as_str(), row.evidence.as_deref())
}

pub async fn i6_a_welcome_asks_where_it_was_meant_for_and_where_it_left(store: &impl Subject) {
    let anne = Customer::of("belle", 1);
    let (whatsapp, sms) = (anne.0.address.as_str(), "sms:+33612340001");
    let by_sms = on(&anne, "belle-sms", sms);
    // She wrote by SMS before, so a conversation may have its state in memory.
    let message = by_sms.sends(store, "SM0", 0).await;
    store.commit(turn(&by_sms.state(store).await, &message, 0)).await.expect("commits");
    let version = by_sms.state(store).await.conversation.expect("is there").version;

    let welcome = is_welcomed(store, &anne, "SM1", 1).await;
    assert_eq!((opt_in(store, &anne).await, opt_in(store, &by_sms).await), ((true, false), (false, false)));
    leaves_by_sms(store, &welcome, 2).await;
    assert_eq!((opt_in(store, &anne).await, opt_in(store, &by_sms).await), ((true, false), (true, false)));
    let proof = welcome.id.to_string();
    let rows = store.snapshot().await;
    let asked = [("welcomed", "belle-wa", whatsapp, Some(&*proof)), ("welcomed", "belle-sms", sms, Some(&*proof))];
    assert_eq!(ledger(&rows), asked);
    let contact = rows.conversations.iter().find(|row| row.channel == by_sms.0.channel).map(|row| row.contact);
    assert_eq!((rows.consents[1].contact, &*rows.consents[1].source), (contact, "message"));
    let heard = by_sms.state(store).await.conversation.expect("is there").version;
    assert_eq!(heard, version + 1, "whoever has it in memory reads it again");

    for other in [
        on(&anne, "belle-sms-2", sms),
        on(&anne, "belle-wa-2", whatsapp),
        on(&Customer::of("belle", 2), "belle-sms", "sms:+33612340002"),
        on(&Customer::of("taxi", 1), "belle-sms", sms),
    ] {
        assert_eq!(opt_in(store, &other).await, (false, false), "{other:?}");
    }
    // Callbacks and a repeated settlement say it no second time.
    leaves_by_sms(store, &welcome, 3).await;
    store.advance(callback(&welcome, DeliveryStatus::Delivered, 4)).await.expect("advances");
    assert_eq!(store.snapshot().await.consents.len(), 2);
}

fn callback(message: &Outbound, status: DeliveryStatus, seconds: i64) -> StatusUpdate {
    StatusUpdate {
        channel: ChannelId::new("belle-sms"),
        scheme: Scheme::Sms,
        provider_message_id: ProviderMessageId::new("SMsms"),
        ..fixture::callback(message, status, seconds)
    }
}

pub async fn i6_a_callback_that_comes_first_says_where_a_welcome_left(store: &impl Subject) {
    let anne = Customer::of("belle", 1);
    let by_sms = on(&anne, "belle-sms", "sms:+33612340001");
    let welcome = is_welcomed(store, &anne, "SM1", 0).await;
    store.advance(callback(&welcome, DeliveryStatus::Failed, 1)).await.expect("advances");
    assert_eq!(opt_in(store, &by_sms).await, (false, false), "it did not arrive");
    store.advance(callback(&welcome, DeliveryStatus::Delivered, 2)).await.expect("advances");
    assert_eq!(opt_in(store, &by_sms).await, (true, false));
    leaves_by_sms(store, &welcome, 3).await;
    store.advance(callback(&welcome, DeliveryStatus::Read, 4)).await.expect("advances");
    assert_eq!(store.snapshot().await.consents.len(), 2, "once");
    // What is no welcome asks nothing.
    let bob = Customer::of("belle", 2);
    let answer = bob.is_answered(store, "SM2", 5, now(5)).await;
    leaves_by_sms(store, &answer, 6).await;
    assert_eq!(opt_in(store, &on(&bob, "belle-sms", "sms:+33612340002")).await, (false, false));
}

pub async fn i6_who_confirms_is_one_person_on_every_channel(store: &impl Subject) {
    let anne = Customer::of("belle", 1);
    let by_sms = on(&anne, "belle-sms", "sms:+33612340001");
    let welcome = is_welcomed(store, &anne, "SM1", 0).await;
    leaves_by_sms(store, &welcome, 1).await;
    let news = anne.is_answered(store, "SM2", 2, now(2)).await;
    settle(store, &news, Settled::Deferred { reason: "not_confirmed".into() }, 3).await;
    let other = Customer::of("belle", 2).is_answered(store, "SM3", 2, now(2)).await;
    settle(store, &other, Settled::Deferred { reason: "not_confirmed".into() }, 3).await;
    let version = anne.state(store).await.conversation.expect("is there").version;

    let proof = confirms(store, &by_sms, "SM4", 4).await;
    for customer in [&anne, &by_sms, &on(&anne, "belle-wa-2", anne.0.address.as_str())] {
        assert!(opt_in(store, customer).await.1, "{customer:?}");
    }
    assert!(!opt_in(store, &on(&anne, "belle-wa-2", anne.0.address.as_str())).await.0, "nobody asked there");
    assert!(!opt_in(store, &Customer::of("taxi", 1)).await.1, "another tenant's business");
    let rows = store.snapshot().await;
    assert_eq!(ledger(&rows)[2..], [("confirmed", "belle-sms", "sms:+33612340001", Some(&*proof))], "as it was said");
    assert_eq!(rows.sent_row(news.id).state, OutboxState::Pending, "what waited for this goes, where it was meant for");
    assert_eq!(rows.sent_row(other.id).state, OutboxState::Deferred);
    assert_eq!(anne.state(store).await.conversation.expect("is there").version, version + 1);
    let claimed = claim(store, "belle", 5, 9).await;
    assert_eq!(ids(&claimed), [news.id]);

    settle(store, &claimed[0], taken("SMa"), 7).await;

    // A check that read the status before the change defers one afterwards: maintenance finds it.
    let late = Customer::of("belle", 3);
    let waits = late.is_answered(store, "SM5", 8, now(8)).await;
    let late_by_sms = on(&late, "belle-sms", "sms:+33612340003");
    confirms(store, &late_by_sms, "SM6", 9).await;
    settle(store, &waits, Settled::Deferred { reason: "not_confirmed".into() }, 10).await;
    assert!(store.maintain(at(11)).await.expect("tends").changed > 0);
    assert_eq!(store.snapshot().await.sent_row(waits.id).state, OutboxState::Pending);
}

/// What is said of marketing is about marketing alone, counts for every address of the person, and ends with START.
pub async fn i6_marketing_is_stopped_and_resumed(store: &impl Subject) {
    let anne = Customer::of("belle", 1);
    let on_sms = anne.0.address.on(crate::domain::address::Scheme::Sms).expect("a phone");
    let stopped = async |address| store.stopped_marketing(&anne.0.tenant, address).await.expect("answers");
    let mut n = 0;
    let says = async |n: i64, change: ConsentChange| {
        let message = anne.sends(store, &format!("SM{n}"), n).await;
        let mut turn = turn(&anne.loaded(store).await.state, &message, n);
        turn.consent = Some(change);
        store.commit(turn).await.expect("commits");
    };
    assert!(!stopped(&anne.0.address).await);
    let address = || anne.0.address.clone();
    let table = [
        (ConsentChange::Marketing { address: address(), wanted: false }, true, false),
        (ConsentChange::Marketing { address: address(), wanted: true }, false, false),
        (ConsentChange::Marketing { address: address(), wanted: false }, true, false),
        (ConsentChange::OptOut { address: address() }, true, true),
        (ConsentChange::OptIn { address: address() }, false, false),
    ];
    for (change, no_marketing, nothing) in table {
        n += 1;
        says(n, change.clone()).await;
        assert_eq!(stopped(&anne.0.address).await, no_marketing, "{change:?}");
        assert_eq!(stopped(&on_sms).await, no_marketing, "{change:?} by SMS");
        assert_eq!(anne.recipient_status(store).await.opted_out, nothing, "{change:?}");
    }
    let told: Vec<_> = store.snapshot().await.consents.into_iter().map(|row| row.what).collect();
    assert_eq!(told, ["opted_out marketing", "opted_in marketing", "opted_out marketing", "opted_out", "opted_in"]);
    let other = Customer::of("taxi", 1);
    assert!(!store.stopped_marketing(&other.0.tenant, &other.0.address).await.expect("answers"));
}
