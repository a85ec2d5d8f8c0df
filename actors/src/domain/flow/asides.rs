//! What short messages say beside the question: thanks, wait, what does it cost, which other times.

use super::phrases::{contains, stripped, words};

const THINKS_FIRST: &str = "attends|attend|attendez|une minute|une seconde|un instant|un moment|deux minutes|2 minutes|2 min|je reflechis|\
    je vais reflechir|laisse moi reflechir|laissez moi reflechir|je sais pas|je ne sais pas|je sais pas encore|\
    je ne sais pas encore|je vais voir|on verra|je verrai|je reviens|je regarde|je demande|je vous dis|je te dis|\
    wait|hold on|one sec|one second|one minute|let me think|let me check|i don t know|i don t know yet|not sure|\
    not sure yet|pas sur";
const MORE_TIMES: &str = "quoi comme heure|quoi comme heures|quelles heures|quels horaires|quels creneaux|autres heures|autre heure|\
    autres creneaux|autre creneau|d autres|autre chose|quoi d autre|autres horaires|what times|other times|\
    another time|what else|something else|anything else|plus de choix";
const HAS_NONE: &str = "pas d email|pas d e mail|pas de mail|pas d adresse|j en ai pas|n en ai pas|j ai pas d|je n ai pas d|pas besoin|\
    sans email|sans mail|no email|no e mail|don t have|ici c est bon|par whatsapp|sur whatsapp";
/// What a booking of one's own is called.
const OWN_BOOKING: &str =
    "mon rdv|mon rendez vous|ma reservation|mon cours|mon creneau|my appointment|my booking|my reservation";
const ASKS_WHEN: &str = "quelle heure|quand|quel jour|confirmez|confirme|c est bien|toujours bon|tient toujours|what time|when|still on|\
    confirm";
const WANTS: &str = "possible|possib|dispo|disponible|place|creneau|peux|pouvez|peut|pourrais|voudrais|veux|aimerais|svp|stp|please|\
    can|could|want|book|free|available|reserver|prendre|passer|venir|i d like";
const TOLD: &str = "ai reserve|avons reserve|a reserve|avait reserve|ai pris|avons pris|ai une|avons une|etait|avait|a ete|have booked|\
    ve booked|i booked|we booked|have a|was|were|had";
const PRICE: &str = "combien|prix|tarif|tarifs|how much|price|cost|cmb";

/// Whether one of the phrases, between which a `|` stands, is said.
fn says_any(said: &str, phrases: &str) -> bool {
    phrases.split('|').any(|phrase| contains(said, phrase))
}

/// Whether it says nothing but that its writer thinks first: `attends`, `je vais voir`.
pub(super) fn wants_to_think(said: &str) -> bool {
    let bare = stripped(said);
    THINKS_FIRST.split('|').any(|phrase| phrase == said || phrase == bare)
}

/// Whether it asks for other times than those that were offered.
pub(super) fn asks_for_more_times(said: &str) -> bool {
    says_any(said, MORE_TIMES)
}

/// Whether the times that it asks for are to be others than those that it was told.
pub(super) fn asks_for_others(said: &str) -> bool {
    says_any(said, "autre|autres|other|another|else|plus de choix")
}

/// Whether it asks for a later (`Some(true)`) or an earlier time.
pub(super) fn later(said: &str) -> Option<bool> {
    let is_short = words(said) <= 6;
    match (
        says_any(said, "plus tard|later|trop tot|too early"),
        says_any(said, "plus tot|earlier|sooner|trop tard|too late"),
    ) {
        (true, false) if is_short => Some(true),
        (false, true) if is_short => Some(false),
        _ => None,
    }
}

/// Whether its writer has no such thing as was asked for.
pub(super) fn has_none(said: &str) -> bool {
    says_any(said, HAS_NONE)
}

/// Whether it asks about a booking of one's own.
pub(super) fn asks_about_own(said: &str) -> bool {
    says_any(said, OWN_BOOKING) && says_any(said, ASKS_WHEN)
}

/// Whether it says that something is wanted: in a few words, or by a word that asks.
pub(super) fn wants(said: &str) -> bool {
    // Numbers say when, and for how many.
    let named = said.split_whitespace().filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    named.count() <= 5 || says_any(said, WANTS)
}

/// Whether it tells of a booking that there is or was.
pub(super) fn tells_of_one(said: &str) -> bool {
    says_any(said, TOLD)
}

pub(super) fn asks_for_price(said: &str) -> bool {
    says_any(said, PRICE)
}
