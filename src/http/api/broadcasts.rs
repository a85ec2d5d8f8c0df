//! Broadcasts: one message to many contacts of a tenant.

use actix_web::http::StatusCode;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::{Call, Json, PathId, Query, ToRead, ToSend, WholeBody};
use super::conversations::named;
use super::messages::{UseOfTemplate, said};
use super::params::{OfTenant, PageBefore, lasting, page_of, uuid};
use super::problems::{self, BodyProblems, CallProblems, SearchProblems, UnknownId, UnknownName, invalid};
use super::visibility::rfc3339;
use super::{Reply, reply, reply_with};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::broadcasts::{self, BroadcastOrder, BroadcastPlan};
use crate::store::broadcasts::{BroadcastRow, ReportLine, Segment};

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get_or_post("/api/v1/broadcasts", list, start);
    routes.get("/api/v1/broadcasts/{id}", one);
    routes.post("/api/v1/broadcasts/{id}/stop", stop);
}

/// What is to be said to many.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBroadcast {
    pub tenant: String,
    /// Through which channel: those who have a conversation on it are meant.
    pub channel: String,
    /// Only conversations with this label.
    #[serde(default)]
    pub label: Option<String>,
    /// Only those who wrote within this time: `"30d"`.
    #[serde(default)]
    #[schema(example = "30d")]
    pub seen_within: Option<String>,
    /// What to say, while free text may be sent.
    #[serde(default)]
    pub text: Option<String>,
    /// What to say otherwise.
    #[serde(default)]
    pub template: Option<UseOfTemplate>,
    /// Messages in a minute: 60 unless given, 6,000 at most.
    #[serde(default)]
    pub per_minute: Option<u32>,
    /// What it may cost, in the tenant's currency. It stops before that is passed.
    #[serde(default)]
    pub budget: Option<f64>,
    /// Nothing is written: how many would be reached, and what it would cost.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a broadcast would come to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BroadcastEstimate {
    /// How many would be written to.
    pub reached: u64,
    /// How many would not: `opted_out`, `marketing_stopped`, `window_closed`, `not_confirmed`.
    pub refused: std::collections::BTreeMap<String, u64>,
    /// In millionths of the tenant's currency.
    pub cost_micros: i64,
    /// How many the budget is enough for, when not for all.
    pub within_budget: Option<u64>,
}

impl BroadcastEstimate {
    #[must_use]
    pub fn of(plan: &BroadcastPlan) -> Self {
        Self {
            reached: plan.reached,
            refused: plan.refused.iter().map(|(why, count)| ((*why).to_owned(), *count)).collect(),
            cost_micros: plan.cost_micros,
            within_budget: plan.within_budget,
        }
    }
}

/// A broadcast. Its text is left out: whoever started it knows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BroadcastItem {
    pub id: String,
    pub tenant_id: String,
    pub channel_id: String,
    pub label: Option<String>,
    pub seen_since: Option<String>,
    /// The template's name.
    pub template: Option<String>,
    pub per_minute: u32,
    /// In millionths of the tenant's currency.
    pub budget_micros: Option<i64>,
    /// `running`, `stopped` or `done`.
    pub state: String,
    /// Why it was stopped: `operator`, `budget`, `channel_not_configured`.
    pub reason: Option<String>,
    pub started_by: String,
    pub created_at: String,
    pub updated_at: String,
}

impl BroadcastItem {
    #[must_use]
    pub fn of(row: &BroadcastRow) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.segment.tenant.to_string(),
            channel_id: row.segment.channel.to_string(),
            label: row.segment.label.clone(),
            seen_since: row.segment.seen_since.map(rfc3339),
            template: row.template.as_ref().map(|template| template.name.clone()),
            per_minute: row.per_minute,
            budget_micros: row.budget_micros,
            state: row.state.as_str().to_owned(),
            reason: row.reason.clone(),
            started_by: row.started_by.clone(),
            created_at: rfc3339(row.created_at),
            updated_at: rfc3339(row.updated_at),
        }
    }
}

/// How many recipients are alike.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BroadcastFigure {
    /// `waiting`, `asked` or `refused`.
    pub state: String,
    /// The state of their messages in the outbox.
    pub message: Option<String>,
    /// Why they are not written to, or why their message is where it is.
    pub reason: Option<String>,
    pub count: i64,
    pub cost_micros: i64,
}

impl BroadcastFigure {
    #[must_use]
    pub fn of(line: &ReportLine) -> Self {
        Self {
            state: line.state.clone(),
            message: line.message.map(|state| state.as_str().to_owned()),
            reason: line.reason.clone(),
            count: line.count,
            cost_micros: line.cost_micros,
        }
    }
}

/// A broadcast, and what became of its recipients.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BroadcastReport {
    pub broadcast: BroadcastItem,
    pub recipients: Vec<BroadcastFigure>,
}

impl BroadcastReport {
    #[must_use]
    pub fn of(row: &BroadcastRow, lines: &[ReportLine]) -> Self {
        Self { broadcast: BroadcastItem::of(row), recipients: lines.iter().map(BroadcastFigure::of).collect() }
    }
}

/// Broadcasts, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Broadcasts {
    pub broadcasts: Vec<BroadcastItem>,
}

/// A broadcast that was stopped.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StoppedBroadcast {
    /// How many messages that had not left were called back.
    pub called_back: u64,
}

/// Starts a broadcast, or says what it would come to (`dry_run`). It goes to whoever has a conversation on the channel and is in the
/// segment at this moment; never to who said STOP or STOP PROMOTIONS.
#[utoipa::path(post, path = "/api/v1/broadcasts", operation_id = "start_broadcast", tag = "broadcasts", request_body = NewBroadcast,
    security(("key" = ["send"])), responses(
    (status = 202, body = BroadcastItem, description = "It goes on by itself"),
    (status = 200, body = BroadcastEstimate, description = "What it would come to (`dry_run`)"),
    CallProblems, UnknownName, BodyProblems
))]
pub(super) async fn start(call: Call<ToSend>, Json(asked): Json<NewBroadcast>) -> Reply {
    let tenants = call.api.tenants.as_ref().ok_or(problems::UNAVAILABLE)?;
    let id = TenantId::new(&asked.tenant);
    call.caller.service().within(&id)?;
    let tenant = tenants.get(&id).ok_or(problems::UNKNOWN_TENANT)?;
    let (now, is_dry) = (call.now(), asked.dry_run);
    let order = order(asked, now)?;
    if is_dry {
        let plan = broadcasts::plan(call.caller.service(), &call.operator, &tenant, &order, now).await?;
        return reply(&BroadcastEstimate::of(&plan));
    }
    let row = broadcasts::start(call.caller.service(), &call.operator, &tenant, order, now).await?;
    reply_with(StatusCode::ACCEPTED, &BroadcastItem::of(&row))
}

fn order(asked: NewBroadcast, now: palabre_actors::domain::Timestamp) -> Result<BroadcastOrder, HttpProblem> {
    const BAD_BUDGET: HttpProblem = invalid("budget", "bad budget", "an amount in the tenant's currency, such as 12.5");
    let template = said(asked.text.as_deref(), asked.template, false)?;
    let seen = asked.seen_within.as_deref().map(|text| lasting("seen_within", text)).transpose()?;
    let budget_micros = match asked.budget {
        None => None,
        #[expect(clippy::cast_possible_truncation, reason = "it is in the range that was checked")]
        Some(amount) if (0.0..=1_000_000_000.0).contains(&amount) => Some((amount * 1_000_000.0).round() as i64),
        Some(_) => return Err(BAD_BUDGET),
    };
    Ok(BroadcastOrder {
        segment: Segment {
            tenant: TenantId::new(&asked.tenant),
            channel: ChannelId::new(&asked.channel),
            label: asked.label,
            seen_since: seen.map(|time| now - time),
        },
        text: asked.text,
        template,
        per_minute: asked.per_minute.unwrap_or(broadcasts::PER_MINUTE),
        budget_micros,
    })
}

/// Broadcasts, the newest first.
#[utoipa::path(get, path = "/api/v1/broadcasts", operation_id = "list_broadcasts", tag = "broadcasts",
    params(OfTenant, PageBefore), security(("key" = ["read"])), responses(
    (status = 200, body = Broadcasts, description = "Broadcasts"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query((which, page)): Query<(OfTenant, PageBefore)>) -> Reply {
    let tenants = named(which.tenant.as_deref());
    let rows =
        broadcasts::list(call.caller.service(), &call.operator, &tenants, (page.before, page_of(page.limit))).await?;
    reply(&Broadcasts { broadcasts: rows.iter().map(BroadcastItem::of).collect() })
}

/// One broadcast, and what became of its recipients.
#[utoipa::path(get, path = "/api/v1/broadcasts/{id}", operation_id = "read_broadcast", tag = "broadcasts",
    params(("id" = String, Path, description = "The broadcast")), security(("key" = ["read"])), responses(
    (status = 200, body = BroadcastReport, description = "The broadcast and its figures"), CallProblems, UnknownId
))]
pub(super) async fn one(call: Call<ToRead>, id: PathId) -> Reply {
    let broadcast = uuid("id", &id.0)?;
    let (row, lines) = broadcasts::report(call.caller.service(), &call.operator, broadcast).await?;
    reply(&BroadcastReport::of(&row, &lines))
}

/// Stops a broadcast: nobody more is written to, and what has not left is called back.
#[utoipa::path(post, path = "/api/v1/broadcasts/{id}/stop", operation_id = "stop_broadcast", tag = "broadcasts",
    params(("id" = String, Path, description = "The broadcast")), security(("key" = ["send"])), responses(
    (status = 200, body = StoppedBroadcast, description = "It is stopped"), CallProblems, UnknownId
))]
pub(super) async fn stop(call: Call<ToSend>, id: PathId, _: WholeBody) -> Reply {
    let broadcast = uuid("id", &id.0)?;
    let called_back = broadcasts::stop(call.caller.service(), &call.operator, broadcast, call.now()).await?;
    reply(&StoppedBroadcast { called_back })
}
