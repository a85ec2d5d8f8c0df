//! The words around a story.

use palabre_actors::domain::rules::Language;

/// One of these words: what they mean stands in English, what is shown depends on who reads.
pub(super) fn label(english: &'static str, language: Language) -> &'static str {
    if language == Language::En {
        return english;
    }
    FRENCH.iter().find(|(word, _)| *word == english).map_or(english, |(_, french)| french)
}

/// The first seventeen columns are theirs.
const FRENCH: [(&str, &str); 21] = [
    ("message", "message"),
    ("at the provider", "au prestataire"),
    ("tenant, channel", "boutique, canal"),
    ("from, to", "de, à"),
    ("role", "rôle"),
    ("says", "dit"),
    ("carries", "contient"),
    ("conversation", "conversation"),
    ("flow", "fil"),
    ("answer", "envoi"),
    ("kind", "sorte"),
    ("to", "à"),
    ("attempts", "tentatives"),
    ("next attempt", "prochain essai"),
    ("see", "voir"),
    ("what to do", "que faire"),
    ("not known there", "inconnu là-bas"),
    ("nothing was sent:", "rien n'a été envoyé :"),
    ("nothing is in the event log", "le journal des événements n'en dit rien"),
    ("since", "depuis"),
    ("(no text)", "(pas de texte)"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fit_their_columns_and_none_is_missing() {
        let source = include_str!("timeline.rs");
        let asked: Vec<_> = source.split("label(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let fields = source.split("field(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let fields: Vec<_> = fields.collect();
        assert!(asked.len() > 3 && fields.len() > 8, "the source is read");
        for word in asked.iter().chain(&fields) {
            assert!(FRENCH.iter().any(|(english, _)| english == word), "{word} has no French");
        }
        for word in fields {
            assert!(label(word, Language::Fr).chars().count() < 17, "{word} is too long in French");
        }
    }
}
