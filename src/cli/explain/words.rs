//! Stored words as people read them. In English it is the stored word itself. In French it is a French word, with the
//! stored one in parentheses, because `--state`, `--json` and the tables use that.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::message::{OutboundKind, Role};
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

use crate::cli::terminal::moment;

/// `deferred`, in French `différé (deferred)`
pub(in crate::cli) fn state(state: OutboxState, language: Language) -> String {
    beside(state_alone(state, language), state.as_str())
}

/// `deferred`, in French `différé`: where there is no room, and [`state`] stands elsewhere.
pub(in crate::cli) const fn state_alone(state: OutboxState, language: Language) -> &'static str {
    match (language, state) {
        (Language::En, state) => state.as_str(),
        (_, OutboxState::Pending) => "en attente",
        (_, OutboxState::Sending) => "en cours d'envoi",
        (_, OutboxState::Unknown) => "incertain",
        (_, OutboxState::Sent) => "envoyé",
        (_, OutboxState::Delivered) => "livré",
        (_, OutboxState::Read) => "lu",
        (_, OutboxState::Failed) => "non livré",
        (_, OutboxState::Deferred) => "différé",
        (_, OutboxState::Suppressed) => "retenu",
        (_, OutboxState::Dead) => "abandonné",
        (_, OutboxState::Cancelled) => "annulé",
    }
}

/// The same of a row, whose state another version may have written.
pub(in crate::cli) fn outbound_state(word: &str, language: Language) -> String {
    word.parse().map_or_else(|_| word.to_owned(), |known| state(known, language))
}

/// Where a message stands that came in: `processed`, in French `traité (processed)`
pub(super) fn inbound_state(word: &str, language: Language) -> String {
    let french = match word {
        _ if language == Language::En => word,
        "accepted" => "accepté",
        "processed" => "traité",
        "dead" => "mis de côté",
        other => other,
    };
    beside(french, word)
}

/// Who wrote: `seller`, in French `vendeur (seller)`
pub(super) fn role(word: &str, language: Language) -> String {
    let french = match word.parse() {
        Ok(Role::Seller) if language == Language::Fr => "vendeur",
        // French has the same word.
        Ok(Role::Client | Role::Seller) | Err(_) => word,
    };
    beside(french, word)
}

/// What a message was written for: `manual (asked for through the API)`, in French `demandé par l'API (manual)`
pub(in crate::cli) fn kind(word: &str, language: Language) -> String {
    let Ok(kind) = word.parse() else { return word.to_owned() };
    let (english, french) = match kind {
        OutboundKind::Reply => ("answers what the contact wrote", "répond à ce que le contact a écrit"),
        OutboundKind::OptOutConfirmation => ("confirms their STOP; then silence", "confirme le STOP ; puis le silence"),
        OutboundKind::OptInConfirmation => ("confirms their START", "confirme le START"),
        OutboundKind::Help => ("answers HELP", "répond à AIDE"),
        OutboundKind::Manual => ("asked for through the API", "demandé par l'API"),
        OutboundKind::Marketing => ("advertising, asked for through the API", "publicité, demandée par l'API"),
        OutboundKind::Welcome => (
            "asks a new contact to confirm or to say STOP",
            "demande à un nouveau contact de confirmer ou de dire STOP",
        ),
        OutboundKind::Action => ("no message: a provider call", "pas un message : un appel au fournisseur"),
    };
    match language {
        Language::En => format!("{word} ({english})"),
        Language::Fr => beside(french, word),
    }
}

/// What a message carries besides its text, by the keys of `messages_in.details`.
pub(super) fn part(word: &str, language: Language) -> String {
    let french = match word {
        _ if language == Language::En => word,
        "media" => "média",
        "button" => "bouton",
        "location" => "lieu",
        "reply_to" => "message cité",
        "list_choice" => "choix dans une liste",
        "form" => "réponses d'un formulaire",
        "other" => "autres champs",
        "alias" => "autre adresse",
        "provider_consent" => "consentement vu par le fournisseur",
        "start" => "bouton de départ",
        "acknowledge" => "accusé de réception",
        "cards" => "fiches de contacts",
        "notice" => "signalement",
        "written_on_phone" => "écrit sur le téléphone du canal",
        other => other,
    };
    beside(french, word)
}

/// A line of a history: what happened in a word and in a sentence; in French the sentence, and the word in parentheses.
pub(in crate::cli) fn happened(event_type: &str, sentence: &str, language: Language) -> String {
    match language {
        Language::En => format!("{event_type:<20} {sentence}"),
        Language::Fr => beside(sentence, event_type),
    }
}

/// A reason and what it means: `per_day, the tenant's …`, in French `les messages … (per_day)`. A code stands before its
/// meaning already.
pub(in crate::cli) fn meaning(reason: &str, means: &str, language: Language) -> String {
    match language {
        _ if means.starts_with(reason) => means.to_owned(),
        Language::En => format!("{reason}, {means}"),
        Language::Fr => beside(means, reason),
    }
}

/// When a contact last wrote; `None`: never.
pub(in crate::cli) fn contact_wrote(at: Option<Timestamp>, language: Language) -> String {
    match (at, language) {
        (Some(at), _) => moment(at),
        (None, Language::En) => "never".to_owned(),
        (None, Language::Fr) => "jamais".to_owned(),
    }
}

fn beside(told: &str, word: &str) -> String {
    if told == word { word.to_owned() } else { format!("{told} ({word})") }
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::action::Action;
    use palabre_actors::domain::address::{Address, Scheme};
    use palabre_actors::domain::event::EventType;
    use palabre_actors::domain::ids::ProviderMessageId;
    use palabre_actors::domain::message::{
        Button, ContactCard, Details, ListChoice, Location, Media, Notice, ProviderConsent,
    };
    use palabre_actors::domain::turn::Outcome;

    use super::super::{Around, Manner, timeline};
    use super::*;

    /// The states that the tables allow of what came in.
    fn inbound_states() -> Vec<&'static str> {
        let schema =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/src/m20261121_000001_house/sqlite.sql"));
        let (_, table) = schema.split_once(" TABLE messages_in (").unwrap();
        let (_, allowed) = table.split_once("CHECK (state IN (").unwrap();
        let (allowed, _) = allowed.split_once(')').unwrap();
        allowed.split(", ").map(|word| word.trim_matches('\'')).collect()
    }

    fn parts() -> Vec<String> {
        let details = Details {
            media: vec![Media {
                url: "https://x.invalid/1".to_owned(),
                content_type: "image/png".to_owned(),
                ..Media::default()
            }],
            button: Some(Button { text: "Oui".to_owned(), payload: "oui".to_owned() }),
            location: Some(Location { latitude: 0.0, longitude: 0.0, address: None, label: None }),
            reply_to: Some(ProviderMessageId::new("SM1")),
            alias: Some(Address::parse(Scheme::Whatsapp, "+33639980001", None).unwrap()),
            list_choice: Some(ListChoice { id: "3".to_owned(), title: "Manucure".to_owned() }),
            form: Some("{}".to_owned()),
            other: [("Forwarded".to_owned(), "true".to_owned())].into(),
            provider_consent: Some(ProviderConsent::Stop),
            start: Some(String::new()),
            acknowledge: Some(Action { kind: String::new(), arguments: serde_json::Value::Null }),
            cards: vec![ContactCard { name: "Awa".to_owned(), phones: Vec::new() }],
            notice: Some(Notice::Call),
            written_on_phone: true,
        };
        let document = serde_json::to_value(&details).unwrap();
        document.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn i11_every_word_has_its_french_with_the_stored_one_behind_it() {
        let told = |word: &str, tell: &dyn Fn(&str, Language) -> String, same: bool| {
            let french = tell(word, Language::Fr);
            assert!(tell(word, Language::En).starts_with(word), "{word}");
            assert!(french == word && same || french.ends_with(&format!(" ({word})")), "{word}: {french}");
        };
        OutboxState::ALL.iter().for_each(|known| told(known.as_str(), &outbound_state, false));
        OutboundKind::ALL.iter().for_each(|known| told(known.as_str(), &kind, false));
        Role::ALL.iter().for_each(|known| told(known.as_str(), &role, *known == Role::Client));
        assert_eq!(inbound_states().len(), 3);
        inbound_states().iter().for_each(|known| told(known, &inbound_state, false));
        assert_eq!(parts().len(), 14);
        parts().iter().for_each(|known| told(known, &part, false));
        for unknown in [outbound_state, inbound_state, role, kind, part] {
            assert_eq!(unknown("carrier_pigeon", Language::Fr), "carrier_pigeon");
        }
    }

    /// What is left of a text without what stands in parentheses or in backticks.
    fn outside(text: &str) -> String {
        let (mut left, mut depth, mut quoted) = (String::new(), 0_u32, false);
        for c in text.chars() {
            match c {
                '`' => quoted = !quoted,
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                c if depth == 0 && !quoted => left.push(c),
                _ => {}
            }
        }
        left
    }

    #[test]
    fn i11_a_story_in_french_has_stored_words_in_parentheses_alone() {
        let manner = Manner { language: Language::Fr, ..Manner::default() };
        let mut stored: Vec<&str> = OutboxState::ALL.iter().map(|known| known.as_str()).collect();
        stored.extend(OutboundKind::ALL.iter().map(|known| known.as_str()));
        stored.extend(EventType::ALL.iter().map(|known| known.as_str()));
        stored.extend(Outcome::ALL.iter().map(|known| known.as_str()));
        stored.extend(inbound_states());
        stored.push(Role::Seller.as_str());
        for (at, state) in OutboxState::ALL.iter().enumerate() {
            let mut history = timeline::sample_flow::history();
            history.outbound[0].state = state.as_str().to_owned();
            history.outbound[0].kind = OutboundKind::ALL[at % OutboundKind::ALL.len()].as_str().to_owned();
            let inbound = history.inbound.as_mut().unwrap();
            inbound.role = Some(Role::Seller.as_str().to_owned());
            inbound.state = inbound_states()[at % 3].to_owned();
            inbound.reason = Some(Outcome::ALL[at % Outcome::ALL.len()].as_str().to_owned());
            let told = timeline::text(&history, &Around::default(), manner);
            let read = outside(&told);
            for word in &stored {
                let found = read.split(|c: char| !c.is_alphanumeric() && c != '_').any(|read| read == *word);
                assert!(!found, "{word} stands bare in\n{told}");
            }
            assert!(told.contains("(message_routed)") && told.contains("vendeur (seller)"), "{told}");
        }
    }
}
