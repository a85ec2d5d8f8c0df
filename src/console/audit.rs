//! The audit log: who did what.

use std::collections::BTreeMap;

use actix_web::web;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Member, Page};
use crate::service::{audit, people};
use crate::store::audit::AuditFilter;

/// Rows on a page.
const PAGE: usize = 100;

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/audit", page);
}

#[derive(Deserialize)]
struct Wanted {
    actor: Option<String>,
    action: Option<String>,
    before: Option<String>,
}

#[derive(Serialize)]
struct AuditLine {
    at: String,
    /// Their rows alone.
    href: String,
    who: String,
    /// What they did, in words, where there are some.
    what: Option<String>,
    action: String,
    entity: String,
    entity_id: String,
    /// Where the thing is shown.
    entity_href: Option<String>,
}

fn href(query: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("/console/audit?{query}")
}

fn told(member: &Member, state: &ConsoleState, section: &str, key: &str) -> Option<String> {
    state.pages.texts().find(member.language, section, key).map(ToOwned::to_owned)
}

/// What a program is called.
fn program(member: &Member, state: &ConsoleState, actor: &str) -> String {
    told(member, state, "audit_actor", &actor.replace('-', "_")).unwrap_or_else(|| actor.to_owned())
}

/// Where a thing of the log is shown, if that is a page of its own.
fn place(kind: &str, id: &str) -> Option<String> {
    let path = match kind {
        "conversation" => "conversations",
        "message" => "messages",
        "booking" => "bookings",
        "broadcast" => "broadcasts",
        _ => return None,
    };
    Some(format!("/console/{path}/{id}"))
}

async fn page(
    member: Member,
    state: web::Data<ConsoleState>,
    wanted: web::Query<Wanted>,
) -> Result<Page, ConsoleError> {
    let given = |text: &Option<String>| text.clone().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let before = given(&wanted.before).map(|id| id.parse::<Uuid>()).transpose().map_err(|_| ConsoleError::BadForm)?;
    let filter =
        AuditFilter { actor: given(&wanted.actor), action: given(&wanted.action), before, ..AuditFilter::default() };
    let tenants = member.own_tenant();
    let store = &state.deps.people.store;
    let rows = audit::list(&member.caller, store, &tenants, (&filter, PAGE)).await?;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for row in &rows {
        if !names.contains_key(&row.actor) {
            let person = people::person_of(&state.deps.people, &row.actor).await?;
            names.insert(
                row.actor.clone(),
                person.map_or_else(|| program(&member, &state, &row.actor), |person| person.name),
            );
        }
    }
    let next = rows.last().filter(|_| rows.len() == PAGE).map(|row| row.id.to_string());
    let actor = filter.actor.unwrap_or_default();
    let action = filter.action.unwrap_or_default();
    let older = next.map(|id| href(&[("before", &id), ("actor", &actor), ("action", &action)]));
    let display = state.display(&member);
    let lines: Vec<AuditLine> = rows
        .into_iter()
        .map(|row| AuditLine {
            at: display.exact(row.at),
            href: href(&[("actor", &row.actor)]),
            who: names.get(&row.actor).cloned().unwrap_or_default(),
            what: told(&member, &state, "audit_action", &row.action.replace('.', "_")),
            action: row.action,
            entity: told(&member, &state, "audit_entity", &row.entity_type).unwrap_or(row.entity_type.clone()),
            entity_href: place(&row.entity_type, &row.entity_id),
            entity_id: row.entity_id,
        })
        .collect();
    let shown = context! {
        lines => Value::from(Serde(lines)),
        actor,
        action,
        older,
    };
    state.page(("people/audit.html", "audit"), &member, shown)
}
