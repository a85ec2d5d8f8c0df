//! Twilio's error codes: what the outbox should do about each, and what to tell people.
//!
//! What a code means is on its own page of Twilio's error dictionary, `https://www.twilio.com/docs/api/errors/{code}`
//! ([`Code::source`]). What to do about it is our reading of that page: a code that may pass later is
//! tried again, one that says that the contact does not want us is obeyed, everything else is permanent.

use std::time::Duration;

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::send::SendErrorClass;

/// A code that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `63016`
    pub number: u32,
    /// What the outbox does.
    pub class: SendErrorClass,
    english: &'static str,
    french: &'static str,
}

impl Code {
    /// What it means and what to do, for operators.
    #[must_use]
    pub fn explain(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.english,
            Language::Fr => self.french,
        }
    }

    /// Whether a second refusal with this code is final.
    #[must_use]
    pub const fn is_worth_one_more_try(&self) -> bool {
        self.number == 30008
    }

    /// Where Twilio says so.
    #[must_use]
    pub fn source(&self) -> String {
        format!("https://www.twilio.com/docs/api/errors/{}", self.number)
    }
}

/// Looks a code up.
#[must_use]
pub fn find(number: u32) -> Option<&'static Code> {
    CODES.binary_search_by_key(&number, |code| code.number).ok().and_then(|at| CODES.get(at))
}

/// Whether Twilio, which works, refuses for our pace alone. 14107 has no page in the table: it only ever comes with 429.
#[must_use]
pub fn throttles(number: u32) -> bool {
    matches!(number, 14107 | 20429 | 21611 | 30022 | 30047 | 63018 | 63038)
}

const MISCONFIGURED: SendErrorClass = SendErrorClass::Misconfigured;
const OPTED_OUT: SendErrorClass = SendErrorClass::OptedOut;
const REJECT: SendErrorClass = SendErrorClass::Reject;
const RETRY: SendErrorClass = SendErrorClass::Retry { after: None };
const UNKNOWN: SendErrorClass = SendErrorClass::Unknown;
const WINDOW_CLOSED: SendErrorClass = SendErrorClass::WindowClosed;
/// A limit that is counted over hours: asking again within seconds only uses attempts up.
const RETRY_MUCH_LATER: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(3_600)) };
/// The whole account is kept from sending until somebody talks with Twilio: no message of it needs to be tried meanwhile.
const SUSPENDED: SendErrorClass = SendErrorClass::Suspended { after: Duration::from_secs(3_600) };
/// A queue that needs to drain first.
const RETRY_LATER: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(30)) };

/// A limit over a rolling day: room comes back in the course of it. Well within `channels.retry.max_age`, which would
/// end the message otherwise.
const RETRY_IN_THE_DAY: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(6 * 3_600)) };

const fn code(number: u32, class: SendErrorClass, english: &'static str, french: &'static str) -> Code {
    Code { number, class, english, french }
}

/// In the order of their numbers.
static CODES: &[Code] = &[
    code(
        20003,
        MISCONFIGURED,
        "the account SID or the auth token is wrong, or the account is suspended",
        "le SID du compte ou le jeton d'authentification est faux, ou le compte est suspendu",
    ),
    code(
        20429,
        RETRY,
        "too many requests at once; nothing was taken, it is tried again",
        "trop de requêtes à la fois ; rien n'a été pris, on réessaie",
    ),
    code(
        20500,
        UNKNOWN,
        "Twilio had an internal error, and may have taken the message before it",
        "Twilio a eu une erreur interne, et a peut-être pris le message avant",
    ),
    code(
        20503,
        UNKNOWN,
        "Twilio was not available, and may have taken the message before that",
        "Twilio n'était pas disponible, et a peut-être pris le message avant",
    ),
    code(21211, REJECT, "the recipient's number is not valid", "le numéro du destinataire n'est pas valide"),
    code(
        21408,
        REJECT,
        "the account may not send to that country: enable it in Twilio's geo permissions",
        "le compte ne peut pas écrire vers ce pays : l'activer dans les « geo permissions » de Twilio",
    ),
    code(
        21610,
        OPTED_OUT,
        "the contact wrote STOP to this sender; they have to write START first",
        "le contact a écrit STOP à cet expéditeur ; il doit d'abord écrire START",
    ),
    code(
        21611,
        RETRY_LATER,
        "the sender's queue at Twilio is full; it is tried again",
        "la file de cet expéditeur chez Twilio est pleine ; on réessaie",
    ),
    code(
        21614,
        REJECT,
        "the recipient's number cannot receive SMS (not a mobile)",
        "le numéro du destinataire ne reçoit pas de SMS (ce n'est pas un mobile)",
    ),
    code(21617, REJECT, "the text is longer than 1,600 characters", "le texte dépasse 1 600 caractères"),
    code(21656, REJECT, "the template's variables are not valid", "les variables du modèle ne sont pas valides"),
    code(
        30001,
        RETRY_LATER,
        "the queue overflowed: too many messages at once; it is tried again",
        "la file a débordé : trop de messages à la fois ; on réessaie",
    ),
    code(
        30002,
        SUSPENDED,
        "the account is suspended: look into Twilio's console; the channel is paused meanwhile",
        "le compte est suspendu : voir la console de Twilio ; le canal est en pause entre-temps",
    ),
    code(
        30003,
        REJECT,
        "the phone cannot be reached (switched off, or out of coverage)",
        "le téléphone est injoignable (éteint, ou hors réseau)",
    ),
    code(30004, REJECT, "the message was blocked on its way", "le message a été bloqué en chemin"),
    code(
        30005,
        REJECT,
        "the number is unknown or no longer in service",
        "le numéro est inconnu ou n'est plus en service",
    ),
    code(
        30006,
        REJECT,
        "a landline, or a carrier that cannot be reached",
        "une ligne fixe, ou un opérateur injoignable",
    ),
    code(
        30007,
        REJECT,
        "filtered as unwanted by Twilio or the carrier: review the text",
        "filtré comme indésirable par Twilio ou l'opérateur : revoir le texte",
    ),
    code(
        30008,
        RETRY_LATER,
        "an unknown error on the way; worth one more try",
        "une erreur inconnue en chemin ; un nouvel essai peut suffire",
    ),
    code(
        30022,
        RETRY_LATER,
        "the sender's rate in the United States is used up for now; it is tried again",
        "le débit de l'expéditeur aux États-Unis est épuisé pour l'instant ; on réessaie",
    ),
    code(
        30047,
        RETRY_MUCH_LATER,
        "not allowed for now; it is tried again much later",
        "pas permis pour l'instant ; on réessaie bien plus tard",
    ),
    code(
        63003,
        REJECT,
        "the channel does not know the recipient (no WhatsApp account?)",
        "le canal ne connaît pas le destinataire (pas de compte WhatsApp ?)",
    ),
    code(63005, REJECT, "the channel refused the content", "le canal a refusé le contenu"),
    code(
        63007,
        REJECT,
        "the channel does not know the sender: check the channel's address",
        "le canal ne connaît pas l'expéditeur : vérifier l'adresse du canal",
    ),
    code(
        63012,
        RETRY,
        "the channel's provider had an internal error; it is tried again",
        "le fournisseur du canal a eu une erreur interne ; on réessaie",
    ),
    code(63013, REJECT, "the message violates the channel's policy", "le message contrevient aux règles du canal"),
    code(
        63015,
        REJECT,
        "a sandbox sender: the recipient has to join the sandbox first",
        "un expéditeur d'essai (sandbox) : le destinataire doit d'abord s'y inscrire",
    ),
    code(
        63016,
        WINDOW_CLOSED,
        "outside the 24-hour window: only an approved template may be sent, or the contact writes first",
        "hors de la fenêtre de 24 heures : seul un modèle approuvé peut partir, ou le contact écrit d'abord",
    ),
    code(
        63017,
        RETRY,
        "the channel could not take the message for now; it is tried again",
        "le canal n'a pas pu prendre le message pour l'instant ; on réessaie",
    ),
    code(
        63018,
        RETRY_MUCH_LATER,
        "the channel's rate or WhatsApp's messaging limit is used up; it is tried again much later",
        "le débit du canal ou la limite d'envoi de WhatsApp est épuisée ; on réessaie bien plus tard",
    ),
    code(63024, REJECT, "the recipient is not valid on this channel", "le destinataire n'est pas valide sur ce canal"),
    code(63027, REJECT, "the template does not exist in that language", "le modèle n'existe pas dans cette langue"),
    code(
        63028,
        REJECT,
        "the number of variables is not the template's",
        "le nombre de variables n'est pas celui du modèle",
    ),
    code(
        63032,
        REJECT,
        "WhatsApp does not let this user be written to (a limitation on its side)",
        "WhatsApp ne permet pas d'écrire à cette personne (une limitation de son côté)",
    ),
    code(
        63033,
        OPTED_OUT,
        "the contact does not want messages from this business",
        "le contact ne veut pas de messages de cette entreprise",
    ),
    code(
        63038,
        RETRY_IN_THE_DAY,
        "the account's limit over 24 hours is used up; it is tried again much later",
        "la limite du compte sur 24 heures est épuisée ; on réessaie bien plus tard",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].number < pair[1].number));
        for known in CODES {
            assert_eq!(find(known.number), Some(known));
        }
        assert_eq!(find(1), None);
    }

    #[test]
    fn classes_are_as_agreed() {
        let class = |number| find(number).unwrap().class;
        for number in [20429, 63012, 21611, 30001, 30022, 30008, 63017] {
            assert!(matches!(class(number), SendErrorClass::Retry { .. }), "{number}");
        }
        for number in [63018, 63038, 30047] {
            assert!(matches!(class(number), SendErrorClass::Retry { after: Some(after) } if after.as_secs() >= 3_600));
        }
        for number in [21610, 63033] {
            assert_eq!(class(number), SendErrorClass::OptedOut);
        }
        assert_eq!(class(63016), SendErrorClass::WindowClosed);
        assert!(find(30008).unwrap().is_worth_one_more_try() && !find(30001).unwrap().is_worth_one_more_try());
        assert!(matches!(class(30002), SendErrorClass::Suspended { .. }));
        assert_eq!(class(20003), SendErrorClass::Misconfigured);
        let permanent = [
            21211, 21408, 21614, 21617, 21656, 30003, 30004, 30005, 30006, 30007, 63003, 63005, 63007, 63013, 63015,
            63024, 63027, 63028, 63032,
        ];
        for number in permanent {
            assert_eq!(class(number), SendErrorClass::Reject, "{number}");
        }
    }

    #[test]
    fn every_code_is_explained_twice() {
        for known in CODES {
            assert_ne!(known.explain(Language::En), known.explain(Language::Fr), "{}", known.number);
            assert!(known.source().ends_with(&known.number.to_string()));
        }
    }
}
