//! Which rule decided about a message, and what.

use palabre_actors::domain::rules::Language;

use super::rules::rule;
use super::{in_, outcome};

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
