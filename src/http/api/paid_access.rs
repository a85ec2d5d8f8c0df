//! Paid access: plans, subscriptions, checkout pages; access by hand, cancellations and refunds.

use actix_web::http::StatusCode;
use chrono::DateTime;
use palabre_actors::domain::address::{Address, HomeCountry};
use palabre_actors::domain::entitlement::SubscriptionState;
use palabre_actors::domain::ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::call::{Call, Json, PathId, Query, ToOperate, ToRead, ToSend};
use super::conversations::named;
use super::params::{PageBefore, QueryParams, names_of, page_of, uuid};
use super::problems::{BodyProblems, CallProblems, SearchProblems, UnknownId, invalid};
use super::visibility::{Visibility, rfc3339};
use super::{Reply, reply, reply_with};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::paid_access::{self as access, AccessError, Buyer, CheckoutPage, MemberView, PaidAccess};
use crate::store::paid_access::SubscriptionFilter;

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/access/plans", plans);
    routes.get_or_post("/api/v1/access/subscriptions", subscriptions, grant);
    routes.post("/api/v1/access/subscriptions/{id}/revoke", revoke);
    routes.post("/api/v1/access/subscriptions/{id}/move", move_to);
    routes.post("/api/v1/access/subscriptions/{id}/cancel", cancel);
    routes.post("/api/v1/access/subscriptions/{id}/refund", refund);
    routes.post("/api/v1/access/checkout", checkout);
}

/// Nothing is sold here.
const NOTHING_SOLD: HttpProblem = HttpProblem::new(
    StatusCode::NOT_FOUND,
    "nothing is sold here",
    "no tenant of the configuration has `[[plans]]`: docs/access.md",
);

/// Something that is sold.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PlanView {
    tenant_id: String,
    id: String,
    name: String,
    /// In the currency's smallest unit; null: it is not sold by card.
    price: Option<u64>,
    currency: String,
    /// `month`, `year` or `once`.
    every: &'static str,
    /// Null: it is not sold for Stars.
    stars: Option<u32>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PlanList {
    plans: Vec<PlanView>,
}

/// A subscription: who bought what, until when.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionView {
    id: String,
    tenant_id: String,
    plan_id: String,
    /// Who may enter; null: nobody has claimed it yet.
    address: Option<String>,
    /// `pending`, `active`, `grace`, `expired` or `revoked`.
    state: &'static str,
    /// `stripe`, `stars` or `hand`.
    paid_with: &'static str,
    current_period_end: Option<String>,
    grace_until: Option<String>,
    /// For each of the plan's chats: `invited`, `in`, `out`, …
    places: Vec<&'static str>,
    created_at: String,
}

impl SubscriptionView {
    fn of(member: &MemberView, visibility: Visibility) -> Self {
        let row = &member.subscription;
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            plan_id: row.plan.clone(),
            address: row.address.as_ref().map(|address| visibility.address(address)),
            state: row.state.as_str(),
            paid_with: row.payer.as_str(),
            current_period_end: row.current_period_end.map(rfc3339),
            grace_until: row.grace_until.map(rfc3339),
            places: member.places.iter().map(|place| place.state.as_str()).collect(),
            created_at: rfc3339(row.created_at),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionList {
    subscriptions: Vec<SubscriptionView>,
    /// `before` of the next page; null: this was the last.
    next: Option<String>,
}

/// Which subscriptions.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SubscriptionParams {
    /// Of this tenant alone.
    tenant: Option<String>,
    /// Of this plan alone.
    plan: Option<String>,
    /// In this state alone: `pending`, `active`, `grace`, `expired` or `revoked`.
    state: Option<String>,
}

impl QueryParams for SubscriptionParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let field = match name {
            "tenant" => &mut self.tenant,
            "plan" => &mut self.plan,
            "state" => &mut self.state,
            _ => return Ok(false),
        };
        *field = Some(value.to_owned());
        Ok(true)
    }
}

/// Access that is given by hand.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GrantRequest {
    tenant: String,
    plan: String,
    /// Who, as the plan's bot addresses them.
    to: String,
    /// Until then (RFC 3339); for ever unless given.
    until: Option<String>,
}

/// The id of what was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionMade {
    id: String,
}

/// What a change led to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionChanged {
    id: String,
    changed: bool,
}

/// Whose a purchase is to be.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MoveRequest {
    /// Who may enter from now on, as the plan's bot addresses them.
    to: String,
}

/// How a subscription ends.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CancelRequest {
    /// At once, not at the end of what is paid.
    at_once: bool,
}

/// A page on which to pay.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CheckoutBody {
    tenant: String,
    plan: String,
    /// Who may enter, as the plan's bot addresses them; whoever claims it unless given.
    to: Option<String>,
    /// `fr` or `en`; the tenant's unless given.
    language: Option<String>,
}

/// Where to pay.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct CheckoutMade {
    /// Null: it is paid already.
    url: Option<String>,
    subscription_id: Option<String>,
}

fn sold<S>(call: &Call<S>) -> Result<&PaidAccess, HttpProblem> {
    call.api.access.as_ref().filter(|access| access.sells()).ok_or(NOTHING_SOLD)
}

impl From<AccessError> for HttpProblem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Service(error) => error.into(),
            AccessError::UnknownPlan => invalid("plan", "unknown plan", "GET /api/v1/access/plans lists them"),
            AccessError::UnknownSubscription => super::problems::NOT_FOUND,
            AccessError::NotSoldSo => {
                invalid("plan", "not sold that way", "this plan, or this subscription, is paid in another way")
            }
            AccessError::NotByCard => {
                invalid("plan", "not sold by card", "`[stripe]` is missing in palabre.toml, or in the tenant's file")
            }
            AccessError::MovedLately => HttpProblem::new(
                StatusCode::CONFLICT,
                "moved already",
                "somebody has moved it to another account less than thirty days ago",
            ),
            AccessError::NothingPaid => invalid("id", "nothing paid", "there is no payment that could be given back"),
            AccessError::Message(why) => super::messages::not_sent(why),
            error => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the payment system did not do what was asked"
                );
                HttpProblem::new(
                    StatusCode::BAD_GATEWAY,
                    "payment system",
                    "the payment system refused or did not answer: the log has its code; try again",
                )
            }
        }
    }
}

/// What is sold.
#[utoipa::path(get, path = "/api/v1/access/plans", operation_id = "list_plans", tag = "access",
    security(("key" = ["read"])), responses(
    (status = 200, body = PlanList, description = "The plans of the tenants that the key sees"), CallProblems
))]
pub(super) async fn plans(call: Call<ToRead>) -> Reply {
    let access = sold(&call)?;
    let all = crate::service::Tenants::All;
    let plans = access::plans(call.caller.service(), access, &all)?.into_iter().map(|(tenant, plan)| PlanView {
        tenant_id: tenant.to_string(),
        id: plan.id.clone(),
        name: plan.name.clone(),
        price: plan.price,
        currency: plan.currency.to_string(),
        every: plan.every.as_str(),
        stars: plan.stars,
    });
    reply(&PlanList { plans: plans.collect() })
}

/// Who bought what, the newest first.
#[utoipa::path(get, path = "/api/v1/access/subscriptions", operation_id = "list_subscriptions", tag = "access",
    params(SubscriptionParams, PageBefore), security(("key" = ["read"])), responses(
    (status = 200, body = SubscriptionList, description = "A page of subscriptions"), CallProblems, SearchProblems
))]
pub(super) async fn subscriptions(
    call: Call<ToRead>,
    Query((which, page)): Query<(SubscriptionParams, PageBefore)>,
) -> Reply {
    let access = sold(&call)?;
    let state = which.state.as_deref().map(str::parse::<SubscriptionState>).transpose();
    let state =
        state.map_err(|_| invalid("state", "unknown state", "write pending, active, grace, expired or revoked"))?;
    let filter = SubscriptionFilter { plan: which.plan, state, before: page.before, typed: None };
    let limit = page_of(page.limit);
    let tenants = named(which.tenant.as_deref());
    let members = access::members(call.caller.service(), access, &tenants, &filter, limit).await?;
    let next = (members.len() == limit).then(|| members.last().map(|last| last.subscription.id.to_string())).flatten();
    let visibility = call.caller.visibility();
    let subscriptions = members.iter().map(|member| SubscriptionView::of(member, visibility)).collect();
    reply(&SubscriptionList { subscriptions, next })
}

/// Gives somebody access by hand.
#[utoipa::path(post, path = "/api/v1/access/subscriptions", operation_id = "grant_access", tag = "access",
    request_body = GrantRequest, security(("key" = ["operate"])), responses(
    (status = 201, body = SubscriptionMade, description = "They are invited within seconds"), CallProblems, BodyProblems
))]
pub(super) async fn grant(call: Call<ToOperate>, Json(asked): Json<GrantRequest>) -> Reply {
    let access = sold(&call)?;
    let tenant = TenantId::new(&asked.tenant);
    let until = asked.until.as_deref().map(DateTime::parse_from_rfc3339).transpose();
    let until = until.map_err(|_| invalid("until", "bad time", "write it like 2026-12-31T12:00:00Z"))?;
    let member = member(access, (&tenant, call.country_of(&tenant)), &asked.plan, &asked.to)?;
    let caller = call.caller.service();
    let plan = (&tenant, asked.plan.as_str());
    let id = access::grant(caller, access, plan, &member, until.map(|until| until.to_utc()), call.now()).await?;
    reply_with(StatusCode::CREATED, &SubscriptionMade { id: id.to_string() })
}

/// Ends access at once, and the renewal. Nothing is given back.
#[utoipa::path(post, path = "/api/v1/access/subscriptions/{id}/revoke", operation_id = "revoke_access", tag = "access",
    params(("id" = String, Path, description = "The subscription")), security(("key" = ["operate"])), responses(
    (status = 200, body = SubscriptionChanged, description = "They are removed within seconds"), CallProblems, UnknownId
))]
pub(super) async fn revoke(call: Call<ToOperate>, id: PathId) -> Reply {
    let id = subscription(&id)?;
    access::revoke(call.caller.service(), sold(&call)?, id, call.now()).await?;
    changed(id)
}

/// Gives a purchase to another account: the old one has to leave, the new one is invited. Once in thirty days.
#[utoipa::path(post, path = "/api/v1/access/subscriptions/{id}/move", operation_id = "move_access", tag = "access",
    request_body = MoveRequest, params(("id" = String, Path, description = "The subscription")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = SubscriptionChanged, description = "It belongs to that account now"),
    (status = 409, description = "It was moved less than thirty days ago"), CallProblems, UnknownId, BodyProblems
))]
pub(super) async fn move_to(call: Call<ToOperate>, id: PathId, Json(asked): Json<MoveRequest>) -> Reply {
    let (id, access, caller) = (subscription(&id)?, sold(&call)?, call.caller.service());
    let row = access::member_of(caller, access, id).await?.subscription;
    let to = member(access, (&row.tenant, call.country_of(&row.tenant)), &row.plan, &asked.to)?;
    access::move_to(caller, access, id, &to, call.now()).await?;
    changed(id)
}

/// Ends a subscription, at the end of what is paid unless asked otherwise.
#[utoipa::path(post, path = "/api/v1/access/subscriptions/{id}/cancel", operation_id = "cancel_subscription", tag = "access",
    request_body = CancelRequest, params(("id" = String, Path, description = "The subscription")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = SubscriptionChanged, description = "It will not be renewed"), CallProblems, UnknownId, BodyProblems
))]
pub(super) async fn cancel(call: Call<ToOperate>, id: PathId, Json(asked): Json<CancelRequest>) -> Reply {
    let id = subscription(&id)?;
    access::cancel(call.caller.service(), sold(&call)?, id, asked.at_once, call.now()).await?;
    changed(id)
}

/// Gives the last payment back, which ends what it paid for. No scope of a key of the configuration allows it: the key of a person does.
#[utoipa::path(post, path = "/api/v1/access/subscriptions/{id}/refund", operation_id = "refund_subscription", tag = "access",
    params(("id" = String, Path, description = "The subscription")), security(("key" = ["operate"])), responses(
    (status = 200, body = SubscriptionChanged, description = "The money goes back"), CallProblems, UnknownId
))]
pub(super) async fn refund(call: Call<ToOperate>, id: PathId) -> Reply {
    let id = subscription(&id)?;
    access::refund(call.caller.service(), sold(&call)?, id, call.now()).await?;
    changed(id)
}

/// Makes a page on which a plan is paid by card.
#[utoipa::path(post, path = "/api/v1/access/checkout", operation_id = "make_checkout", tag = "access",
    request_body = CheckoutBody, security(("key" = ["send"])), responses(
    (status = 201, body = CheckoutMade, description = "Where to pay"), CallProblems, BodyProblems
))]
pub(super) async fn checkout(call: Call<ToSend>, Json(asked): Json<CheckoutBody>) -> Reply {
    let access = sold(&call)?;
    let tenant = TenantId::new(&asked.tenant);
    call.caller.service().within(&tenant)?;
    let fallback = access.creators.get(&tenant).map(|creator| creator.language).unwrap_or_default();
    let language = asked.language.as_deref().map_or(Ok(fallback), str::parse);
    let language = language.map_err(|_| invalid("language", "unknown language", "write `fr` or `en`"))?;
    let member = match asked.to.as_deref() {
        Some(to) => Some(member(access, (&tenant, call.country_of(&tenant)), &asked.plan, to)?),
        None => None,
    };
    let buyer = Buyer { tenant, plan: asked.plan, language, member };
    let made = match access::buy(access, &buyer, call.now()).await? {
        CheckoutPage::At(url, id) => CheckoutMade { url: Some(url), subscription_id: Some(id.to_string()) },
        CheckoutPage::AlreadyPaid => CheckoutMade { url: None, subscription_id: None },
    };
    reply_with(StatusCode::CREATED, &made)
}

fn subscription(id: &PathId) -> Result<Uuid, HttpProblem> {
    uuid("id", &id.0)
}

fn changed(id: Uuid) -> Reply {
    reply(&SubscriptionChanged { id: id.to_string(), changed: true })
}

/// An address on the channel of a plan's bot.
fn member(
    access: &PaidAccess,
    (tenant, home): (&TenantId, Option<HomeCountry>),
    plan: &str,
    to: &str,
) -> Result<Address, HttpProblem> {
    let scheme = access.plan(tenant, plan).and_then(|plan| plan.chats.first().map(Address::scheme));
    let scheme = scheme.ok_or(AccessError::UnknownPlan)?;
    Address::parse(scheme, to, home)
        .map_err(|_| invalid("to", "bad address", "write it as the channel of the plan's bot addresses people"))
}
