//! `/console/flows`: the tenant's flows as pictures, where contacts stand in them, and putting one on a step.

use std::collections::BTreeMap;

use actix_web::web;
use minijinja::{Value, context};
use palabre_actors::domain::flow::graph::PictureWords;
use palabre_actors::domain::flow::{Flow, Flows, Step, picture};
use palabre_actors::domain::ids::ConversationId;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::turn::Placing;
use serde::{Deserialize, Serialize};

use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::flows::{self, InFlow};
use crate::service::messages::NotSent;
use crate::service::{Permission, ServiceError, conversations};

/// Contacts that are counted and listed.
const MOST: usize = 1_000;
/// Contacts that a flow lists.
const LISTED: usize = 50;

/// What stands in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FlowsQuery {
    /// Somebody who is to be put on a step.
    conversation: String,
    /// What was just done, or why it was not.
    done: String,
}

/// Somebody in a flow.
#[derive(Serialize)]
struct InFlowLine {
    conversation: String,
    who: String,
    step: String,
    since: String,
    machine: String,
}

/// A step, as a choice and in the list of a flow.
#[derive(Serialize)]
struct StepLine {
    id: String,
    text: String,
    here: usize,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/flows", list);
    routes.post("/flows/place", place);
}

/// `GET /console/flows`
pub async fn list(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<FlowsQuery>,
) -> Result<Page, ConsoleError> {
    let people = flows::list(&member.caller, &state.deps.store, &member.tenant, MOST).await?;
    let tenant = state.tenant(&member.tenant).ok_or(ConsoleError::NotFound)?;
    let display = state.display(&member);
    let all = tenant.rules.flows().map(Flows::all).unwrap_or_default();
    let drawn: Vec<Value> = all.iter().map(|flow| flow_shown(flow, (&member, &state), &display, &people)).collect();
    let chosen = match query.conversation.parse().map(ConversationId) {
        Ok(id) => Some(whom(&member, &state, id).await?),
        Err(_) => None,
    };
    let may_place = member.caller.may(Permission::ConversationWrite) && member.caller.may(Permission::MessageSend);
    let context = context! {
        flows => drawn,
        chosen => shown(chosen),
        may_place,
        done => state.pages.texts().find(member.language, "flows", &format!("done_{}", query.done)),
    };
    state.page(("flows.html", "flows"), &member, context)
}

/// The conversation of somebody who is to be put on a step, and their name.
async fn whom(member: &Member, state: &ConsoleState, id: ConversationId) -> Result<(String, String), ConsoleError> {
    let row = conversations::show(&member.caller, &state.deps.store, id).await?;
    let who = state.seen_person(member, row.contact_name.as_deref(), Some(&row.address));
    Ok((id.to_string(), who.unwrap_or_default()))
}

fn flow_shown(flow: &Flow, (member, state): (&Member, &ConsoleState), display: &Display, people: &[InFlow]) -> Value {
    let here: Vec<&InFlow> = people.iter().filter(|one| one.flow == flow.name).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for one in &here {
        *counts.entry(one.step.clone()).or_default() += 1;
    }
    let step = |step: &Step| StepLine {
        id: step.id.clone(),
        text: step_text(member, state, &step.id),
        here: counts.get(&step.id).copied().unwrap_or(0),
    };
    let words = match member.language {
        Language::Fr => PictureWords::FRENCH,
        Language::En => PictureWords::ENGLISH,
    };
    let steps: Vec<StepLine> = flow.steps.iter().map(step).collect();
    let listed: Vec<InFlowLine> = here.iter().take(LISTED).map(|one| person(member, state, display, one)).collect();
    let drawn = picture::svg(flow, &counts, words);
    context! {
        name => flow.name.as_str(),
        title => state.pages.texts().find(member.language, "flow_name", &flow.name).unwrap_or(&flow.name),
        // The picture escapes what it writes.
        picture => Value::from_safe_string(drawn),
        steps => shown(steps),
        people => shown(listed),
        count => here.len(),
    }
}

/// What a built-in step is called, or its own id.
fn step_text(member: &Member, state: &ConsoleState, id: &str) -> String {
    state.pages.texts().find(member.language, "flow_step", id).map_or_else(|| id.to_owned(), str::to_owned)
}

fn person(member: &Member, state: &ConsoleState, display: &Display, one: &InFlow) -> InFlowLine {
    let who = state.seen_person(member, one.contact_name.as_deref(), Some(&one.address));
    InFlowLine {
        conversation: one.conversation.to_string(),
        who: who.unwrap_or_default(),
        step: step_text(member, state, &one.step),
        since: display.since(one.since),
        machine: Display::machine(one.since),
    }
}

/// Whom to put where: `flow/step`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PlaceForm {
    conversation: String,
    place: String,
}

/// `POST /console/flows/place`
pub async fn place(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<PlaceForm>,
) -> Result<Page, ConsoleError> {
    let conversation = form.0.conversation.parse().map(ConversationId).map_err(|_| ConsoleError::NotFound)?;
    let (flow, step) = form.0.place.split_once('/').ok_or(ConsoleError::NotFound)?;
    let placing = Placing { flow: flow.to_owned(), step: step.to_owned() };
    match flows::place(&member.caller, state.access(), (&member.tenant, conversation), placing).await {
        Ok(()) => Ok(Page::see("/console/flows?done=placed")),
        Err(ServiceError::NotDone(why)) => {
            let done = match why {
                NotSent::Refused { word: "opted_out", .. } => "stop",
                NotSent::Refused { .. } => "gone",
                _ => "later",
            };
            Ok(Page::see(&format!("/console/flows?done={done}")))
        }
        Err(error) => Err(error.into()),
    }
}
