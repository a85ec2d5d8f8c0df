//! Offers: rides and other work that goes to whoever takes it first.

use palabre_actors::domain::ids::{CorrelationId, OfferId, OutboundId, TenantId};
use palabre_actors::domain::offer::OfferState;
use palabre_actors::domain::turn::{Command, OfferCancellation};

use super::handling::{ConversationAccess, answered, asked_by};
use super::messages::NotSent;
use super::permissions::Permission::{BookingRead, BookingWrite, MessageSend};
use super::{Caller, ServiceError, audit};
use crate::store::operator::{OfferRow, OnDutyRow, Operator};

/// Offers of a tenant, the newest first, and who takes them now.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    limit: usize,
) -> Result<(Vec<OfferRow>, Vec<OnDutyRow>), ServiceError> {
    caller.require(BookingRead)?;
    caller.within(tenant)?;
    Ok((store.offers(tenant, limit).await?, store.on_duty(tenant).await?))
}

/// Calls an offer off. Whoever has it is told; the customer is, when that is wanted and they did not say STOP. Answers the
/// message to them.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's; `NotDone` when it is over, or was taken just now.
pub async fn cancel(
    caller: &Caller,
    at: ConversationAccess<'_>,
    (tenant, offer): (&TenantId, OfferId),
    tells: bool,
) -> Result<Option<OutboundId>, ServiceError> {
    caller.require(BookingWrite)?;
    if tells {
        caller.require(MessageSend)?;
    }
    caller.within(tenant)?;
    let row = at.store.offer(tenant, offer).await?.ok_or(ServiceError::NotFound("offer"))?;
    audit::note(caller, at.store, tenant, "offer.cancel", ("offer", &offer.to_string())).await?;
    let taken_by = match row.state {
        OfferState::Open => None,
        OfferState::Accepted => row.assigned_to,
        OfferState::Expired | OfferState::Cancelled | OfferState::Done => return Err(ServiceError::NotDone(over())),
    };
    let command = Command::CancelOffer(OfferCancellation { offer, taken_by, tells });
    let request = asked_by(caller, CorrelationId::fresh(), command);
    Ok(answered(at.outgoing.request(tenant.clone(), row.conversation, request).await)?.message)
}

/// The refusal of a change to an offer that somebody took, or that ended.
#[must_use]
pub fn over() -> NotSent {
    NotSent::Refused { word: "offer_over", hint: "it was taken just now, or is over: look again".into(), field: None }
}
