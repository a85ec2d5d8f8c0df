//! `/console/rides`: rides and other offers as they happen, who has them, and who is on duty.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::OfferId;
use palabre_actors::domain::offer::OfferState;
use serde::{Deserialize, Serialize};

use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::{Permission, ServiceError, offers};
use crate::store::operator::{OfferRow, OnDutyRow};

/// Offers that are shown.
const OFFERS: usize = 60;
/// One that somebody has can be called off for so long.
const LASTS: chrono::TimeDelta = chrono::TimeDelta::hours(24);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RidesQuery {
    /// What was just done, or why it was not.
    done: String,
}

#[derive(Serialize)]
struct OfferLine {
    id: String,
    conversation: String,
    who: String,
    text: String,
    state: &'static str,
    state_text: String,
    /// Who has it.
    driver: Option<String>,
    driver_conversation: Option<String>,
    since: String,
    machine: String,
    may_cancel: bool,
    /// How good it was, as the customer said.
    rating: Option<i64>,
}

#[derive(Serialize)]
struct DutyLine {
    name: String,
    conversation: String,
    since: String,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/rides", list);
    routes.post("/rides/{id}/cancel", cancel);
}

/// `GET /console/rides`
pub async fn list(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<RidesQuery>,
) -> Result<Page, ConsoleError> {
    let (rows, on_duty) = offers::list(&member.caller, &state.deps.store, &member.tenant, OFFERS).await?;
    let display = state.display(&member);
    let (open, over): (Vec<&OfferRow>, Vec<&OfferRow>) = rows.iter().partition(|row| row.state == OfferState::Open);
    let lines = |rows: Vec<&OfferRow>| {
        shown(rows.into_iter().map(|row| line(&member, &state, &display, row)).collect::<Vec<OfferLine>>())
    };
    let duty = |row: &OnDutyRow| DutyLine {
        name: driver(&member, &state, &row.address),
        conversation: row.conversation.to_string(),
        since: display.since(row.since),
    };
    let context = context! {
        open => lines(open),
        over => lines(over),
        on_duty => shown(on_duty.iter().map(duty).collect::<Vec<DutyLine>>()),
        may_tell => member.caller.may(Permission::MessageSend),
        done => state.pages.texts().find(member.language, "rides", &format!("done_{}", query.done)),
    };
    state.page(("rides.html", "rides"), &member, context)
}

fn line(member: &Member, state: &ConsoleState, display: &Display, row: &OfferRow) -> OfferLine {
    let sees_people = member.caller.may(Permission::ContentRead);
    let who = state.seen_person(member, row.contact_name.as_deref(), row.address.as_ref());
    let is_young = display.now - row.created_at < LASTS;
    let may_end = matches!(row.state, OfferState::Open) || (row.state == OfferState::Accepted && is_young);
    OfferLine {
        id: row.id.to_string(),
        conversation: row.conversation.to_string(),
        who: who.unwrap_or_default(),
        text: if sees_people { row.text.clone() } else { String::new() },
        state: row.state.as_str(),
        state_text: state.text(member, "offer_state", row.state.as_str()),
        driver: row.driver.as_ref().map(|address| driver(member, state, address)),
        driver_conversation: row.assigned_to.map(|id| id.to_string()),
        since: display.since(row.created_at),
        machine: Display::machine(row.created_at),
        rating: row.rating,
        may_cancel: may_end && member.caller.may(Permission::BookingWrite),
    }
}

/// What a driver is called in the tenant's file, or their number.
fn driver(member: &Member, state: &ConsoleState, at: &Address) -> String {
    let tenant = state.tenant(&member.tenant);
    let named = tenant.as_ref().and_then(|tenant| Some(tenant.rules.flows()?.driver(at)?.name.clone()));
    named.unwrap_or_else(|| state.seen_address(member, at))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CancelRideForm {
    tell: String,
}

/// `POST /console/rides/{id}/cancel`
pub async fn cancel(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<CancelRideForm>,
) -> Result<Page, ConsoleError> {
    let offer: OfferId = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let tells = !form.0.tell.is_empty();
    match offers::cancel(&member.caller, state.access(), (&member.tenant, offer), tells).await {
        Ok(_) => Ok(Page::see("/console/rides?done=cancelled")),
        Err(ServiceError::NotDone(_)) => Ok(Page::see("/console/rides?done=late")),
        Err(error) => Err(error.into()),
    }
}
