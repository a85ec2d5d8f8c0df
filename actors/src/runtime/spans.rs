//! Spans of a message: webhook, turn, provider.
//!
//! Whoever collects them subscribes to [`TARGET`]. Without a collector none is made. Their fields are ids and words of ours,
//! never what somebody wrote or who they are (I10).

use tracing::Span;
use tracing::field::Empty;

use crate::domain::ids::{ChannelId, ConversationId};
use crate::domain::message::{Inbound, NewInbound, Outbound};

/// The target of these spans, by which a subscriber tells them from logs.
pub const TARGET: &str = "palabre::spans";

/// From a message's being read until it is durable. `webhook.outcome` is recorded at its end.
#[must_use]
pub fn webhook(message: &NewInbound) -> Span {
    tracing::info_span!(
        target: TARGET,
        "webhook",
        correlation.id = %message.correlation,
        tenant.id = %message.tenant,
        channel.id = %message.channel,
        webhook.outcome = Empty,
    )
}

/// From a turn's decision to its commit. `turn.outcome` is recorded when it is committed.
#[must_use]
pub fn turn(message: &Inbound, conversation: Option<ConversationId>) -> Span {
    tracing::info_span!(
        target: TARGET,
        "turn",
        correlation.id = %message.correlation,
        tenant.id = %message.tenant,
        channel.id = %message.channel,
        conversation.id = conversation.map(tracing::field::display),
        message.id = %message.id,
        turn.outcome = Empty,
    )
}

/// One request to a provider. `send.result` is recorded at its end.
#[must_use]
pub fn provider(message: &Outbound, channel: &ChannelId) -> Span {
    tracing::info_span!(
        target: TARGET,
        "provider",
        correlation.id = %message.correlation,
        tenant.id = %message.tenant,
        channel.id = %channel,
        conversation.id = %message.conversation,
        message.id = %message.id,
        message.in_reply_to = message.in_reply_to.map(tracing::field::display),
        send.attempt = message.attempts,
        send.result = Empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;
    use crate::domain::ids::{CorrelationId, InboundId, ProviderMessageId, TenantId};
    use crate::domain::message::Content;

    #[test]
    fn without_a_collector_there_is_no_span() {
        let message = Inbound {
            id: InboundId::fresh(),
            tenant: TenantId::new("belle"),
            channel: ChannelId::new("belle-wa"),
            provider_message_id: ProviderMessageId::new("SM1"),
            from: Address::from_normalised("whatsapp:+33612345678"),
            to: Address::from_normalised("whatsapp:+14155238886"),
            content: Content::default(),
            correlation: CorrelationId::fresh(),
            received_at: chrono::DateTime::UNIX_EPOCH,
        };
        assert!(turn(&message, None).is_disabled());
    }
}
