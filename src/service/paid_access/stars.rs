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
use crate::gateway::chat_directory::LoggedPayment;
use crate::store::paid_access::{AppliedEvent, Money, NewPaymentEvent, Payer};

/// For how long a bot's list is one node's to read.
const LEASE: TimeDelta = TimeDelta::hours(1);
const EVERY: TimeDelta = TimeDelta::hours(24);
/// How soon after a question was not answered.
const AGAIN: TimeDelta = TimeDelta::minutes(10);

impl PaidAccess {
    /// Reads on in the lists of payments that are due, each by one node.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn read_stars_due(&self, now: Timestamp) -> Result<(), AccessError> {
        while let Some((tenant, bot, from)) = self.store.claim_access_bot(now, now + LEASE).await? {
            let Some(directory) = self.directories.get(&bot) else {
                self.store.settle_access_bot((&tenant, &bot), from, now + EVERY).await?;
                continue;
            };
            let (mut read, mut news) = (u64::try_from(from).unwrap_or_default(), 0);
            let next = loop {
                match directory.payments(read).await {
                    Ok(page) => {
                        for payment in &page.payments {
                            news += usize::from(self.book(&tenant, payment, now).await?);
                        }
                        read = page.next;
                        if page.is_last {
                            break now + EVERY;
                        }
                    }
                    Err(error) => {
                        warn!(
                            tenant.id = %tenant,
                            channel.id = %bot,
                            error = &error as &dyn std::error::Error,
                            "payments in Stars could not be read, trying again"
                        );
                        break now + AGAIN;
                    }
                }
            };
            if news > 0 {
                info!(tenant.id = %tenant, channel.id = %bot, payments = news, "payments in Stars of which nothing was told were booked");
            }
            self.store.settle_access_bot((&tenant, &bot), i64::try_from(read).unwrap_or(from), next).await?;
        }
        Ok(())
    }

    /// Books what the list says of a payment. Returns whether it was not known.
    async fn book(&self, tenant: &TenantId, listed: &LoggedPayment, now: Timestamp) -> Result<bool, AccessError> {
        let Ok(id) = listed.payload.parse::<Uuid>() else { return Ok(false) };
        let Some(row) = self.store.subscription(&only(tenant), id).await? else { return Ok(false) };
        let known = row.ledger.payments().get(&listed.charge);
        let payment = listed.charge.clone();
        let entry = match (known, listed.is_refund) {
            (Some(_), false) => return Ok(false),
            (Some(known), true) if known.is_refunded => return Ok(false),
            (_, true) => LedgerEntry::Refunded { payment },
            (None, false) => {
                let covers = listed.period.map_or(Until::Forever, |period| Until::At(listed.at + period));
                LedgerEntry::Paid { payment, paid_at: listed.at, covers }
            }
        };
        self.enter(tenant, id, &[entry], now).await?;
        let what = if listed.is_refund {
            ("refunded_payment", format!("refund:{}", listed.charge))
        } else {
            ("successful_payment", listed.charge.clone())
        };
        self.keep_stars((tenant, now), what, (&listed.payload, &listed.price), Some(id)).await?;
        Ok(true)
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
            subject: ("stars", Some(payload.to_owned())),
            received_at: now,
            applied: Some(AppliedEvent {
                outcome: if subscription.is_some() { "applied" } else { "not_ours" },
                tenant: Some(tenant.clone()),
                subscription,
                money: Some(Money { amount: price.amount, currency: price.currency.to_ascii_lowercase() }),
            }),
        };
        self.store.keep_payment_event(&event).await?;
        Ok(())
    }
}
