//! A day of each resource, by half-hours.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use palabre_actors::domain::booking::{Agenda, Busy, Service};
use palabre_actors::domain::dates::to_local;
use palabre_actors::domain::flow::Flows;
use palabre_actors::domain::slots::{BookingPolicy, Calendar};
use serde::Serialize;

use super::super::{ConsoleState, Member};
use super::{BookingLine, Shop};
use crate::service::Permission;
use crate::store::operator::BookingRow;

const HALF_HOUR: TimeDelta = TimeDelta::minutes(30);

/// One resource's day.
#[derive(Serialize)]
pub(super) struct Column {
    name: String,
    booked: usize,
    cells: Vec<Cell>,
}

/// Half an hour of a resource.
#[derive(Serialize)]
struct Cell {
    time: String,
    /// The full hour: its label is the one that the eye looks for.
    is_hour: bool,
    /// The time, when it is now.
    now: Option<String>,
    /// Bookings that begin in it.
    bookings: Vec<BookingLine>,
    /// One that began before goes on.
    is_taken: bool,
    /// Taken in another calendar.
    elsewhere: bool,
    free: Option<FreeCell>,
}

/// Where a half-hour can be booked.
#[derive(Serialize)]
struct FreeCell {
    path: String,
    /// How many places are left, where several people share the resource.
    places: Option<u32>,
}

/// The day of every resource, or of one. `rows` has no booking that was called off.
pub(super) fn columns(
    shop: &Shop,
    (member, state): (&Member, &ConsoleState),
    (day, rows, elsewhere): (NaiveDate, &[BookingRow], &[Busy]),
    with: Option<&str>,
) -> Vec<Column> {
    let mut resources = shop.resources();
    for row in rows {
        if !resources.contains(&row.resource) {
            resources.push(row.resource.clone());
        }
    }
    resources.retain(|resource| with.is_none_or(|with| with == resource));
    let Some((from, until)) = span(shop, day, rows) else { return Vec::new() };
    let may_write = member.caller.may(Permission::BookingWrite);
    let agenda = taken(rows, elsewhere);
    let column = |name: String| {
        let of: Vec<&BookingRow> = rows.iter().filter(|row| row.resource == name).collect();
        let mut cells = Vec::new();
        let mut at = from;
        while at < until {
            cells.push(cell(shop, (member, state), at, (&of, elsewhere.iter().filter(|busy| busy.resource == name))));
            if may_write && let Some(cell) = cells.last_mut() {
                let is_empty = cell.bookings.is_empty() && !cell.is_taken;
                cell.free = free(shop, &agenda, (at, &name)).filter(|free| is_empty || free.places.is_some());
            }
            at += HALF_HOUR;
        }
        Column { booked: of.len(), name, cells }
    };
    resources.into_iter().map(column).collect()
}

fn cell<'a>(
    shop: &Shop,
    (member, state): (&Member, &ConsoleState),
    at: NaiveDateTime,
    (of, mut elsewhere): (&[&BookingRow], impl Iterator<Item = &'a Busy>),
) -> Cell {
    let zone = shop.display.timezone;
    let begins = |row: &BookingRow| to_local(row.starts_at, zone);
    let here = |row: &&&BookingRow| (at..at + HALF_HOUR).contains(&begins(row));
    let goes_on = |row: &&BookingRow| begins(row) < at && at < to_local(row.ends_at, zone);
    let now = to_local(shop.display.now, zone);
    Cell {
        time: at.format("%H:%M").to_string(),
        is_hour: at.minute() == 0,
        now: (at..at + HALF_HOUR).contains(&now).then(|| now.format("%H:%M").to_string()),
        bookings: of.iter().filter(here).map(|row| shop.line(member, state, row)).collect(),
        is_taken: of.iter().any(goes_on),
        elsewhere: elsewhere.any(|busy| to_local(busy.from, zone) < at + HALF_HOUR && at < to_local(busy.until, zone)),
        free: None,
    }
}

/// From the first half-hour to the last: the hours of the day, and what is booked outside of them.
fn span(shop: &Shop, day: NaiveDate, rows: &[BookingRow]) -> Option<(NaiveDateTime, NaiveDateTime)> {
    let zone = shop.display.timezone;
    let hours = shop.flows().map(Flows::hours);
    let open = match hours {
        Some(hours) if hours.are_known() => hours.open_on(day),
        // Nobody said when: what is usual, and what is booked outside of it.
        Some(_) => vec![(day.and_hms_opt(8, 0, 0)?, day.and_hms_opt(20, 0, 0)?)],
        None => Vec::new(),
    };
    let booked = rows.iter().map(|row| (to_local(row.starts_at, zone), to_local(row.ends_at, zone)));
    let (mut from, mut until) = open.iter().copied().chain(booked).reduce(|one, other| {
        let (from, until) = (one.0.min(other.0), one.1.max(other.1));
        (from, until)
    })?;
    // A booking may go on after midnight, a day may not.
    until = until.min(day.and_hms_opt(23, 59, 59)?);
    from -= TimeDelta::minutes(i64::from(from.minute() % 30));
    Some((from, until))
}

/// What is taken, done with or not: nobody else comes then.
fn taken(rows: &[BookingRow], elsewhere: &[Busy]) -> Agenda {
    let busy = |row: &BookingRow| Busy::by(&row.booking());
    let taken = rows.iter().filter(|row| row.state.is_taken());
    Agenda { busy: taken.map(busy).chain(elsewhere.iter().cloned()).collect(), ..Agenda::default() }
}

/// Where a half-hour can be booked, if any service of the resource fits into it.
fn free(shop: &Shop, agenda: &Agenda, (at, resource): (NaiveDateTime, &str)) -> Option<FreeCell> {
    let flows = shop.flows()?;
    // A person may book sooner and further ahead than customers.
    let policy =
        BookingPolicy { lead_time: TimeDelta::zero(), furthest: TimeDelta::days(730), ..BookingPolicy::default() };
    let (zone, now) = (shop.display.timezone, shop.display.now);
    let calendar = Calendar { hours: flows.hours(), zone, agenda, policy: &policy, now, people: 1 };
    let does = |service: &&Service| service.resources.iter().any(|one| one == resource);
    let mut services = flows.services().iter().filter(does);
    let slot = services.find_map(|service| Some((service, calendar.at(service, at, Some(resource))?)));
    slot.map(|(service, slot)| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("day", &at.date().to_string());
        query.append_pair("time", &at.format("%H:%M").to_string());
        query.append_pair("with", resource);
        let path = format!("/console/bookings/new?{}", query.finish());
        FreeCell { path, places: service.is_for_groups().then_some(slot.left) }
    })
}
