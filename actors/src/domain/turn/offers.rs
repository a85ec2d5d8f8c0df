//! Offers of a turn: made to the people on duty, taken by one of them, or ended.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Turn;
use super::builder::{cut, note, outbound, put};
use super::requests::ScheduledMessage;
use crate::domain::Timestamp;
use crate::domain::booking::Agenda;
use crate::domain::claim::ClaimChange;
use crate::domain::conversation::{Handler, State};
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::flow::{Flows, TextKey};
use crate::domain::ids::{ConversationId, OfferId, TimerId};
use crate::domain::message::{Category, Outbound, OutboundKind};
use crate::domain::offer::{Driver, Offer, OfferChange, OfferState};
use crate::domain::rules::Rules;
use crate::domain::template::TemplateUse;
use crate::domain::timer::{Timer, TimerChange, TimerKind};

/// How long an offer waits for somebody.
const OFFER_LASTS: chrono::TimeDelta = chrono::TimeDelta::minutes(4);
/// Templates of the tenant that say the same as our texts outside the window.
const ASSIGNED_TEMPLATE: &str = "conductor_assigned";
const RATING_TEMPLATE: &str = "ride_rating";
const NOBODY_TEMPLATE: &str = "reservation_canceled";

/// The payload of [`TimerKind::OfferEnds`], [`TimerKind::OfferAccepted`] and [`TimerKind::RideDone`].
#[derive(Serialize, Deserialize)]
struct Offered {
    offer: OfferId,
    /// Who took it, by name.
    #[serde(default)]
    driver: Option<String>,
    /// How many people ride, as far as they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passengers: Option<String>,
    /// What it costs, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<String>,
}

impl Offered {
    const fn plain(offer: OfferId) -> Self {
        Self { offer, driver: None, passengers: None, price: None }
    }
}

pub(super) fn set(turn: &mut Turn, kind: TimerKind, fires_at: Timestamp, payload: String) {
    let timer = timer(turn, kind, fires_at, payload);
    turn.timers.push(TimerChange::Set(timer));
}

/// Sets a timer of another conversation.
pub(super) fn set_for(
    turn: &mut Turn,
    conversation: ConversationId,
    (kind, fires_at): (TimerKind, Timestamp),
    payload: &impl Serialize,
) {
    if let Ok(payload) = serde_json::to_string(payload) {
        let timer = timer(turn, kind, fires_at, payload);
        turn.timers.push(TimerChange::SetFor(conversation, timer));
    }
}

fn timer(turn: &Turn, kind: TimerKind, fires_at: Timestamp, payload: String) -> Timer {
    Timer { id: TimerId::fresh(), kind, fires_at, payload, correlation: turn.correlation, created_at: turn.at }
}

/// Offers work to everybody on duty: each gets the text in their own conversation. Where nobody is on duty it ends at once.
pub(super) fn make(turn: &mut Turn, agenda: &Agenda, text: String, details: serde_json::Value) {
    let lasts = if agenda.on_duty.is_empty() { chrono::TimeDelta::zero() } else { OFFER_LASTS };
    let offer = Offer {
        id: OfferId::fresh(),
        conversation: turn.conversation.id,
        text,
        details,
        expires_at: turn.at + lasts,
        state: OfferState::Open,
    };
    let message = written(offer.text.clone(), Some(turn.at + OFFER_LASTS));
    if let Ok(payload) = serde_json::to_string(&message) {
        for conversation in &agenda.on_duty {
            let timer = timer(turn, TimerKind::Send, turn.at, payload.clone());
            turn.timers.push(TimerChange::SetFor(*conversation, timer));
        }
    }
    if let Ok(payload) = serde_json::to_string(&Offered::plain(offer.id)) {
        set(turn, TimerKind::OfferEnds, offer.expires_at, payload);
    }
    let asked = Payload::builder().number("asked", i64::try_from(agenda.on_duty.len()).unwrap_or(i64::MAX)).finish();
    note(turn, EventType::OfferMade, EntityType::Offer, offer.id.0, ActorType::Bot, asked);
    turn.effects.offers.push(OfferChange::Make(offer));
}

/// Whoever is first has it: the claim of the commit lets nobody else (I12).
pub(super) fn accept(turn: &mut Turn, offer: &Offer, driver: &Driver) {
    turn.effects.claims.push(claim(offer.id));
    turn.effects.offers.push(OfferChange::Accept(offer.id));
    note(turn, EventType::OfferAccepted, EntityType::Offer, offer.id.0, ActorType::Contact, Payload::EMPTY);
    let told = |name: &str| offer.told(name).map(str::to_owned);
    let offered = Offered {
        driver: Some(driver.name.clone()),
        passengers: told("passengers"),
        price: told("price"),
        ..Offered::plain(offer.id)
    };
    let now = turn.at;
    set_for(turn, offer.conversation, (TimerKind::OfferAccepted, now), &offered);
}

pub(super) fn claim(offer: OfferId) -> ClaimChange {
    ClaimChange::Take { key: format!("offer/{offer}"), owner: offer.0 }
}

/// Whoever has it is where the customer waits: the customer is told.
pub(super) fn arrived(turn: &mut Turn, flows: &Flows, offer: &Offer, driver: &Driver) {
    let details: Vec<&str> =
        [&driver.car, &driver.plate].into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    let text = flows.say(TextKey::DriverThere, &[("resource", &driver.name), ("what", &details.join(", "))]);
    note(turn, EventType::RideArrived, EntityType::Offer, offer.id.0, ActorType::Contact, Payload::EMPTY);
    let now = turn.at;
    set_for(turn, offer.conversation, (TimerKind::Send, now), &written(text, None));
}

/// Whoever has it has done it: the customer is asked how good it was.
pub(super) fn done(turn: &mut Turn, offer: &Offer) {
    turn.effects.offers.push(OfferChange::Finish(offer.id));
    note(turn, EventType::RideDone, EntityType::Offer, offer.id.0, ActorType::Contact, Payload::EMPTY);
    let (offered, now) = (Offered::plain(offer.id), turn.at);
    set_for(turn, offer.conversation, (TimerKind::RideDone, now), &offered);
}

/// A ride is over: its customer is asked how good it was, unless they are in the middle of something else.
pub(super) fn ask_rating(mut turn: Turn, state: &State, payload: &str, rules: &Rules) -> Turn {
    let (Some(flows), Ok(Offered { offer, .. })) = (rules.flows(), serde_json::from_str::<Offered>(payload)) else {
        return turn;
    };
    if turn.conversation.handler == Handler::Human || turn.conversation.flow.is_some() || state.opted_out {
        return turn;
    }
    let mut memory = turn.conversation.memory.as_deref().cloned().unwrap_or_default();
    memory.rates = Some(offer);
    turn.conversation.memory = Some(Arc::new(memory));
    let text = flows.say(TextKey::AskRating, &[]);
    tell(turn, state, rules, text, RATING_TEMPLATE, &[])
}

/// What whoever calls off an offer that somebody has claims.
pub(super) fn claim_of_end(offer: OfferId) -> ClaimChange {
    ClaimChange::Take { key: format!("offer-end/{offer}"), owner: offer.0 }
}

/// An offer was called off: whoever had it is told, and the customer if that is wanted.
pub(super) fn tell_of_end(
    mut turn: Turn,
    state: &State,
    rules: &Rules,
    (taken_by, tells): (Option<ConversationId>, bool),
) -> Turn {
    let Some(flows) = rules.flows() else { return turn };
    if let Some(driver) = taken_by {
        let (message, now) = (written(flows.say(TextKey::OfferCalledOff, &[]), None), turn.at);
        set_for(&mut turn, driver, (TimerKind::Send, now), &message);
    }
    if !tells {
        return turn;
    }
    let text = flows.say(TextKey::RideCalledOff, &[("word", flows.word_of_offers())]);
    tell(turn, state, rules, text, NOBODY_TEMPLATE, &[])
}

/// A message to whoever takes an offer, or asked for it, in their own conversation.
const fn written(text: String, expires_at: Option<Timestamp>) -> ScheduledMessage {
    ScheduledMessage {
        text: Some(text),
        template: None,
        choices: Vec::new(),
        presentation: None,
        category: Category::Transactional,
        urgent: true,
        expires_at,
    }
}

/// Nobody took it in time: the customer is told. When somebody takes it at this moment, the commit is a conflict.
pub(super) fn ended(mut turn: Turn, state: &State, payload: &str, rules: &Rules) -> Turn {
    let (Some(flows), Ok(Offered { offer, .. })) = (rules.flows(), serde_json::from_str::<Offered>(payload)) else {
        return turn;
    };
    if !state.agenda.offers.iter().any(|open| open.id == offer) {
        return turn;
    }
    turn.effects.claims.push(claim(offer));
    turn.effects.offers.push(OfferChange::End(offer, OfferState::Expired));
    note(&mut turn, EventType::OfferExpired, EntityType::Offer, offer.0, ActorType::System, Payload::EMPTY);
    let text = flows.say(TextKey::NobodyFree, &[("word", flows.word_of_offers())]);
    tell(turn, state, rules, text, NOBODY_TEMPLATE, &[])
}

/// Somebody took it: the customer is told who comes.
pub(super) fn accepted(mut turn: Turn, state: &State, payload: &str, rules: &Rules) -> Turn {
    turn.timers.push(TimerChange::CancelAll(TimerKind::OfferEnds));
    let taken = serde_json::from_str::<Offered>(payload).ok();
    let (Some(flows), Some(taken)) = (rules.flows(), taken) else { return turn };
    let Some(driver) = taken.driver.as_deref().and_then(|name| flows.driver_named(name)) else { return turn };
    let details = [&driver.rating, &driver.phone, &driver.car, &driver.plate];
    let details: Vec<&str> = details.into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    let text = flows.say(TextKey::Assigned, &[("resource", &driver.name), ("what", &details.join(", "))]);
    tell(turn, state, rules, text, ASSIGNED_TEMPLATE, &places(driver, &taken))
}

/// What the places of a template for an assigned driver may be called. The price and the people have a place only where they are
/// known: a template that asks for more than is known is not used.
fn places(driver: &Driver, taken: &Offered) -> Vec<(&'static str, String)> {
    let of =
        |names: &[&'static str], value: &str| names.iter().map(|name| (*name, value.to_owned())).collect::<Vec<_>>();
    [
        of(&["chauffeur", "driver", "nom", "name"], &driver.name),
        of(&["note", "rating"], &driver.rating),
        of(&["telephone", "phone"], &driver.phone),
        of(&["voiture", "car"], &driver.car),
        of(&["plaque", "plate"], &driver.plate),
        taken.price.as_deref().map(|price| of(&["prix", "price"], price)).unwrap_or_default(),
        taken.passengers.as_deref().map(|people| of(&["passagers", "passengers"], people)).unwrap_or_default(),
    ]
    .concat()
}

fn tell(mut turn: Turn, state: &State, rules: &Rules, text: String, name: &str, known: &[(&str, String)]) -> Turn {
    if state.opted_out {
        return turn;
    }
    let value =
        |place: &String| known.iter().find(|(name, _)| name == place).map(|(_, value)| (place.clone(), value.clone()));
    let template = rules.template(name).and_then(|template| {
        let variables = template.variables.iter().map(value).collect::<Option<_>>()?;
        Some(TemplateUse { name: template.name.clone(), variables }.on_one_line())
    });
    let body = cut(&text, rules.source().longest_text);
    // The customer asked for it: it is an answer.
    let message = Outbound { template, ..outbound(&turn, body, OutboundKind::Reply) };
    put(&mut turn, message, None);
    turn
}

/// The offer that a yes of somebody on duty takes: the latest that waits.
pub(super) fn open(agenda: &Agenda, now: Timestamp) -> Option<&Offer> {
    agenda.offers.iter().rev().find(|offer| offer.expires_at > now)
}
