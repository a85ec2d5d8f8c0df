//! Checkout pages: what is sold, and how its payment finds its way back.

use super::client::{FormFields, Stripe, StripeError};
use super::objects::CheckoutSession;

/// What a Checkout page is made of.
#[derive(Clone, Debug)]
pub struct CheckoutRequest<'a> {
    /// What is sold.
    pub name: &'a str,
    pub currency: &'a str,
    /// In the currency's smallest unit.
    pub amount: u64,
    /// `month`, `year`; `None`: once.
    pub every: Option<&'a str>,
    pub trial_days: u64,
    pub tax: bool,
    pub promotion_codes: bool,
    /// `fr`, `en`
    pub locale: &'a str,
    pub success_url: &'a str,
    pub cancel_url: &'a str,
    /// What finds the subscription again: it stands on the session, the subscription and the payment.
    pub metadata: &'a [(&'a str, &'a str)],
    /// The customer of an earlier purchase.
    pub customer: Option<&'a str>,
    /// The same key is the same page, however often it is asked for.
    pub idempotency_key: &'a str,
}

impl Stripe {
    /// Makes a page on which a plan is paid.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn checkout(&self, account: &str, request: &CheckoutRequest<'_>) -> Result<CheckoutSession, StripeError> {
        let mode = if request.every.is_some() { "subscription" } else { "payment" };
        let amount = request.amount.to_string();
        let mut form: FormFields<'_> = Vec::new();
        let mut field = |key: &str, value: &str| form.push((key.to_owned(), value.to_owned().into()));
        field("mode", mode);
        field("success_url", request.success_url);
        field("cancel_url", request.cancel_url);
        field("locale", request.locale);
        field("line_items[0][quantity]", "1");
        field("line_items[0][price_data][currency]", request.currency);
        field("line_items[0][price_data][unit_amount]", &amount);
        field("line_items[0][price_data][product_data][name]", request.name);
        if let Some(every) = request.every {
            field("line_items[0][price_data][recurring][interval]", every);
        }
        if request.trial_days > 0 && request.every.is_some() {
            field("subscription_data[trial_period_days]", &request.trial_days.to_string());
        }
        if request.tax {
            field("automatic_tax[enabled]", "true");
            // What a page shows to consumers is what they pay.
            field("line_items[0][price_data][tax_behavior]", "inclusive");
            if request.customer.is_some() {
                // Where they are decides the tax, and an earlier purchase need not have asked for it.
                field("customer_update[address]", "auto");
            }
        }
        if request.promotion_codes {
            field("allow_promotion_codes", "true");
        }
        match request.customer {
            Some(customer) => field("customer", customer),
            // So that a refund of a single payment is found by its customer as well.
            None if request.every.is_none() => field("customer_creation", "always"),
            None => {}
        }
        let on_what_is_paid = if request.every.is_some() { "subscription_data" } else { "payment_intent_data" };
        for (key, value) in request.metadata {
            field(&format!("metadata[{key}]"), value);
            field(&format!("{on_what_is_paid}[metadata][{key}]"), value);
        }
        self.post("/v1/checkout/sessions", Some(account), form, request.idempotency_key).await
    }
}
