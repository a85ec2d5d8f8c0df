//! Events of payment systems as they come in: kept first, applied later.

use palabre_actors::domain::Timestamp;

use super::PaidAccess;
use crate::payments::stripe::Event;
use crate::store::StoreError;
use crate::store::paid_access::{NewPaymentEvent, Payer};

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
        about: (event.account.as_deref().and_then(|account| access.owner(account)), None),
        subject: (word, id.map(ToOwned::to_owned)),
        received_at: now,
        applied: None,
    };
    let is_new = access.store.keep_payment_event(&new).await?;
    access.node.wake();
    Ok(if is_new { Intake::Kept } else { Intake::Known })
}
