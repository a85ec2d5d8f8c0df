//! Applies events of payment systems by looking at what they point at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::entitlement::LedgerEntry;
use palabre_actors::domain::ids::TenantId;
use tokio::sync::OnceCell;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::asking::only;
use super::orders::SELLER;
use super::own::MEMBER;
use super::{AccessError, PaidAccess, texts};
use crate::payments::stripe::{Charge, CheckoutSession, Stripe, StripeError, Subject, Truth};
use crate::store::StoreError;
use crate::store::paid_access::{AppliedEvent, Money, Payer, PaymentEvent, Subscription};
use crate::telemetry::metrics::PAYMENT_EVENTS;

/// The metadata by which Stripe's objects name their row.
pub(super) const METADATA: &str = "palabre_subscription";
/// For how long an event is one node's to apply.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Events that are applied in one go, and how many of them, and of subscriptions, are looked at at a time.
const BATCH: usize = 64;
pub(super) const AT_ONCE: usize = 8;
/// Events that are settled by one transaction: SQLite's lock is waited for once.
const TOGETHER: usize = 16;
/// How much the clocks of two nodes may differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::seconds(5);
/// How often a change that somebody else was faster with is decided again.
pub(super) const TRIES: usize = 5;

/// What a look at a subscription found: the row that it is about.
type Look = Arc<OnceCell<Option<Uuid>>>;

/// Looks at subscriptions because of events that had come before the first of these looks: each serves all of its events.
#[derive(Default)]
struct Looks(Mutex<HashMap<String, Look>>);

impl Looks {
    fn at(&self, subscription: &str) -> Look {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(looks.entry(subscription.to_owned()).or_default())
    }
}

impl PaidAccess {
    /// Applies events that are due, several at a time: each asks a payment system that answers in its own time. Returns how many
    /// there were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; the rest comes again.
    pub async fn apply_events(&self, now: Timestamp) -> Result<usize, StoreError> {
        let events = self.store.claim_payment_events(now, now + LEASE, BATCH).await?;
        let (count, begun, looks) = (events.len(), Instant::now(), Looks::default());
        let mut left = events.into_iter();
        loop {
            let each: Vec<_> = left.by_ref().take(TOGETHER).collect();
            if each.is_empty() {
                return Ok(count);
            }
            let each = each.into_iter().map(|event| {
                let looks = &looks;
                async move {
                    // When the question is asked: of two answers, that of the later question counts.
                    let asked_at = now + TimeDelta::from_std(begun.elapsed()).unwrap_or_default();
                    self.apply_one(event, looks, asked_at).await
                }
            });
            let applied: Vec<_> = futures_util::stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
            let applied = applied.into_iter().collect::<Result<Vec<_>, StoreError>>()?;
            let applied: Vec<(PaymentEvent, AppliedEvent)> = applied.into_iter().flatten().collect();
            let settled: Vec<_> = applied.iter().map(|(event, applied)| (event.id, applied)).collect();
            self.store.settle_payment_events(&settled, now).await?;
            for (event, applied) in applied {
                let (provider, outcome) = (event.provider, applied.outcome);
                metrics::counter!(PAYMENT_EVENTS, "provider" => provider, "outcome" => outcome).increment(1);
            }
        }
    }

    /// What became of an event. `None`: it is tried again.
    async fn apply_one(
        &self,
        event: PaymentEvent,
        looks: &Looks,
        now: Timestamp,
    ) -> Result<Option<(PaymentEvent, AppliedEvent)>, StoreError> {
        match self.apply(&event, looks, now).await {
            Ok(applied) => Ok(Some((event, applied))),
            Err(error) => {
                let wait = backoff(event.attempts);
                warn!(
                    payment_event.id = %event.id,
                    payment_event.type = event.kind,
                    attempts = event.attempts,
                    error = &error as &dyn std::error::Error,
                    "a payment event could not be applied, trying again"
                );
                self.store.postpone_payment_event(event.id, &error.to_string(), now + wait).await?;
                Ok(None)
            }
        }
    }

    async fn apply(&self, event: &PaymentEvent, looks: &Looks, now: Timestamp) -> Result<AppliedEvent, AccessError> {
        let came_to = |outcome, tenant| AppliedEvent { outcome, tenant, subscription: None, money: None };
        match event.provider.as_str() {
            MEMBER => return self.apply_statement(event, now).await,
            SELLER => return self.apply_order(event, now).await,
            _ => {}
        }
        let Some(account) = event.account.as_deref() else {
            // The platform itself sells nothing.
            return Ok(came_to("missing_account", None));
        };
        if event.is_live != self.is_live {
            return Ok(came_to("other_mode", None));
        }
        let Some(tenant) = self.owner(account) else { return Ok(came_to("unknown_account", None)) };
        let stripe = self.stripe()?;
        let (word, id) = &event.subject;
        let mut money = None;
        let found = match Subject::from_stored(word, id.as_deref()) {
            Subject::CheckoutSession(id) => {
                let session = stripe.checkout_session(account, &id).await?;
                self.apply_session(stripe, (&tenant, account), &session, now).await?
            }
            Subject::Subscription(id) => self.refresh_for((stripe, looks), (&tenant, account), &id, event, now).await?,
            Subject::Invoice(id) => {
                let invoice = stripe.invoice(account, &id).await?;
                let is_failure = event.kind == "invoice.payment_failed";
                let amount = if is_failure { invoice.amount_due } else { invoice.amount_paid };
                money = Some(Money { amount, currency: invoice.currency.clone() });
                match invoice.subscription() {
                    Some(subscription) => {
                        self.refresh_for((stripe, looks), (&tenant, account), subscription, event, now).await?
                    }
                    None => None,
                }
            }
            Subject::Charge(id) => {
                let charge = stripe.charge(account, &id).await?;
                let is_refund = event.kind.contains("refund");
                let amount = if is_refund { charge.amount_refunded } else { charge.amount };
                money = Some(Money { amount, currency: charge.currency.clone() });
                self.apply_charge(stripe, (&tenant, account), &charge, now).await?
            }
            Subject::Account => return self.account_changed(stripe, (&tenant, account), event, now).await,
            Subject::Other => return Ok(came_to("ignored", Some(tenant))),
        };
        let outcome = if found.is_some() { "applied" } else { "not_ours" };
        Ok(AppliedEvent { outcome, tenant: Some(tenant), subscription: found, money })
    }

    /// Looks at a subscription because of an event, unless somebody looked well after it had come: that look has seen what the
    /// event tells. When many come at once, as at a purchase or the hour of renewals, one look serves them all.
    async fn refresh_for(
        &self,
        (stripe, looks): (&Stripe, &Looks),
        whose: (&TenantId, &str),
        subscription: &str,
        event: &PaymentEvent,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AccessError> {
        let row = self.store.subscription_of_provider(Payer::Stripe, subscription).await?;
        let is_seen = |row: &Subscription| {
            row.ledger.provider().is_some_and(|state| state.asked_at >= event.received_at + CLOCKS_DIFFER)
        };
        match row.filter(is_seen).map(|row| row.id) {
            Some(seen) => Ok(Some(seen)),
            None => {
                let look = looks.at(subscription);
                Ok(*look.get_or_try_init(|| self.refresh(stripe, whose, subscription, now)).await?)
            }
        }
    }

    /// The connected account changed, or is no longer connected: the creator hears of what keeps them from being paid.
    async fn account_changed(
        &self,
        stripe: &Stripe,
        (tenant, account): (&TenantId, &str),
        event: &PaymentEvent,
        now: Timestamp,
    ) -> Result<AppliedEvent, AccessError> {
        let came_to = |outcome| AppliedEvent { outcome, tenant: Some(tenant.clone()), subscription: None, money: None };
        let language = self.language_of(tenant);
        let state = if event.kind == "account.application.deauthorized" {
            None
        } else {
            match stripe.account(account).await {
                Ok(state) => Some(state),
                Err(StripeError::Forbidden(_) | StripeError::Missing) => None,
                Err(error) => return Err(error.into()),
            }
        };
        let Some(state) = state else {
            error!(
                tenant.id = %tenant,
                "the connected account is no longer connected: nothing can be sold by card, and no payment is seen"
            );
            let key = format!("access:deauthorised:{}", event.id);
            self.alert(tenant, texts::account_gone(language), &key).await?;
            return Ok(came_to("deauthorised"));
        };
        info!(tenant.id = %tenant, charges.enabled = state.charges_enabled, "the connected account changed");
        // While it is being completed for the first time, that is what it is.
        if state.details_submitted && !state.charges_enabled {
            let key = format!("access:charges_off:{}", now.format("%Y-%m-%d"));
            self.alert(tenant, texts::charges_off(language), &key).await?;
        }
        Ok(came_to("account_seen"))
    }

    /// A checkout: binds what was bought to the row from which the page was made.
    pub(super) async fn apply_session(
        &self,
        stripe: &Stripe,
        (tenant, account): (&TenantId, &str),
        session: &CheckoutSession,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AccessError> {
        let Some(row) = session.metadata.get(METADATA).and_then(|id| id.parse::<Uuid>().ok()) else { return Ok(None) };
        let details = session.customer_details.as_ref();
        let email = details.and_then(|details| details.email.as_ref()).map(|email| email.0.clone());
        if let Some(subscription) = &session.subscription {
            let mut truth = stripe.look(account, subscription.id(), now).await?;
            truth.email = email.or(truth.email);
            self.record(tenant, account, (Some(row), subscription.id()), truth, now).await
        } else if let Some(intent) = session.payment_intent.as_ref().filter(|_| session.payment_status == "paid") {
            let customer = session.customer.as_ref().map(|customer| customer.id());
            let paid_at = chrono::DateTime::from_timestamp(session.created, 0).unwrap_or(now);
            let mut truth = stripe.look_at_payment(account, customer, intent.id(), paid_at).await?;
            truth.email = email;
            self.record(tenant, account, (Some(row), intent.id()), truth, now).await
        } else {
            Ok(None)
        }
    }

    /// Looks at a subscription and records what is seen.
    pub(super) async fn refresh(
        &self,
        stripe: &Stripe,
        (tenant, account): (&TenantId, &str),
        subscription: &str,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AccessError> {
        let truth = stripe.look(account, subscription, now).await?;
        let row = truth.metadata.get(METADATA).and_then(|id| id.parse().ok());
        self.record(tenant, account, (row, subscription), truth, now).await
    }

    async fn apply_charge(
        &self,
        stripe: &Stripe,
        (tenant, account): (&TenantId, &str),
        charge: &Charge,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AccessError> {
        let intent = charge.payment_intent.as_ref().map(|intent| intent.id().to_owned());
        let invoice = match (&charge.invoice, &intent) {
            (Some(invoice), _) => Some(invoice.id().to_owned()),
            (None, Some(intent)) => stripe.invoice_of_payment(account, intent).await?,
            (None, None) => None,
        };
        if let Some(invoice) = invoice {
            let invoice = stripe.invoice(account, &invoice).await?;
            return match invoice.subscription() {
                Some(subscription) => self.refresh(stripe, (tenant, account), subscription, now).await,
                None => Ok(None),
            };
        }
        let Some(intent) = intent else { return Ok(None) };
        // The payment carries the metadata of its checkout, whose own event may come later.
        let row = charge.metadata.get(METADATA).and_then(|id| id.parse().ok());
        let known = match row {
            Some(row) => self.store.subscription(&only(tenant), row).await?,
            None => self.store.subscription_of_provider(Payer::Stripe, &intent).await?,
        };
        let Some(known) = known else { return Ok(None) };
        let paid_at = chrono::DateTime::from_timestamp(charge.created, 0).unwrap_or(now);
        let customer = charge.customer.as_ref().map(|customer| customer.id());
        self.refresh_payment(stripe, (&known, account), (&intent, customer), (paid_at, now)).await
    }

    /// Looks at a single payment, which was made then unless the ledger knows better, and records what is seen.
    pub(super) async fn refresh_payment(
        &self,
        stripe: &Stripe,
        (row, account): (&Subscription, &str),
        (intent, customer): (&str, Option<&str>),
        (paid_at, now): (Timestamp, Timestamp),
    ) -> Result<Option<Uuid>, AccessError> {
        let paid_at = row.ledger.payments().get(intent).map_or(paid_at, |payment| payment.paid_at);
        let truth = stripe.look_at_payment(account, customer, intent, paid_at).await?;
        self.record(&row.tenant, account, (Some(row.id), intent), truth, now).await
    }

    /// Records what was seen in the ledger of the row that it is about, and has the row looked at.
    async fn record(
        &self,
        tenant: &TenantId,
        account: &str,
        (row, bought): (Option<Uuid>, &str),
        truth: Truth,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AccessError> {
        let known = match row {
            Some(row) => Some(row),
            // Made before Palabre, or by hand in Stripe's dashboard.
            None => self.store.subscription_of_provider(Payer::Stripe, bought).await?.map(|known| known.id),
        };
        let Some(known) = known else { return Ok(None) };
        self.change(tenant, known, now, |subscription| {
            subscription.provider_subscription = Some(bought.to_owned());
            subscription.account = Some(account.to_owned());
            if truth.customer.is_some() {
                subscription.provider_customer.clone_from(&truth.customer);
            }
            if truth.last_payment_intent.is_some() {
                subscription.provider_payment.clone_from(&truth.last_payment_intent);
            }
            if truth.email.is_some() {
                subscription.email.clone_from(&truth.email);
            }
            if truth.receipt_url.is_some() {
                subscription.receipt_url.clone_from(&truth.receipt_url);
            }
            subscription.pay_url.clone_from(&truth.pay_url);
            for entry in &truth.entries {
                subscription.ledger.record(entry.clone());
            }
        })
        .await
    }

    /// Records entries in a subscription's ledger.
    ///
    /// # Errors
    /// [`AccessError`]
    pub(super) async fn enter(
        &self,
        tenant: &TenantId,
        subscription: Uuid,
        entries: &[LedgerEntry],
        now: Timestamp,
    ) -> Result<Option<Uuid>, AccessError> {
        self.change(tenant, subscription, now, |row| {
            for entry in entries {
                row.ledger.record(entry.clone());
            }
        })
        .await
    }

    /// Changes a row, whoever else changes it, and has it looked at. `None`: there is no such row.
    pub(super) async fn change(
        &self,
        tenant: &TenantId,
        subscription: Uuid,
        now: Timestamp,
        change: impl Fn(&mut Subscription),
    ) -> Result<Option<Uuid>, AccessError> {
        let among = only(tenant);
        for _ in 0..TRIES {
            let Some(mut row) = self.store.subscription(&among, subscription).await? else { return Ok(None) };
            change(&mut row);
            row.next_check_at = Some(now);
            if self.store.save_subscription(&row, now).await? {
                return Ok(Some(row.id));
            }
        }
        Err(AccessError::Busy)
    }
}

/// From two seconds up to an hour, for as long as it takes: a payment is never given up.
fn backoff(attempts: u32) -> TimeDelta {
    TimeDelta::seconds(1_i64 << attempts.clamp(1, 11)).min(TimeDelta::hours(1))
}
