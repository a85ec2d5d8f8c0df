//! Events of payment systems: kept first, then applied by looking at what they point at.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::entitlement::LedgerEntry;
use palabre_actors::domain::ids::TenantId;
use tracing::{info, warn};
use uuid::Uuid;

use super::{AccessError, PaidAccess};
use crate::payments::stripe::{CheckoutSession, Event, Stripe, Subject, Truth};
use crate::store::StoreError;
use crate::store::operator::Tenants;
use crate::store::paid_access::{NewPaymentEvent, Payer, PaymentEvent, Subscription};
use crate::telemetry::metrics::PAYMENT_EVENTS;

/// The metadata by which Stripe's objects name their row.
pub(super) const METADATA: &str = "palabre_subscription";
/// For how long an event is one node's to apply.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Events that are applied in one go.
const BATCH: usize = 20;
/// How often a change that somebody else was faster with is decided again.
const TRIES: usize = 5;

/// What became of an event that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// It is kept, and will be applied.
    Kept,
    /// It was kept before.
    Known,
}

/// Keeps an event whose signature was verified. After this it may be acknowledged.
///
/// # Errors
/// [`StoreError`]: it is not kept.
pub async fn take_stripe_event(access: &PaidAccess, event: &Event, now: Timestamp) -> Result<Intake, StoreError> {
    let (word, id) = event.subject.stored();
    let new = NewPaymentEvent {
        provider: Payer::Stripe.as_str(),
        provider_event_id: event.id.clone(),
        kind: event.kind.clone(),
        is_live: event.is_live,
        account: event.account.clone(),
        subject: (word, id.map(ToOwned::to_owned)),
        received_at: now,
    };
    let is_new = access.store.keep_payment_event(&new).await?;
    Ok(if is_new { Intake::Kept } else { Intake::Known })
}

impl PaidAccess {
    /// Applies events that are due. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; the rest comes again.
    pub async fn apply_events(&self, now: Timestamp) -> Result<usize, StoreError> {
        let events = self.store.claim_payment_events(now, now + LEASE, BATCH).await?;
        let count = events.len();
        for event in events {
            match self.apply(&event, now).await {
                Ok(Applied { outcome, tenant, subscription }) => {
                    self.store.settle_payment_event(event.id, (tenant.as_ref(), subscription), outcome, now).await?;
                    metrics::counter!(PAYMENT_EVENTS, "provider" => event.provider, "outcome" => outcome).increment(1);
                }
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
                }
            }
        }
        Ok(count)
    }

    /// Keeps the events of every connected account since a moment, for those that never came as webhooks. Returns how many were
    /// new.
    ///
    /// # Errors
    /// [`AccessError`]: what was kept by then is kept.
    pub async fn catch_up(&self, since: Timestamp, now: Timestamp) -> Result<usize, AccessError> {
        let Some(stripe) = &self.stripe else { return Ok(0) };
        let mut new = 0;
        for seller in self.creators.values() {
            let Some(account) = &seller.access.stripe_account else { continue };
            for body in stripe.events(account, since.timestamp()).await? {
                let Ok(mut event) = Event::read(body.to_string().as_bytes()) else { continue };
                // An account's own list does not name the account.
                event.account.get_or_insert_with(|| account.clone());
                new += usize::from(take_stripe_event(self, &event, now).await? == Intake::Kept);
            }
        }
        Ok(new)
    }

    async fn apply(&self, event: &PaymentEvent, now: Timestamp) -> Result<Applied, AccessError> {
        let Some(account) = event.account.as_deref() else {
            // The platform itself sells nothing.
            return Ok(Applied::without("missing_account"));
        };
        if event.is_live != self.is_live {
            return Ok(Applied::without("other_mode"));
        }
        let Some(tenant) = self.owner(account).cloned() else { return Ok(Applied::without("unknown_account")) };
        let stripe = self.stripe()?;
        let (word, id) = &event.subject;
        let found = match Subject::from_stored(word, id.as_deref()) {
            Subject::CheckoutSession(id) => {
                let session = stripe.checkout_session(account, &id).await?;
                self.apply_session(stripe, (&tenant, account), &session, now).await?
            }
            Subject::Subscription(id) => self.refresh(stripe, (&tenant, account), &id, now).await?,
            Subject::Invoice(id) => match stripe.invoice(account, &id).await?.subscription() {
                Some(subscription) => self.refresh(stripe, (&tenant, account), subscription, now).await?,
                None => None,
            },
            Subject::Charge(id) => self.apply_charge(stripe, (&tenant, account), &id, now).await?,
            Subject::Account => {
                let state = stripe.account(account).await?;
                info!(tenant.id = %tenant, charges.enabled = state.charges_enabled, "the connected account changed");
                return Ok(Applied { outcome: "account_seen", tenant: Some(tenant), subscription: None });
            }
            Subject::Other => return Ok(Applied { outcome: "ignored", tenant: Some(tenant), subscription: None }),
        };
        let outcome = if found.is_some() { "applied" } else { "not_ours" };
        Ok(Applied { outcome, tenant: Some(tenant), subscription: found })
    }

    /// A checkout: binds what was bought to the row from which the page was made.
    async fn apply_session(
        &self,
        stripe: &Stripe,
        (tenant, account): (&TenantId, &str),
        session: &CheckoutSession,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AccessError> {
        let Some(row) = session.metadata.get(METADATA).and_then(|id| id.parse::<Uuid>().ok()) else { return Ok(None) };
        let email = session.customer_details.as_ref().and_then(|details| details.email.clone());
        let truth = if let Some(subscription) = &session.subscription {
            let mut truth = stripe.look(account, subscription.id(), now).await?;
            truth.metadata.insert(METADATA.to_owned(), row.to_string());
            self.record(tenant, account, (Some(row), subscription.id()), truth, now).await?
        } else if let Some(intent) = session.payment_intent.as_ref().filter(|_| session.payment_status == "paid") {
            let customer = session.customer.as_ref().map(|customer| customer.id());
            let paid_at = chrono::DateTime::from_timestamp(session.created, 0).unwrap_or(now);
            let truth = stripe.look_at_payment(account, customer, intent.id(), paid_at).await?;
            self.record(tenant, account, (Some(row), intent.id()), truth, now).await?
        } else {
            None
        };
        if let (Some(found), Some(email)) = (truth, email) {
            self.change(tenant, found, now, |subscription| subscription.email = Some(email.clone())).await?;
        }
        Ok(truth)
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
        charge: &str,
        now: Timestamp,
    ) -> Result<Option<Uuid>, AccessError> {
        let charge = stripe.charge(account, charge).await?;
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
        let Some(known) = self.store.subscription_of_provider(Payer::Stripe, &intent).await? else { return Ok(None) };
        let paid_at = known.ledger.payments().get(&intent).map_or(now, |payment| payment.paid_at);
        let customer = charge.customer.as_ref().map(|customer| customer.id());
        let truth = stripe.look_at_payment(account, customer, &intent, paid_at).await?;
        self.record(tenant, account, (Some(known.id), &intent), truth, now).await
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
        let only = Tenants::Of([tenant.clone()].into());
        for _ in 0..TRIES {
            let Some(mut row) = self.store.subscription(&only, subscription).await? else { return Ok(None) };
            change(&mut row);
            row.next_check_at = Some(now);
            if self.store.save_subscription(&row, now).await? {
                return Ok(Some(row.id));
            }
        }
        Err(AccessError::Busy)
    }
}

/// What came of an event.
struct Applied {
    outcome: &'static str,
    tenant: Option<TenantId>,
    subscription: Option<Uuid>,
}

impl Applied {
    const fn without(outcome: &'static str) -> Self {
        Self { outcome, tenant: None, subscription: None }
    }
}

/// From two seconds up to an hour, for as long as it takes: a payment is never given up.
fn backoff(attempts: u32) -> TimeDelta {
    TimeDelta::seconds(1_i64 << attempts.clamp(1, 11)).min(TimeDelta::hours(1))
}
