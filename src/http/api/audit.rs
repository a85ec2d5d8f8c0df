//! Audit log: who did what.

use palabre_actors::domain::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::call::{Call, Query, ToOperate};
use super::conversations::named;
use super::params::{PageBefore, QueryParams, names_of, page_of, timestamp};
use super::problems::{CallProblems, SearchProblems};
use super::visibility::rfc3339;
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::audit;
use crate::store::audit::{AuditFilter, AuditRow};

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/audit", list);
}

/// A row of the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditLogEntry {
    /// Its id.
    pub id: String,
    /// Whose data it concerns; null: the installation.
    pub tenant_id: Option<String>,
    /// Its place in the chain of the tenant.
    pub position: i64,
    /// Who: `user:…`, `key:…` or `command-line`.
    pub actor: String,
    /// What they did, such as `outbox.replay`.
    pub action: String,
    /// To which kind of thing.
    pub entity_type: String,
    /// To which one.
    pub entity_id: String,
    /// When.
    pub at: String,
    /// Of this row and the one before, in hexadecimal.
    pub hash: String,
}

impl AuditLogEntry {
    /// Describes a row.
    #[must_use]
    pub fn of(row: &AuditRow) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.as_ref().map(ToString::to_string),
            position: row.position,
            actor: row.actor.clone(),
            action: row.action.clone(),
            entity_type: row.entity_type.clone(),
            entity_id: row.entity_id.clone(),
            at: rfc3339(row.at),
            hash: row.hash.clone(),
        }
    }
}

/// A page of the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<AuditLogEntry>,
    /// Give it as `before` for the next page; null: there is none.
    pub next: Option<String>,
}

/// Which rows.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditParams {
    /// Of this tenant alone.
    tenant: Option<String>,
    /// Of this person or key alone.
    actor: Option<String>,
    /// Of this action (`outbox.replay`), or of those that begin with this word (`outbox`).
    action: Option<String>,
    /// From then on.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Before then.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
}

impl QueryParams for AuditParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "tenant" => self.tenant = Some(value.to_owned()),
            "actor" => self.actor = Some(value.to_owned()),
            "action" => self.action = Some(value.to_owned()),
            "since" => self.since = Some(timestamp("since", value)?),
            "until" => self.until = Some(timestamp("until", value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Who did what, the newest first. Things are named by their ids.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit", tag = "audit",
    params(AuditParams, PageBefore), security(("key" = ["operate"])), responses(
    (status = 200, body = AuditPage, description = "A page of the audit log"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToOperate>, Query((which, page)): Query<(AuditParams, PageBefore)>) -> Reply {
    let (limit, tenants) = (page_of(page.limit), named(which.tenant.as_deref()));
    let filter = AuditFilter {
        actor: which.actor,
        action: which.action,
        since: which.since,
        until: which.until,
        before: page.before,
    };
    let rows = audit::list(call.caller.service(), &call.operator, &tenants, (&filter, limit)).await?;
    if rows.is_empty() && page.before.is_none() {
        call.found_nothing(which.tenant.as_deref(), None)?;
    }
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.id.to_string());
    reply(&AuditPage { entries: rows.iter().map(AuditLogEntry::of).collect(), next })
}
