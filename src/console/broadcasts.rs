//! `/console/broadcasts`: one message to many customers, what it would come to before it starts, how far each is, and its end.

use std::collections::BTreeMap;

use actix_web::web;
use chrono::TimeDelta;
use minijinja::{Value, context};
use palabre_actors::domain::ids::ChannelId;
use palabre_actors::domain::template::{Template, TemplateUse};
use palabre_actors::domain::typography::money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::composer::LONGEST_VALUE;
use super::display::{Display, channel_name, shown};
use super::routes::PageRoutes;
use super::setup::Fields;
use super::timeline::why;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::config::{Channel, Tenant};
use crate::service::broadcasts::{self, BroadcastOrder, BroadcastPlan};
use crate::service::{Permission, ServiceError, inbox};
use crate::store::broadcasts::{BroadcastRow, BroadcastState, ReportLine, Segment};

/// Rows of a page.
const ROWS: usize = 30;
/// The longest text, in characters.
const LONGEST_TEXT: usize = 4_096;
/// Days back from which customers may be meant.
const DAYS: [i64; 4] = [7, 30, 90, 365];

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/broadcasts", list);
    routes.get("/broadcasts/new", new);
    routes.post("/broadcasts/new", look);
    routes.post("/broadcasts", start);
    routes.get("/broadcasts/{id}", one);
    routes.post("/broadcasts/{id}/stop", stop);
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BroadcastsQuery {
    /// Those before this one: the next page.
    before: String,
    /// What was just done.
    done: String,
    /// How many messages were called back.
    count: u64,
}

#[derive(Serialize)]
struct BroadcastLine {
    id: String,
    state: &'static str,
    state_text: String,
    why: Option<String>,
    channel: String,
    text: String,
    label: Option<String>,
    started: String,
    machine: String,
    by: String,
}

/// What somebody wants to be said, as the form has it.
#[derive(Default, Serialize)]
struct Asked {
    channel: String,
    label: String,
    /// Days back; empty: whenever they wrote.
    days: String,
    text: String,
    template: String,
    budget: String,
    /// What stands in the template's places.
    places: BTreeMap<String, String>,
}

impl Asked {
    fn of(fields: &Fields, template: Option<&Template>) -> Self {
        let name = fields.line("template", 80);
        let names = template.map(|template| template.variables.as_slice()).unwrap_or_default();
        let places =
            names.iter().map(|name| (name.clone(), fields.line(&format!("v.{name}"), LONGEST_VALUE))).collect();
        Self {
            channel: fields.line("channel", 80),
            label: fields.line("label", 80),
            days: fields.line("days", 4),
            text: fields.text("text", LONGEST_TEXT),
            template: name,
            budget: fields.line("budget", 20),
            places,
        }
    }

    /// The budget in millionths. `Err`: it is no amount.
    fn budget_micros(&self) -> Result<Option<i64>, &'static str> {
        if self.budget.is_empty() {
            return Ok(None);
        }
        let amount: Option<f64> = self.budget.replace(',', ".").parse().ok();
        let amount = amount.filter(|amount| (0.0..=1_000_000_000.0).contains(amount)).ok_or("budget")?;
        #[expect(clippy::cast_possible_truncation, reason = "within a billion; casting saturates")]
        let micros = (amount * 1_000_000.0).round() as i64;
        Ok(Some(micros))
    }

    /// The order that it is. `Err`: the field that is wrong.
    fn order(&self, member: &Member, display: &Display) -> Result<BroadcastOrder, &'static str> {
        let seen_since =
            self.days.parse().ok().filter(|days| DAYS.contains(days)).map(|days| display.now - TimeDelta::days(days));
        let template = (!self.template.is_empty())
            .then(|| TemplateUse { name: self.template.clone(), variables: self.places.clone() });
        Ok(BroadcastOrder {
            segment: Segment {
                tenant: member.tenant.clone(),
                channel: ChannelId::new(&self.channel),
                label: Some(self.label.clone()).filter(|label| !label.is_empty()),
                seen_since,
            },
            text: Some(self.text.clone()).filter(|text| !text.is_empty()),
            template,
            per_minute: broadcasts::PER_MINUTE,
            budget_micros: self.budget_micros()?,
        })
    }
}

/// What is found wrong with a form, and what it would come to otherwise.
#[derive(Default)]
struct Looked {
    wrong: Option<&'static str>,
    plan: Option<BroadcastPlan>,
}

fn tenant(state: &ConsoleState, member: &Member) -> Result<std::sync::Arc<Tenant>, ConsoleError> {
    state.tenant(&member.tenant).ok_or(ConsoleError::NotFound)
}

/// `GET /console/broadcasts`
pub async fn list(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<BroadcastsQuery>,
) -> Result<Page, ConsoleError> {
    let tenants = member.own_tenant();
    let part = (query.before.parse().ok(), ROWS + 1);
    let mut rows = broadcasts::list(&member.caller, &state.deps.store, &tenants, part).await?;
    let has_more = rows.len() > ROWS;
    rows.truncate(ROWS);
    let (display, names) = (state.display(&member), state.names(&member).await?);
    let lines: Vec<BroadcastLine> = rows.iter().map(|row| line(&member, &state, (&display, &names), row)).collect();
    let context = context! {
        more => rows.last().filter(|_| has_more).map(|last| format!("/console/broadcasts?before={}", last.id)),
        lines => shown(lines),
        may_send => member.caller.may(Permission::BroadcastSend),
    };
    state.page(("broadcasts/list.html", "broadcasts"), &member, context)
}

fn line(
    member: &Member,
    state: &ConsoleState,
    (display, names): (&Display, &BTreeMap<String, String>),
    row: &BroadcastRow,
) -> BroadcastLine {
    let tenant = state.tenant(&member.tenant);
    let name = row.template.as_ref().map(|template| template.name.as_str());
    let known = tenant.as_ref().zip(name).and_then(|(tenant, name)| find(tenant, name));
    let said = row.text.clone().or_else(|| known.and_then(|template| template.body.clone()));
    BroadcastLine {
        id: row.id.to_string(),
        state: row.state.as_str(),
        state_text: state.text(member, "broadcast_state", row.state.as_str()),
        why: row.reason.as_deref().map(|reason| state.text(member, "broadcast_reason", reason)),
        channel: channel(state, member, &row.segment.channel),
        text: said.or_else(|| name.map(ToOwned::to_owned)).unwrap_or_default(),
        label: row.segment.label.clone(),
        started: display.moment(row.created_at),
        machine: Display::machine(row.created_at),
        by: names.get(&row.started_by).cloned().unwrap_or_else(|| row.started_by.clone()),
    }
}

fn channel(state: &ConsoleState, member: &Member, id: &ChannelId) -> String {
    let found = state.channel(&member.tenant, id);
    found.map_or_else(|| id.to_string(), |channel| format!("{} ({id})", channel_name(channel.address.scheme())))
}

fn find<'a>(tenant: &'a Tenant, name: &str) -> Option<&'a Template> {
    tenant.rules.source().templates.iter().find(|template| template.name == name)
}

/// `GET /console/broadcasts/new`
pub async fn new(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    form(&member, &state, &Asked::default(), Looked::default()).await
}

async fn form(member: &Member, state: &ConsoleState, asked: &Asked, looked: Looked) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::BroadcastSend)?;
    let tenant = tenant(state, member)?;
    let option = |channel: &Channel| {
        context! { id => channel.id.as_str(), name => format!("{} ({})", channel_name(channel.address.scheme()), channel.id) }
    };
    let channels: Vec<Value> = tenant.channels.iter().map(option).collect();
    let templates: Vec<String> = tenant.rules.source().templates.iter().map(|template| template.name.clone()).collect();
    let labels = inbox::labels(&member.caller, &state.deps.store, &member.tenant).await?;
    let chosen = find(&tenant, &asked.template);
    let places: Vec<Value> = asked.places.iter().map(|(name, value)| context! { name, value }).collect();
    let plan = looked.plan.as_ref().map(|plan| planned(member, state, plan));
    let context = context! {
        channels, templates, labels, places, plan,
        days => DAYS,
        wrong => looked.wrong,
        asked => shown(asked),
        preview => chosen.and_then(|template| template.body.clone()),
        may_start => looked.plan.is_some_and(|plan| plan.reached > 0),
    };
    state.page(("broadcasts/new.html", "broadcasts"), member, context)
}

fn planned(member: &Member, state: &ConsoleState, plan: &BroadcastPlan) -> Value {
    let refused = plan.refused.iter();
    let refused: Vec<Value> = refused
        .map(|(why, count)| context! { why => state.text(member, "broadcast_refused", why), count => *count })
        .collect();
    context! {
        reached => plan.reached,
        refused,
        cost => (plan.cost_micros > 0).then(|| money(member.language, plan.cost_micros)),
        within => plan.within_budget,
    }
}

/// `POST /console/broadcasts/new`: what it would come to. Nothing is written.
pub async fn look(member: Member, state: web::Data<ConsoleState>, fields: Form<Fields>) -> Result<Page, ConsoleError> {
    let (asked, order) = read(&member, &state, &fields.0)?;
    let looked = match order {
        Err(wrong) => Looked { wrong: Some(wrong), plan: None },
        Ok(order) => {
            let tenant = tenant(&state, &member)?;
            let planned = broadcasts::plan(&member.caller, &state.deps.store, &tenant, &order, state.now()).await;
            match told(planned)? {
                Ok(plan) => Looked { wrong: None, plan: Some(plan) },
                Err(wrong) => Looked { wrong: Some(wrong), plan: None },
            }
        }
    };
    form(&member, &state, &asked, looked).await
}

/// What a form says, and the order that it is or the field that is wrong.
fn read(
    member: &Member,
    state: &ConsoleState,
    fields: &Fields,
) -> Result<(Asked, Result<BroadcastOrder, &'static str>), ConsoleError> {
    let tenant = tenant(state, member)?;
    let template = find(&tenant, &fields.line("template", 80));
    let asked = Asked::of(fields, template);
    let missing = template.is_some_and(|template| !template.missing(&asked.places).is_empty());
    let order = if missing { Err("places") } else { asked.order(member, &state.display(member)) };
    Ok((asked, order))
}

/// What a service says of a form: done, or the field that is wrong.
fn told<T>(answer: Result<T, ServiceError>) -> Result<Result<T, &'static str>, ConsoleError> {
    match answer {
        Ok(done) => Ok(Ok(done)),
        Err(ServiceError::NotValid { field, .. }) => Ok(Err(field)),
        Err(ServiceError::NotFound("channel")) => Ok(Err("channel")),
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/broadcasts`
pub async fn start(member: Member, state: web::Data<ConsoleState>, fields: Form<Fields>) -> Result<Page, ConsoleError> {
    let (asked, order) = read(&member, &state, &fields.0)?;
    let wrong = match order {
        Err(wrong) => wrong,
        Ok(order) => {
            let tenant = tenant(&state, &member)?;
            match told(broadcasts::start(&member.caller, &state.deps.store, &tenant, order, state.now()).await)? {
                Ok(row) => return Ok(Page::see(&format!("/console/broadcasts/{}?done=started", row.id))),
                Err(wrong) => wrong,
            }
        }
    };
    form(&member, &state, &asked, Looked { wrong: Some(wrong), plan: None }).await
}

/// `GET /console/broadcasts/{id}`
pub async fn one(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    query: web::Query<BroadcastsQuery>,
) -> Result<Page, ConsoleError> {
    let (row, lines) = own(&member, &state, &id).await?;
    let (display, names) = (state.display(&member), state.names(&member).await?);
    let line = line(&member, &state, (&display, &names), &row);
    let all: i64 = lines.iter().map(|line| line.count).sum();
    let waiting: i64 = lines.iter().filter(|line| line.state == "waiting").map(|line| line.count).sum();
    let cost: i64 = lines.iter().map(|line| line.cost_micros).sum();
    let report: Vec<Value> = lines.iter().map(|line| reported(&member, &state, &display, line)).collect();
    let done = state.pages.texts().find(member.language, "broadcasts", &format!("done_{}", query.done));
    let context = context! {
        line => shown(line),
        report, all,
        over => all - waiting,
        cost => (cost > 0).then(|| money(member.language, cost)),
        done => done.map(|text| text.replace("{count}", &query.count.to_string())),
        may_stop => row.state == BroadcastState::Running && member.caller.may(Permission::BroadcastSend),
    };
    state.page(("broadcasts/one.html", "broadcasts"), &member, context)
}

fn reported(member: &Member, state: &ConsoleState, display: &Display, line: &ReportLine) -> Value {
    let what = match line.message {
        Some(message) => state.text(member, "state", message.as_str()),
        None => state.text(member, "broadcast_recipient", &line.state),
    };
    let refused =
        |reason: &str| state.pages.texts().find(member.language, "broadcast_refused", reason).map(ToOwned::to_owned);
    let why = line
        .reason
        .as_deref()
        .map(|reason| refused(reason).unwrap_or_else(|| why(state.pages.texts(), display, reason)));
    context! { what, why, count => line.count, cost => (line.cost_micros > 0).then(|| money(member.language, line.cost_micros)) }
}

/// A broadcast of the tenant that the member looks at: another's is none.
async fn own(member: &Member, state: &ConsoleState, id: &str) -> Result<(BroadcastRow, Vec<ReportLine>), ConsoleError> {
    let id: Uuid = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let (row, lines) = broadcasts::report(&member.caller, &state.deps.store, id).await?;
    if row.segment.tenant == member.tenant { Ok((row, lines)) } else { Err(ConsoleError::NotFound) }
}

/// `POST /console/broadcasts/{id}/stop`
pub async fn stop(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    _: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let (row, _) = own(&member, &state, &id).await?;
    let called_back = broadcasts::stop(&member.caller, &state.deps.store, row.id, state.now()).await?;
    Ok(Page::see(&format!("/console/broadcasts/{}?done=stopped&count={called_back}", row.id)))
}
