//! Labels around a history, in English and French.

use palabre_actors::domain::rules::Language;

/// One of these words: what they mean stands in English, what is shown depends on who reads.
pub(in crate::cli) fn label(english: &'static str, language: Language) -> &'static str {
    if language == Language::En {
        return english;
    }
    FRENCH.iter().find(|(word, _)| *word == english).map_or(english, |(_, french)| french)
}

/// The first seventeen columns are theirs, where they stand before a value.
const FRENCH: &[(&str, &str)] = &[
    ("message", "message"),
    ("at the provider", "au fournisseur"),
    ("tenant, channel", "entreprise/canal"),
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
    ("contact wrote", "contact a écrit"),
    ("see", "voir"),
    ("what to do", "que faire"),
    ("not known there", "encore inconnu"),
    ("nothing was sent:", "rien n'a été envoyé :"),
    ("nothing is in the event log", "le journal des événements n'en dit rien"),
    ("since", "depuis"),
    ("(no text)", "(pas de texte)"),
    ("sent via", "parti par"),
    ("template", "modèle"),
    ("state", "état"),
    ("reason", "raison"),
    ("waits", "attend"),
    ("attempts, life", "tentatives, vie"),
    ("expires", "expire"),
    ("id", "id"),
    ("age", "âge"),
    ("channel", "canal"),
    ("tenant", "entreprise"),
    ("messages", "messages"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fit_their_columns_and_none_is_missing() {
        let sources =
            [include_str!("timeline.rs"), include_str!("../outbox/views.rs"), include_str!("../outbox/history.rs")];
        let words = |before: &str| -> Vec<&str> {
            let after = |source: &&'static str| source.split(before).skip(1).collect::<Vec<_>>();
            sources.iter().flat_map(after).filter_map(|rest| rest.split('"').next()).collect()
        };
        let (asked, fields) = (words("label(\""), words("field(\""));
        assert!(asked.len() > 3 && fields.len() > 20, "the sources are read");
        for word in asked.iter().chain(&fields) {
            assert!(FRENCH.iter().any(|(english, _)| english == word), "{word} has no French");
        }
        for word in fields {
            assert!(label(word, Language::Fr).chars().count() < 17, "{word} is too long in French");
        }
    }
}
