//! Booking by hand, for a customer who called or stands at the door.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::address::{Address, Unnamed};
use palabre_actors::domain::booking::Service;
use palabre_actors::domain::ids::ConversationId;
use serde::{Deserialize, Serialize};

use super::super::display::{address, channel_name, shown};
use super::super::{ConsoleError, ConsoleState, Form, Member, Page};
use super::change::{moment, told};
use super::{Shop, refused};
use crate::service::bookings::{self, Customer, NewBooking};
use crate::service::{Permission, ServiceError, contacts, conversations};
use crate::store::StoreError;
use crate::store::conversations::ContactRow;
use crate::store::search::SearchPage;

/// People of one name that are offered.
const MOST_PEOPLE: usize = 8;
/// The longest name, in characters.
const LONGEST_NAME: usize = 80;

/// A booking as the form has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct BookForm {
    /// A number or a name.
    who: String,
    /// The conversation that was picked among several.
    conversation: String,
    name: String,
    service: String,
    with: String,
    day: String,
    time: String,
    /// How many come; not sent where one at a time does.
    people: String,
    /// A box that is not checked is not sent.
    tell: String,
}

/// Somebody of that name.
#[derive(Serialize)]
struct FoundPerson {
    conversation: String,
    name: String,
    number: String,
    channel: &'static str,
}

/// What a form that was refused leaves on the page.
#[derive(Default)]
struct Left {
    why: Option<String>,
    people: Vec<FoundPerson>,
}

/// `GET /console/bookings/new`: day, time and resource may stand in the address.
pub async fn form(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<BookForm>,
) -> Result<Page, ConsoleError> {
    let form = BookForm { tell: "yes".to_owned(), ..query.0 };
    page(&member, &state, form, Left::default()).await
}

async fn page(member: &Member, state: &ConsoleState, mut form: BookForm, left: Left) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::BookingWrite)?;
    let shop = Shop::of(member, state)?;
    let Some(flows) = shop.flows() else { return Err(ConsoleError::NotFound) };
    if form.day.is_empty() {
        form.day = shop.today().to_string();
    }
    // Who came by a conversation's card is known already.
    let known = match form.conversation.parse().map(ConversationId) {
        Ok(id) if form.who.is_empty() && member.caller.may(Permission::ContentRead) => {
            let row = conversations::show(&member.caller, &state.deps.store, id).await?;
            let number = address(&row.address, state.home(&member.tenant));
            Some(row.contact_name.unwrap_or(number))
        }
        _ => None,
    };
    let minutes = |long: chrono::TimeDelta| long.num_minutes();
    let services: Vec<_> = flows
        .services()
        .iter()
        .map(|service| {
            let (id, name) = (service.id.as_str(), service.name.as_str());
            context! { id, name, minutes => minutes(service.duration) }
        })
        .collect();
    let context = context! {
        form => shown(&form),
        known,
        services,
        takes_groups => flows.services().iter().any(Service::is_for_groups),
        resources => shop.resources(),
        people => shown(left.people),
        may_tell => member.caller.may(Permission::MessageSend),
        refused => left.why,
    };
    state.page(("agenda/book.html", "bookings"), member, context)
}

/// `POST /console/bookings`
pub async fn book(member: Member, state: web::Data<ConsoleState>, form: Form<BookForm>) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::BookingWrite)?;
    let shop = Shop::of(&member, &state)?;
    let form = form.0;
    let left = |key: &str| Left { why: Some(state.text(&member, "bookings", key)), ..Left::default() };
    let Some(starts_at) = moment(&form.day, &form.time, shop.display.timezone) else {
        return page(&member, &state, form, left("refused_no_such_time")).await;
    };
    let whom = match customer(&member, &state, &form).await? {
        Whom::One(whom) => whom,
        Whom::Several(people) => {
            let left = Left { people, ..left("which_one") };
            return page(&member, &state, form, left).await;
        }
        Whom::Nobody => return page(&member, &state, form, left("refused_nobody")).await,
        Whom::NoChannel => return page(&member, &state, form, left("refused_no_channel")).await,
    };
    let name: String = form.name.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let new = NewBooking {
        tenant: member.tenant.clone(),
        whom,
        name: Some(name).filter(|name| !name.is_empty()),
        service: form.service.clone(),
        resource: form.with.clone(),
        starts_at,
        people: form.people.trim().parse().unwrap_or(1),
    };
    let tells = !form.tell.is_empty();
    match bookings::book(&member.caller, state.access(), new, tells).await {
        Ok(booked) => {
            let told = told(&member, &state, &booked, (tells, "booked")).await?;
            Ok(Page::see(&format!("/console/bookings/{}?done=booked&told={told}", booked.row.id)))
        }
        Err(ServiceError::NotDone(why)) => {
            let left = Left { why: Some(refused(&member, &state, &why)), ..Left::default() };
            page(&member, &state, form, left).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Who is meant by a number or a name.
enum Whom {
    One(Customer),
    Several(Vec<FoundPerson>),
    Nobody,
    /// A number, and no channel that reaches one.
    NoChannel,
}

async fn customer(member: &Member, state: &ConsoleState, form: &BookForm) -> Result<Whom, ConsoleError> {
    if let Ok(id) = form.conversation.parse() {
        return Ok(Whom::One(Customer::In(ConversationId(id))));
    }
    let who = form.who.trim();
    let has_number = who.chars().filter(char::is_ascii_digit).count() >= 6;
    if has_number { by_number(member, state, who).await } else { by_name(member, state, who).await }
}

/// Whoever has that number: where they were last talked with, else the first channel that reaches numbers.
async fn by_number(member: &Member, state: &ConsoleState, who: &str) -> Result<Whom, ConsoleError> {
    let tenant = state.tenant(&member.tenant).ok_or(ConsoleError::NotFound)?;
    let mut channels = tenant.channels.iter().filter(|channel| channel.address.is_phone());
    let Some(channel) = channels.next() else { return Ok(Whom::NoChannel) };
    let unnamed = Unnamed::Phone(channel.address.scheme());
    let Ok(to) = Address::written(who, unnamed, tenant.country) else { return Ok(Whom::Nobody) };
    let known = contacts::at(&member.caller, &state.deps.store, &member.tenant, &to).await?;
    let talk = known.and_then(|contact| contact.conversations.first().map(|talk| talk.id));
    Ok(Whom::One(talk.map_or_else(|| Customer::At(channel.id.clone(), to), Customer::In)))
}

async fn by_name(member: &Member, state: &ConsoleState, who: &str) -> Result<Whom, ConsoleError> {
    if who.is_empty() {
        return Ok(Whom::Nobody);
    }
    let tenants = member.own_tenant();
    let page = SearchPage { before: None, limit: MOST_PEOPLE };
    let found = match conversations::search(&member.caller, &state.deps.store, &tenants, who, page).await {
        // The index is still being made.
        Err(ServiceError::Store(StoreError::NotIndexed)) => return Ok(Whom::Nobody),
        found => found?,
    };
    let home = state.home(&member.tenant);
    let person = |contact: &ContactRow| {
        let talk = contact.conversations.first()?;
        Some(FoundPerson {
            conversation: talk.id.to_string(),
            name: contact.name.clone().unwrap_or_default(),
            number: address(&talk.address, home),
            channel: channel_name(talk.address.scheme()),
        })
    };
    let people: Vec<FoundPerson> = found.contacts.iter().filter_map(person).take(MOST_PEOPLE).collect();
    Ok(if people.is_empty() { Whom::Nobody } else { Whom::Several(people) })
}
