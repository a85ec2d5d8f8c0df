//! What a message was written for.

use palabre_actors::domain::message::OutboundKind;
use palabre_actors::domain::rules::Language;

use super::in_;

/// A kind and what it means: `manual (asked for through the API)`.
pub(in crate::cli) fn kind(word: &str, language: Language) -> String {
    let Ok(kind) = word.parse() else { return word.to_owned() };
    let means = match kind {
        OutboundKind::Reply => ("answers what the contact wrote", "répond à ce que le contact a écrit"),
        OutboundKind::OptOutConfirmation => ("confirms their STOP; then silence", "confirme le STOP ; puis le silence"),
        OutboundKind::OptInConfirmation => ("confirms their START", "confirme le START"),
        OutboundKind::Help => ("answers HELP", "répond à AIDE"),
        OutboundKind::Manual => ("asked for through the API", "demandé par l'API"),
        OutboundKind::Welcome => (
            "asks a new contact to confirm or to say STOP",
            "demande à un nouveau contact de confirmer ou de dire STOP",
        ),
    };
    format!("{word} ({})", in_(language, means))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_twice() {
        for known in OutboundKind::ALL {
            let told = [Language::En, Language::Fr].map(|language| kind(known.as_str(), language));
            assert!(told.iter().all(|told| told.starts_with(known.as_str())) && told[0] != told[1], "{told:?}");
        }
        assert_eq!(kind("carrier_pigeon", Language::Fr), "carrier_pigeon");
    }
}
