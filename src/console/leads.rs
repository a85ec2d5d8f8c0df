//! `/console/leads`: who asks to be called back, where each stands, and a CSV of them.

use actix_web::{HttpResponse, web};
use minijinja::context;
use palabre_actors::domain::ids::LeadId;
use palabre_actors::domain::lead::LeadState;
use serde::{Deserialize, Serialize};

use super::csv_file::csv_file;
use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::{Permission, leads};
use crate::store::operator::LeadRow;

/// Rows of a page.
const ROWS: usize = 50;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct LeadsQuery {
    /// In this state alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    state: String,
    /// Those before this one: the next page.
    #[serde(skip_serializing)]
    before: String,
    /// What was just done.
    #[serde(skip_serializing)]
    done: String,
}

impl LeadsQuery {
    fn state(&self) -> Option<LeadState> {
        self.state.parse().ok()
    }
}

#[derive(Serialize)]
struct LeadLine {
    id: String,
    conversation: String,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    need: String,
    is_urgent: bool,
    state: &'static str,
    state_text: String,
    time: String,
    machine: String,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/leads", list);
    routes.get("/leads/export", export);
    routes.post("/leads/{id}/state", mark);
}

/// `GET /console/leads`
pub async fn list(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<LeadsQuery>,
) -> Result<Page, ConsoleError> {
    let (store, tenants) = (&state.deps.store, member.own_tenant());
    let part = (query.before.parse().ok().map(LeadId), ROWS + 1);
    let mut rows = leads::list(&member.caller, store, &tenants, query.state(), part).await?;
    let has_more = rows.len() > ROWS;
    rows.truncate(ROWS);
    let counts = leads::counts(&member.caller, store, &member.tenant).await?;
    let tabs: Vec<_> = LeadState::ALL
        .iter()
        .map(|one| {
            let count = counts.iter().find(|(of, _)| of == one).map_or(0, |(_, count)| *count);
            let text = state.text(&member, "lead_state", one.as_str());
            context! { state => one.as_str(), text, count, is_chosen => query.state() == Some(*one) }
        })
        .collect();
    let more = rows.last().filter(|_| has_more).map(|last| {
        let mut next = form_urlencoded::Serializer::new(String::new());
        next.append_pair("state", &query.state).append_pair("before", &last.id.to_string());
        format!("/console/leads?{}", next.finish())
    });
    let display = state.display(&member);
    let lines: Vec<LeadLine> = rows.iter().map(|row| line(&member, &state, &display, row)).collect();
    let context = context! {
        lines => shown(lines),
        tabs,
        chosen => query.state().map(LeadState::as_str),
        more,
        may_write => member.caller.may(Permission::LeadWrite),
        may_export => member.caller.may(Permission::ContentRead),
        done => (query.done == "marked").then(|| state.text(&member, "leads", "marked")),
    };
    state.page(("leads.html", "leads"), &member, context)
}

fn line(member: &Member, state: &ConsoleState, display: &Display, row: &LeadRow) -> LeadLine {
    let sees_people = member.caller.may(Permission::ContentRead);
    let seen = |text: &Option<String>| text.clone().filter(|_| sees_people);
    let word = row.state.as_str();
    LeadLine {
        id: row.id.to_string(),
        conversation: row.conversation.to_string(),
        name: seen(&row.name).unwrap_or_else(|| state.text(member, "inbox", "someone")),
        email: seen(&row.email),
        phone: seen(&row.phone),
        need: if sees_people { row.need.clone() } else { String::new() },
        is_urgent: row.urgent,
        state: word,
        state_text: state.text(member, "lead_state", word),
        time: display.short(row.created_at),
        machine: Display::machine(row.created_at),
    }
}

/// `GET /console/leads/export`: the same as CSV.
pub async fn export(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<LeadsQuery>,
) -> Result<HttpResponse, ConsoleError> {
    let csv = leads::export(&member.caller, &state.deps.store, &member.tenant, query.state()).await?;
    Ok(csv_file("leads.csv", &csv))
}

/// Where a lead stands now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MarkForm {
    state: String,
    /// The list that it was marked in.
    list: String,
}

/// `POST /console/leads/{id}/state`
pub async fn mark(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<MarkForm>,
) -> Result<Page, ConsoleError> {
    let lead = LeadId(id.parse().map_err(|_| ConsoleError::NotFound)?);
    let into: LeadState = form.0.state.parse().unwrap_or(LeadState::Contacted);
    let lead = (&member.tenant, lead);
    leads::mark(&member.caller, &state.deps.store, lead, into, state.now()).await?;
    let list = LeadsQuery { state: form.0.list, ..LeadsQuery::default() };
    let list = list.state().map_or_else(String::new, |state| format!("state={state}&"));
    Ok(Page::see(&format!("/console/leads?{list}done=marked")))
}
