//! Who is entitled by the books, as the plans promise it: what tests compare the chats with.

use super::books::{Books, Charge};

impl Books {
    /// See [`super::SimulatedStripe::entitled`]. Written from the plan's promises, not from the ledger.
    pub fn entitled(&self, grace: i64) -> Vec<(String, String, i64)> {
        let bought = self.sessions.iter().filter(|session| session.is_paid);
        bought
            .map(|session| {
                let email = session.email.clone().unwrap_or_default();
                let until = match (&session.subscription, &session.payment_intent) {
                    (Some(subscription), _) => self.subscribed_until(subscription, grace),
                    (None, Some(intent)) if self.is_kept(|charge| charge.payment_intent == *intent) => i64::MAX,
                    _ => 0,
                };
                let bought = session.subscription.clone().or_else(|| session.payment_intent.clone());
                (bought.unwrap_or_default(), email, until)
            })
            .collect()
    }

    /// Whether the charge was neither given back nor disputed.
    fn is_kept(&self, is_it: impl Fn(&&Charge) -> bool) -> bool {
        let charge = self.charges.iter().find(is_it);
        charge.is_some_and(|charge| !charge.is_refunded && charge.dispute.as_deref().is_none_or(|stage| stage == "won"))
    }

    fn subscribed_until(&self, subscription: &str, grace: i64) -> i64 {
        let Some(one) = self.subscriptions.iter().find(|one| one.id == subscription) else { return 0 };
        let paid = self.invoices.iter().filter(|invoice| invoice.subscription == subscription && invoice.is_paid);
        let (kept, lost): (Vec<_>, Vec<_>) = paid.partition(|invoice| {
            invoice.amount == 0 || self.is_kept(|charge| charge.invoice.as_deref() == Some(invoice.id.as_str()))
        });
        let until = kept.iter().map(|invoice| invoice.end).max().unwrap_or_default();
        // Money that was taken back ends at once what it paid for, and brings no grace of an earlier month back.
        if lost.iter().any(|invoice| self.now < invoice.end) {
            return if self.now < until { until } else { 0 };
        }
        let by_will = one.cancel_at_period_end || one.reason == Some("cancellation_requested");
        match one.ended_at.filter(|_| by_will) {
            Some(ended) => until.min(ended),
            None if by_will => until,
            None => until + grace,
        }
    }
}
