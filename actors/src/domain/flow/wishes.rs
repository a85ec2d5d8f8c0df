//! What a message wants without saying it by a keyword, and what it asks instead.

use super::engine::Stage;
use super::people::people;
use super::source::Flow;
use super::{Given, asides, journey, picking};
use crate::domain::dates::{self, Day};
use crate::domain::faq::{asked_concepts, content_words};

/// Concepts of the FAQ's lexicon that no booking and no ride answers.
const ELSEWHERE: [&str; 7] = ["lost", "job", "refund", "tracking", "robot", "link", "prize"];
/// Concepts that are said of something that is wanted.
const WISHES: [&str; 17] = [
    "book",
    "availability",
    "ride",
    "quote",
    "order",
    "airport",
    "station",
    "home_visit",
    "emergency",
    "leak",
    "work",
    "services",
    "groups",
    "seats",
    "events",
    "human",
    "late",
];

impl<'a> Stage<'a> {
    /// The flow that a message wants without any of its keywords: `manucure demain 15h possible ?`, `combien de Kipé à l'aéroport`.
    pub(super) fn wished_for(&self) -> Option<&'a Flow> {
        let knows = || (self.scene.knows)(self.scene.text);
        let asks_for_price = asides::asks_for_price(self.said);
        let ends = if asks_for_price { journey::ends(self.scene.text) } else { journey::Ends::default() };
        if ends.to.is_some() && (ends.from.is_some() || !knows()) && self.flows.fares.are_known() {
            return self.flows.flows.iter().find(|flow| flow.offers());
        }
        let (flow, _) = self.booking_step()?;
        let wants = asides::wants(self.said) || people(self.said).is_some() && !asides::tells_of_one(self.said);
        if asks_for_price || !wants {
            return None;
        }
        let names = self.names();
        picking::by_name(self.said, &names)?;
        let is_name = names.iter().flatten().any(|name| name == self.said);
        if is_name && !knows() {
            return Some(flow);
        }
        let phrase = dates::read(self.scene.text, self.local_now(), self.flows.english);
        let is_to_come = phrase.time.is_some() && phrase.day.is_none()
            || matches!(phrase.day, Some(Day::On(_) | Day::Either(_) | Day::Within(..) | Day::Any));
        if !is_to_come || self.asks_something_else() {
            return None;
        }
        let asked = asked_concepts(self.scene.text);
        (asked.contains("book") || asked.contains("availability") || !knows()).then_some(flow)
    }

    /// Whether a message that names what is booked asks something else of it: `j'ai oublié mon sac dans le taxi`, `vous prenez la carte
    /// dans le taxi ?` where the FAQ knows.
    pub(super) fn asks_something_else(&self) -> bool {
        let asked = asked_concepts(self.scene.text);
        let is_other = asked.iter().any(|concept| ELSEWHERE.contains(concept));
        let is_wish = asked.is_empty() || asked.iter().any(|concept| WISHES.contains(concept));
        is_other || !is_wish && (self.scene.knows)(self.scene.text)
    }

    /// Whether a message says more than that it wants a flow: `devis pour un mariage`, not `je voudrais un devis`.
    pub(super) fn tells_more(&self) -> bool {
        let keywords = self.flows.asked_for(self.said).map(|flow| flow.keywords.as_slice()).unwrap_or_default();
        let is_keyword = |word: &String| keywords.iter().any(|keyword| keyword.contains(&word.to_lowercase()));
        !content_words(self.scene.text).iter().all(is_keyword)
    }

    /// An end of a ride that the message names by itself.
    pub(super) fn told_end(&self, save: &str) -> Option<Given> {
        if self.spent || self.scene.location.is_some() || !matches!(save, "pickup" | "destination") {
            return None;
        }
        let ends = journey::ends(self.scene.text);
        let end = match save {
            "pickup" => ends.from,
            _ => ends.to.filter(|_| self.opening || ends.from.is_some()),
        };
        end.map(|end| Given { shown: end.clone(), value: end })
    }
}
