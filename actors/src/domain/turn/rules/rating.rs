//! Rule: a customer who was asked how good a ride was says so.

use super::Ruling;
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::flow::TextKey;
use crate::domain::message::OutboundKind;
use crate::domain::number_words;
use crate::domain::offer::OfferChange;
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "rating";

/// Words around a number that say nothing.
const AROUND: [&str; 12] =
    ["SUR", "5", "ETOILES", "ETOILE", "STARS", "STAR", "OUT", "OF", "NOTE", "JE", "METS", "MERCI"];

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let asked = turn.turn.conversation.memory.as_ref().and_then(|memory| memory.rates);
    let (Some(offer), Some(flows)) = (asked, turn.rules.flows()) else { return Ruling::Pass };
    let mut memory = turn.memory();
    memory.rates = None;
    turn.remember(memory);
    let Some(rating) = rating(heard.folded, heard.text).filter(|_| turn.turn.conversation.flow.is_none()) else {
        return Ruling::Pass;
    };
    turn.turn.effects.offers.push(OfferChange::Rate(offer, rating));
    let payload = Payload::builder().number("rating", rating).finish();
    turn.note(EventType::RideRated, EntityType::Offer, offer.0, ActorType::Contact, payload);
    turn.write(&flows.say(TextKey::Rated, &[]), OutboundKind::Reply);
    Ruling::Done(Outcome::AnsweredFlow)
}

/// `4`, `5 étoiles`, `4/5`, `trois`, `⭐⭐⭐⭐`
fn rating(folded: &str, text: &str) -> Option<i64> {
    let stars = text.chars().filter(|c| *c == '⭐' || *c == '★').count();
    if (1..=5).contains(&stars) && folded.is_empty() {
        return i64::try_from(stars).ok();
    }
    let mut words = folded.split_whitespace();
    let first = words.find(|word| *word == "5" || !AROUND.contains(word))?;
    let number = number_words::number(first)?;
    ((1..=5).contains(&number) && words.all(|word| AROUND.contains(&word))).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::folding::fold;

    #[test]
    fn a_rating_is_a_number_from_one_to_five() {
        for (text, expected) in [
            ("4", Some(4)),
            ("5 étoiles", Some(5)),
            ("4/5", Some(4)),
            ("trois", Some(3)),
            ("je mets 5 sur 5", Some(5)),
            ("⭐⭐⭐⭐", Some(4)),
            ("6", None),
            ("0", None),
            ("à 5 heures", None),
            ("taxi", None),
            ("", None),
        ] {
            assert_eq!(rating(&fold(text), text), expected, "{text}");
        }
    }
}
