//! The waiting list on the agenda's page.

use actix_web::web;
use palabre_actors::domain::dates::to_local;
use palabre_actors::domain::ids::WaitingId;
use serde::Serialize;

use super::super::home::Nothing;
use super::super::{ConsoleError, ConsoleState, Form, Member, Page};
use super::{Shop, who};
use crate::service::{ServiceError, waiting};
use crate::store::operator::WaitingRow;

/// People that are shown.
const MOST: usize = 100;

/// Somebody who waits.
#[derive(Serialize)]
pub(super) struct WaitingLine {
    id: String,
    conversation: String,
    who: String,
    what: String,
    when: String,
    since: String,
    state: &'static str,
    state_text: String,
}

pub(super) async fn lines(
    shop: &Shop,
    member: &Member,
    state: &ConsoleState,
) -> Result<Vec<WaitingLine>, ConsoleError> {
    let rows = waiting::list(&member.caller, &state.deps.store, &member.tenant, (shop.display.now, MOST)).await?;
    Ok(rows.iter().map(|row| line(shop, member, state, row)).collect())
}

fn line(shop: &Shop, member: &Member, state: &ConsoleState, row: &WaitingRow) -> WaitingLine {
    let zone = shop.display.timezone;
    let day = |at| shop.day_text(to_local(at, zone).date());
    // The last day is the one before the midnight at which it ends.
    let (first, last) = (day(row.from), day(row.until - chrono::TimeDelta::seconds(1)));
    let mut when = if first == last { first } else { format!("{first} – {last}") };
    if let Some((from, until)) = row.hours {
        when = format!("{when}, {}–{}", from.format("%H:%M"), until.format("%H:%M"));
    }
    let service = shop.service_name(&row.service);
    WaitingLine {
        id: row.id.to_string(),
        conversation: row.conversation.to_string(),
        who: who(member, state, (row.contact_name.as_deref(), row.address.as_ref())),
        what: row.resource.as_ref().map_or_else(|| service.clone(), |with| format!("{service} · {with}")),
        when,
        since: shop.display.since(row.since),
        state: row.state.as_str(),
        state_text: state.text(member, "waiting_state", row.state.as_str()),
    }
}

/// `POST /console/bookings/waiting/{id}/remove`
pub(super) async fn remove(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    _: Form<Nothing>,
) -> Result<Page, ConsoleError> {
    let entry: WaitingId = id.parse().map_err(|_| ConsoleError::NotFound)?;
    match waiting::remove(&member.caller, state.access(), (&member.tenant, entry), state.now()).await {
        Ok(()) => Ok(Page::see("/console/bookings?done=removed#waiting")),
        Err(ServiceError::NotDone(_) | ServiceError::NotFound(_)) => {
            Ok(Page::see("/console/bookings?done=removed_before#waiting"))
        }
        Err(error) => Err(error.into()),
    }
}
