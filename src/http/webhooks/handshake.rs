//! Handshakes: a provider makes sure that a webhook URL is ours, by a GET with a secret.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::super::problem::HttpProblem;
use super::super::request_log::Record;
use super::super::routes::method_problem;
use super::super::state::HttpState;
use super::super::webhook_problems::unknown_channel;
use super::names;
use crate::gateway::{self, Handshake, RouteKind};

/// A provider makes sure of a channel's own path.
pub(super) async fn of_channel(
    state: web::Data<HttpState>,
    record: Record,
    request: HttpRequest,
) -> Result<HttpResponse, HttpProblem> {
    let (provider, channel) = names(&request);
    let endpoint = state.deps.receivers.by_channel(provider, channel);
    let Some(endpoint) = endpoint else {
        // Where no channel asks for one, a GET is the wrong method, whatever the path names.
        let shakes_hands = gateway::provider(provider).is_some_and(|known| {
            known.routes().iter().any(|route| matches!(route.kind, RouteKind::MessagesAndHandshake(_)))
        });
        return Err(if shakes_hands { unknown_channel(&record) } else { wrong_method() });
    };
    let answer = endpoint.receiver.handshake(request.query_string());
    record.endpoint.get_or_init(|| endpoint);
    answered(answer)
}

/// A provider makes sure of the path of all its channels: any of them may know the secret.
pub(super) fn of_provider(state: &HttpState, provider: &str, query: &str) -> Result<HttpResponse, HttpProblem> {
    let endpoints = state.deps.receivers.of_provider(provider);
    let answers = endpoints.iter().map(|endpoint| endpoint.receiver.handshake(query));
    answered(answers.into_iter().find(|answer| matches!(answer, Handshake::Echo(_))).unwrap_or(Handshake::Refused))
}

fn answered(answer: Handshake) -> Result<HttpResponse, HttpProblem> {
    match answer {
        Handshake::Echo(text) => Ok(HttpResponse::Ok().content_type("text/plain").body(text)),
        Handshake::Refused => Err(HttpProblem::new(
            StatusCode::FORBIDDEN,
            "refused",
            "the token is not that of a channel here: compare it with the channel's configuration",
        )),
        Handshake::Unsupported => Err(wrong_method()),
    }
}

fn wrong_method() -> HttpProblem {
    method_problem("POST")
}
