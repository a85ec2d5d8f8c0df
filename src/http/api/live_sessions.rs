//! Live sessions and the orders in them.

use palabre_actors::domain::ids::LiveSessionId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::call::{Call, PathId, Query, ToRead};
use super::conversations::named;
use super::params::{QueryParams, limit, names_of, page_of, timestamp, uuid};
use super::problems::{CallProblems, SearchProblems, UnknownId};
use super::visibility::{Visibility, rfc3339};
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::{Tenants, live_sessions};
use crate::store::operator::{LiveSessionSummary, OrderLineRow};

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/live-sessions", list);
    routes.get("/api/v1/live-sessions/{id}", one);
}

/// A live session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveSessionItem {
    pub id: String,
    pub tenant_id: String,
    pub opened_at: String,
    /// When a seller last wrote.
    pub last_message_at: String,
    /// Since when no orders are taken.
    pub paused_at: Option<String>,
    /// Null while it goes on.
    pub closed_at: Option<String>,
    /// How many people wrote, once a seller ended it.
    pub clients: Option<i64>,
    /// How many of them asked what nobody answered, once a seller ended it.
    pub unanswered: Option<i64>,
    /// How many pieces are ordered.
    pub pieces: i64,
    /// How many people ordered.
    pub buyers: i64,
}

impl LiveSessionItem {
    #[must_use]
    pub fn of(row: &LiveSessionSummary) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            opened_at: rfc3339(row.opened_at),
            last_message_at: rfc3339(row.last_message_at),
            paused_at: row.paused_at.map(rfc3339),
            closed_at: row.closed_at.map(rfc3339),
            clients: row.clients,
            unanswered: row.unanswered,
            pieces: row.pieces,
            buyers: row.buyers,
        }
    }
}

/// A line of an order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderLineItem {
    pub id: String,
    pub conversation_id: String,
    pub contact_id: String,
    /// The name that the contact last showed: only with the scope `read-content`.
    pub contact_name: Option<String>,
    /// Where they are written to: masked without the scope `read-content`.
    pub address: Option<String>,
    pub reference: String,
    pub size: Option<String>,
    pub quantity: i64,
    /// `noted` or `cancelled`.
    pub state: String,
    pub created_at: String,
}

impl OrderLineItem {
    #[must_use]
    pub fn of(row: &OrderLineRow, visibility: Visibility) -> Self {
        Self {
            id: row.id.to_string(),
            conversation_id: row.conversation.to_string(),
            contact_id: row.contact.to_string(),
            contact_name: row.contact_name.clone().filter(|_| visibility == Visibility::Whole),
            address: row.address.as_ref().map(|address| visibility.address(address)),
            reference: row.reference.clone(),
            size: row.size.clone(),
            quantity: row.quantity,
            state: row.state.as_str().to_owned(),
            created_at: rfc3339(row.created_at),
        }
    }
}

/// Live sessions, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveSessions {
    pub live_sessions: Vec<LiveSessionItem>,
}

/// A live session with its orders, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveSessionOrders {
    pub live_session: LiveSessionItem,
    pub orders: Vec<OrderLineItem>,
}

/// Which live sessions.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LiveSessionParams {
    /// Of this tenant alone.
    tenant: Option<String>,
    /// Those that opened before.
    before: Option<String>,
    /// How many at most, to 500; 50 unless given.
    limit: Option<String>,
}

impl QueryParams for LiveSessionParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let field = match name {
            "tenant" => &mut self.tenant,
            "before" => &mut self.before,
            "limit" => &mut self.limit,
            _ => return Ok(false),
        };
        *field = Some(value.to_owned());
        Ok(true)
    }
}

/// Live sessions, the newest first.
#[utoipa::path(get, path = "/api/v1/live-sessions", operation_id = "list_live_sessions", tag = "live sessions",
    params(LiveSessionParams), security(("key" = ["read"])), responses(
    (status = 200, body = LiveSessions, description = "Live sessions"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query(which): Query<LiveSessionParams>) -> Reply {
    let before = which.before.as_deref().map(|text| timestamp("before", text)).transpose()?;
    let most = page_of(which.limit.as_deref().map(limit).transpose()?);
    let tenants = named(which.tenant.as_deref());
    let rows = live_sessions::list(call.caller.service(), &call.operator, &tenants, (before, most)).await?;
    reply(&LiveSessions { live_sessions: rows.iter().map(LiveSessionItem::of).collect() })
}

/// One live session, and what was ordered in it.
#[utoipa::path(get, path = "/api/v1/live-sessions/{id}", operation_id = "read_live_session", tag = "live sessions",
    params(("id" = String, Path, description = "The live session")), security(("key" = ["read"])), responses(
    (status = 200, body = LiveSessionOrders, description = "The live session and its orders"), CallProblems, UnknownId
))]
pub(super) async fn one(call: Call<ToRead>, id: PathId) -> Reply {
    let session = uuid("id", &id.0).map(LiveSessionId)?;
    let (found, lines) = live_sessions::one(call.caller.service(), &call.operator, &Tenants::All, session).await?;
    let visibility = call.caller.visibility();
    reply(&LiveSessionOrders {
        live_session: LiveSessionItem::of(&found),
        orders: lines.iter().map(|line| OrderLineItem::of(line, visibility)).collect(),
    })
}
