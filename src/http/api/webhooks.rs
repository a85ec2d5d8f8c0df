//! Events out: endpoints, what goes out to them, and the catalogue of events.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::EventType;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, Ref, Required, ResponseBuilder, ResponsesBuilder};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::call::{Call, Json, PathId, Query, ToOperate, ToRead};
use super::conversations::named;
use super::params::{OfTenant, PageBefore, QueryParams, lasting, names_of, page_of, uuid, word};
use super::problems::{BodyProblems, CallProblems, SearchProblems, UnknownId, invalid};
use super::visibility::rfc3339;
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::events_out;
use crate::store::events_out::{DeliveryFilter, DeliveryState, EndpointRow, EventDelivery};

const UNKNOWN_STATE: HttpProblem = invalid("state", "unknown state", "the states are pending, delivered and dead");

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/webhooks", list);
    routes.get("/api/v1/webhooks/deliveries", deliveries);
    routes.post("/api/v1/webhooks/{id}/replay", replay);
    routes.post("/api/v1/webhooks/{id}/enable", enable);
}

/// An endpoint of `[[webhooks]]`, and how it does.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookState {
    pub id: String,
    pub tenant_id: String,
    /// Event types; empty: all of them.
    pub events: Vec<String>,
    /// `active`, or `disabled`: it answered 410.
    pub state: String,
    pub reason: Option<String>,
    /// Events that wait.
    pub waiting: u64,
    /// Events that are not tried again.
    pub dead: u64,
    /// Since when the oldest waits.
    pub oldest_waiting_at: Option<String>,
    pub last_delivered_at: Option<String>,
}

impl WebhookState {
    #[must_use]
    pub fn of(row: &EndpointRow) -> Self {
        Self {
            id: row.endpoint.id.clone(),
            tenant_id: row.endpoint.tenant.to_string(),
            events: row.events.clone(),
            state: row.state.as_str().to_owned(),
            reason: row.reason.clone(),
            waiting: row.waiting,
            dead: row.dead,
            oldest_waiting_at: row.oldest.map(rfc3339),
            last_delivered_at: row.delivered_at.map(rfc3339),
        }
    }
}

/// Endpoints.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookStates {
    pub webhooks: Vec<WebhookState>,
}

/// An event on its way to an endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookDelivery {
    /// The event's id: what the endpoint sees as `webhook-id`.
    pub event_id: String,
    pub webhook_id: String,
    pub tenant_id: String,
    pub event_type: String,
    pub entity_type: String,
    pub entity_id: Option<String>,
    pub correlation_id: String,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    pub attempts: u32,
    /// Of one that waits.
    pub next_attempt_at: Option<String>,
    /// What came of the last attempt, such as `http_500` or `connection_refused`.
    pub last_error: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

impl WebhookDelivery {
    #[must_use]
    pub fn of(row: &EventDelivery) -> Self {
        Self {
            event_id: row.event.to_string(),
            webhook_id: row.endpoint.id.clone(),
            tenant_id: row.endpoint.tenant.to_string(),
            event_type: row.event_type.clone(),
            entity_type: row.entity_type.clone(),
            entity_id: row.entity.clone(),
            correlation_id: row.correlation.clone(),
            state: row.state.as_str().to_owned(),
            attempts: row.attempts,
            next_attempt_at: (row.state == DeliveryState::Pending).then(|| rfc3339(row.next_attempt_at)),
            last_error: row.last_error.clone(),
            created_at: rfc3339(row.created_at),
            updated_at: rfc3339(row.updated_at),
        }
    }
}

/// Deliveries, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookDeliveries {
    pub deliveries: Vec<WebhookDelivery>,
    /// The next page's `before`; null when this one is the last.
    pub next: Option<String>,
}

impl WebhookDeliveries {
    #[must_use]
    pub fn of(rows: &[EventDelivery], limit: usize) -> Self {
        let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.event.to_string());
        Self { deliveries: rows.iter().map(WebhookDelivery::of).collect(), next }
    }
}

/// Which deliveries.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WebhookDeliveryParams {
    /// Of this tenant alone.
    tenant: Option<String>,
    /// To this endpoint alone.
    webhook: Option<String>,
    /// `pending`, `delivered` or `dead`.
    state: Option<String>,
}

impl QueryParams for WebhookDeliveryParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let field = match name {
            "tenant" => &mut self.tenant,
            "webhook" => &mut self.webhook,
            "state" => &mut self.state,
            _ => return Ok(false),
        };
        *field = Some(value.to_owned());
        Ok(true)
    }
}

/// What is sent to an endpoint again.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebhookReplay {
    /// One event, whether it is dead or was delivered. Left out: everything that is dead.
    event_id: Option<String>,
    /// Only what was made within this time, such as `2h` or `1d`.
    since: Option<String>,
}

/// How many events go out again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookReplayed {
    pub events: u64,
}

/// Whether an endpoint had been disabled.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookEnabled {
    pub changed: bool,
}

/// The endpoints of `[[webhooks]]`, and how they do.
#[utoipa::path(get, path = "/api/v1/webhooks", operation_id = "list_webhooks", tag = "webhooks",
    params(OfTenant), security(("key" = ["read"])), responses(
    (status = 200, body = WebhookStates, description = "The endpoints"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query(which): Query<OfTenant>) -> Reply {
    let tenants = named(which.tenant.as_deref());
    let rows = events_out::endpoints(call.caller.service(), &call.operator, &tenants).await?;
    reply(&WebhookStates { webhooks: rows.iter().map(WebhookState::of).collect() })
}

/// Events on their way to endpoints, the newest first. What arrived is kept for three days, what is dead for thirty.
#[utoipa::path(get, path = "/api/v1/webhooks/deliveries", operation_id = "list_webhook_deliveries", tag = "webhooks",
    params(WebhookDeliveryParams, PageBefore), security(("key" = ["read"])), responses(
    (status = 200, body = WebhookDeliveries, description = "A page of deliveries"), CallProblems, SearchProblems
))]
pub(super) async fn deliveries(
    call: Call<ToRead>,
    Query((which, page)): Query<(WebhookDeliveryParams, PageBefore)>,
) -> Reply {
    let filter = DeliveryFilter {
        tenants: named(which.tenant.as_deref()),
        endpoint: which.webhook,
        state: which.state.as_deref().map(|text| word(text, &UNKNOWN_STATE)).transpose()?,
    };
    let limit = page_of(page.limit);
    let part = (page.before, limit);
    let rows = events_out::deliveries(call.caller.service(), &call.operator, &filter, part).await?;
    reply(&WebhookDeliveries::of(&rows, limit))
}

/// Sends events to an endpoint again, under the ids that they had.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/replay", operation_id = "replay_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint"), OfTenant), request_body = WebhookReplay,
    security(("key" = ["operate"])), responses(
    (status = 200, body = WebhookReplayed, description = "They go out again"), CallProblems, BodyProblems, UnknownId
))]
pub(super) async fn replay(
    call: Call<ToOperate>,
    id: PathId,
    Query(which): Query<OfTenant>,
    Json(body): Json<WebhookReplay>,
) -> Reply {
    let event: Option<Uuid> = body.event_id.as_deref().map(|text| uuid("event_id", text)).transpose()?;
    let since: Option<TimeDelta> = body.since.as_deref().map(|text| lasting("since", text)).transpose()?;
    let (now, tenants) = (call.now(), named(which.tenant.as_deref()));
    let since = since.map_or(Timestamp::UNIX_EPOCH, |since| now - since);
    let endpoint = (&tenants, id.0.as_str());
    let events = events_out::replay(call.caller.service(), &call.operator, endpoint, event, (since, now)).await?;
    reply(&WebhookReplayed { events })
}

/// Lets events go out again to an endpoint that had answered 410.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/enable", operation_id = "enable_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint"), OfTenant), security(("key" = ["operate"])), responses(
    (status = 200, body = WebhookEnabled, description = "Events go out to it"), CallProblems, SearchProblems, UnknownId
))]
pub(super) async fn enable(call: Call<ToOperate>, id: PathId, Query(which): Query<OfTenant>) -> Reply {
    let tenants = named(which.tenant.as_deref());
    let endpoint = (&tenants, id.0.as_str());
    let changed = events_out::enable(call.caller.service(), &call.operator, endpoint, call.now()).await?;
    reply(&WebhookEnabled { changed })
}

/// The catalogue of events, as OpenAPI's `webhooks`.
pub(super) fn catalogue() -> Paths {
    let items: BTreeMap<String, PathItem> =
        EventType::ALL.iter().map(|event| (event.as_str().to_owned(), posted(event.as_str()))).collect();
    let mut paths = Paths::new();
    paths.paths.extend(items);
    paths
}

fn posted(event: &str) -> PathItem {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("EventDocument"))).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
    let taken =
        ResponseBuilder::new().description("The event is taken; 410 ends all deliveries to the endpoint").build();
    let operation = OperationBuilder::new()
        .operation_id(Some(format!("on_{event}")))
        .tag("webhooks")
        .description(Some(format!("Posted when `{event}` was written to the event log.")))
        .request_body(Some(body))
        .responses(ResponsesBuilder::new().response("2XX", taken).build())
        .build();
    PathItem::new(HttpMethod::Post, operation)
}
