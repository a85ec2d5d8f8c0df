//! Objects of the simulated Stripe, in the shape of either API version.

use serde_json::{Value, json};

use super::books::{Books, Charge, Invoice, Shape};
use super::fields::metadata;

impl Books {
    pub fn subscription(&self, id: &str) -> Option<Value> {
        let one = self.subscriptions.iter().find(|one| one.id == id)?;
        let period = json!({ "current_period_start": one.start, "current_period_end": one.end });
        let mut item = json!({ "id": "si_1", "object": "subscription_item" });
        let mut subscription = json!({
            "id": one.id, "object": "subscription", "status": one.status, "customer": one.customer, "livemode": false,
            "default_payment_method": { "id": "pm_1", "object": "payment_method", "type": "card", "card": {
                "exp_month": self.card_end.0, "exp_year": self.card_end.1,
            } },
            "metadata": one.metadata, "cancel_at": null, "cancel_at_period_end": one.cancel_at_period_end,
            "ended_at": one.ended_at, "canceled_at": one.ended_at, "cancellation_details": { "reason": one.reason },
            "start_date": one.created,
        });
        let holder = if self.shape == Shape::Current { &mut item } else { &mut subscription };
        extend(holder, period);
        subscription["items"] = json!({ "object": "list", "data": [item], "has_more": false });
        Some(subscription)
    }

    pub fn invoice(&self, id: &str) -> Option<Value> {
        let one = self.invoices.iter().find(|one| one.id == id)?;
        let start = self.subscriptions.iter().find(|known| known.id == one.subscription).map(|known| known.start);
        let mut invoice = json!({
            "id": one.id, "object": "invoice", "status": if one.is_paid { "paid" } else { "open" },
            "status_transitions": { "paid_at": one.paid_at }, "created": one.created, "currency": one.currency,
            "amount_paid": if one.is_paid { one.amount } else { 0 }, "amount_due": one.amount,
            "customer_email": self.email_of(&one.subscription),
            // The invoice's own period is the one before: its lines say what it pays for.
            "period_end": one.created,
            "lines": { "object": "list", "has_more": false, "data": [{
                "id": "il_1", "object": "line_item", "period": { "start": start.unwrap_or(one.created), "end": one.end },
            }] },
            "hosted_invoice_url": format!("{}/invoice/{}", self.base_url, one.id),
        });
        let more = match self.shape {
            Shape::Current => json!({
                "parent": { "type": "subscription_details", "subscription_details": { "subscription": one.subscription } },
                "payments": { "object": "list", "has_more": false, "data": Self::payments_of(one) },
            }),
            Shape::Old => json!({ "subscription": one.subscription, "payment_intent": one.payment_intent }),
        };
        extend(&mut invoice, more);
        Some(invoice)
    }

    pub fn charge(&self, id: &str) -> Option<Value> {
        let one = self.charges.iter().find(|one| one.id == id)?;
        let mut charge = json!({
            "id": one.id, "object": "charge", "created": one.created, "payment_intent": one.payment_intent, "customer": one.customer,
            "refunded": one.is_refunded, "disputed": one.dispute.is_some(), "metadata": one.metadata,
            "amount": one.amount, "amount_refunded": if one.is_refunded { one.amount } else { 0 }, "currency": one.currency,
            "receipt_url": format!("{}/receipt/{}", self.base_url, one.id),
        });
        if self.shape == Shape::Old {
            charge["invoice"] = json!(one.invoice);
        }
        Some(charge)
    }

    pub fn session(&self, id: &str) -> Option<Value> {
        let one = self.sessions.iter().find(|one| one.id == id)?;
        Some(json!({
            "id": one.id, "object": "checkout.session", "mode": one.form.get("mode"),
            "status": if one.is_paid { "complete" } else { "open" },
            "payment_status": if one.is_paid { "paid" } else { "unpaid" },
            "subscription": one.subscription, "payment_intent": one.payment_intent, "customer": one.customer,
            "metadata": metadata(&one.form, "metadata"), "created": one.created,
            "customer_details": { "email": one.email }, "livemode": false,
            "amount_total": one.form.get("line_items[0][price_data][unit_amount]").and_then(|text| text.parse::<i64>().ok()),
            "currency": one.form.get("line_items[0][price_data][currency]"),
            "url": format!("{}/pay/{}", self.base_url, one.id),
        }))
    }
}

impl Books {
    /// What paid an invoice.
    pub fn payments_of(invoice: &Invoice) -> Vec<Value> {
        let payment = |intent: &String| {
            json!({
                "id": format!("inpay_{}", invoice.id), "object": "invoice_payment", "invoice": invoice.id,
                "payment": { "type": "payment_intent", "payment_intent": intent },
            })
        };
        invoice.payment_intent.iter().map(payment).collect()
    }

    pub fn dispute_of(charge: &Charge) -> Option<Value> {
        let status = charge.dispute.as_ref()?;
        Some(json!({ "id": format!("dp_{}", charge.id), "object": "dispute", "charge": charge.id, "status": status }))
    }

    /// The e-mail of who pays a subscription.
    fn email_of(&self, subscription: &str) -> Option<&str> {
        let session = self.sessions.iter().find(|one| one.subscription.as_deref() == Some(subscription))?;
        session.email.as_deref()
    }
}

fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
