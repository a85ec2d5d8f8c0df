//! Orders of the tenant's people that are carried out by the daemon: the renewal of what they stopped ends, Stars are given back.
//!
//! Each is kept before anything is done about it, like an event of a payment system, and tried until it is done: it counts even
//! while the payment system is away, and whoever gives it, from the console or the command line.

use palabre_actors::domain::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::asking::only;
use super::{AccessError, PaidAccess};
use crate::payments::stripe::StripeError;
use crate::store::paid_access::{AppliedEvent, NewPaymentEvent, Payer, PaymentEvent, Subscription};

/// Who tells it, where a payment system's name stands for its events.
pub(super) const SELLER: &str = "seller";

/// What the daemon does about a purchase when the tenant's people order it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It is renewed no more, and ends now.
    End,
    /// It is renewed no more, and lasts until the end of what is paid.
    Cancel,
    /// The last payment in Stars is given back.
    Refund,
}

impl Order {
    const WORDS: [(Self, &'static str); 3] =
        [(Self::End, "seller.end"), (Self::Cancel, "seller.cancellation"), (Self::Refund, "seller.refund")];

    fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(order, _)| *order == self).map_or("", |(_, word)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(order, _)| *order)
    }
}

impl PaidAccess {
    /// Keeps an order, which is carried out within seconds, or as soon as the payment system can.
    pub(super) async fn order(&self, row: &Subscription, order: Order, now: Timestamp) -> Result<(), AccessError> {
        let word = order.as_str();
        // A payment is given back once; what was resumed may be ended again.
        let which = match order {
            Order::Refund => row.provider_payment.clone().ok_or(AccessError::NothingPaid)?,
            Order::End | Order::Cancel => now.timestamp_micros().to_string(),
        };
        let event = NewPaymentEvent {
            provider: SELLER,
            provider_event_id: format!("{}:{word}:{which}", row.id),
            kind: word.to_owned(),
            is_live: true,
            account: Some(row.tenant.to_string()),
            about: (Some(row.tenant.clone()), Some(row.id)),
            subject: ("subscription", Some(format!("{}:{which}", row.id))),
            received_at: now,
            applied: None,
        };
        self.store.keep_payment_event(&event).await?;
        self.node.wake();
        Ok(())
    }

    /// Carries an order out.
    pub(super) async fn apply_order(&self, event: &PaymentEvent, now: Timestamp) -> Result<AppliedEvent, AccessError> {
        let came_to = |outcome, row: Option<&Subscription>| AppliedEvent {
            outcome,
            tenant: row.map(|row| row.tenant.clone()),
            subscription: row.map(|row| row.id),
            money: None,
        };
        let tenant = event.account.as_deref().map(palabre_actors::domain::ids::TenantId::new);
        let subject = event.subject.1.as_deref().and_then(|subject| subject.split_once(':'));
        let (Some(tenant), Some((id, which)), Some(order)) = (tenant, subject, Order::parse(&event.kind)) else {
            return Ok(came_to("ignored", None));
        };
        let Ok(id) = id.parse::<Uuid>() else { return Ok(came_to("ignored", None)) };
        let Some(row) = self.store.subscription(&only(&tenant), id).await? else {
            return Ok(came_to("not_ours", None));
        };
        let done = match order {
            Order::End => self.end_renewal(&row, true, now).await,
            Order::Cancel => self.end_renewal(&row, false, now).await,
            Order::Refund => match row.member() {
                Some(member) if row.payer == Payer::Stars => {
                    self.ask_about(member, "refund", json!({ "charge": which })).await.map(drop)
                }
                _ => Err(AccessError::NothingPaid),
            },
        };
        match done {
            Ok(()) => Ok(came_to("applied", Some(&row))),
            // It has ended, or there is nothing that is renewed.
            Err(
                AccessError::NotSoldSo
                | AccessError::NothingPaid
                | AccessError::NotByCard
                | AccessError::Stripe(StripeError::Missing | StripeError::Refused(_)),
            ) => Ok(came_to("ignored", Some(&row))),
            Err(error) => Err(error),
        }
    }
}
