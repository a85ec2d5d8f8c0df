//! Bookings and leads.

pub(super) mod changes;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::booking::BookingState;
use palabre_actors::domain::ids::LeadId;
use palabre_actors::domain::lead::LeadState;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

pub use self::changes::ChangedBooking;
use super::call::{Call, Query, ToRead};
use super::conversations::named;
use super::params::{PageBefore, QueryParams, names_of, page_of, timestamp, word};
use super::problems::{CallProblems, SearchProblems, invalid};
use super::visibility::{Visibility, rfc3339};
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::{bookings, leads};
use crate::store::operator::{BookingRow, LeadRow};

const UNKNOWN_STATE: HttpProblem = invalid("state", "unknown state", "its description says which there are");

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get_or_post("/api/v1/bookings", list, changes::book);
    routes.get("/api/v1/leads", list_leads);
    changes::mount(routes);
}

/// A booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Booking {
    pub id: String,
    pub tenant_id: String,
    pub conversation_id: String,
    pub contact_id: String,
    /// The name that the contact last showed: only with the scope `read-content`.
    pub contact_name: Option<String>,
    /// Where they are written to: masked without the scope `read-content`.
    pub address: Option<String>,
    /// The service's id in the tenant's configuration.
    pub service: String,
    pub resource: String,
    pub starts_at: String,
    pub ends_at: String,
    /// How many people come.
    pub people: u32,
    /// `held`, `confirmed`, `cancelled`, `done` or `no_show`.
    pub state: String,
    pub created_at: String,
}

impl Booking {
    #[must_use]
    pub fn of(row: &BookingRow, visibility: Visibility) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            conversation_id: row.conversation.to_string(),
            contact_id: row.contact.to_string(),
            contact_name: row.contact_name.clone().filter(|_| visibility == Visibility::Whole),
            address: row.address.as_ref().map(|address| visibility.address(address)),
            service: row.service.clone(),
            resource: row.resource.clone(),
            starts_at: rfc3339(row.starts_at),
            ends_at: rfc3339(row.ends_at),
            people: row.party.people,
            state: row.state.as_str().to_owned(),
            created_at: rfc3339(row.created_at),
        }
    }
}

/// Bookings in order of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Bookings {
    pub bookings: Vec<Booking>,
}

/// Somebody who asked to be called back. What they said is there with the scope `read-content` alone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Lead {
    pub id: String,
    pub tenant_id: String,
    pub conversation_id: String,
    pub contact_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub need: Option<String>,
    pub urgent: bool,
    /// `new`, `contacted`, `won` or `lost`.
    pub state: String,
    /// The flow that asked.
    pub source: String,
    pub created_at: String,
}

impl Lead {
    #[must_use]
    pub fn of(row: &LeadRow, visibility: Visibility) -> Self {
        let whole = |text: &Option<String>| text.clone().filter(|_| visibility == Visibility::Whole);
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            conversation_id: row.conversation.to_string(),
            contact_id: row.contact.to_string(),
            name: whole(&row.name),
            email: whole(&row.email),
            phone: whole(&row.phone),
            need: whole(&Some(row.need.clone())),
            urgent: row.urgent,
            state: row.state.as_str().to_owned(),
            source: row.source.clone(),
            created_at: rfc3339(row.created_at),
        }
    }
}

/// Leads, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Leads {
    pub leads: Vec<Lead>,
    /// The next page's `before`; null when this one is the last.
    pub next: Option<String>,
}

/// Which bookings.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BookingParams {
    /// Of this tenant alone.
    tenant: Option<String>,
    /// Those that begin then or later; now, unless it is given.
    from: Option<String>,
    /// Those that begin before; thirty days after `from`, unless it is given.
    to: Option<String>,
    /// `held`, `confirmed`, `cancelled`, `done` or `no_show`.
    state: Option<String>,
    /// How many at most, to 500.
    limit: Option<String>,
}

impl QueryParams for BookingParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let field = match name {
            "tenant" => &mut self.tenant,
            "from" => &mut self.from,
            "to" => &mut self.to,
            "state" => &mut self.state,
            "limit" => &mut self.limit,
            _ => return Ok(false),
        };
        *field = Some(value.to_owned());
        Ok(true)
    }
}

/// Which leads.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LeadParams {
    /// Of this tenant alone.
    tenant: Option<String>,
    /// `new`, `contacted`, `won` or `lost`.
    state: Option<String>,
}

impl QueryParams for LeadParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let field = match name {
            "tenant" => &mut self.tenant,
            "state" => &mut self.state,
            _ => return Ok(false),
        };
        *field = Some(value.to_owned());
        Ok(true)
    }
}

/// Bookings, in order of time.
#[utoipa::path(get, path = "/api/v1/bookings", operation_id = "list_bookings", tag = "bookings",
    params(BookingParams), security(("key" = ["read"])), responses(
    (status = 200, body = Bookings, description = "Bookings"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query(which): Query<BookingParams>) -> Reply {
    let at = |field, given: &Option<String>| given.as_deref().map(|text| timestamp(field, text)).transpose();
    let from: Timestamp = at("from", &which.from)?.unwrap_or_else(|| call.now());
    let to = at("to", &which.to)?.unwrap_or(from + TimeDelta::days(30));
    let state: Option<BookingState> = which.state.as_deref().map(|text| word(text, &UNKNOWN_STATE)).transpose()?;
    let limit = page_of(which.limit.as_deref().map(super::params::limit).transpose()?);
    let tenants = named(which.tenant.as_deref());
    let rows = bookings::list(call.caller.service(), &call.operator, &tenants, (from, to), (state, limit)).await?;
    let visibility = call.caller.visibility();
    reply(&Bookings { bookings: rows.iter().map(|row| Booking::of(row, visibility)).collect() })
}

/// Leads, the newest first.
#[utoipa::path(get, path = "/api/v1/leads", operation_id = "list_leads", tag = "leads",
    params(LeadParams, PageBefore), security(("key" = ["read"])), responses(
    (status = 200, body = Leads, description = "A page of leads"), CallProblems, SearchProblems
))]
pub(super) async fn list_leads(call: Call<ToRead>, Query((which, page)): Query<(LeadParams, PageBefore)>) -> Reply {
    let limit = page_of(page.limit);
    let state: Option<LeadState> = which.state.as_deref().map(|text| word(text, &UNKNOWN_STATE)).transpose()?;
    let tenants = named(which.tenant.as_deref());
    let part = (page.before.map(LeadId), limit);
    let rows = leads::list(call.caller.service(), &call.operator, &tenants, state, part).await?;
    let visibility = call.caller.visibility();
    let next = rows.last().filter(|_| rows.len() >= limit).map(|row| row.id.to_string());
    reply(&Leads { leads: rows.iter().map(|row| Lead::of(row, visibility)).collect(), next })
}
