//! Which rule decided about a message, and what.

use palabre_actors::domain::assistant::AssistantSilence;
use palabre_actors::domain::rules::Language;

use super::rules::rule;
use super::{Both, in_, outcome};

/// A `message_routed`, in words.
pub(super) fn routed(role: Option<&str>, what: Option<&str>, by: Option<&str>, language: Language) -> String {
    let what = what.and_then(outcome).unwrap_or(("it had its turn", "il a eu son tour"));
    let what = in_(language, what);
    let told = match (role, language) {
        (Some("seller"), Language::En) => format!("its turn, as a seller's: {what}"),
        (Some("seller"), Language::Fr) => format!("son tour, comme celui d'un vendeur : {what}"),
        (_, Language::En) => format!("its turn: {what}"),
        (_, Language::Fr) => format!("son tour : {what}"),
    };
    let Some((word, (en, fr))) = by.and_then(|word| Some((word, rule(word)?))) else { return told };
    match language {
        Language::En => format!("{told} [decided by the rule “{en}” ({word})]"),
        Language::Fr => format!("{told} [décidé par la règle « {fr} » ({word})]"),
    }
}

/// Why the assistant did not answer before the rules did.
pub(super) fn assistant_silence(why: &str) -> Option<Both> {
    Some(match why.parse::<AssistantSilence>().ok()? {
        AssistantSilence::Absent => ("the assistant was not there", "l'assistant n'était pas là"),
        AssistantSilence::Late => ("the assistant did not answer in time", "l'assistant n'a pas répondu à temps"),
        AssistantSilence::Failed => ("the assistant's endpoint failed", "le service de l'assistant a échoué"),
        AssistantSilence::Unreadable => {
            ("the assistant's answer could not be read", "la réponse de l'assistant est illisible")
        }
        AssistantSilence::Budget => {
            ("the assistant's budget of the day is used up", "le budget du jour de l'assistant est épuisé")
        }
        AssistantSilence::BreakerOpen => (
            "the assistant failed several times and is left alone for a while",
            "l'assistant a échoué plusieurs fois : pause",
        ),
        AssistantSilence::Overtaken => ("something more urgent came first", "quelque chose de plus urgent est arrivé"),
    })
}
