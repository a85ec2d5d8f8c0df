//! Words for messages that wait and have no reason of their own.

use palabre_actors::domain::rules::Language;

use crate::cli::explain::last_error;

/// What a word of the list `--by-reason` means: a reason, or what a message without one waits for.
pub(super) fn meaning(word: &str, language: Language) -> String {
    let (english, french) = match word {
        "line" => (
            "another message of the same conversation comes first",
            "un autre message de la même conversation passe d'abord",
        ),
        "turn" => ("it is due, and waits for a free sender", "son heure est venue, et il attend un expéditeur libre"),
        "time" => ("it is not to be sent before its time", "il ne doit pas partir avant son heure"),
        reason => return last_error(reason, language),
    };
    if language == Language::En { english.to_owned() } else { french.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_list_can_be_told_in_both_languages() {
        for word in ["line", "turn", "time", "paused", "suspended", "30002", "breaker_open", "per_day"] {
            let told = [Language::En, Language::Fr].map(|language| meaning(word, language));
            assert!(told[0] != told[1] && !told[0].contains("no words"), "{told:?}");
        }
    }
}
