//! Forms of a booking: another time, called off, took place, nobody came.

use actix_web::web;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::dates::to_utc;
use palabre_actors::domain::ids::BookingId;
use serde::Deserialize;

use super::super::{ConsoleError, ConsoleState, Form, Member, Page};
use super::one::{MoveForm, Refusal, id_of, page, reach, template};
use super::{AgendaQuery, Shop, refused};
use crate::service::ServiceError;
use crate::service::bookings::{self, BookingChanged, BookingChoice};

/// The form of whatever else becomes of a booking.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SettleForm {
    tell: String,
    was: String,
}

/// `POST /console/bookings/{id}/move`
pub async fn move_to(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<MoveForm>,
) -> Result<Page, ConsoleError> {
    let (id, form) = (id_of(&id)?, form.0);
    let row = bookings::one(&member.caller, &state.deps.store, id).await?;
    let shop = Shop::of(&member, &state)?;
    let Some(starts_at) = moment(&form.day, &form.time, shop.display.timezone) else {
        let why = Some(state.text(&member, "bookings", "refused_no_such_time"));
        return page(&member, &state, (&row, &AgendaQuery::default()), Refusal { form: Some(form), why }).await;
    };
    let resource = Some(form.with.clone()).filter(|with| !with.is_empty());
    let choice = BookingChoice::Move { starts_at, resource };
    let asked = Asked { id, was: seen(&form.was), tells: !form.tell.is_empty(), done: "moved" };
    apply(&member, &state, asked, choice, Some(form)).await
}

/// `POST /console/bookings/{id}/cancel`
pub async fn cancel(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<SettleForm>,
) -> Result<Page, ConsoleError> {
    let (was, tells) = (seen(&form.0.was), !form.0.tell.is_empty());
    let asked = Asked { id: id_of(&id)?, was, tells, done: "cancelled" };
    apply(&member, &state, asked, BookingChoice::Cancel, None).await
}

/// `POST /console/bookings/{id}/done`
pub async fn done(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<SettleForm>,
) -> Result<Page, ConsoleError> {
    let asked = Asked { id: id_of(&id)?, was: seen(&form.0.was), tells: false, done: "done" };
    apply(&member, &state, asked, BookingChoice::Done, None).await
}

/// `POST /console/bookings/{id}/no-show`
pub async fn no_show(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<SettleForm>,
) -> Result<Page, ConsoleError> {
    let asked = Asked { id: id_of(&id)?, was: seen(&form.0.was), tells: false, done: "no_show" };
    apply(&member, &state, asked, BookingChoice::NoShow, None).await
}

/// What a form asks.
struct Asked {
    id: BookingId,
    was: Option<Timestamp>,
    tells: bool,
    done: &'static str,
}

async fn apply(
    member: &Member,
    state: &ConsoleState,
    asked: Asked,
    choice: BookingChoice,
    form: Option<MoveForm>,
) -> Result<Page, ConsoleError> {
    let of = (asked.id, asked.was);
    match bookings::change(&member.caller, state.access(), of, choice, asked.tells).await {
        Ok(changed) => {
            let told = told(member, state, &changed, (asked.tells, asked.done)).await?;
            Ok(Page::see(&format!("/console/bookings/{}?done={}&told={told}", asked.id, asked.done)))
        }
        Err(ServiceError::NotDone(why)) => {
            let row = bookings::one(&member.caller, &state.deps.store, asked.id).await?;
            let why = Some(refused(member, state, &why));
            page(member, state, (&row, &AgendaQuery::default()), Refusal { form, why }).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the customer hears of it: the end of a key of a text.
pub(super) async fn told(
    member: &Member,
    state: &ConsoleState,
    changed: &BookingChanged,
    (tells, done): (bool, &str),
) -> Result<&'static str, ConsoleError> {
    if !tells {
        return Ok("no");
    }
    if changed.message.is_none() {
        return Ok("stop");
    }
    let shop = Shop::of(member, state)?;
    let how = reach(member, state, changed.row.conversation, template(&shop, done)).await?;
    Ok(if how == "closed" { "waits" } else { "yes" })
}

/// A day and a time of a form, by the tenant's clocks.
pub(super) fn moment(day: &str, time: &str, zone: Tz) -> Option<Timestamp> {
    let day: NaiveDate = day.parse().ok()?;
    let time = NaiveTime::parse_from_str(time, "%H:%M").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M:%S"));
    Some(to_utc(day.and_time(time.ok()?), zone).first())
}

fn seen(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}
