//! The consent ledger.

use palabre_actors::domain::address::{Address, Unnamed};
use palabre_actors::domain::ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::call::{Call, Json, Query, ToOperate, ToRead};
use super::params::{QueryParams, limit, names_of, page_of, uuid};
use super::problems::{BodyProblems, CallProblems, SearchProblems, UnknownName, bad_address};
use super::visibility::{Visibility, rfc3339};
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service;
use crate::store::operator::{ConsentRow, OptOut};

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get_or_post("/api/v1/consents", list, record);
}

/// A row of the consent ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsentEntry {
    /// Its id: they grow with time.
    pub id: String,
    /// Towards whom.
    pub tenant_id: String,
    /// Through which channel, when one is known.
    pub channel_id: Option<String>,
    /// Who, when they are known as a contact.
    pub contact_id: Option<String>,
    /// Under which address: masked without the scope `read-content`.
    pub address: String,
    /// `opted_out`, `opted_in`, `welcomed` or `confirmed`.
    pub what: String,
    /// `all`, or `marketing`: it is about advertising alone.
    pub scope: String,
    /// `message`, `provider` or `operator`.
    pub source: String,
    /// What proves it: a message's id, or what an operator wrote (shown with the scope `read-content`).
    pub evidence: Option<String>,
    /// When.
    pub created_at: String,
}

impl ConsentEntry {
    /// Describes a row.
    #[must_use]
    pub fn of(row: &ConsentRow, visibility: Visibility) -> Self {
        let own_words = row.evidence.as_deref().is_some_and(|text| uuid::Uuid::parse_str(text).is_err());
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            channel_id: row.channel.as_ref().map(ToString::to_string),
            contact_id: row.contact.map(|id| id.to_string()),
            address: visibility.address(&row.address),
            what: row.what.clone(),
            scope: row.scope.clone(),
            source: row.source.clone(),
            evidence: row.evidence.clone().filter(|_| visibility == Visibility::Whole || !own_words),
            created_at: rfc3339(row.created_at),
        }
    }
}

/// A page of the ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsentPage {
    /// The oldest first.
    pub consents: Vec<ConsentEntry>,
    /// Give it as `after` for the next page; null: there is none.
    pub next: Option<String>,
}

/// Somebody who said STOP.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OptOutEntry {
    /// Its id.
    pub id: String,
    /// Towards whom.
    pub tenant_id: String,
    /// Under which address.
    pub address: String,
    /// `message`, `provider` or `operator`.
    pub source: String,
    /// The message that said so.
    pub message_id: Option<String>,
    /// When.
    pub created_at: String,
}

impl OptOutEntry {
    /// Describes a row.
    #[must_use]
    pub fn of(row: &OptOut, visibility: Visibility) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            address: visibility.address(&row.address),
            source: row.source.clone(),
            message_id: row.message.clone(),
            created_at: rfc3339(row.created_at),
        }
    }
}

/// Which part of the ledger.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ConsentFilter {
    /// Of this tenant alone.
    tenant: Option<String>,
    /// How many, at most 500; 50 unless given.
    limit: Option<usize>,
    /// Later than this one: `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Uuid>,
}

impl QueryParams for ConsentFilter {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "tenant" => self.tenant = Some(value.to_owned()),
            "limit" => self.limit = Some(limit(value)?),
            "after" => self.after = Some(uuid("after", value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Who consented to what, when, and what proves it: the oldest first. Rows are never changed.
#[utoipa::path(get, path = "/api/v1/consents", operation_id = "list_consents", tag = "consents", params(ConsentFilter),
    security(("key" = ["read"])), responses(
    (status = 200, body = ConsentPage, description = "A page of the ledger"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query(asked): Query<ConsentFilter>) -> Reply {
    let tenant = asked.tenant.as_deref().map(TenantId::new);
    let tenants = call.caller.among(tenant.as_ref())?;
    let limit = page_of(asked.limit);
    let part = (asked.after, limit);
    let rows = service::consents::ledger(call.caller.service(), &call.operator, &tenants, None, part).await?;
    if rows.is_empty() && asked.after.is_none() {
        call.found_nothing(asked.tenant.as_deref(), None)?;
    }
    let next = rows.last().filter(|_| rows.len() >= limit).map(|row| row.id.to_string());
    let visibility = call.caller.visibility();
    reply(&ConsentPage { consents: rows.iter().map(|row| ConsentEntry::of(row, visibility)).collect(), next })
}

/// A consent that was given on paper or by telephone.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordConsent {
    #[schema(example = "institut-belle")]
    tenant: String,
    /// Who consented.
    #[schema(example = "whatsapp:+33612345678")]
    address: String,
    /// What proves it; it stays in the ledger.
    #[schema(example = "form of 2026-11-30, folder 12")]
    evidence: String,
}

/// What was recorded.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordedConsent {
    pub recorded: bool,
}

/// Records a consent that was given on paper or by telephone: what waits for it goes out. A STOP is not lifted by it.
#[utoipa::path(post, path = "/api/v1/consents", operation_id = "record_consent", tag = "consents",
    request_body = RecordConsent, security(("key" = ["operate"])), responses(
    (status = 200, body = RecordedConsent, description = "It is in the ledger"), CallProblems, BodyProblems, UnknownName
))]
pub(super) async fn record(call: Call<ToOperate>, Json(body): Json<RecordConsent>) -> Reply {
    let tenant = TenantId::new(&body.tenant);
    call.found_nothing(Some(&body.tenant), None)?;
    let address = Address::written(&body.address, Unnamed::Refused, call.country_of(&tenant));
    let address = address.map_err(|error| bad_address("address", error))?;
    let who = (&tenant, &address);
    service::consents::record(call.caller.service(), &call.operator, who, &body.evidence, call.now()).await?;
    reply(&RecordedConsent { recorded: true })
}
