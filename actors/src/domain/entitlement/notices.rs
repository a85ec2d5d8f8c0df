//! Notices of a subscription: what its member is told, once each.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::entries::{Payment, ProviderState, ProviderStatus, Terms, Until};
use super::{Entitlement, Ledger, SubscriptionState, counts};
use crate::domain::Timestamp;
use crate::domain::words::stored_words;

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// A payment came in.
    PaymentReceived,
    /// A renewal failed; access goes on for the grace.
    PaymentFailed,
    /// The grace ends in three days.
    GraceEndsInThreeDays,
    /// The grace ends tomorrow.
    GraceEndsTomorrow,
    /// Access ended.
    AccessEnded,
    /// A payment was given back.
    Refunded,
    /// A plan of a year is renewed in a month.
    RenewalReminder,
    /// The card that pays ends within a month.
    CardExpiring,
    /// Something was paid for that was paid already.
    PaidTwice,
    /// It belongs to another account now.
    Moved,
}

stored_words!(NoticeKind {
    PaymentReceived => "payment_received",
    PaymentFailed => "payment_failed",
    GraceEndsInThreeDays => "grace_ends_3d",
    GraceEndsTomorrow => "grace_ends_1d",
    AccessEnded => "access_ended",
    Refunded => "refunded",
    RenewalReminder => "renewal_reminder",
    CardExpiring => "card_expiring",
    PaidTwice => "paid_twice",
    Moved => "moved",
});

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// The news that it brings.
    pub kind: NoticeKind,
    /// Tells it apart from the same news of another payment or period: a notice of one kind and key is sent once.
    pub key: String,
}

/// News that are older are no longer told: after a long outage nobody wants last month's.
const STALE: TimeDelta = TimeDelta::days(7);
/// How long a plan runs at least for its renewal to be announced.
const LONG_PERIOD: TimeDelta = TimeDelta::days(300);
/// How long before the renewal of a long plan.
const RENEWAL_AHEAD: TimeDelta = TimeDelta::days(30);
/// How long before the end of the card.
const CARD_AHEAD: TimeDelta = TimeDelta::days(30);

/// By how much two payments overlap at least for one of them to be too much: renewals are paid some hours early, or late.
const OVERLAP: TimeDelta = TimeDelta::days(2);

/// Whether the last payment of a ledger pays for a time that the same member had paid already, here or by another of their
/// purchases of the same plan. The later payment is the one that is told of.
#[must_use]
pub fn paid_twice(ledger: &Ledger, others: &[&Ledger], terms: Terms, now: Timestamp) -> Option<Notice> {
    let counting = |(_, one): &(&String, &Payment)| counts(one, terms) && one.covers.includes(now);
    let (id, last) = ledger.payments().iter().filter(counting).max_by_key(|(id, one)| (one.paid_at, *id))?;
    let is_news = now - last.paid_at < STALE;
    let is_earlier = |other: &str, one: &Payment| (one.paid_at, other) < (last.paid_at, id.as_str());
    let overlaps = |(other, one): (&String, &Payment)| {
        is_earlier(other, one) && counts(one, terms) && one.covers.includes(last.paid_at + OVERLAP)
    };
    let mut all = others.iter().copied().chain([ledger]).flat_map(|one| one.payments().iter());
    (is_news && all.any(overlaps)).then(|| notice(NoticeKind::PaidTwice, id))
}

/// What is to be told now, without what was told.
#[must_use]
pub fn notices_due(ledger: &Ledger, terms: Terms, told: &BTreeSet<Notice>, now: Timestamp) -> Vec<Notice> {
    let entitlement = ledger.entitlement(terms, now);
    let mut due = Vec::new();
    for (id, payment) in ledger.payments() {
        let is_news = now - payment.paid_at < STALE;
        if is_news && !payment.is_refunded {
            due.push(notice(NoticeKind::PaymentReceived, id));
        }
        let was_told = told.contains(&notice(NoticeKind::PaymentReceived, id));
        if payment.is_refunded && (is_news || was_told) {
            due.push(notice(NoticeKind::Refunded, id));
        }
    }
    let provider = ledger.provider();
    if let Some(state) = provider.filter(|state| state.status == ProviderStatus::PastDue && entitlement.has_access()) {
        due.push(notice(NoticeKind::PaymentFailed, &day(state.period_start)));
    }
    due.extend(grace(&entitlement, now));
    due.extend(ended(ledger, &entitlement, (terms, told), now));
    if let Some(state) = provider.filter(|state| state.status == ProviderStatus::Active && state.cancels_at.is_none()) {
        let is_long = state.period_end - state.period_start >= LONG_PERIOD;
        if is_long && now >= state.period_end - RENEWAL_AHEAD && now < state.period_end {
            due.push(notice(NoticeKind::RenewalReminder, &day(state.period_end)));
        }
    }
    due.extend(card(provider, now));
    due.retain(|notice| !told.contains(notice));
    due
}

/// A card that ends before it was replaced makes the next renewal fail.
fn card(provider: Option<&ProviderState>, now: Timestamp) -> Option<Notice> {
    let renews = |state: &&ProviderState| {
        matches!(state.status, ProviderStatus::Active | ProviderStatus::Trialing) && state.cancels_at.is_none()
    };
    let end = provider.filter(renews)?.card_ends_at?;
    (now >= end - CARD_AHEAD && now < end).then(|| notice(NoticeKind::CardExpiring, &day(end)))
}

fn grace(entitlement: &Entitlement, now: Timestamp) -> Option<Notice> {
    let end = entitlement.grace_until()?;
    // The nearer one alone: who comes late hears the last warning, not two at once.
    if now >= end - TimeDelta::days(1) {
        Some(notice(NoticeKind::GraceEndsTomorrow, &day(end)))
    } else if now >= end - TimeDelta::days(3) {
        Some(notice(NoticeKind::GraceEndsInThreeDays, &day(end)))
    } else {
        None
    }
}

fn ended(
    ledger: &Ledger,
    entitlement: &Entitlement,
    (terms, told): (Terms, &BTreeSet<Notice>),
    now: Timestamp,
) -> Option<Notice> {
    if !matches!(entitlement.state, SubscriptionState::Expired | SubscriptionState::Revoked) {
        return None;
    }
    if let Some(cut) = ledger.cut(terms, now) {
        return Some(notice(NoticeKind::AccessEnded, cut));
    }
    if let Some(given_back) = given_back_in_grace(ledger, (terms, told), now) {
        return Some(given_back);
    }
    let paid = entitlement.paid_until.and_then(Until::end)?;
    let ended = ledger.access_until(Until::At(paid), terms).end()?;
    (now - ended < STALE).then(|| notice(NoticeKind::AccessEnded, &day(paid)))
}

/// What was paid last ran out, and was given back while its grace ran: access ended by that, not by time.
fn given_back_in_grace(ledger: &Ledger, (terms, told): (Terms, &BTreeSet<Notice>), now: Timestamp) -> Option<Notice> {
    let (id, last) = ledger.payments().iter().max_by_key(|(_, one)| one.covers)?;
    let end = last.covers.end().filter(|_| !counts(last, terms))?;
    let by_time = notice(NoticeKind::AccessEnded, &day(end));
    let is_news = now - end < terms.grace + STALE && !told.contains(&by_time);
    is_news.then(|| notice(NoticeKind::AccessEnded, id))
}

fn notice(kind: NoticeKind, key: &str) -> Notice {
    Notice { kind, key: key.to_owned() }
}

/// The key of a moment: two reports that differ by less than a day are the same news.
fn day(at: Timestamp) -> String {
    at.format("%Y-%m-%d").to_string()
}
