//! One booking: what it is, and what can be done with it.

use actix_web::web;
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use minijinja::context;
use palabre_actors::domain::booking::BookingState;
use palabre_actors::domain::dates::to_local;
use palabre_actors::domain::flow::BookingTemplates;
use palabre_actors::domain::ids::{BookingId, ConversationId};
use serde::{Deserialize, Serialize};

use super::super::display::{Display, shown};
use super::super::{ConsoleError, ConsoleState, Member, Page};
use super::{AgendaQuery, Shop, done_text};
use crate::service::{Permission, bookings, conversations};
use crate::store::operator::BookingRow;

/// Another time for a booking.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct MoveForm {
    pub(super) day: String,
    pub(super) time: String,
    pub(super) with: String,
    /// A box that is not checked is not sent.
    pub(super) tell: String,
    /// When it began on the page that was read.
    pub(super) was: String,
}

impl MoveForm {
    /// As it is.
    fn of(row: &BookingRow, zone: Tz) -> Self {
        let local = to_local(row.starts_at, zone);
        Self {
            day: local.date().to_string(),
            time: local.format("%H:%M").to_string(),
            with: row.resource.clone(),
            tell: "yes".to_owned(),
            was: String::new(),
        }
    }

    /// Where the booking was dragged to, if it was.
    fn dragged(self, query: &AgendaQuery, does: impl Fn(&str) -> bool) -> Self {
        let is_moment =
            query.day.parse::<NaiveDate>().is_ok() && NaiveTime::parse_from_str(&query.time, "%H:%M").is_ok();
        if !is_moment {
            return self;
        }
        let with = if does(&query.with) { query.with.clone() } else { self.with };
        Self { day: query.day.clone(), time: query.time.clone(), with, ..self }
    }
}

/// `GET /console/bookings/{id}`
pub async fn one(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    query: web::Query<AgendaQuery>,
) -> Result<Page, ConsoleError> {
    let row = bookings::one(&member.caller, &state.deps.store, id_of(&id)?).await?;
    page(&member, &state, (&row, &query), Refusal::default()).await
}

pub(super) fn id_of(text: &str) -> Result<BookingId, ConsoleError> {
    text.parse().map_err(|_| ConsoleError::NotFound)
}

/// What a form that was refused leaves on the page.
#[derive(Default)]
pub(super) struct Refusal {
    /// What was filled in.
    pub(super) form: Option<MoveForm>,
    /// Why it was not done.
    pub(super) why: Option<String>,
}

pub(super) async fn page(
    member: &Member,
    state: &ConsoleState,
    (row, query): (&BookingRow, &AgendaQuery),
    refusal: Refusal,
) -> Result<Page, ConsoleError> {
    let shop = Shop::of(member, state)?;
    let (zone, now) = (shop.display.timezone, shop.display.now);
    let may_write = member.caller.may(Permission::BookingWrite);
    let local = to_local(row.starts_at, zone);
    let service = shop.flows().and_then(|flows| flows.service(&row.service));
    let does = |with: &str| service.is_some_and(|service| service.resources.iter().any(|one| one == with));
    let form = refusal.form.unwrap_or_else(|| MoveForm::of(row, zone).dragged(query, does));
    let is_confirmed = row.state == BookingState::Confirmed;
    let has_begun = row.starts_at <= now;
    let reach = match &row.address {
        Some(_) => Some(reach(member, state, row.conversation, template(&shop, "moved")).await?),
        None => None,
    };
    let context = context! {
        booking => shown(shop.line(member, state, row)),
        day => shop.day_text(local.date()),
        agenda => super::path(local.date(), "day", None),
        form => shown(&form),
        resources => service.map(|service| service.resources.clone()).unwrap_or_default(),
        was => Display::machine(row.starts_at),
        may_move => may_write && is_confirmed && row.ends_at > now && service.is_some(),
        may_cancel => may_write && is_confirmed && row.ends_at > now,
        may_say_done => may_write && has_begun && matches!(row.state, BookingState::Confirmed | BookingState::NoShow),
        may_say_missed => may_write && has_begun && matches!(row.state, BookingState::Confirmed | BookingState::Done),
        may_tell => member.caller.may(Permission::MessageSend) && row.address.is_some(),
        reach,
        done => done_text(member, state, query),
        refused => refusal.why,
    };
    state.page(("agenda/one.html", "bookings"), member, context)
}

/// The tenant's template that says what was done.
pub(super) fn template<'a>(shop: &'a Shop, done: &str) -> Option<&'a str> {
    let of = |templates: &'a BookingTemplates| match done {
        "booked" => templates.booked.as_deref(),
        "moved" => templates.moved.as_deref(),
        _ => templates.cancelled.as_deref(),
    };
    shop.flows().and_then(|flows| of(flows.templates()))
}

/// How a message reaches the customer now: `open`, `template` or `closed` (it waits until they write).
pub(super) async fn reach(
    member: &Member,
    state: &ConsoleState,
    conversation: ConversationId,
    template: Option<&str>,
) -> Result<&'static str, ConsoleError> {
    if !member.caller.may(Permission::ConversationRead) {
        return Ok("open");
    }
    let conversation = conversations::show(&member.caller, &state.deps.store, conversation).await?;
    let channel = state.channel(&member.tenant, &conversation.channel);
    let lasting = channel.as_ref().and_then(|channel| channel.profile.window);
    let Some(lasting) = lasting.and_then(|lasting| TimeDelta::from_std(lasting).ok()) else { return Ok("open") };
    if conversation.last_inbound_at.is_some_and(|last| last + lasting > state.now()) {
        return Ok("open");
    }
    let knows = |name: &str| channel.as_ref().is_some_and(|channel| channel.profile.templates.contains_key(name));
    Ok(if template.is_some_and(knows) { "template" } else { "closed" })
}
