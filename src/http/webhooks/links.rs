//! Links that messages carry: looked at, or followed.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};
use palabre_actors::domain::ids::CorrelationId;

use super::super::problem::HttpProblem;
use super::super::request_log::Record;
use super::super::routes::nothing_here;
use super::super::state::HttpState;
use super::super::webhook_problems::unknown_channel;
use super::{hand_over, names};

/// A link of a mail or message: it is looked at (GET), or followed (POST). What follows from it is durable before the page is
/// shown.
pub(super) async fn link(
    state: &HttpState,
    record: &Record,
    request: &HttpRequest,
    (provider, name): (&str, &str),
) -> Result<HttpResponse, HttpProblem> {
    let channel = names(request).1;
    let endpoint = state.deps.receivers.by_channel(provider, channel).ok_or_else(|| unknown_channel(record))?;
    let endpoint = record.endpoint.get_or_init(|| endpoint);
    let posted = request.method() == Method::POST;
    let at = (record.correlation.unwrap_or_else(CorrelationId::fresh), state.deps.clock.now());
    let answer = endpoint.receiver.link(name, posted, request.query_string(), at).ok_or_else(nothing_here)?;
    hand_over(&state.deps, record, endpoint, answer.received).await?;
    Ok(HttpResponse::Ok().content_type(answer.page.content_type).body(answer.page.body))
}
