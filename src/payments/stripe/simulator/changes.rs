//! What becomes of purchases in the simulated Stripe: cancelled, taken up again, given back, disputed.

use super::books::{Books, Charge};

impl Books {
    pub fn cancel(&mut self, subscription: &str, at_once: bool) {
        let now = self.now;
        let Some(one) = self.subscriptions.iter_mut().find(|one| one.id == subscription) else { return };
        if at_once {
            (one.status, one.ended_at, one.reason) = ("canceled", Some(now), Some("cancellation_requested"));
            self.happened("customer.subscription.deleted", subscription);
        } else {
            one.cancel_at_period_end = true;
            self.happened("customer.subscription.updated", subscription);
        }
    }

    /// The member takes up again what they cancelled, while it runs.
    pub fn resume(&mut self, subscription: &str) {
        let Some(one) = self.subscriptions.iter_mut().find(|one| one.id == subscription) else { return };
        if one.cancel_at_period_end && one.status != "canceled" {
            one.cancel_at_period_end = false;
            self.happened("customer.subscription.updated", subscription);
        }
    }

    pub fn has_ended(&self, subscription: &str) -> bool {
        self.subscriptions.iter().any(|one| one.id == subscription && one.status == "canceled")
    }

    /// Refunds the charge of a payment intent. `false`: it was refunded already.
    pub fn refund(&mut self, intent: &str) -> bool {
        let Some(charge) = self.charges.iter_mut().find(|one| one.payment_intent == intent) else { return true };
        if charge.is_refunded {
            return false;
        }
        charge.is_refunded = true;
        let id = charge.id.clone();
        self.happened("charge.refunded", &id);
        true
    }

    fn last_charge(&mut self, bought: &str) -> Option<&mut Charge> {
        let invoices: Vec<&str> =
            self.invoices.iter().filter(|one| one.subscription == bought).map(|one| one.id.as_str()).collect();
        self.charges.iter_mut().rfind(|one| {
            one.payment_intent == bought || one.invoice.as_deref().is_some_and(|invoice| invoices.contains(&invoice))
        })
    }

    pub fn refund_last(&mut self, bought: &str) {
        let intent = self.last_charge(bought).map(|charge| charge.payment_intent.clone());
        if let Some(intent) = intent {
            self.refund(&intent);
        }
    }

    pub fn dispute_last(&mut self, bought: &str, outcome: Option<&str>) {
        let status = outcome.unwrap_or("needs_response").to_owned();
        let Some(charge) = self.last_charge(bought) else { return };
        // What was decided stays decided.
        if charge.dispute.as_deref().is_some_and(|stage| stage != "needs_response") {
            return;
        }
        charge.dispute = Some(status);
        let id = charge.id.clone();
        self.happened(if outcome.is_some() { "charge.dispute.closed" } else { "charge.dispute.created" }, &id);
    }
}
