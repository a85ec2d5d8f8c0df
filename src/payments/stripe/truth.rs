//! What a subscription's ledger gets from one look at Stripe.

use chrono::{DateTime, Months, NaiveDate};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::entitlement::{Dispute, LedgerEntry, Money, ProviderState, ProviderStatus, Until};

use super::client::{Stripe, StripeError};
use super::objects::{Charge, Invoice, PaymentMethod, Reference, SubscriptionObject};

/// All that Stripe says of a subscription or of a single payment now.
#[derive(Default)]
pub struct Truth {
    /// For the ledger.
    pub entries: Vec<LedgerEntry>,
    /// Whose it is.
    pub customer: Option<String>,
    /// The subscription's metadata, where it says to which row it belongs.
    pub metadata: std::collections::HashMap<String, String>,
    /// The last payment, for a refund by hand.
    pub last_payment_intent: Option<String>,
    /// Where the last payment is receipted.
    pub receipt_url: Option<String>,
    /// Where what is open is paid.
    pub pay_url: Option<String>,
    /// The payer's e-mail. It never stands in a log.
    pub email: Option<String>,
}

impl std::fmt::Debug for Truth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Truth").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl Stripe {
    /// Looks at a subscription: its state, its payments, and what became of them. `now` is when the question is asked.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn look(&self, account: &str, subscription: &str, now: Timestamp) -> Result<Truth, StripeError> {
        let found = self.subscription(account, subscription).await?;
        let invoices = self.invoices(account, subscription, "paid").await?;
        let customer = found.customer.id().to_owned();
        let charges = self.charges(account, &customer).await?;
        let mut truth = Truth { customer: Some(customer), ..Truth::default() };
        // The newest first, as the list has them.
        for invoice in &invoices {
            // A trial's invoice of nothing pays for nothing: the subscription says how long the trial lasts.
            if invoice.amount_paid > 0 {
                truth.entries.push(paid(invoice));
            }
            for charge in charges.iter().filter(|charge| invoice.is_paid_by(charge)) {
                let intent = charge.payment_intent.as_ref().map(|intent| intent.id().to_owned());
                truth.last_payment_intent = truth.last_payment_intent.or(intent);
                self.aftermath(account, charge, &invoice.id, &mut truth.entries).await?;
            }
            truth.receipt_url = truth.receipt_url.or_else(|| invoice.hosted_invoice_url.clone());
            truth.email = truth.email.or_else(|| invoice.customer_email.as_ref().map(|email| email.0.clone()));
        }
        if matches!(found.status.as_str(), "past_due" | "unpaid") {
            let open = self.invoices(account, subscription, "open").await?;
            truth.pay_url = open.into_iter().find_map(|invoice| invoice.hosted_invoice_url);
        }
        truth.entries.push(LedgerEntry::Asked(state(&found, now)));
        truth.metadata = found.metadata;
        Ok(truth)
    }

    /// Looks at a single payment, which buys for ever.
    ///
    /// # Errors
    /// [`StripeError`]
    pub async fn look_at_payment(
        &self,
        account: &str,
        customer: Option<&str>,
        intent: &str,
        paid_at: Timestamp,
    ) -> Result<Truth, StripeError> {
        let payment = intent.to_owned();
        let mut truth = Truth {
            customer: customer.map(ToOwned::to_owned),
            last_payment_intent: Some(payment.clone()),
            ..Truth::default()
        };
        let charges = match customer {
            Some(customer) => self.charges(account, customer).await?,
            None => Vec::new(),
        };
        let is_theirs = |charge: &&Charge| charge.payment_intent.as_ref().map(Reference::id) == Some(intent);
        let theirs: Vec<&Charge> = charges.iter().filter(is_theirs).collect();
        // The newest first: those before it did not pay.
        let paid = theirs.first();
        let money = paid.map(|charge| Money { amount: charge.amount, currency: charge.currency.clone() });
        truth.receipt_url = paid.and_then(|charge| charge.receipt_url.clone());
        truth.entries.push(LedgerEntry::Paid { payment: payment.clone(), paid_at, covers: Until::Forever, money });
        for charge in theirs {
            self.aftermath(account, charge, &payment, &mut truth.entries).await?;
        }
        Ok(truth)
    }

    /// Whether a charge was given back or disputed.
    async fn aftermath(
        &self,
        account: &str,
        charge: &Charge,
        payment: &str,
        entries: &mut Vec<LedgerEntry>,
    ) -> Result<(), StripeError> {
        if charge.refunded {
            entries.push(LedgerEntry::Refunded { payment: payment.to_owned() });
        }
        if charge.disputed {
            for dispute in self.disputes(account, &charge.id).await? {
                entries.push(LedgerEntry::Disputed { payment: payment.to_owned(), stage: stage(&dispute.status) });
            }
        }
        Ok(())
    }
}

fn paid(invoice: &Invoice) -> LedgerEntry {
    LedgerEntry::Paid {
        payment: invoice.id.clone(),
        paid_at: moment(invoice.status_transitions.paid_at.unwrap_or(invoice.created)),
        covers: Until::At(moment(invoice.covers_until())),
        money: Some(Money { amount: invoice.amount_paid, currency: invoice.currency.clone() }),
    }
}

/// <https://docs.stripe.com/api/disputes/object#dispute_object-status>
fn stage(status: &str) -> Dispute {
    match status {
        // An inquiry that was closed takes no money.
        "won" | "warning_closed" | "prevented" => Dispute::Won,
        "lost" => Dispute::Lost,
        _ => Dispute::Open,
    }
}

/// <https://docs.stripe.com/api/subscriptions/object#subscription_object-status>
fn state(found: &SubscriptionObject, now: Timestamp) -> ProviderState {
    let (start, end) = found.period();
    let reason = found.cancellation_details.as_ref().and_then(|details| details.reason.as_deref());
    let status = match found.status.as_str() {
        "trialing" => ProviderStatus::Trialing,
        "active" => ProviderStatus::Active,
        "past_due" => ProviderStatus::PastDue,
        "incomplete" => ProviderStatus::Incomplete,
        // canceled, unpaid, paused, incomplete_expired, and what is not known yet: nothing is paid any more.
        _ => ProviderStatus::Ended,
    };
    let cancels_at = found.cancel_at.or_else(|| found.cancel_at_period_end.then_some(end));
    let ended_at = found.ended_at.or_else(|| (status == ProviderStatus::Ended).then_some(found.canceled_at).flatten());
    ProviderState {
        asked_at: now,
        status,
        period_start: moment(start),
        period_end: moment(end),
        cancels_at: cancels_at.map(moment),
        ended_at: ended_at.map(moment),
        is_unpaid: found.status == "unpaid" || reason == Some("payment_failed"),
        card_ends_at: found.default_payment_method.as_ref().and_then(card_ends),
    }
}

/// A card works to the end of its last month.
fn card_ends(method: &PaymentMethod) -> Option<Timestamp> {
    let PaymentMethod::Expanded { card: Some(card) } = method else { return None };
    let first = NaiveDate::from_ymd_opt(card.exp_year, card.exp_month, 1)?;
    let end = first.checked_add_months(Months::new(1))?;
    Some(end.and_hms_opt(0, 0, 0)?.and_utc())
}

/// A time as Stripe writes it.
pub(super) fn moment(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}
