//! Flows within turns: what a message, a STOP, a timer and a driver's yes change.

use crate::domain::address::Identity;
use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::*;
use crate::domain::booking::{BookingState, Service};
use crate::domain::claim::ClaimChange;
use crate::domain::flow::{BookingTemplates, Flows, FlowsSource, built_in};
use crate::domain::hours::Hours;
use crate::domain::ids::{ConversationId, OfferId};
use crate::domain::offer::{Driver, Offer, OfferChange, OfferState};
use crate::domain::slots::BookingPolicy;
use crate::domain::timer::{Timer, TimerChange, TimerKind};

const DRIVER: &str = "whatsapp:+224620000001";

pub(super) fn with_flows() -> Rules {
    let flows = Flows::new(FlowsSource {
        flows: ["booking", "ride"].iter().filter_map(|name| built_in::flow(name, false)).collect(),
        services: vec![Service {
            resources: vec!["Awa".into()],
            ..Service::new("manucure".into(), "Manucure".into(), TimeDelta::minutes(45))
        }],
        policy: BookingPolicy::default(),
        hours: Hours::default(),
        zone: Tz::UTC,
        english: false,
        tenant_name: "Institut Belle".into(),
        texts: BTreeMap::new(),
        templates: BookingTemplates::default(),
        drivers: vec![Driver {
            name: "Mamadou".into(),
            person: Identity::from_stored("+224620000001"),
            phone: "+224620000001".into(),
            car: "Toyota grise".into(),
            plate: "RC 1234 A".into(),
            rating: "4,8".into(),
            seats: None,
        }],
        fares: crate::domain::fare::Fares::default(),
    });
    rules().with_flows(flows.unwrap())
}

/// What the store makes of a committed turn, the agenda included.
fn keep(state: &mut State, turn: &Turn) {
    commit(state, turn);
    let agenda = Arc::make_mut(&mut state.agenda);
    turn.effects.bookings.iter().for_each(|change| agenda.apply(change));
    turn.effects.offers.iter().for_each(|change| agenda.apply_offer(change));
}

fn tell(state: &mut State, rules: &Rules, body: &str, now: Timestamp) -> Turn {
    let turn = decide(state, &inbound(state, body, now), rules, &(), now);
    keep(state, &turn);
    turn
}

fn text(turn: &Turn) -> &str {
    turn.outbox.first().map_or("", |draft| draft.message.body.as_str())
}

fn timer(turn: &Turn, kind: TimerKind) -> Timer {
    let mut timers = turn.timers.iter().filter_map(|change| match change {
        TimerChange::Set(timer) | TimerChange::SetFor(_, timer) => Some(timer),
        _ => None,
    });
    timers.rfind(|timer| timer.kind == kind).cloned().expect("such a timer")
}

#[test]
fn a_flow_answers_before_the_faq_and_its_events_stand_in_the_turn() {
    let (rules, mut state) = (with_flows(), client());
    let turn = tell(&mut state, &rules, "rdv", at(0));
    assert_eq!((outcome(&turn), text(&turn)), (Outcome::AnsweredFlow, "Quel jour vous arrange ?"));
    assert!(events(&turn).contains(&EventType::FlowStarted));
    assert_eq!(timer(&turn, TimerKind::Flow).fires_at, at(7200));
    let turn = tell(&mut state, &rules, "horaires", at(10));
    assert_eq!(text(&turn), "De 9 h à 19 h.\nEt pour revenir à votre demande : Quel jour vous arrange ?");
    let turn = tell(&mut state, &rules, "dans deux jours 15h", at(20));
    assert_eq!(turn.effects.claims.len(), 9);
    assert_eq!(timer(&turn, TimerKind::HoldEnds).fires_at, at(620));
    let turn = tell(&mut state, &rules, "oui", at(30));
    assert!(events(&turn).contains(&EventType::BookingConfirmed) && events(&turn).contains(&EventType::FlowCompleted));
    assert!(state.conversation.as_ref().unwrap().flow.is_none());
}

#[test]
fn i6_a_stop_in_a_flow_ends_it_and_frees_what_was_kept() {
    let (rules, mut state) = (with_flows(), client());
    tell(&mut state, &rules, "rdv dans deux jours 15h", at(0));
    let held = state.agenda.mine[0].id;
    let turn = tell(&mut state, &rules, "STOP", at(10));
    assert_eq!(outcome(&turn), Outcome::OptedOut);
    assert_eq!(turn.effects.claims, [ClaimChange::Release { owner: held.0 }]);
    assert!(events(&turn).contains(&EventType::FlowAbandoned) && turn.conversation.flow.is_none());
    assert!(tell(&mut state, &rules, "oui", at(20)).outbox.is_empty());
}

#[test]
fn i14_no_flow_speaks_while_a_person_has_the_conversation() {
    let (rules, mut state) = (with_flows(), client());
    tell(&mut state, &rules, "rdv", at(0));
    let turn = tell(&mut state, &rules, "un conseiller svp", at(10));
    assert_eq!((outcome(&turn), turn.conversation.handler), (Outcome::HandedOver, Handler::Human));
    assert!(events(&turn).contains(&EventType::Escalated));
    assert_eq!(outcome(&tell(&mut state, &rules, "rdv", at(20))), Outcome::SilentHuman);
}

#[test]
fn what_was_kept_is_free_again_when_nobody_confirms() {
    let (rules, mut state) = (with_flows(), client());
    let turn = tell(&mut state, &rules, "rdv dans deux jours 15h", at(0));
    let ends = timer(&turn, TimerKind::HoldEnds);
    let turn = decide_timer(&state, &ends, &rules, at(600)).unwrap();
    assert_eq!(turn.effects.bookings.len(), 1);
    keep(&mut state, &turn);
    assert!(state.agenda.busy.is_empty());
    // They come back: it is still free, so they get it.
    let turn = tell(&mut state, &rules, "oui", at(900));
    assert_eq!(state.agenda.mine[0].state, BookingState::Confirmed, "{}", text(&turn));
    // The timer of what was confirmed changes nothing.
    assert!(decide_timer(&state, &ends, &rules, at(1000)).unwrap().effects.bookings.is_empty());
}

#[test]
fn a_flow_that_nobody_answers_ends() {
    let (rules, mut state) = (with_flows(), client());
    let turn = tell(&mut state, &rules, "rdv dans deux jours 15h", at(0));
    let waits = timer(&turn, TimerKind::Flow);
    tell(&mut state, &rules, "quoi ?", at(3600));
    let early = decide_timer(&state, &waits, &rules, at(7200)).unwrap();
    assert!(early.conversation.flow.is_some() && timer(&early, TimerKind::Flow).fires_at == at(10_800));
    let late = decide_timer(&state, &waits, &rules, at(10_800)).unwrap();
    assert!(late.conversation.flow.is_none() && late.outbox.is_empty());
    assert!(events(&late).contains(&EventType::FlowAbandoned) && events(&late).contains(&EventType::BookingCancelled));
}

#[test]
fn i12_an_offer_goes_to_who_takes_it_first() {
    let rules = with_flows();
    let mut customer = client();
    let on_duty = ConversationId::fresh();
    Arc::make_mut(&mut customer.agenda).on_duty.push(on_duty);
    for (seconds, said) in ["taxi", "Kipé", "aéroport", "maintenant"].into_iter().enumerate() {
        tell(&mut customer, &rules, said, at(i64::try_from(seconds).unwrap() * 20));
    }
    let made = tell(&mut customer, &rules, "oui", at(100));
    assert_eq!(text(&made), "Je cherche un chauffeur, deux minutes.");
    let asked =
        made.timers.iter().filter(|change| matches!(change, TimerChange::SetFor(to, _) if *to == on_duty)).count();
    assert_eq!(asked, 1, "who is on duty is asked");
    let ends = timer(&made, TimerKind::OfferEnds);
    assert_eq!(ends.fires_at, at(340));

    // Two drivers say yes, having read the same.
    let drivers = [state(DRIVER), state(DRIVER)].map(|driver| State { agenda: Arc::clone(&customer.agenda), ..driver });
    let [first, second] =
        drivers.clone().map(|driver| decide(&driver, &inbound(&driver, "OUI", at(120)), &rules, &(), at(120)));
    assert_eq!(first.effects.claims.len(), 1);
    let keys = |turn: &Turn| match &turn.effects.claims[0] {
        ClaimChange::Take { key, .. } => key.clone(),
        ClaimChange::Release { .. } => String::new(),
    };
    assert_eq!(keys(&first), keys(&second), "they want the same, and the store gives it once");
    // The one who was late decides again, with what is left.
    let mut late = drivers[1].clone();
    Arc::make_mut(&mut late.agenda).offers.clear();
    assert_eq!(text(&tell(&mut late, &rules, "OUI", at(121))), "Course déjà prise.");

    // The customer is told who comes; the end of the offer is none any more.
    let told = decide_timer(&customer, &timer(&first, TimerKind::OfferAccepted), &rules, at(122)).unwrap();
    assert_eq!(text(&told), "Votre chauffeur : Mamadou, 4,8, +224620000001, Toyota grise, RC 1234 A.");
    assert!(told.timers.contains(&TimerChange::CancelAll(TimerKind::OfferEnds)));
    let over = decide_timer(&customer, &ends, &rules, at(340)).unwrap();
    assert_eq!(keys(&over), keys(&first), "the end claims it as well: not both");
    assert!(matches!(over.effects.offers[..], [OfferChange::End(_, OfferState::Expired)]));
    assert_eq!(text(&over), "Aucun chauffeur n'est libre pour le moment. Écrivez « taxi » pour réessayer.");
}

#[test]
fn drivers_say_when_they_are_on_duty() {
    let rules = with_flows();
    let mut driver = state(DRIVER);
    for (said, expected, duty) in [
        ("DISPO", "Vous êtes de service. PAUSE pour arrêter.", true),
        ("Pause", "Vous êtes en pause. DISPO pour reprendre.", false),
    ] {
        let turn = tell(&mut driver, &rules, said, at(0));
        assert_eq!((text(&turn), &turn.effects.offers[..]), (expected, &[OfferChange::Duty(duty)][..]));
    }
    assert_eq!(text(&tell(&mut driver, &rules, "oui", at(60))), "Course déjà prise.");
    assert_eq!(text(&tell(&mut driver, &rules, "horaires", at(120))), "De 9 h à 19 h.", "a driver may ask as well");
    let mut customer = client();
    assert!(!text(&tell(&mut customer, &rules, "DISPO", at(0))).contains("de service"));
}

#[test]
fn a_ride_goes_on_to_its_rating() {
    let rules = with_flows();
    let mut driver = state(DRIVER);
    let mut customer = client();
    tell(&mut customer, &rules, "bonjour", at(0));
    let conversation = customer.conversation.as_ref().unwrap().id;
    assert!(!text(&tell(&mut driver, &rules, "arrivé", at(0))).contains("prévenu"), "they have no ride");
    let offer = Offer {
        id: OfferId::fresh(),
        conversation,
        text: "Course".into(),
        details: serde_json::Value::Null,
        expires_at: at(240),
        state: OfferState::Open,
    };
    Arc::make_mut(&mut driver.agenda).offers.push(offer.clone());
    tell(&mut driver, &rules, "OUI", at(10));
    assert_eq!(driver.agenda.taken.len(), 1);
    let there = tell(&mut driver, &rules, "Arrivé !", at(20));
    assert_eq!(text(&there), "Le client est prévenu. Écrivez FINI à la fin de la course.");
    let told = decide_timer(&customer, &timer(&there, TimerKind::Send), &rules, at(21)).unwrap();
    assert_eq!(text(&told), "Votre chauffeur est là : Mamadou, Toyota grise, RC 1234 A.");
    let over = tell(&mut driver, &rules, "fini", at(30));
    assert!(driver.agenda.taken.is_empty());
    assert!(matches!(over.effects.offers[..], [OfferChange::Finish(id)] if id == offer.id));
    let asked = decide_timer(&customer, &timer(&over, TimerKind::RideDone), &rules, at(31)).unwrap();
    assert_eq!(text(&asked), "Merci d'avoir choisi Institut Belle. Votre note pour la course, de 1 à 5 ?");
    keep(&mut customer, &asked);
    for (said, rated) in [("5 étoiles", Some(5)), ("horaires", None), ("taxi", None)] {
        let mut customer = customer.clone();
        let turn = tell(&mut customer, &rules, said, at(40));
        let given = turn.effects.offers.iter().find_map(|change| match change {
            OfferChange::Rate(id, rating) if *id == offer.id => Some(*rating),
            _ => None,
        });
        assert_eq!(given, rated, "{said}");
        assert!(tell(&mut customer, &rules, "4", at(50)).effects.offers.is_empty(), "{said}: it is asked once");
    }
}

#[test]
fn a_tenant_without_flows_has_the_same_turns_as_before() {
    let mut state = client();
    let turn = say(&mut state, &rules(), "rdv demain 15h", at(0));
    assert_eq!(outcome(&turn), Outcome::AnsweredFallback);
    assert!(turn.effects == Effects::default() && turn.timers.is_empty());
}
