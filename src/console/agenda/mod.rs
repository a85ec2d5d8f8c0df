//! `/console/bookings`: who comes when: a day for each resource, a week, one booking, booking by hand.

mod book;
mod change;
mod day;
mod link;
mod one;
mod waiting;
mod week;

use std::sync::Arc;

use actix_web::web;
use chrono::{Days, NaiveDate, NaiveTime};
use minijinja::context;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::booking::BookingState;
use palabre_actors::domain::dates::{to_local, to_utc};
use palabre_actors::domain::flow::Flows;
use serde::{Deserialize, Serialize};

use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Member, Page};
use crate::config::Tenant;
use crate::service::messages::NotSent;
use crate::service::{Permission, bookings, busy};
use crate::store::operator::BookingRow;

/// Bookings that a day or a week shows at most.
const MOST: usize = 1_000;

/// What stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AgendaQuery {
    /// Which day; today unless given.
    day: String,
    /// `week`, or the day.
    view: String,
    /// This resource alone.
    with: String,
    /// With a day: where a booking was dragged to.
    time: String,
    /// What was just done.
    done: String,
    /// Whether the customer was told of it.
    told: String,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/bookings", agenda);
    routes.post("/bookings", book::book);
    routes.get("/bookings/new", book::form);
    routes.get("/bookings/calendar", link::form);
    routes.post("/bookings/calendar", link::make);
    routes.post("/bookings/waiting/{id}/remove", waiting::remove);
    routes.get("/bookings/{id}", one::one);
    routes.post("/bookings/{id}/move", change::move_to);
    routes.post("/bookings/{id}/cancel", change::cancel);
    routes.post("/bookings/{id}/done", change::done);
    routes.post("/bookings/{id}/no-show", change::no_show);
}

/// A tenant's bookings, as a member sees them.
struct Shop {
    tenant: Arc<Tenant>,
    display: Display,
}

/// A booking in a list.
#[derive(Clone, Serialize)]
struct BookingLine {
    id: String,
    conversation: String,
    time: String,
    until: String,
    machine: String,
    who: String,
    service: String,
    resource: String,
    state: &'static str,
    state_text: String,
    /// How many come, where they are several.
    people: Option<String>,
    /// How late they come.
    late: Option<String>,
}

impl Shop {
    fn of(member: &Member, state: &ConsoleState) -> Result<Self, ConsoleError> {
        let tenant = state.tenant(&member.tenant).ok_or(ConsoleError::NotFound)?;
        Ok(Self { tenant, display: state.display(member) })
    }

    fn flows(&self) -> Option<&Flows> {
        self.tenant.rules.flows().filter(|flows| !flows.services().is_empty())
    }

    fn today(&self) -> NaiveDate {
        to_local(self.display.now, self.display.timezone).date()
    }

    /// A day of the address, or today.
    fn day(&self, text: &str) -> NaiveDate {
        text.parse().unwrap_or_else(|_| self.today())
    }

    /// From its first moment to the next day's.
    fn bounds(&self, day: NaiveDate) -> (Timestamp, Timestamp) {
        let first = |day: NaiveDate| to_utc(day.and_time(NaiveTime::MIN), self.display.timezone).first();
        (first(day), first(day.checked_add_days(Days::new(1)).unwrap_or(day)))
    }

    /// `lundi 30 novembre`
    fn day_text(&self, day: NaiveDate) -> String {
        self.display.day(self.noon(day))
    }

    /// `30 novembre 2026`
    fn date_text(&self, day: NaiveDate) -> String {
        self.display.date(self.noon(day))
    }

    fn noon(&self, day: NaiveDate) -> Timestamp {
        let noon = day.and_hms_opt(12, 0, 0).unwrap_or(day.and_time(NaiveTime::MIN));
        to_utc(noon, self.display.timezone).first()
    }

    /// Whoever or whatever does something, in the order of the services.
    fn resources(&self) -> Vec<String> {
        let mut resources: Vec<String> = Vec::new();
        let services = self.flows().map(Flows::services).unwrap_or_default();
        for resource in services.iter().flat_map(|service| &service.resources) {
            if !resources.contains(resource) {
                resources.push(resource.clone());
            }
        }
        resources
    }

    fn service_name(&self, id: &str) -> String {
        let service = self.flows().and_then(|flows| flows.service(id));
        service.map_or_else(|| id.to_owned(), |service| service.name.clone())
    }

    fn line(&self, member: &Member, state: &ConsoleState, row: &BookingRow) -> BookingLine {
        BookingLine {
            id: row.id.to_string(),
            conversation: row.conversation.to_string(),
            time: self.display.time(row.starts_at),
            until: self.display.time(row.ends_at),
            machine: Display::machine(row.starts_at),
            who: who(member, state, (row.contact_name.as_deref(), row.address.as_ref())),
            service: self.service_name(&row.service),
            resource: row.resource.clone(),
            state: row.state.as_str(),
            state_text: state.text(member, "booking_state", row.state.as_str()),
            people: Some(row.party.people)
                .filter(|people| *people > 1)
                .map(|people| state.text(member, "bookings", "people").replace("{count}", &people.to_string())),
            late: row.late_minutes.map(|minutes| late(member, state, minutes)),
        }
    }
}

/// How late somebody comes, as far as they said.
fn late(member: &Member, state: &ConsoleState, minutes: i64) -> String {
    let key = if minutes > 0 { "late" } else { "late_unsaid" };
    state.text(member, "bookings", key).replace("{minutes}", &minutes.to_string())
}

/// Whom a booking is for.
fn who(member: &Member, state: &ConsoleState, (name, at): (Option<&str>, Option<&Address>)) -> String {
    state.seen_person(member, name, at).unwrap_or_else(|| state.text(member, "inbox", "someone"))
}

/// `GET /console/bookings`: a day or a week.
pub async fn agenda(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<AgendaQuery>,
) -> Result<Page, ConsoleError> {
    let shop = Shop::of(&member, &state)?;
    let day = shop.day(&query.day);
    let is_week = query.view == "week";
    let (first, days) = if is_week { (week::monday(day), 7) } else { (day, 1) };
    let last = first.checked_add_days(Days::new(days - 1)).unwrap_or(first);
    let within = (shop.bounds(first).0, shop.bounds(last).1);
    let tenants = member.own_tenant();
    let mut rows = bookings::list(&member.caller, &state.deps.store, &tenants, within, (None, MOST)).await?;
    let elsewhere = busy::taken(&member.caller, &state.deps.store, &member.tenant, within).await?;
    let resources = shop.resources();
    let with = Some(query.with.as_str()).filter(|with| resources.iter().any(|resource| resource == with));
    if let Some(with) = with {
        rows.retain(|row| row.resource == with);
    }
    let cancelled: Vec<BookingLine> = rows
        .iter()
        .filter(|row| row.state == BookingState::Cancelled)
        .map(|row| shop.line(&member, &state, row))
        .collect();
    rows.retain(|row| row.state != BookingState::Cancelled);
    let view = if is_week { "week" } else { "day" };
    let to = |day: Option<NaiveDate>| day.map(|day| path(day, view, with)).unwrap_or_default();
    let step = Days::new(days);
    let may_write = member.caller.may(Permission::BookingWrite);
    let is_empty = rows.is_empty();
    let context = context! {
        is_week,
        title => if is_week { week::title(&shop, first, last) } else { shop.day_text(day) },
        day => day.to_string(),
        only => with.unwrap_or_default(),
        before => to(day.checked_sub_days(step)),
        after => to(day.checked_add_days(step)),
        today => to(Some(shop.today())),
        is_today => (first..=last).contains(&shop.today()),
        as_day => path(day, "day", with),
        as_week => path(day, "week", with),
        choices => choices(&resources, (day, view, with)),
        columns => shown(if is_week { Vec::new() } else { day::columns(&shop, (&member, &state), (day, &rows, &elsewhere), with) }),
        days => shown(if is_week { week::days(&shop, (&member, &state), (first, &rows), with) } else { Vec::new() }),
        cancelled => shown(cancelled),
        waiting => shown(waiting::lines(&shop, &member, &state).await?),
        books => shop.flows().is_some(),
        may_write => may_write && shop.flows().is_some(),
        is_empty,
        may_link => member.caller.may(Permission::KeyWrite) && shop.flows().is_some(),
        done => done_text(&member, &state, &query),
    };
    state.page(("agenda/list.html", "bookings"), &member, context)
}

/// A part of the agenda, as an address.
fn path(day: NaiveDate, view: &str, with: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("day", &day.to_string());
    if view == "week" {
        query.append_pair("view", view);
    }
    if let Some(with) = with {
        query.append_pair("with", with);
    }
    format!("/console/bookings?{}", query.finish())
}

/// Links to each resource alone, when there are several.
fn choices(resources: &[String], (day, view, with): (NaiveDate, &str, Option<&str>)) -> Vec<minijinja::Value> {
    if resources.len() < 2 {
        return Vec::new();
    }
    let one = |name: &String| {
        let is_chosen = with == Some(name.as_str());
        context! { name, is_chosen, path => path(day, view, Some(name)) }
    };
    let all = context! { name => "", is_chosen => with.is_none(), path => path(day, view, None) };
    std::iter::once(all).chain(resources.iter().map(one)).collect()
}

/// What was just done, and whether the customer was told.
fn done_text(member: &Member, state: &ConsoleState, query: &AgendaQuery) -> Option<String> {
    let texts = state.pages.texts();
    let done = texts.find(member.language, "bookings", &format!("done_{}", query.done))?;
    let told = texts.find(member.language, "bookings", &format!("told_{}", query.told));
    Some([done, told.unwrap_or_default()].join(" ").trim().to_owned())
}

/// The key of the sentence that says why a booking was left as it is.
fn refusal(why: &NotSent) -> String {
    match why {
        NotSent::Refused { word, .. } => format!("refused_{word}"),
        _ => "refused_later".to_owned(),
    }
}

/// The sentence that says why a booking was left as it is.
fn refused(member: &Member, state: &ConsoleState, why: &NotSent) -> String {
    let found = state.pages.texts().find(member.language, "bookings", &refusal(why));
    found.map_or_else(|| state.text(member, "bookings", "refused_later"), str::to_owned)
}
