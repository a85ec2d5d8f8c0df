//! Stripe's objects, as far as they are read: the shapes since 2025-03-31 and those before.

use std::collections::HashMap;

use serde::Deserialize;

/// A list, one page of it.
#[derive(Debug, Deserialize)]
pub struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// An id, or the whole object where it was expanded.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Reference {
    Id(String),
    Object { id: String },
}

impl Reference {
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Object { id } => id,
        }
    }
}

/// `GET /v1/subscriptions/{id}`
#[derive(Debug, Deserialize)]
pub struct SubscriptionObject {
    pub id: String,
    pub status: String,
    pub customer: Reference,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    #[serde(default)]
    pub cancel_at: Option<i64>,
    #[serde(default)]
    pub cancel_at_period_end: bool,
    #[serde(default)]
    pub ended_at: Option<i64>,
    #[serde(default)]
    pub canceled_at: Option<i64>,
    #[serde(default)]
    pub cancellation_details: Option<CancellationDetails>,
    /// Before 2025-03-31.
    #[serde(default)]
    pub current_period_start: Option<i64>,
    #[serde(default)]
    pub current_period_end: Option<i64>,
    pub items: List<SubscriptionItem>,
    #[serde(default)]
    pub start_date: i64,
    /// What pays it, where it was asked for.
    #[serde(default)]
    pub default_payment_method: Option<PaymentMethod>,
}

/// What a subscription is paid with: its id, or the whole object where it was expanded. Nothing of a card is read but when it
/// ends.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum PaymentMethod {
    Expanded {
        #[serde(default)]
        card: Option<CardEnd>,
    },
    Id(String),
}

/// The last month of a card.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct CardEnd {
    pub exp_month: u32,
    pub exp_year: i32,
}

#[derive(Debug, Deserialize)]
pub struct CancellationDetails {
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct SubscriptionItem {
    #[serde(default)]
    pub current_period_start: Option<i64>,
    #[serde(default)]
    pub current_period_end: Option<i64>,
}

impl SubscriptionObject {
    /// Begin and end of the period that runs, in seconds since 1970.
    #[must_use]
    pub fn period(&self) -> (i64, i64) {
        let item = self.items.data.first();
        let start = item.and_then(|item| item.current_period_start).or(self.current_period_start);
        let end = item.and_then(|item| item.current_period_end).or(self.current_period_end);
        let start = start.unwrap_or(self.start_date);
        (start, end.unwrap_or(start))
    }
}

/// `GET /v1/invoices/{id}`
#[derive(Debug, Deserialize)]
pub struct Invoice {
    pub id: String,
    #[serde(default)]
    pub status: Option<String>,
    /// Before 2025-03-31.
    #[serde(default)]
    pub subscription: Option<Reference>,
    #[serde(default)]
    pub parent: Option<InvoiceParent>,
    #[serde(default)]
    pub status_transitions: StatusTransitions,
    #[serde(default)]
    pub lines: Option<List<InvoiceLine>>,
    #[serde(default)]
    pub period_end: i64,
    #[serde(default)]
    pub created: i64,
    #[serde(default)]
    pub amount_paid: i64,
    #[serde(default)]
    pub amount_due: i64,
    #[serde(default)]
    pub currency: String,
    #[serde(default)]
    pub hosted_invoice_url: Option<String>,
    #[serde(default)]
    pub customer_email: Option<PayerEmail>,
    /// Before 2025-03-31.
    #[serde(default)]
    pub payment_intent: Option<Reference>,
    #[serde(default)]
    pub payments: Option<List<InvoicePayment>>,
}

#[derive(Debug, Deserialize)]
pub struct InvoiceParent {
    #[serde(default)]
    pub subscription_details: Option<SubscriptionDetails>,
}

#[derive(Debug, Deserialize)]
pub struct SubscriptionDetails {
    #[serde(default)]
    pub subscription: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
pub struct StatusTransitions {
    #[serde(default)]
    pub paid_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct InvoiceLine {
    pub period: Period,
}

#[derive(Debug, Deserialize)]
pub struct Period {
    pub end: i64,
}

#[derive(Debug, Deserialize)]
pub struct InvoicePayment {
    #[serde(default)]
    pub invoice: Option<Reference>,
    pub payment: InvoicePaymentPart,
}

#[derive(Debug, Deserialize)]
pub struct InvoicePaymentPart {
    #[serde(default)]
    pub payment_intent: Option<Reference>,
    #[serde(default)]
    pub charge: Option<Reference>,
}

impl Invoice {
    /// The subscription that it bills.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        let details = self.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
        let new = details.and_then(|details| details.subscription.as_ref());
        new.or(self.subscription.as_ref()).map(Reference::id)
    }

    /// The end of what it pays for, in seconds since 1970.
    #[must_use]
    pub fn covers_until(&self) -> i64 {
        let lines = self.lines.iter().flat_map(|lines| &lines.data);
        lines.map(|line| line.period.end).max().unwrap_or(self.period_end)
    }

    /// Whether a payment intent or a charge paid it.
    #[must_use]
    pub fn is_paid_by(&self, charge: &Charge) -> bool {
        let intent = charge.payment_intent.as_ref().map(Reference::id);
        let is_intent = |reference: Option<&Reference>| intent.is_some() && reference.map(Reference::id) == intent;
        let is_old = charge.invoice.as_ref().is_some_and(|invoice| invoice.id() == self.id);
        is_old
            || is_intent(self.payment_intent.as_ref())
            || self.payments.iter().flat_map(|list| &list.data).any(|one| {
                is_intent(one.payment.payment_intent.as_ref())
                    || one.payment.charge.as_ref().is_some_and(|reference| reference.id() == charge.id)
            })
    }
}

/// `GET /v1/charges/{id}`
#[derive(Debug, Deserialize)]
pub struct Charge {
    pub id: String,
    #[serde(default)]
    pub payment_intent: Option<Reference>,
    /// Before 2025-03-31.
    #[serde(default)]
    pub invoice: Option<Reference>,
    #[serde(default)]
    pub customer: Option<Reference>,
    #[serde(default)]
    pub created: i64,
    /// Of the payment, which has those of the checkout.
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    #[serde(default)]
    pub amount: i64,
    #[serde(default)]
    pub amount_refunded: i64,
    #[serde(default)]
    pub currency: String,
    #[serde(default)]
    pub receipt_url: Option<String>,
    #[serde(default)]
    pub refunded: bool,
    #[serde(default)]
    pub disputed: bool,
}

/// `GET /v1/disputes?charge=…`
#[derive(Debug, Deserialize)]
pub struct Dispute {
    pub status: String,
}

/// `GET /v1/checkout/sessions/{id}`
#[derive(Clone, Debug, Deserialize)]
pub struct CheckoutSession {
    pub id: String,
    #[serde(default)]
    pub mode: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub payment_status: String,
    #[serde(default)]
    pub subscription: Option<Reference>,
    #[serde(default)]
    pub payment_intent: Option<Reference>,
    #[serde(default)]
    pub customer: Option<Reference>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    /// The page on which to pay.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub created: i64,
    #[serde(default)]
    pub amount_total: Option<i64>,
    #[serde(default)]
    pub currency: Option<String>,
    #[serde(default)]
    pub customer_details: Option<CustomerDetails>,
}

/// Who paid.
#[derive(Clone, Debug, Deserialize)]
pub struct CustomerDetails {
    #[serde(default)]
    pub email: Option<PayerEmail>,
}

/// The e-mail of who paid. `Debug` does not show it (I10).
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct PayerEmail(pub String);

impl std::fmt::Debug for PayerEmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PayerEmail(masked)")
    }
}

/// `POST /v1/billing_portal/sessions`
#[derive(Debug, Deserialize)]
pub struct PortalSession {
    pub url: String,
}

/// `GET /v1/accounts/{id}`
#[derive(Clone, Debug, Deserialize)]
pub struct ConnectedAccount {
    pub id: String,
    #[serde(default)]
    pub charges_enabled: bool,
    #[serde(default)]
    pub details_submitted: bool,
}

/// `GET /v1/webhook_endpoints`
#[derive(Debug, Deserialize)]
pub struct WebhookEndpoint {
    pub url: String,
    /// `enabled` or `disabled`
    pub status: String,
}

/// `POST /v1/account_links`
#[derive(Debug, Deserialize)]
pub struct AccountLink {
    pub url: String,
}
