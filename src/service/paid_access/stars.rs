//! Payments in Telegram's Stars: what was told of them, and the daily look at the bot's own list of them.
//!
//! Chargebacks by the stores come without any event, so the list is the truth (Bot API, `getStarTransactions`).

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::entitlement::{LedgerEntry, Until};
use palabre_actors::domain::ids::TenantId;
use tracing::{info, warn};
use uuid::Uuid;

use super::asking::only;
use super::{AccessError, PaidAccess};
use crate::gateway::channel_event::Price;
use crate::gateway::chat_directory::{ChatDirectory, DirectoryError, LoggedPayment};
use crate::store::paid_access::{AppliedEvent, Money, NewPaymentEvent, Payer, Subscription};

/// For how long a bot's list is one node's to read.
const LEASE: TimeDelta = TimeDelta::hours(1);
const EVERY: TimeDelta = TimeDelta::hours(24);
/// How soon after a question was not answered.
const AGAIN: TimeDelta = TimeDelta::minutes(10);

/// How far a list was read.
pub(super) struct Reading {
    /// Where the next one begins.
    pub next: u64,
    /// Payments and refunds of which nothing was told.
    pub booked: usize,
    /// Why it was not read to its end.
    pub failure: Option<DirectoryError>,
}

impl PaidAccess {
    /// Reads on in the lists of payments that are due, each by one node.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn read_stars_due(&self, now: Timestamp) -> Result<(), AccessError> {
        while let Some((tenant, bot, from)) = self.store.claim_access_bot(now, now + LEASE).await? {
            let creator = self.creators.get(&tenant);
            let Some(directory) = creator.as_ref().and_then(|creator| creator.directories.get(&bot)) else {
                self.store.settle_access_bot((&tenant, &bot), from, now + EVERY).await?;
                continue;
            };
            let reading = self.read_stars(&tenant, &**directory, u64::try_from(from).unwrap_or_default(), now).await?;
            let next = match &reading.failure {
                None => now + EVERY,
                Some(error) => {
                    warn!(
                        tenant.id = %tenant,
                        channel.id = %bot,
                        error = error as &dyn std::error::Error,
                        "payments in Stars could not be read, trying again"
                    );
                    now + AGAIN
                }
            };
            if reading.booked > 0 {
                info!(
                    tenant.id = %tenant,
                    channel.id = %bot,
                    payments = reading.booked,
                    "payments in Stars of which nothing was told were booked"
                );
            }
            let read_up_to = i64::try_from(reading.next).unwrap_or(from);
            self.store.settle_access_bot((&tenant, &bot), read_up_to, next).await?;
        }
        Ok(())
    }

    /// Reads a bot's list of payments from a place of it to its end, and books what is not known.
    pub(super) async fn read_stars(
        &self,
        tenant: &TenantId,
        directory: &dyn ChatDirectory,
        from: u64,
        now: Timestamp,
    ) -> Result<Reading, AccessError> {
        let mut reading = Reading { next: from, booked: 0, failure: None };
        loop {
            let page = match directory.payments(reading.next).await {
                Ok(page) => page,
                Err(error) => return Ok(Reading { failure: Some(error), ..reading }),
            };
            for payment in &page.payments {
                reading.booked += usize::from(self.book(tenant, payment, now).await?);
            }
            reading.next = page.next;
            if page.is_last {
                return Ok(reading);
            }
        }
    }

    /// Books what the list says of a payment. Returns whether it was not known.
    async fn book(&self, tenant: &TenantId, listed: &LoggedPayment, now: Timestamp) -> Result<bool, AccessError> {
        let Some(row) = self.bought_with(tenant, listed).await? else { return Ok(false) };
        let payment = listed.charge.clone();
        let entry = match (row.ledger.payments().get(&listed.charge), listed.is_refund) {
            (Some(_), false) => return Ok(false),
            (Some(known), true) if known.is_refunded => return Ok(false),
            (_, true) => LedgerEntry::Refunded { payment },
            (None, false) => {
                let covers = listed.period.map_or(Until::Forever, |period| Until::At(listed.at + period));
                LedgerEntry::Paid { payment, paid_at: listed.at, covers, money: Some(money(&listed.price)) }
            }
        };
        self.change(tenant, row.id, now, |row| {
            row.ledger.record(entry.clone());
            if !listed.is_refund {
                row.provider_payment = Some(listed.charge.clone());
            }
        })
        .await?;
        let what = if listed.is_refund {
            ("refunded_payment", format!("refund:{}", listed.charge))
        } else {
            ("successful_payment", listed.charge.clone())
        };
        let payload = row.id.to_string();
        self.keep_stars((tenant, now), what, (&payload, &listed.price), Some(row.id)).await?;
        Ok(true)
    }

    /// What was bought with a payment: its invoice says it. That of a refund need not carry it, but the payment is known.
    async fn bought_with(
        &self,
        tenant: &TenantId,
        listed: &LoggedPayment,
    ) -> Result<Option<Subscription>, AccessError> {
        let invoiced = listed.payload.as_deref().and_then(|payload| payload.parse::<Uuid>().ok());
        Ok(match invoiced {
            Some(id) => self.store.subscription(&only(tenant), id).await?,
            None if listed.is_refund => self.store.subscription_of_charge(tenant, Payer::Stars, &listed.charge).await?,
            None => None,
        })
    }

    /// Keeps what was told of a payment in Stars, with what came of it.
    pub(super) async fn keep_stars(
        &self,
        (tenant, now): (&TenantId, Timestamp),
        (kind, id): (&str, String),
        (payload, price): (&str, &Price),
        subscription: Option<Uuid>,
    ) -> Result<(), AccessError> {
        let event = NewPaymentEvent {
            provider: Payer::Stars.as_str(),
            provider_event_id: id,
            kind: kind.to_owned(),
            is_live: true,
            account: None,
            about: (None, None),
            subject: ("stars", Some(payload.to_owned())),
            received_at: now,
            applied: Some(AppliedEvent {
                outcome: if subscription.is_some() { "applied" } else { "not_ours" },
                tenant: Some(tenant.clone()),
                subscription,
                money: Some(money(price)),
            }),
        };
        self.store.keep_payment_event(&event).await?;
        Ok(())
    }
}

/// A price as ledgers and tables have it.
pub(super) fn money(price: &Price) -> Money {
    Money { amount: price.amount, currency: price.currency.to_ascii_lowercase() }
}
