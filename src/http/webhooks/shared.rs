//! Webhooks for several accounts: each part is for the channel of its account, which believes the request by itself.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::CorrelationId;

use super::super::HttpDeps;
use crate::gateway::{Received, WebhookRequest};

/// The parts of a request that is for several accounts. A channel that does not believe it, or is not here, takes nothing of
/// it; that is no reason for the provider to repeat the rest.
pub(super) fn parts(
    deps: &HttpDeps,
    webhook: WebhookRequest<'_>,
    (own, provider, others): (Received, &str, Vec<String>),
    now: Timestamp,
) -> Vec<Received> {
    let mut parts = vec![own];
    for account in others {
        let Some(endpoint) = deps.receivers.by_account(provider, &account, &account) else { continue };
        match endpoint.receiver.receive(webhook, CorrelationId::fresh(), now) {
            Ok(Received::Shared { own, .. }) => parts.push(*own),
            Ok(received) => parts.push(received),
            Err(_) => {
                tracing::warn!(tenant.id = %endpoint.tenant, channel.id = %endpoint.channel,
                    "a part of a webhook is this channel's, and its secret does not fit the signature");
            }
        }
    }
    parts
}
