//! Green-API's statuses and states of instances as codes, each with its class and words.

use std::time::Duration;

use palabre_actors::domain::send::SendErrorClass;

use crate::gateway::{Bilingual, Code};

const MISCONFIGURED: SendErrorClass = SendErrorClass::Misconfigured;
const REJECT: SendErrorClass = SendErrorClass::Reject;
const RETRY: SendErrorClass = SendErrorClass::Retry { after: None };
/// Until somebody acts in Green-API's console: no message needs to be tried meanwhile.
const SUSPENDED: SendErrorClass = SendErrorClass::Suspended { after: Duration::from_secs(3_600) };

const ERRORS: &str = "https://green-api.com/en/docs/api/common-errors/";
const STATUSES: &str =
    "https://green-api.com/en/docs/api/receiving/notifications-format/outgoing-message/OutgoingMessageStatus";
const STATES: &str = "https://green-api.com/en/docs/api/account/GetStateInstance";

const SCAN: Bilingual = (
    "open the instance in Green-API's console and scan its QR code with the phone of {channel}; the channel goes on by itself \
     when Green-API says `authorized`",
    "ouvrir l'instance dans la console de Green-API et scanner son code QR avec le téléphone de {channel} ; le canal repart de \
     lui-même quand Green-API dit « authorized »",
);

const SLOW_DOWN: Bilingual = (
    "write less, and to people who wrote first; reboot the instance in Green-API's console, then resume {channel}",
    "écrire moins, et à des gens qui ont écrit d'abord ; redémarrer l'instance dans la console de Green-API, puis remettre \
     {channel} en marche",
);

const ADDRESS: Bilingual = (
    "correct the contact's number or try another channel; a replay changes nothing",
    "corriger le numéro du contact ou essayer un autre canal ; rejouer n'y change rien",
);

const CREDENTIALS: Bilingual = (
    "compare instance_id, api_token and api_base_url of {channel} with the instance in Green-API's console, restart, {again}",
    "comparer instance_id, api_token et api_base_url de {channel} avec l'instance dans la console de Green-API, redémarrer, \
     {again}",
);

const fn code(
    code: &'static str,
    class: SendErrorClass,
    meaning: Bilingual,
    advice: Bilingual,
    page: &'static str,
) -> Code {
    Code { code, class, throttled: false, meaning, advice, page }
}

pub(super) static CODES: &[Code] = &[
    code(
        "greenapi_400",
        REJECT,
        (
            "Green-API could not read the message, or the chat is none",
            "Green-API n'a pas pu lire le message, ou la discussion n'en est pas une",
        ),
        ADDRESS,
        ERRORS,
    ),
    code(
        "greenapi_401",
        MISCONFIGURED,
        ("Green-API does not know the token", "Green-API ne connaît pas le jeton"),
        CREDENTIALS,
        ERRORS,
    ),
    code(
        "greenapi_403",
        MISCONFIGURED,
        (
            "Green-API does not know the instance, or it expired",
            "Green-API ne connaît pas l'instance, ou elle a expiré",
        ),
        CREDENTIALS,
        ERRORS,
    ),
    code(
        "greenapi_404",
        MISCONFIGURED,
        (
            "what answers is not Green-API, or not for this instance",
            "ce qui répond n'est pas Green-API, ou pas pour cette instance",
        ),
        CREDENTIALS,
        ERRORS,
    ),
    Code {
        throttled: true,
        ..code(
            "greenapi_429",
            RETRY,
            (
                "too many requests at once; nothing was taken, it is tried again",
                "trop de requêtes à la fois ; rien n'a été pris, on réessaie",
            ),
            (
                "if it stays: lower the per_second of {channel} and restart",
                "si cela dure : baisser le per_second de {channel} et redémarrer",
            ),
            ERRORS,
        )
    },
    code(
        "greenapi_466",
        SUSPENDED,
        ("the plan's quota of the month is used up", "le quota mensuel de l'offre est épuisé"),
        (
            "choose a larger plan in Green-API's console, then resume {channel}",
            "choisir une offre plus grande dans la console de Green-API, puis remettre {channel} en marche",
        ),
        ERRORS,
    ),
    code(
        "greenapi_blocked",
        SUSPENDED,
        ("WhatsApp banned the number", "WhatsApp a banni le numéro"),
        (
            "ask WhatsApp for a review in the app of the phone; meanwhile use another channel",
            "demander un réexamen à WhatsApp dans l'application du téléphone ; d'ici là, passer par un autre canal",
        ),
        STATES,
    ),
    code(
        "greenapi_failed",
        REJECT,
        ("WhatsApp did not take the message from Green-API", "WhatsApp n'a pas pris le message de Green-API"),
        (
            "look at the instance's state in Green-API's console, {again}",
            "regarder l'état de l'instance dans la console de Green-API, {again}",
        ),
        STATUSES,
    ),
    code(
        "greenapi_no_account",
        REJECT,
        ("the number has no WhatsApp", "le numéro n'a pas WhatsApp"),
        ADDRESS,
        STATUSES,
    ),
    code(
        "greenapi_not_authorized",
        SUSPENDED,
        ("the phone is not linked to the instance any more", "le téléphone n'est plus lié à l'instance"),
        SCAN,
        STATES,
    ),
    code(
        "greenapi_not_in_group",
        REJECT,
        ("the phone is not a member of the group", "le téléphone n'est pas membre du groupe"),
        (
            "have the phone of {channel} invited into the group, {again}",
            "faire inviter le téléphone de {channel} dans le groupe, {again}",
        ),
        STATUSES,
    ),
    code(
        "greenapi_starting",
        SUSPENDED,
        ("the instance starts", "l'instance démarre"),
        ("wait some minutes: it goes on by itself", "attendre quelques minutes : cela repart de soi-même"),
        STATES,
    ),
    code(
        "greenapi_suspended",
        SUSPENDED,
        ("WhatsApp suspended the number for a while", "WhatsApp a suspendu le numéro pour un temps"),
        SLOW_DOWN,
        STATES,
    ),
    code(
        "greenapi_yellow_card",
        SUSPENDED,
        (
            "WhatsApp suspects spam: Green-API keeps what is sent, and a ban may follow",
            "WhatsApp soupçonne du spam : Green-API retient ce qui est envoyé, et un bannissement peut suivre",
        ),
        SLOW_DOWN,
        STATUSES,
    ),
];

pub(super) fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}
