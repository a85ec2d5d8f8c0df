//! `/api/v1`: what integrators and operators ask for in JSON, with bearer keys. Each key sees its tenants and nothing
//! of the others (I9); whole addresses and texts only come with the scope `read-content` (I10).

mod asks;
mod caller;
mod channels;
mod consents;
pub mod conversations;
pub mod documents;
mod endpoint;
mod messages;
mod misfit;
mod openapi;
mod outbox;
mod problems;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::ports::Clock;
use serde::Serialize;

use self::caller::Caller;
pub use self::caller::{Key, Scope};
use self::endpoint::Endpoint;
pub use self::messages::{NotSent, Order, Outgoing};
use super::body::{self, BodyError, LargeBodies};
use super::problem::Problem;
use super::request_log::Record;
use super::routes::Routes;
use crate::store::StoreError;
use crate::store::operator::Operator;

/// The longest body that is read: texts are far shorter.
pub(super) const LONGEST_BODY_BYTES: usize = 64 * 1024;

/// What the API needs of the rest of the house.
#[derive(Clone)]
pub struct Api {
    /// Who may call. None: the API answers 401 to everything but its description.
    pub keys: Arc<[Key]>,
    /// The channels of the configuration.
    pub channels: Arc<[Sender]>,
    /// The operators' way to the tables; `None` in tests of other things.
    pub operator: Option<Operator>,
    /// Where messages to send go.
    pub outgoing: Arc<dyn Outgoing>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("keys", &self.keys).field("channels", &self.channels).finish_non_exhaustive()
    }
}

/// A sender account, as far as the API is concerned.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Which.
    pub id: ChannelId,
    /// Whose.
    pub tenant: TenantId,
    /// Whom it can write to.
    pub scheme: Scheme,
    /// Whether messages of one conversation wait for each other.
    pub keep_order: bool,
}

impl Api {
    /// The channels whose messages do not wait for each other.
    fn unordered(&self) -> BTreeSet<ChannelId> {
        self.channels.iter().filter(|channel| !channel.keep_order).map(|channel| channel.id.clone()).collect()
    }
}

/// A request of a known caller.
pub(super) struct Call<'a> {
    api: &'a Api,
    operator: &'a Operator,
    caller: &'a Caller,
    /// The id in the path.
    id: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Call<'_> {
    fn operator(&self) -> &Operator {
        self.operator
    }

    fn now(&self) -> Timestamp {
        self.api.clock.now()
    }

    /// What a search that found nothing is told: a tenant or a channel that the configuration does not have may be misspelt.
    /// (The database may know names that left the configuration, so it is asked first.)
    fn found_nothing(&self, tenant: Option<&str>, channel: Option<&str>) -> Result<(), Problem> {
        let mut seen = self.api.channels.iter().filter(|known| self.caller.sees(&known.tenant));
        if tenant.is_some_and(|tenant| seen.clone().all(|known| known.tenant.as_str() != tenant)) {
            return Err(problems::UNKNOWN_TENANT);
        }
        if channel.is_some_and(|channel| seen.all(|known| known.id.as_str() != channel)) {
            return Err(problems::UNKNOWN_CHANNEL);
        }
        Ok(())
    }
}

type Told = Result<HttpResponse, Problem>;

fn told(document: &impl Serialize) -> Told {
    answer(StatusCode::OK, document)
}

fn answer(status: StatusCode, document: &impl Serialize) -> Told {
    let body = serde_json::to_vec(document).map_err(|_| problems::UNAVAILABLE)?;
    Ok(HttpResponse::build(status).content_type("application/json").body(body))
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %error, "the api could not use the database");
        problems::UNAVAILABLE
    }
}

/// Adds the routes of the API.
pub(super) fn mount(routes: &mut Routes<'_>) {
    for endpoint in Endpoint::ALL {
        let handler = move |api: web::Data<Api>, record: Record, request: HttpRequest, payload: web::Payload| async move {
            handle(&api, &record, endpoint, &request, payload).await
        };
        match endpoint.allow() {
            "POST" => routes.post(endpoint.pattern(), handler),
            _ => routes.get(endpoint.pattern(), handler),
        }
    }
}

/// Answers a request to an endpoint.
async fn handle(
    api: &Api,
    record: &Record,
    endpoint: Endpoint,
    request: &HttpRequest,
    mut payload: web::Payload,
) -> Told {
    if endpoint == Endpoint::Description {
        return Ok(HttpResponse::Ok().content_type("application/json").body(openapi::document()));
    }
    let caller = Caller::of(&api.keys, request.headers())?;
    record.caller.get_or_init(|| Arc::clone(&caller.name));
    let id = request.match_info().get("id").unwrap_or_default();
    let asked = (request.headers(), request.uri().query().unwrap_or_default());
    within(api, &caller, (endpoint, id), asked, &mut payload).await
}

async fn within(
    api: &Api,
    caller: &Caller,
    (endpoint, id): (Endpoint, &str),
    (headers, query): (&HeaderMap, &str),
    payload: &mut actix_web::web::Payload,
) -> Told {
    let body = match endpoint.allow() {
        "POST" => {
            // Whoever gets so far has a key.
            let memory = LargeBodies::new(usize::MAX);
            let reading = body::read(headers, payload, LONGEST_BODY_BYTES, body::DEADLINE, &mut memory.part()).await;
            reading.map_err(|error| match error {
                BodyError::TooLarge => problems::TOO_LARGE,
                BodyError::Truncated | BodyError::Slow | BodyError::Crowded => problems::NOT_A_BODY,
            })?
        }
        _ => actix_web::web::Bytes::new(),
    };
    let operator = api.operator.as_ref().ok_or(problems::UNAVAILABLE)?;
    let call = Call { api, operator, caller, id, query, headers, body: &body };
    match endpoint {
        Endpoint::Description => Err(problems::UNAVAILABLE),
        Endpoint::Outbox => outbox::list(call).await,
        Endpoint::OutboxCounts => outbox::counts(call).await,
        Endpoint::OutboxReplay => outbox::replay_all(call).await,
        Endpoint::OutboxMessage => outbox::show(call).await,
        Endpoint::OutboxMessageReplay => outbox::replay(call).await,
        Endpoint::OutboxMessageCancel => outbox::cancel(call).await,
        Endpoint::Messages => messages::send(call).await,
        Endpoint::Consents => consents::list(call).await,
        Endpoint::Channels => channels::list(call).await,
        Endpoint::ChannelPause => channels::pause(call).await,
        Endpoint::ChannelResume => channels::resume(call).await,
    }
}
