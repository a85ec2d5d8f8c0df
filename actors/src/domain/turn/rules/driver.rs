//! Rule: somebody who takes offers says that they are on duty, or takes one.

use super::Ruling;
use crate::domain::flow::{TextKey, phrases};
use crate::domain::folding::fold;
use crate::domain::message::OutboundKind;
use crate::domain::offer::OfferChange;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::offers::{accept, arrived, done, open};

pub(super) const NAME: &str = "driver";

const ON_DUTY: [&str; 5] = ["DISPO", "DISPONIBLE", "JE SUIS DISPO", "AVAILABLE", "ON DUTY"];
const OFF_DUTY: [&str; 6] = ["PAUSE", "INDISPO", "INDISPONIBLE", "EN PAUSE", "BREAK", "OFF DUTY"];

const ARRIVED: [&str; 9] = [
    "ARRIVE",
    "ARRIVEE",
    "JE SUIS LA",
    "JE SUIS ARRIVE",
    "JE SUIS ARRIVEE",
    "SUR PLACE",
    "ARRIVED",
    "I AM HERE",
    "I M HERE",
];
const DONE: [&str; 9] = [
    "FINI",
    "TERMINE",
    "TERMINEE",
    "COURSE FINIE",
    "COURSE TERMINEE",
    "FIN DE COURSE",
    "DONE",
    "FINISHED",
    "RIDE DONE",
];

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let Some(flows) = turn.rules.flows() else { return Ruling::Pass };
    let Some(driver) = flows.driver(&turn.turn.key.address).filter(|_| !heard.state.opted_out) else {
        return Ruling::Pass;
    };
    let folded = fold(heard.text);
    let text = if ON_DUTY.contains(&folded.as_str()) {
        turn.turn.effects.offers.push(OfferChange::Duty(true));
        flows.say(TextKey::OnDuty, &[])
    } else if OFF_DUTY.contains(&folded.as_str()) {
        turn.turn.effects.offers.push(OfferChange::Duty(false));
        flows.say(TextKey::OffDuty, &[])
    } else if let Some(offer) = heard.state.agenda.taken.last().filter(|_| ARRIVED.contains(&folded.as_str())) {
        arrived(&mut turn.turn, flows, offer, driver);
        flows.say(TextKey::CustomerTold, &[])
    } else if let Some(offer) = heard.state.agenda.taken.last().filter(|_| DONE.contains(&folded.as_str())) {
        done(&mut turn.turn, offer);
        flows.say(TextKey::RideOver, &[])
    } else if phrases::is_yes(&phrases::said(&folded), heard.text) {
        match open(&heard.state.agenda, turn.turn.at) {
            Some(offer) if offer.is_too_large_for(driver) => {
                let people = offer.told("passengers").unwrap_or_default();
                let seats = driver.seats.map(|seats| seats.to_string()).unwrap_or_default();
                flows.say(TextKey::OfferTooLarge, &[("people", people), ("places", &seats)])
            }
            Some(offer) => {
                accept(&mut turn.turn, offer, driver);
                flows.say(TextKey::OfferYours, &[("what", &offer.text)])
            }
            None => flows.say(TextKey::OfferTaken, &[]),
        }
    } else {
        return Ruling::Pass;
    };
    turn.write(&text, OutboundKind::Reply);
    Ruling::Done(Outcome::AnsweredFlow)
}
