//! Sales in Telegram's Stars: invoices, the question before a payment, payments, refunds, the end of a subscription.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{LedgerEntry, ProviderState, ProviderStatus, Until};
use palabre_actors::domain::ids::TenantId;
use serde_json::json;
use tracing::{error, warn};
use uuid::Uuid;

use super::asking::only;
use super::checkout::{Buyer, blank};
use super::events::At;
use super::stars::money;
use super::texts::{self, Refused};
use super::{AccessError, PaidAccess};
use crate::config::{Every, Plan};
use crate::gateway::channel_event::{Payment, Price, SubscriptionChange};
use crate::gateway::chat_directory::WaitedFor;
use crate::store::paid_access::{Payer, Subscription};

/// Telegram's Stars, as a currency (Bot API, `sendInvoice`).
const STARS: &str = "XTR";
/// The only period of a subscription in Stars (Bot API, `createInvoiceLink`).
const STARS_PERIOD_S: i64 = 2_592_000;
/// Descriptions of invoices have at most so many characters (Bot API, `createInvoiceLink`); those of pages may be longer.
const LONGEST_DESCRIPTION: usize = 255;

impl PaidAccess {
    /// Sends the invoice in Stars, for a subscription that waits for its payment.
    pub(super) async fn offer_stars(&self, at: At<'_>, member: &Address, plan: &Plan) -> Result<(), AccessError> {
        let (Some(stars), Some(creator)) = (plan.stars, self.creators.get(at.tenant)) else { return Ok(()) };
        let buyer = Buyer {
            tenant: at.tenant.clone(),
            plan: plan.id.clone(),
            language: creator.language,
            member: Some(member.clone()),
        };
        // The same update is the same row, however often it comes.
        let key = format!("start:{}:{}", at.channel, at.id);
        let mut row = Subscription { bound_at: Some(at.now), ..blank(plan, &buyer, Payer::Stars, at.now) };
        row.provider_subscription = Some(key.clone());
        self.store.add_subscription(&row).await?;
        let Some(row) = self.store.subscription_of_provider(Payer::Stars, &key).await? else { return Ok(()) };
        if row.invoiced_at.is_some() {
            return Ok(());
        }
        let id = row.id;
        let description = plan.description.as_deref().unwrap_or(&plan.name);
        let mut arguments = json!({
            "title": plan.name,
            "description": description.chars().take(LONGEST_DESCRIPTION).collect::<String>(),
            "payload": id.to_string(),
            "stars": stars,
            "text": texts::pay_in_stars(creator.language, stars),
        });
        if plan.every == Every::Month
            && let Some(fields) = arguments.as_object_mut()
        {
            fields.insert("period_s".to_owned(), STARS_PERIOD_S.into());
        }
        self.ask(at.with(member), "invoice", arguments).await?;
        // The invoice is durable: a repetition of the update sends no second one.
        self.change(at.tenant, id, at.now, |row| row.invoiced_at = Some(at.now)).await.map(drop)
    }

    /// Answers whether a payment in Stars may go through: for what is still sold, at its price, to whom it was offered, if they
    /// have not paid. They wait for it, so it goes past every queue; where that fails, through the outbox.
    pub(super) async fn answer_checkout(
        &self,
        at: At<'_>,
        query: &str,
        from: &Address,
        price: &Price,
        payload: &str,
    ) -> Result<(), AccessError> {
        let refusal = self.refusal(at, from, price, payload).await?;
        let refusal = refusal.map(|why| texts::refused_checkout(self.language_of(at.tenant), why));
        if self.answer_at_once(at, WaitedFor::Checkout { query, refusal }).await {
            return Ok(());
        }
        let mut arguments = json!({ "query": query, "ok": refusal.is_none() });
        if let (Some(why), Some(fields)) = (refusal, arguments.as_object_mut()) {
            fields.insert("error".to_owned(), why.into());
        }
        self.ask(at.with(from), "answer_checkout", arguments).await.map(drop)
    }

    /// Why a payment in Stars may not go through. `None`: it may.
    async fn refusal(
        &self,
        at: At<'_>,
        from: &Address,
        price: &Price,
        payload: &str,
    ) -> Result<Option<Refused>, AccessError> {
        let row = match payload.parse() {
            Ok(id) => self.store.subscription(&only(at.tenant), id).await?,
            Err(_) => None,
        };
        let Some(row) = row else { return Ok(Some(Refused::Price)) };
        let plan = self.plan(at.tenant, &row.plan).filter(|plan| {
            plan.bot == *at.channel && price.currency == STARS && plan.stars.map(i64::from) == Some(price.amount)
        });
        let Some(plan) = plan else { return Ok(Some(Refused::Price)) };
        if row.address.as_ref() != Some(from) {
            // The invoice was passed on: who pays it would pay somebody else's way in.
            return Ok(Some(Refused::Payer));
        }
        let is_paid = self.paid_by(at.tenant, from, &plan, at.now).await?.is_some();
        Ok(is_paid.then_some(Refused::Paid))
    }

    /// Answers somebody who waits. `false`: the answer did not get there.
    pub(super) async fn answer_at_once(&self, at: At<'_>, answer: WaitedFor<'_>) -> bool {
        let Some(creator) = self.creators.get(at.tenant) else { return false };
        let Some(directory) = creator.directories.get(at.channel) else { return false };
        match directory.answer(answer).await {
            Ok(()) => true,
            Err(error) => {
                warn!(
                    tenant.id = %at.tenant,
                    channel.id = %at.channel,
                    error = &error as &dyn std::error::Error,
                    "somebody who waits could not be answered at once, trying through the outbox"
                );
                false
            }
        }
    }

    pub(super) async fn paid_in_stars(&self, at: At<'_>, payment: &Payment) -> Result<(), AccessError> {
        let covers = payment.paid_until.map_or(Until::Forever, Until::At);
        let entry = LedgerEntry::Paid {
            payment: payment.charge.clone(),
            paid_at: at.now,
            covers,
            money: Some(money(&payment.price)),
        };
        let known = match payment.payload.parse::<Uuid>() {
            Ok(row) => {
                let change = |row: &mut Subscription| {
                    row.ledger.record(entry.clone());
                    row.provider_payment = Some(payment.charge.clone());
                };
                self.change(at.tenant, row, at.now, change).await?
            }
            Err(_) => None,
        };
        if known.is_none() {
            error!(tenant.id = %at.tenant, channel.id = %at.channel, "a payment in Stars is for no subscription that is known");
        }
        let what = ("successful_payment", payment.charge.clone());
        self.keep_stars((at.tenant, at.now), what, (&payment.payload, &payment.price), known).await
    }

    pub(super) async fn refunded_in_stars(
        &self,
        at: At<'_>,
        price: &Price,
        payload: &str,
        charge: &str,
    ) -> Result<(), AccessError> {
        let Ok(row) = payload.parse() else { return Ok(()) };
        let entry = LedgerEntry::Refunded { payment: charge.to_owned() };
        let known = self.enter(at.tenant, row, &[entry], at.now).await?;
        let what = ("refunded_payment", format!("refund:{charge}"));
        self.keep_stars((at.tenant, at.now), what, (payload, price), known).await
    }

    /// A subscription in Stars was cancelled, taken up again, or not renewed.
    pub(super) async fn subscription_changed(
        &self,
        (tenant, now): (&TenantId, Timestamp),
        row: Uuid,
        change: SubscriptionChange,
    ) -> Result<(), AccessError> {
        let terms = {
            let Some(row) = self.store.subscription(&only(tenant), row).await? else { return Ok(()) };
            self.terms(tenant, &row.plan)
        };
        let noted = self.change(tenant, row, now, |row| {
            // What was given back pays for nothing.
            let paid = row.ledger.payments().values().filter(|payment| !payment.is_refunded);
            let paid = paid.filter_map(|payment| payment.covers.end()).max();
            let end = paid.or_else(|| row.ledger.entitlement(terms, now).paid_until.and_then(Until::end));
            let end = end.unwrap_or(now);
            let is_over = change == SubscriptionChange::RenewalFailed;
            row.ledger.record(LedgerEntry::Asked(ProviderState {
                asked_at: now,
                status: if is_over { ProviderStatus::PastDue } else { ProviderStatus::Active },
                period_start: if is_over { end } else { end.min(now) },
                period_end: end,
                cancels_at: (change == SubscriptionChange::Cancelled).then_some(end),
                ended_at: None,
                is_unpaid: false,
                card_ends_at: None,
            }));
        });
        noted.await.map(drop)
    }
}
