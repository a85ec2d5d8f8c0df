//! Question to a provider: does it have a message, and is the receipt ours?

use super::super::limits::{ChannelHealth, SenderPool, TenantSenders};
use super::super::send::{self, AttemptOutcome, UNCONFIGURED_WAIT};
use crate::domain::address::Address;
use crate::domain::ids::ChannelId;
use crate::domain::message::Outbound;
use crate::domain::send::{Found, OutboundRequest, Receipt, SendError, SendErrorClass};
use crate::ports::{Gateway, Settled};
use crate::runtime::ActorContext;

pub(super) struct Question<'a> {
    pub(super) context: &'a ActorContext,
    pub(super) pool: &'a SenderPool,
}

impl Question<'_> {
    /// Asks the message's own channel, then its fallback, and decides.
    pub(super) async fn ask(&self, message: &Outbound) -> AttemptOutcome {
        let context = self.context;
        let senders = self.pool.tenant(&message.tenant);
        let own = senders.as_ref().and_then(|senders| senders.channel(&message.channel));
        let gateway = context.ports.gateways.get(&message.channel);
        let (Some(senders), Some(own), Some(gateway)) = (senders.as_ref(), own, gateway) else {
            let ask_at = ActorContext::later(context.now(), UNCONFIGURED_WAIT);
            let reason = context.ports.gateways.missing(&message.channel).to_owned();
            return Settled::Unknown { ask_at, reason }.into();
        };
        let mut found = self.find_twice(message, (senders, own), &*gateway, &message.to).await;
        let (mut asked, mut on_unknown) = (own, gateway.on_unknown());
        // The message may have left through the fallback. It is sent again only when the fallback does not have it either.
        if matches!(found, Ok(Found::Absent | Found::CannotTell))
            && let Some(fallback) = own.profile.fallback.as_ref().and_then(|fallback| senders.channel(fallback))
            && let Some(to) = message.to.on(fallback.profile.scheme)
            && let Some(gateway) = context.ports.gateways.get(&fallback.channel_key.channel)
            && send::fallback_carries(message, &fallback.profile)
        {
            let there = self.find_twice(message, (senders, fallback), &*gateway, &to).await;
            // An error there is asked about again. "Cannot tell" there adds nothing to "cannot tell" here.
            let says_more = match (&found, &there) {
                (_, Ok(Found::Absent)) | (Ok(Found::CannotTell), Ok(Found::CannotTell)) => false,
                (_, Ok(Found::Taken(_) | Found::CannotTell) | Err(_)) => true,
            };
            if says_more {
                (found, asked, on_unknown) = (there, fallback, gateway.on_unknown());
            }
        }
        let retry = &own.profile.retry;
        let now = context.now();
        let mut result = send::reconciled(found, on_unknown, message, retry, now, &context.settings);
        if !matches!(result, Settled::Unknown { .. }) && !senders.take_unknown_on_fallback(message.id) {
            result = send::retry_on_fallback(senders, message, result, now);
        }
        let cost_micros =
            if matches!(result, Settled::Found(_)) { send::cost_micros(message, &asked.profile) } else { 0 };
        let via = (asked.channel_key.channel != message.channel).then(|| asked.as_via());
        AttemptOutcome { result, via, cost_micros }
    }

    /// Asks a second time before "absent" is believed. A provider that stood still answers its waiting requests in any order:
    /// the first question may have overtaken the message, the second comes after both.
    async fn find_twice(
        &self,
        message: &Outbound,
        there: (&TenantSenders, &ChannelHealth),
        gateway: &dyn Gateway,
        to: &Address,
    ) -> Result<Found, SendError> {
        let found = self.find(message, there, gateway, to).await;
        if !matches!(found, Ok(Found::Absent)) {
            return found;
        }
        let settings = &self.context.settings;
        tokio::time::sleep(settings.ask_after.min(settings.lease / 4)).await;
        self.find(message, there, gateway, to).await
    }

    /// What one channel's provider has of a message, in each form in which it may have been sent, without the receipts of
    /// duplicate candidates.
    async fn find(
        &self,
        message: &Outbound,
        (senders, health): (&TenantSenders, &ChannelHealth),
        gateway: &dyn Gateway,
        to: &Address,
    ) -> Result<Found, SendError> {
        let channel = &health.channel_key.channel;
        let free = send::free_content(message, &health.profile);
        let template =
            send::template_content(message, &health.profile).filter(|content| Some(content) != free.as_ref());
        let through = senders.channels_sending_through(channel);
        let mut cannot_tell = free.is_none() && template.is_none();
        for form in free.into_iter().chain(template) {
            match gateway.find(OutboundRequest { message, channel, to, content: form }).await? {
                Found::Taken(receipts) => {
                    if let Some(receipt) = self.own_receipt(message, &through, receipts).await? {
                        return Ok(Found::Taken(vec![receipt]));
                    }
                }
                Found::Absent => {}
                Found::CannotTell => cannot_tell = true,
            }
        }
        Ok(if cannot_tell { Found::CannotTell } else { Found::Absent })
    }

    /// The first of the receipts that belongs to no other row. While a duplicate candidate is being sent, or is unknown and
    /// older, a receipt without an owner may be the candidate's.
    async fn own_receipt(
        &self,
        message: &Outbound,
        through: &[ChannelId],
        receipts: Vec<Receipt>,
    ) -> Result<Option<Receipt>, SendError> {
        let context = self.context;
        let later = |code: &str, detail: &str| SendError {
            class: SendErrorClass::Retry { after: Some(context.settings.ask_after) },
            code: Some(code.to_owned()),
            throttled: false,
            detail: detail.to_owned(),
        };
        let unavailable = |_| later("twins_unavailable", "the store could not say whose these receipts are");
        let awaits_candidate =
            context.within_deadline(context.ports.outbox.awaits_duplicate_candidate(message, through)).await;
        if awaits_candidate.map_err(unavailable)? {
            return Err(later("twin_first", "another message to this contact may own these receipts"));
        }
        let ids: Vec<_> = receipts.iter().map(|receipt| receipt.provider_message_id.clone()).collect();
        let owned = context.within_deadline(context.ports.outbox.owned_by_others(message, &ids)).await;
        let owned = owned.map_err(unavailable)?;
        Ok(receipts.into_iter().find(|receipt| !owned.contains(&receipt.provider_message_id)))
    }
}
