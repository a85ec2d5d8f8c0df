//! What the simulated Stripe knows: its objects, and what time makes of them.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::contract::answer_faults;
use super::fields::metadata;

const DAY: i64 = 24 * 60 * 60;

/// Which API version answers and webhooks look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Since 2025-03-31: periods stand on the items, an invoice's subscription under its parent.
    #[default]
    Current,
    /// Before that.
    Old,
}

pub(super) struct Session {
    pub id: String,
    pub form: HashMap<String, String>,
    pub is_paid: bool,
    pub subscription: Option<String>,
    pub payment_intent: Option<String>,
    pub customer: Option<String>,
    pub email: Option<String>,
    pub created: i64,
}

pub(super) struct Subscription {
    pub id: String,
    pub customer: String,
    pub status: &'static str,
    pub metadata: Value,
    pub amount: i64,
    pub currency: String,
    pub period_days: i64,
    pub start: i64,
    pub end: i64,
    pub cancel_at_period_end: bool,
    pub ended_at: Option<i64>,
    pub reason: Option<&'static str>,
    pub created: i64,
    /// How often the renewal that is open was tried.
    pub failures: u32,
}

pub(super) struct Invoice {
    pub id: String,
    pub subscription: String,
    pub is_paid: bool,
    pub amount: i64,
    pub currency: String,
    pub end: i64,
    pub created: i64,
    pub paid_at: Option<i64>,
    pub payment_intent: Option<String>,
}

pub(super) struct Charge {
    pub id: String,
    pub payment_intent: String,
    pub customer: String,
    pub invoice: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub metadata: Value,
    pub created: i64,
    pub is_refunded: bool,
    pub dispute: Option<String>,
}

pub(super) struct Books {
    pub account: String,
    pub base_url: String,
    pub now: i64,
    pub shape: Shape,
    pub is_away: bool,
    pub cards_pay: bool,
    /// The last month of everybody's card, and its year.
    pub card_end: (u32, i32),
    pub refused: usize,
    /// What is not as Stripe describes it, in requests and in answers.
    pub faults: Vec<String>,
    /// Whether the creator's account is connected, and may be paid.
    pub is_connected: bool,
    pub may_charge: bool,
    pub sessions: Vec<Session>,
    pub subscriptions: Vec<Subscription>,
    pub invoices: Vec<Invoice>,
    pub charges: Vec<Charge>,
    /// Kind and id of the object, and what it was when it happened.
    pub events: Vec<Value>,
    /// How many of them were posted.
    pub posted: usize,
    /// Webhooks are signed in its own time, not in the real one.
    pub signs_in_own_time: bool,
    /// What was answered under an idempotency key.
    pub answered: HashMap<String, Value>,
    /// Where its dashboard says that events go.
    pub webhook_urls: Vec<String>,
    next_id: u64,
}

impl Books {
    pub fn new(account: &str, base_url: &str, now: i64) -> Self {
        Self {
            account: account.to_owned(),
            base_url: base_url.to_owned(),
            now,
            shape: Shape::Current,
            is_away: false,
            cards_pay: true,
            card_end: (12, 2099),
            refused: 0,
            faults: Vec::new(),
            is_connected: true,
            may_charge: true,
            sessions: Vec::new(),
            subscriptions: Vec::new(),
            invoices: Vec::new(),
            charges: Vec::new(),
            events: Vec::new(),
            posted: 0,
            signs_in_own_time: false,
            answered: HashMap::new(),
            webhook_urls: Vec::new(),
            next_id: 0,
        }
    }

    pub fn id(&mut self, prefix: &str) -> String {
        self.next_id += 1;
        format!("{prefix}_sim{:08}", self.next_id)
    }

    /// Makes a checkout page from the form of a request.
    pub fn open_session(&mut self, form: HashMap<String, String>) -> Value {
        let id = self.id("cs_test");
        let customer = form.get("customer").cloned();
        let created = self.now;
        self.sessions.push(Session {
            id: id.clone(),
            form,
            is_paid: false,
            subscription: None,
            payment_intent: None,
            customer,
            email: None,
            created,
        });
        self.session(&id).unwrap_or_default()
    }

    pub fn pay(&mut self, session: &str, email: &str) -> bool {
        let Some(at) = self.sessions.iter().position(|one| one.id == session && !one.is_paid) else { return false };
        let has_trial = self.sessions[at].form.contains_key("subscription_data[trial_period_days]");
        if !self.cards_pay && !has_trial {
            // The page says so, and the payer tries another card.
            return false;
        }
        let customer = match self.sessions[at].customer.clone() {
            Some(customer) => customer,
            None => self.id("cus"),
        };
        let form = self.sessions[at].form.clone();
        let field = |key: &str| form.get(key).cloned().unwrap_or_default();
        let amount = field("line_items[0][price_data][unit_amount]").parse().unwrap_or_default();
        let currency = field("line_items[0][price_data][currency]");
        let is_subscription = field("mode") == "subscription";
        if is_subscription {
            let id = self.id("sub");
            let trial: i64 = field("subscription_data[trial_period_days]").parse().unwrap_or_default();
            let period_days = if field("line_items[0][price_data][recurring][interval]") == "year" { 365 } else { 30 };
            let metadata = metadata(&form, "subscription_data[metadata]");
            let days = if trial > 0 { trial } else { period_days };
            self.subscriptions.push(Subscription {
                id: id.clone(),
                customer: customer.clone(),
                status: if trial > 0 { "trialing" } else { "active" },
                metadata,
                amount,
                currency,
                period_days,
                start: self.now,
                end: self.now + days * DAY,
                cancel_at_period_end: false,
                ended_at: None,
                reason: None,
                created: self.now,
                failures: 0,
            });
            self.happened("customer.subscription.created", &id);
            self.bill(&id, if trial > 0 { 0 } else { amount });
            self.sessions[at].subscription = Some(id);
        } else {
            let intent = self.id("pi");
            let charge = self.id("ch");
            self.charges.push(Charge {
                id: charge.clone(),
                payment_intent: intent.clone(),
                customer: customer.clone(),
                invoice: None,
                amount,
                currency,
                metadata: metadata(&form, "payment_intent_data[metadata]"),
                created: self.now,
                is_refunded: false,
                dispute: None,
            });
            self.sessions[at].payment_intent = Some(intent);
            self.happened("charge.succeeded", &charge);
        }
        self.sessions[at].is_paid = true;
        self.sessions[at].customer = Some(customer);
        self.sessions[at].email = Some(email.to_owned());
        self.happened("checkout.session.completed", session);
        true
    }

    /// Bills the period that runs. Returns whether it was paid.
    fn bill(&mut self, subscription: &str, amount: i64) -> bool {
        let Some(at) = self.subscriptions.iter().position(|one| one.id == subscription) else { return false };
        let (end, customer, currency) = {
            let one = &self.subscriptions[at];
            (one.end, one.customer.clone(), one.currency.clone())
        };
        // A renewal that failed keeps its invoice.
        let open =
            self.invoices.iter().position(|one| one.subscription == subscription && !one.is_paid && one.end == end);
        let id = match open {
            Some(open) => self.invoices[open].id.clone(),
            None => {
                let id = self.id("in");
                self.invoices.push(Invoice {
                    id: id.clone(),
                    subscription: subscription.to_owned(),
                    is_paid: false,
                    amount,
                    currency: currency.clone(),
                    end,
                    created: self.now,
                    paid_at: None,
                    payment_intent: None,
                });
                id
            }
        };
        if !self.cards_pay && amount > 0 {
            self.happened("invoice.payment_failed", &id);
            return false;
        }
        let intent = self.id("pi");
        if amount > 0 {
            let charge = self.id("ch");
            self.charges.push(Charge {
                id: charge.clone(),
                payment_intent: intent.clone(),
                customer,
                invoice: Some(id.clone()),
                amount,
                currency,
                metadata: json!({}),
                created: self.now,
                is_refunded: false,
                dispute: None,
            });
            self.happened("charge.succeeded", &charge);
        }
        let now = self.now;
        if let Some(invoice) = self.invoices.iter_mut().find(|one| one.id == id) {
            invoice.is_paid = true;
            invoice.paid_at = Some(now);
            invoice.payment_intent = (amount > 0).then_some(intent);
        }
        self.happened("invoice.paid", &id);
        true
    }

    /// Days pass, one after the other.
    pub fn advance(&mut self, seconds: i64) {
        let until = self.now + seconds;
        while self.now < until {
            self.now = (self.now + DAY).min(until);
            for at in 0..self.subscriptions.len() {
                self.pass_time(at);
            }
        }
    }

    fn pass_time(&mut self, at: usize) {
        let now = self.now;
        let one = &mut self.subscriptions[at];
        if one.status == "canceled" {
            return;
        }
        let id = one.id.clone();
        if now >= one.end {
            if one.cancel_at_period_end {
                one.status = "canceled";
                one.ended_at = Some(one.end);
                one.reason = Some("cancellation_requested");
                self.happened("customer.subscription.deleted", &id);
                return;
            }
            if one.status != "past_due" {
                (one.start, one.end) = (one.end, one.end + one.period_days * DAY);
                let amount = one.amount;
                let is_paid = self.bill(&id, amount);
                let one = &mut self.subscriptions[at];
                one.status = if is_paid { "active" } else { "past_due" };
                one.failures = u32::from(!is_paid);
                self.happened("customer.subscription.updated", &id);
                return;
            }
        }
        // The provider tries again every day, and gives up after the tenth.
        if self.subscriptions[at].status == "past_due" {
            let amount = self.subscriptions[at].amount;
            let is_paid = self.bill(&id, amount);
            let one = &mut self.subscriptions[at];
            if is_paid {
                (one.status, one.failures) = ("active", 0);
                self.happened("customer.subscription.updated", &id);
            } else {
                one.failures += 1;
                if one.failures >= 10 {
                    (one.status, one.ended_at, one.reason) = ("canceled", Some(now), Some("payment_failed"));
                    self.happened("customer.subscription.deleted", &id);
                }
            }
        }
    }

    pub fn happened(&mut self, kind: &str, object: &str) {
        let id = self.id("evt");
        let data = match kind {
            kind if kind.starts_with("charge.dispute.") => {
                self.charges.iter().find(|one| one.id == object).and_then(Self::dispute_of)
            }
            kind if kind.starts_with("account.") => Some(json!({
                "id": self.account, "object": "account", "charges_enabled": self.may_charge, "details_submitted": true,
            })),
            kind if kind.starts_with("charge.") => self.charge(object),
            kind if kind.starts_with("invoice.") => self.invoice(object),
            kind if kind.starts_with("checkout.") => self.session(object),
            _ => self.subscription(object),
        };
        let event = json!({
            "id": id, "object": "event", "type": kind, "account": self.account, "livemode": false, "created": self.now,
            "data": { "object": data.unwrap_or_default() },
        });
        self.faults.extend(answer_faults(&event, self.shape == Shape::Old));
        self.events.push(event);
    }
}
