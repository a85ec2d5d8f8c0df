//! Messages that ask to be left alone without saying STOP as a keyword.

/// Phrases of a folded message that ask to be left alone without saying STOP as a keyword.
const STOP_PHRASES: &[&str] = &[
    "ARRETE DE M ECRIRE",
    "ARRETE DE M ENVOYER",
    "ARRETER DE M ECRIRE",
    "ARRETER DE M ENVOYER",
    "ARRETEZ DE M ECRIRE",
    "ARRETEZ DE M ENVOYER",
    "ARRETEZ DE ME CONTACTER",
    "ARRETEZ DE ME SPAMMER",
    "ARRETEZ LES MESSAGES",
    "ARRETEZ VOS MESSAGES",
    "ARRETEZ VOS SMS",
    "CESSEZ DE M ECRIRE",
    "CESSEZ DE M ENVOYER",
    "CESSEZ VOS MESSAGES",
    "NE M ECRIS PLUS",
    "NE M ECRIVEZ PLUS",
    "NE M ENVOYEZ PLUS",
    "NE ME CONTACTEZ PLUS",
    "NE PLUS M ECRIRE",
    "NE PLUS M ENVOYER",
    "NE PLUS RECEVOIR DE MESSAGE",
    "NE PLUS RECEVOIR DE MESSAGES",
    "NE PLUS RECEVOIR VOS MESSAGES",
    "NE PLUS RECEVOIR VOS SMS",
    "PLUS DE MESSAGES SVP",
    "PLUS RECEVOIR VOS MESSAGES",
    "RETIREZ MOI DE VOTRE LISTE",
    "RETIREZ MON NUMERO",
    "SUPPRIMEZ MON NUMERO",
    "LAISSEZ MOI TRANQUILLE",
    "DON T MESSAGE ME",
    "DO NOT MESSAGE ME",
    "DONT MESSAGE ME",
    "DON T TEXT ME",
    "DO NOT CONTACT ME",
    "DON T CONTACT ME",
    "LEAVE ME ALONE",
    "NO MORE MESSAGES",
    "REMOVE ME FROM YOUR LIST",
    "STOP CONTACTING ME",
    "STOP MESSAGING ME",
    "STOP SENDING ME",
    "STOP TEXTING ME",
    "STOP WRITING TO ME",
    "TAKE ME OFF",
    "UNSUBSCRIBE ME",
    "STOP VOS MESSAGES",
    "STOP VOS SMS",
    "STOP LES MESSAGES",
    "STOP THE MESSAGES",
    "STOP THESE MESSAGES",
    "PLUS ME CONTACTER",
    "NE PLUS ME DERANGER",
    "NE ME DERANGEZ PLUS",
    "ENLEVEZ MOI DE VOTRE LISTE",
    "ENLEVEZ MOI DE VOS LISTES",
    "ENLEVEZ MON NUMERO",
    "EFFACEZ MON NUMERO",
    "EFFACEZ MON CONTACT",
    "SUPPRIMEZ MON CONTACT",
    "SUPPRIMEZ MES COORDONNEES",
    "SUPPRIMER MON NUMERO",
    "DESABONNEZ MOI",
    "DESINSCRIVEZ MOI",
    "DELETE MY NUMBER",
    "LOSE MY NUMBER",
];

/// What is wanted no more when one of [`SENT`] follows, with nothing but a word of [`BETWEEN`] in between.
const NO_MORE: &[&[&str]] = &[
    &["STOP"],
    &["ARRETE"],
    &["ARRETER"],
    &["ARRETEZ"],
    &["CESSEZ"],
    &["PLUS", "RECEVOIR"],
    &["MARRE"],
    &["RAS", "LE", "BOL"],
    &["EN", "AI", "ASSEZ"],
    &["NO", "MORE"],
    &["STOP", "SENDING"],
    &["SICK", "OF"],
    &["TIRED", "OF"],
];
const BETWEEN: &[&str] = &[
    "DE", "DES", "D", "LES", "VOS", "TES", "AUX", "AVEC", "TOUS", "TOUTES", "CES", "THE", "THESE", "YOUR", "ALL", "ME",
    "ANY",
];
const SENT: &[&str] = &[
    "MESSAGE",
    "MESSAGES",
    "MSG",
    "SMS",
    "TEXTOS",
    "TEXTS",
    "PUB",
    "PUBS",
    "PUBLICITE",
    "PUBLICITES",
    "PROMO",
    "PROMOS",
    "PROMOTIONS",
    "OFFRES",
    "MAILS",
    "NOTIFICATIONS",
    "NOTIFS",
    "SPAM",
    "SPAMS",
    "ADS",
    "ADVERTS",
];
/// Who leaves a waiting list goes on reading messages.
const WAITING_LISTS: &[&str] = &["LISTE D ATTENTE", "LISTE ATTENTE", "WAITING LIST", "WAITLIST"];

/// Words beside STOP that make a sentence of it and change nothing.
const POLITE: &[&str] = &[
    "SVP",
    "STP",
    "PLEASE",
    "PLS",
    "PLZ",
    "MERCI",
    "THANKS",
    "THANK",
    "YOU",
    "VOUS",
    "PLAIT",
    "S",
    "IL",
    "TE",
    "NOW",
    "MAINTENANT",
    "OK",
    "BONJOUR",
];

/// Whether a folded message, which is no keyword, seems to ask for what STOP does: whoever writes "Stop svp" or "arrêtez de
/// m'envoyer des messages" is asked back, because they may mean something else.
#[must_use]
pub fn seems_to_ask_for_stop(folded: &str) -> bool {
    let mut words = folded.split(' ').filter(|word| !word.is_empty()).peekable();
    if words.peek().is_none() {
        return false;
    }
    let mut stops = 0;
    let only_stop = words.all(|word| {
        let stop =
            matches!(word, "STOP" | "ARRET" | "ARRETE" | "ARRETEZ" | "UNSUBSCRIBE" | "DESABONNEZ" | "DESABONNER");
        stops += usize::from(stop);
        stop || POLITE.contains(&word)
    });
    if only_stop && stops > 0 {
        return true;
    }
    (says_any(folded, STOP_PHRASES) || wants_no_more(folded)) && !says_any(folded, WAITING_LISTS)
}

/// Whether one of the phrases stands there as whole words.
fn says_any(folded: &str, phrases: &[&str]) -> bool {
    let starts = std::iter::once(0).chain(folded.match_indices(' ').map(|(at, _)| at + 1));
    starts.map(|at| &folded[at..]).any(|rest| {
        let first = rest.as_bytes().first();
        phrases
            .iter()
            .filter(|phrase| phrase.as_bytes().first() == first)
            .any(|phrase| rest.strip_prefix(phrase).is_some_and(|behind| behind.is_empty() || behind.starts_with(' ')))
    })
}

/// `stop les promos`, `j'en ai marre de vos SMS`.
fn wants_no_more(folded: &str) -> bool {
    let words: Vec<&str> = folded.split(' ').collect();
    (0..words.len()).any(|at| {
        let rest = words.get(at..).unwrap_or_default();
        NO_MORE.iter().filter(|opening| rest.starts_with(opening)).any(|opening| {
            let mut behind = rest.iter().skip(opening.len());
            behind.find(|word| !BETWEEN.contains(word)).is_some_and(|word| SENT.contains(word))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::folding::fold;

    #[test]
    fn who_wants_no_more_messages_without_saying_stop_is_seen() {
        for (body, expected) in [
            ("Stop svp", true),
            ("stop please", true),
            ("STOP merci", true),
            ("arrêtez de m'envoyer des messages", true),
            ("Arrêtez de m'écrire !", true),
            ("je ne veux plus recevoir vos messages", true),
            ("please stop texting me", true),
            ("svp ne m'écrivez plus", true),
            ("je ne veux plus recevoir vos pubs", true),
            ("merci de ne plus me contacter", true),
            ("stop les promos", true),
            ("j'en ai marre de vos messages", true),
            ("enlevez-moi de votre liste svp", true),
            ("désabonnez moi", true),
            ("enlevez-moi de votre liste d'attente", false),
            ("take me off the waiting list", false),
            ("stop je prends la rouge", false),
            ("enlevez la robe noire de ma commande", false),
            ("comment me désabonner ?", false),
            ("arrêtez-vous devant la gare", false),
            ("le bus stop est où", false),
            ("stop over à Dakar", false),
            ("vous arrêtez quand les promos", false),
            ("merci", false),
            ("bonjour", false),
            ("", false),
        ] {
            assert_eq!(seems_to_ask_for_stop(&fold(body)), expected, "{body}");
        }
    }
}
