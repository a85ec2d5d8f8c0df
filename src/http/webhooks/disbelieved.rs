//! Webhooks that are not believed: whose they are, and when their source is told to wait.

use actix_web::HttpResponse;

use super::super::problem::HttpProblem;
use super::super::request_log::{Outcome, Record};
use super::super::state::{HttpState, SourceAddress};
use super::super::webhook_problems::throttled;
use super::super::{ChannelEndpoint, HttpDeps};
use super::WebhookKind;
use crate::gateway::{self, Located, RouteKind, WebhookRequest};

/// Whether a webhook that is not believed names another account, or another number, than the channel's: somebody set their own
/// webhooks to the URL of this channel. That says nothing about the channel's key, nor about the provider's address.
pub(super) fn is_foreign(
    deps: &HttpDeps,
    webhook: &WebhookRequest<'_>,
    (provider, endpoint): (&str, &ChannelEndpoint),
    kind: WebhookKind,
) -> bool {
    let mut routes = gateway::provider(provider).into_iter().flat_map(|provider| provider.routes());
    let named = routes.find_map(|route| match (route.kind, kind) {
        (RouteKind::Messages(locate) | RouteKind::MessagesAndHandshake(locate), WebhookKind::Message)
        | (RouteKind::Statuses(locate), WebhookKind::Status) => Some((route.provider, locate(webhook).ok()?)),
        _ => None,
    });
    named.is_some_and(|(family, Located { account, address })| {
        let found = deps.receivers.by_account(family, &account, &address);
        found.is_none_or(|found| found.channel != endpoint.channel || found.tenant != endpoint.tenant)
    })
}

/// What could not be believed, or not be read, counts against its source; a source that has failed too often is told to wait.
pub(super) fn limited(
    state: &HttpState,
    record: &Record,
    source: SourceAddress,
    endpoint: &ChannelEndpoint,
    answer: Result<HttpResponse, HttpProblem>,
) -> Result<HttpResponse, HttpProblem> {
    if !matches!(record.outcome.get(), Some(Outcome::BadSignature | Outcome::Replayed | Outcome::Malformed)) {
        return answer;
    }
    if let Some(wait) = state.abuse_limiter.refuses(source.0, Some(&endpoint.channel)) {
        return Err(throttled(record, wait));
    }
    state.abuse_limiter.note(source.0, Some(&endpoint.channel));
    answer
}
