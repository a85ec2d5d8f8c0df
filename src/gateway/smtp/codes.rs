//! Reply codes of mail servers, and what relays report: the class of each, and a sentence and a next step for people.
//!
//! The digits are those of RFC 5321 (4.2.3); what they mean to us is our reading of that section.

use std::time::Duration;

use palabre_actors::domain::send::SendErrorClass;

use crate::gateway::{Bilingual, Code};

const PAGE: &str = "https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3";

const MISCONFIGURED: SendErrorClass = SendErrorClass::Misconfigured;
const REJECT: SendErrorClass = SendErrorClass::Reject;
const RETRY: SendErrorClass = SendErrorClass::Retry { after: None };
/// Greylisting: a server that does not know us wants to see us again, not at once.
const RETRY_IN_MINUTES: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(120)) };

const fn code(code: &'static str, class: SendErrorClass, meaning: Bilingual, advice: Bilingual) -> Code {
    Code { code, class, throttled: false, meaning, advice, page: PAGE }
}

/// Looks a code up.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}

const WAIT: Bilingual = ("nothing: it is tried again by itself", "rien : il sera retenté tout seul");
const WRONG_ADDRESS: Bilingual = (
    "correct the contact's address; a replay changes nothing",
    "corriger l'adresse du contact ; rejouer n'y change rien",
);

/// Every code that is known.
pub(super) const CODES: &[Code] = &[
    code(
        "smtp_421",
        RETRY,
        ("the mail server closes for the moment", "le serveur de courrier ferme pour l'instant"),
        WAIT,
    ),
    code(
        "smtp_450",
        RETRY_IN_MINUTES,
        (
            "the mailbox is busy, or the server wants to see us again",
            "la boîte est occupée, ou le serveur veut nous revoir",
        ),
        WAIT,
    ),
    code(
        "smtp_451",
        RETRY_IN_MINUTES,
        ("the mail server has a problem, or wants to see us again", "le serveur a un problème, ou veut nous revoir"),
        WAIT,
    ),
    code("smtp_452", RETRY_IN_MINUTES, ("the mailbox or the server is full", "la boîte ou le serveur est plein"), WAIT),
    code(
        "smtp_454",
        RETRY,
        ("the login or TLS does not work for the moment", "la connexion ou TLS ne marche pas pour l'instant"),
        WAIT,
    ),
    code(
        "smtp_550",
        REJECT,
        ("there is no such mailbox, or it refuses us", "cette boîte n'existe pas, ou elle nous refuse"),
        WRONG_ADDRESS,
    ),
    code("smtp_551", REJECT, ("the mailbox is elsewhere", "la boîte est ailleurs"), WRONG_ADDRESS),
    code(
        "smtp_552",
        REJECT,
        ("the mail is too large, or the mailbox is full", "le message est trop gros, ou la boîte est pleine"),
        ("shorten it, or try later: {replay}", "le raccourcir, ou essayer plus tard : {replay}"),
    ),
    code("smtp_553", REJECT, ("the address is written wrongly", "l'adresse est mal écrite"), WRONG_ADDRESS),
    code(
        "smtp_554",
        REJECT,
        ("the mail server refuses the mail, often as spam", "le serveur refuse le message, souvent comme indésirable"),
        (
            "check SPF, DKIM and the reputation of the sender's domain, and the text",
            "vérifier SPF, DKIM et la réputation du domaine de l'expéditeur, et le texte",
        ),
    ),
    code(
        "smtp_away",
        RETRY,
        (
            "the mail server cannot be reached, or does not answer in time",
            "le serveur est injoignable, ou ne répond pas à temps",
        ),
        (
            "check host, port and the network of {channel}; it is tried again by itself",
            "vérifier host, port et le réseau de {channel} ; il sera retenté tout seul",
        ),
    ),
    code(
        "smtp_bad_address",
        REJECT,
        ("the address cannot be written in a mail", "l'adresse ne peut pas s'écrire dans un message"),
        WRONG_ADDRESS,
    ),
    code(
        "smtp_bounced",
        REJECT,
        ("the mail came back: the address does not work", "le message est revenu : l'adresse ne marche pas"),
        WRONG_ADDRESS,
    ),
    code(
        "smtp_login",
        MISCONFIGURED,
        ("the mail server refuses the login", "le serveur de courrier refuse la connexion"),
        ("check username and password of {channel}; {again}", "vérifier username et password de {channel} ; {again}"),
    ),
    code(
        "smtp_relay_blocked",
        REJECT,
        (
            "the relay does not send to this address: it bounced or complained before",
            "le relais n'envoie plus à cette adresse : elle a déjà été refusée",
        ),
        ("look at the relay's list of blocked addresses", "voir la liste des adresses bloquées du relais"),
    ),
    code(
        "smtp_sender",
        MISCONFIGURED,
        (
            "the mail server does not let us send from this address",
            "le serveur ne nous laisse pas envoyer depuis cette adresse",
        ),
        (
            "check address and username of {channel}: the account must own the sender; {again}",
            "vérifier address et username de {channel} : le compte doit posséder l'expéditeur ; {again}",
        ),
    ),
    code(
        "smtp_template",
        REJECT,
        (
            "the message exists as a template alone, and e-mail has none",
            "le message n'existe que comme modèle, et l'e-mail n'en a pas",
        ),
        ("give the message a text", "donner un texte au message"),
    ),
    code(
        "smtp_tls",
        MISCONFIGURED,
        (
            "the mail server offers no TLS, or its certificate is not believed",
            "le serveur n'offre pas TLS, ou son certificat n'est pas accepté",
        ),
        (
            "check host, port and security of {channel}; ca names a certificate of your own; {again}",
            "vérifier host, port et security de {channel} ; ca nomme un certificat à soi ; {again}",
        ),
    ),
    code(
        "smtp_utf8",
        REJECT,
        (
            "the mail server cannot write an address with such letters",
            "le serveur ne sait pas écrire une adresse avec de telles lettres",
        ),
        ("ask the contact for another address", "demander une autre adresse au contact"),
    ),
];
