//! Routing of one attempt: the message's own channel, or its fallback.

use std::sync::Arc;

use super::super::limits::{BreakerPermit, ChannelHealth, TenantSenders};
use super::content::fallback_carries;
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::channel::ChannelProfile;
use crate::domain::ids::ChannelId;
use crate::domain::message::Outbound;
use crate::domain::send::{OutboundContent, OutboundRequest};
use crate::ports::{Settled, Via};

/// The route of one attempt.
pub(super) struct Routing {
    pub(super) breaker_permit: BreakerPermit,
    /// The recipient, as the channel addresses people.
    pub(super) to: Address,
    /// The channel, when it is the fallback.
    pub(super) via: Option<Via>,
}

impl Routing {
    /// Chooses the message's own channel, or, while that is paused or its breaker is open, the fallback if it can carry the
    /// message.
    ///
    /// # Errors
    /// Neither is available: when to look again, and the reason of the message's own channel.
    pub(super) fn choose(
        senders: &TenantSenders,
        own: &Arc<ChannelHealth>,
        message: &Outbound,
        now: Timestamp,
    ) -> Result<Self, (Timestamp, &'static str)> {
        let refusal = match own.begin(now) {
            Ok(breaker_permit) => return Ok(Self { breaker_permit, to: message.to.clone(), via: None }),
            Err(refusal) => refusal,
        };
        let fallback = own.profile.fallback.as_ref().and_then(|fallback| senders.channel(fallback));
        let route = fallback.and_then(|fallback| {
            let to = message.to.on(fallback.profile.scheme)?;
            fallback_carries(message, &fallback.profile).then_some(())?;
            let breaker_permit = fallback.begin(now).ok()?;
            Some(Self { breaker_permit, to, via: Some(fallback.as_via()) })
        });
        route.ok_or(refusal)
    }

    pub(super) fn profile(&self) -> &ChannelProfile {
        &self.breaker_permit.health().profile
    }

    pub(super) fn channel(&self) -> &ChannelId {
        &self.breaker_permit.health().channel_key.channel
    }

    pub(super) fn request<'a>(&'a self, message: &'a Outbound, content: OutboundContent<'a>) -> OutboundRequest<'a> {
        OutboundRequest { message, channel: self.channel(), to: &self.to, content }
    }
}

/// The result of a failed attempt on the message's own channel. A retry is due at once while the fallback has taken over and
/// can carry the message, because the fallback has not failed.
pub(crate) fn retry_on_fallback(
    senders: &TenantSenders,
    message: &Outbound,
    result: Settled,
    now: Timestamp,
) -> Settled {
    let fallback = senders.active_fallback(&message.channel, now);
    let can_carry = |fallback: &&Arc<ChannelHealth>| {
        message.to.on(fallback.profile.scheme).is_some() && fallback_carries(message, &fallback.profile)
    };
    match result {
        Settled::Retry { reason, .. } if fallback.filter(can_carry).is_some() => Settled::Retry { at: now, reason },
        result => result,
    }
}
