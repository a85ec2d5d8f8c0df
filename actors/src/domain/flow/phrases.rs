//! What short messages mean whatever is being asked: yes, no, stop this, go back, again, a person.

use super::lexicon::{
    BACK, CANCEL_PHRASES, CANCEL_WORDS, CORRECTIONS, FILLERS, MOVE_PHRASES, NO, NOT_COMING_PHRASES, PERSON_PHRASES,
    PERSON_WORDS, REPEAT, RESTART, TELL_ME_PHRASES, WAITING_PHRASES, YES,
};

/// A folded message, as phrases are compared: lower case.
#[must_use]
pub fn said(folded: &str) -> String {
    folded.to_lowercase()
}

/// Whether a phrase stands in what was said, as whole words.
#[must_use]
pub fn contains(said: &str, phrase: &str) -> bool {
    said.match_indices(phrase).any(|(at, _)| {
        let before = at == 0 || said.as_bytes().get(at - 1) == Some(&b' ');
        let end = at + phrase.len();
        before && (end == said.len() || said.as_bytes().get(end) == Some(&b' '))
    })
}

/// Whether a word is one of a list, which blanks separate.
pub(super) fn is_of(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

pub(super) fn words(said: &str) -> usize {
    said.split_whitespace().count()
}

/// Without words that say nothing.
pub(super) fn stripped(said: &str) -> String {
    let kept: Vec<&str> = said.split_whitespace().filter(|word| !FILLERS.contains(word)).collect();
    kept.join(" ")
}

fn is_one_of(said: &str, phrases: &[&str]) -> bool {
    phrases.contains(&said) || phrases.contains(&stripped(said).as_str())
}

/// Whether it says yes. `text` is the message as it was written: a thumb has no letters.
#[must_use]
pub fn is_yes(said: &str, text: &str) -> bool {
    if said.is_empty() {
        return ['👍', '👌', '✅', '🆗'].iter().any(|sign| text.contains(*sign));
    }
    let first = said.split_whitespace().next().unwrap_or_default();
    let begins = matches!(first, "oui" | "ouais" | "ok" | "okay" | "yes" | "yep" | "parfait" | "dac" | "daccord")
        && words(said) <= 6;
    is_one_of(said, &YES)
        || (begins && !contains(said, "mais") && !contains(said, "but"))
        || (contains(said, "d accord") && words(said) <= 4)
}

/// Whether it says no, and nothing else.
#[must_use]
pub fn is_no(said: &str, text: &str) -> bool {
    if said.is_empty() {
        return ['👎', '❌', '🚫'].iter().any(|sign| text.contains(*sign));
    }
    is_one_of(said, &NO)
}

/// Whether it says nothing but thanks or a greeting.
#[must_use]
pub fn is_courtesy(said: &str) -> bool {
    !said.is_empty()
        && matches!(stripped(said).as_str(), "" | "beaucoup" | "bcp" | "very much" | "a lot" | "coucou" | "cool")
}

/// Whether it ends what is going on.
#[must_use]
pub fn cancels(said: &str) -> bool {
    CANCEL_PHRASES.iter().any(|phrase| contains(said, phrase)) && words(said) <= 10
        || CANCEL_WORDS.iter().any(|word| contains(said, word)) && words(said) <= 4
}

/// Whether it asks for the question before.
#[must_use]
pub fn goes_back(said: &str) -> bool {
    is_one_of(said, &BACK)
}

/// Whether it asks to hear the question again.
#[must_use]
pub fn asks_again(said: &str, text: &str) -> bool {
    is_one_of(said, &REPEAT)
        || (said.is_empty() && text.trim_matches([' ', '\n']).chars().all(|c| c == '?') && text.contains('?'))
}

/// Whether it begins anew.
#[must_use]
pub fn restarts(said: &str) -> bool {
    is_one_of(said, &RESTART)
}

/// Whether it asks for a person.
#[must_use]
pub fn wants_person(said: &str) -> bool {
    PERSON_PHRASES.iter().any(|phrase| contains(said, phrase))
        || PERSON_WORDS.iter().any(|word| contains(said, word)) && words(said) <= 5
}

/// Whether it is about another time for what is booked.
#[must_use]
pub fn moves(said: &str) -> bool {
    MOVE_PHRASES.iter().any(|phrase| contains(said, phrase))
}

/// Whether it calls off what is booked.
#[must_use]
pub fn calls_off(said: &str) -> bool {
    NOT_COMING_PHRASES.iter().any(|phrase| contains(said, phrase))
        || CANCEL_WORDS.iter().any(|word| contains(said, word))
}

/// Whether it is about a new booking, whatever else it says of one that is no more.
#[must_use]
pub fn wants_to_book(said: &str) -> bool {
    ["prendre", "reprendre", "reserver", "un autre rdv", "un nouveau", "book", "make", "a new"]
        .iter()
        .any(|phrase| contains(said, phrase))
}

/// Whether it asks to be told when a time becomes free.
#[must_use]
pub fn waits_for_place(said: &str) -> bool {
    WAITING_PHRASES.iter().any(|phrase| contains(said, phrase)) && !leaves_list(said)
}

/// Whether it asks to be told, in the middle of a search for a time.
#[must_use]
pub fn asks_to_be_told(said: &str) -> bool {
    TELL_ME_PHRASES.iter().any(|phrase| contains(said, phrase))
}

/// Whether it ends waiting for a time.
#[must_use]
pub fn leaves_list(said: &str) -> bool {
    let list = ["de la liste", "la liste d attente", "the list", "the waiting list", "the waitlist"];
    let leaves = ["quitter", "enlevez", "enleve", "retirez", "retire", "sortir", "remove", "off", "leave"];
    let either = |phrases: &[&str]| phrases.iter().any(|phrase| contains(said, phrase));
    either(&list) && either(&leaves)
}

/// Whether it asks how something goes, and does not ask for it to be done.
#[must_use]
pub fn asks_whether_they_may(said: &str) -> bool {
    const QUESTIONS: [&str; 9] = [
        "puis je",
        "est ce que je peux",
        "est ce qu on peut",
        "peut on",
        "est il possible",
        "comment",
        "can i",
        "how do i",
        "is it possible",
    ];
    QUESTIONS.iter().any(|phrase| said.starts_with(phrase) || contains(said, phrase) && said.starts_with("bonjour"))
}

/// What comes behind the words that announce a correction; `None` when nothing announces one.
#[must_use]
pub fn correction(said: &str) -> Option<&str> {
    let mut rest = said;
    let mut announced = false;
    while let Some(phrase) =
        CORRECTIONS.iter().find(|phrase| rest == **phrase || rest.starts_with(&format!("{phrase} ")))
    {
        rest = rest.get(phrase.len()..).unwrap_or_default().trim_start();
        announced = true;
    }
    let anywhere = ["plutot", "rather", "instead", "a la place"].iter().any(|word| contains(said, word));
    ((announced || anywhere) && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::folding::fold;

    #[track_caller]
    fn all(texts: &[&str], meaning: fn(&str, &str) -> bool, expected: bool) {
        for text in texts {
            assert_eq!(meaning(&said(&fold(text)), text), expected, "{text}");
        }
    }

    #[test]
    fn yes_and_no() {
        let yes = [
            "oui",
            "Oui !",
            "ok",
            "OK merci",
            "d'accord",
            "ça marche",
            "c'est bon",
            "oui svp",
            "👍",
            "yes please",
            "oui je confirme",
            "parfait merci",
            "Okay",
            "sure",
            "vas-y",
        ];
        all(&yes, is_yes, true);
        all(&["non", "oui mais à 16h", "peut-être", "👎", "", "je ne sais pas", "demain"], is_yes, false);
        all(&["non", "Non merci", "no", "nope", "👎", "nan"], is_no, true);
        all(&["non plutôt jeudi", "oui", "pas jeudi", "notre adresse"], is_no, false);
    }

    #[test]
    fn words_that_repair() {
        all(
            &[
                "laisse tomber",
                "annule",
                "Annuler svp",
                "tant pis",
                "never mind",
                "forget it",
                "non laisse tomber merci",
                "finalement non",
            ],
            |said, _| cancels(said),
            true,
        );
        all(
            &["je voudrais annuler le supplément massage et garder le soin du visage", "oui", "demain"],
            |said, _| cancels(said),
            false,
        );
        all(&["retour", "go back", "en arrière"], |said, _| goes_back(said), true);
        all(&["je suis de retour demain"], |said, _| goes_back(said), false);
        all(&["quoi ?", "pardon ?", "vous pouvez répéter ?", "??", "?", "what?"], asks_again, true);
        all(&["quoi de neuf", "", "!"], asks_again, false);
        all(&["recommencer", "start over", "on recommence"], |said, _| restarts(said), true);
        all(
            &["je veux parler à quelqu'un", "conseillère", "un humain svp", "talk to a person"],
            |said, _| wants_person(said),
            true,
        );
        all(&["c'est pour mon agent immobilier qui habite à côté"], |said, _| wants_person(said), false);
    }

    #[test]
    fn words_about_a_booking() {
        all(
            &["je peux plus venir demain on peut décaler ?", "déplacer mon rdv", "can I reschedule"],
            |said, _| moves(said),
            true,
        );
        all(
            &["je ne pourrai pas venir", "j'annule mon rdv", "I can't make it", "annuler le rendez-vous de mardi"],
            |said, _| calls_off(said),
            true,
        );
        all(&["je viens demain", "un rdv svp"], |said, _| calls_off(said) || moves(said), false);
    }

    #[test]
    fn words_about_the_waiting_list() {
        all(
            &[
                "prévenez-moi si une place se libère",
                "mettez-moi sur liste d'attente",
                "si quelqu'un annule dites-le moi",
                "let me know if a slot opens up",
                "can you put me on the waiting list?",
            ],
            |said, _| waits_for_place(said),
            true,
        );
        all(
            &["enlevez-moi de la liste d'attente", "une place pour demain", "annuler mon rdv", "prévenez-moi"],
            |said, _| waits_for_place(said),
            false,
        );
        all(&["enlevez-moi de la liste", "take me off the waiting list"], |said, _| leaves_list(said), true);
    }

    #[test]
    fn corrections_are_announced() {
        for (text, rest) in [
            ("non plutôt jeudi", Some("jeudi")),
            ("en fait 16h", Some("16h")),
            ("pardon, je voulais dire Diallo", Some("diallo")),
            ("jeudi plutôt", Some("jeudi plutot")),
            ("actually Thursday", Some("thursday")),
            ("non", None),
            ("jeudi", None),
            ("nonobstant", None),
        ] {
            assert_eq!(correction(&said(&fold(text))), rest, "{text}");
        }
    }
}
