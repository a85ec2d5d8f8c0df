//! The table of Meta's error codes.

use super::{
    MISCONFIGURED, OPTED_OUT_OF_MARKETING, REJECT, RETRY, RETRY_MUCH_LATER, RETRY_THE_PAIR, SUSPENDED, UNKNOWN,
    WINDOW_CLOSED, code, throttled,
};
use crate::gateway::{Bilingual, Code};

// The next steps that several codes share.

const TOKEN: Bilingual = (
    "make a token of a system user with whatsapp_business_messaging, put it into access_token of {channel}, restart, {again}",
    "créer un jeton d'utilisateur système avec whatsapp_business_messaging, le mettre dans access_token de {channel}, \
     redémarrer, {again}",
);

const TOO_FAST: Bilingual = (
    "if it stays: lower the per_second of {channel} and restart, or ask Meta for more",
    "si cela dure : baisser le per_second de {channel} et redémarrer, ou demander plus à Meta",
);

const STATUS_PAGE: Bilingual = (
    "see Meta's status page; what was given up can be replayed afterwards",
    "voir la page d'état de Meta ; ce qui a été abandonné peut être rejoué ensuite",
);

const NUMBER: Bilingual = (
    "correct the contact's number or try another channel; a replay changes nothing",
    "corriger le numéro du contact ou essayer un autre canal ; rejouer n'y change rien",
);

const TEMPLATE: Bilingual = (
    "compare name, language and variables with WhatsApp Manager, mend [[templates]], restart, {again}",
    "comparer nom, langue et variables avec WhatsApp Manager, corriger [[templates]], redémarrer, {again}",
);

const ACCOUNT: Bilingual = (
    "open Account quality in Meta's console, follow what it asks, then resume {channel}",
    "ouvrir « Qualité du compte » dans la console de Meta, suivre ce qui y est demandé, puis remettre {channel} en marche",
);

const BILLING: Bilingual = (
    "settle the payment method in Meta's Billing hub, {again}",
    "régler le moyen de paiement dans la facturation de Meta, {again}",
);

const REQUEST: Bilingual = (
    "please report it with this code: the message is not as Meta wants it; a replay changes nothing",
    "merci de le signaler avec ce code : le message n'est pas comme Meta le veut ; rejouer n'y change rien",
);

const NUMBER_ID: Bilingual = (
    "compare phone_number_id of {channel} with API set-up in Meta's console, restart, {again}",
    "comparer phone_number_id de {channel} avec la configuration de l'API dans la console de Meta, redémarrer, {again}",
);

/// In the order of their numbers.
pub(in crate::gateway::whatsapp_cloud) static CODES: &[Code] = &[
    code("cloud_1", UNKNOWN, ("Meta had an error of its own", "Meta a eu une erreur interne"), STATUS_PAGE),
    code(
        "cloud_2",
        RETRY,
        ("Meta's service is away for the moment", "le service de Meta est indisponible pour l'instant"),
        STATUS_PAGE,
    ),
    throttled("cloud_4", RETRY, ("the app makes too many calls", "l'application fait trop d'appels"), TOO_FAST),
    code("cloud_10", MISCONFIGURED, ("the token lacks a permission", "il manque une permission au jeton"), TOKEN),
    code(
        "cloud_33",
        MISCONFIGURED,
        ("the number was deleted at Meta", "le numéro a été supprimé chez Meta"),
        NUMBER_ID,
    ),
    code("cloud_100", REJECT, ("Meta finds a field missing or wrong", "Meta trouve un champ absent ou faux"), REQUEST),
    code(
        "cloud_190",
        MISCONFIGURED,
        ("the access token has expired or was revoked", "le jeton d'accès a expiré ou a été révoqué"),
        TOKEN,
    ),
    code("cloud_200", MISCONFIGURED, ("the token lacks a permission", "il manque une permission au jeton"), TOKEN),
    code(
        "cloud_368",
        SUSPENDED,
        ("Meta blocks the account for breaking its policy", "Meta bloque le compte pour infraction à ses règles"),
        ACCOUNT,
    ),
    throttled(
        "cloud_80007",
        RETRY,
        ("the business account makes too many calls", "le compte professionnel fait trop d'appels"),
        TOO_FAST,
    ),
    throttled(
        "130429",
        RETRY,
        ("the number sends faster than Meta allows", "le numéro envoie plus vite que Meta ne le permet"),
        TOO_FAST,
    ),
    code(
        "130472",
        REJECT,
        (
            "Meta holds marketing back from this contact as an experiment",
            "Meta retient le marketing pour ce contact, à titre d'expérience",
        ),
        (
            "nothing: try a message that is no marketing, or wait until they write",
            "rien : essayer un message qui n'est pas du marketing, ou attendre qu'il écrive",
        ),
    ),
    code(
        "130497",
        REJECT,
        (
            "the account may not write to numbers of that country",
            "le compte ne peut pas écrire à des numéros de ce pays",
        ),
        NUMBER,
    ),
    code("131000", UNKNOWN, ("Meta had an error of its own", "Meta a eu une erreur interne"), STATUS_PAGE),
    code("131005", MISCONFIGURED, ("the token lacks a permission", "il manque une permission au jeton"), TOKEN),
    code("131008", REJECT, ("Meta misses a field of the message", "il manque à Meta un champ du message"), REQUEST),
    code("131009", REJECT, ("Meta does not take a value of the message", "Meta refuse une valeur du message"), REQUEST),
    code(
        "131016",
        RETRY,
        ("Meta's service is away for the moment", "le service de Meta est indisponible pour l'instant"),
        STATUS_PAGE,
    ),
    code(
        "131021",
        REJECT,
        ("sender and recipient are the same number", "l'expéditeur et le destinataire sont le même numéro"),
        NUMBER,
    ),
    code(
        "131026",
        REJECT,
        (
            "it cannot be delivered: no WhatsApp on that number, or terms not accepted, or too old an app",
            "il ne peut pas être remis : pas de WhatsApp à ce numéro, conditions non acceptées, ou application trop ancienne",
        ),
        NUMBER,
    ),
    code(
        "131030",
        REJECT,
        (
            "a test number may write to the numbers of its list alone",
            "un numéro de test ne peut écrire qu'aux numéros de sa liste",
        ),
        (
            "add the recipient to the list in Meta's console, or use a real number",
            "ajouter le destinataire à la liste dans la console de Meta, ou prendre un vrai numéro",
        ),
    ),
    code("131031", SUSPENDED, ("Meta locked the account", "Meta a verrouillé le compte"), ACCOUNT),
    code(
        "131037",
        MISCONFIGURED,
        ("the number's display name is not approved yet", "le nom affiché du numéro n'est pas encore approuvé"),
        ACCOUNT,
    ),
    code(
        "131042",
        MISCONFIGURED,
        ("there is a problem with the payment method", "il y a un problème avec le moyen de paiement"),
        BILLING,
    ),
    code(
        "131045",
        MISCONFIGURED,
        ("the number is not registered for the Cloud API", "le numéro n'est pas inscrit à l'API Cloud"),
        NUMBER_ID,
    ),
    code(
        "131047",
        WINDOW_CLOSED,
        (
            "more than 24 hours since the contact wrote: only a template may pass",
            "plus de 24 heures depuis que le contact a écrit : seul un modèle peut passer",
        ),
        (
            "give the message a template, or wait: it goes when the contact writes",
            "donner un modèle au message, ou attendre : il part quand le contact écrit",
        ),
    ),
    code(
        "131048",
        SUSPENDED,
        (
            "Meta limits the number, because people blocked or reported it",
            "Meta limite le numéro, que des gens ont bloqué ou signalé",
        ),
        ACCOUNT,
    ),
    throttled(
        "131049",
        RETRY_MUCH_LATER,
        (
            "Meta holds marketing back from this contact for the moment",
            "Meta retient le marketing pour ce contact, pour l'instant",
        ),
        (
            "wait: it is tried again in an hour; send less marketing to the same people",
            "attendre : on réessaie dans une heure ; envoyer moins de marketing aux mêmes personnes",
        ),
    ),
    code(
        "131050",
        OPTED_OUT_OF_MARKETING,
        (
            "the contact stopped marketing of this business in WhatsApp",
            "le contact a coupé le marketing de cette entreprise dans WhatsApp",
        ),
        (
            "nothing: what is no marketing still reaches them",
            "rien : ce qui n'est pas du marketing lui parvient toujours",
        ),
    ),
    code(
        "131051",
        REJECT,
        ("Meta does not know this type of message", "Meta ne connaît pas ce type de message"),
        REQUEST,
    ),
    code(
        "131052",
        REJECT,
        (
            "Meta could not fetch the file that the contact sent",
            "Meta n'a pas pu prendre le fichier envoyé par le contact",
        ),
        NUMBER,
    ),
    code(
        "131053",
        REJECT,
        ("Meta could not take the file of the message", "Meta n'a pas pu prendre le fichier du message"),
        REQUEST,
    ),
    throttled(
        "131056",
        RETRY_THE_PAIR,
        ("too many messages to this contact in a short time", "trop de messages à ce contact en peu de temps"),
        TOO_FAST,
    ),
    code("131057", RETRY_MUCH_LATER, ("the account is in maintenance", "le compte est en maintenance"), STATUS_PAGE),
    code(
        "132000",
        REJECT,
        ("the template wants another number of values", "le modèle veut un autre nombre de valeurs"),
        TEMPLATE,
    ),
    code(
        "132001",
        REJECT,
        (
            "there is no such template in that language, or it is not approved",
            "ce modèle n'existe pas dans cette langue, ou n'est pas approuvé",
        ),
        TEMPLATE,
    ),
    code(
        "132005",
        REJECT,
        ("the template's text got too long with its values", "le texte du modèle est trop long avec ses valeurs"),
        TEMPLATE,
    ),
    code("132007", REJECT, ("the template breaks Meta's policy", "le modèle enfreint les règles de Meta"), TEMPLATE),
    code(
        "132012",
        REJECT,
        ("a value of the template has the wrong form", "une valeur du modèle n'a pas la bonne forme"),
        TEMPLATE,
    ),
    code(
        "132015",
        REJECT,
        ("Meta paused the template for its low quality", "Meta a suspendu le modèle pour sa faible qualité"),
        TEMPLATE,
    ),
    code("132016", REJECT, ("Meta disabled the template for good", "Meta a désactivé le modèle pour de bon"), TEMPLATE),
    code("132018", REJECT, ("Meta does not take the template's values", "Meta refuse les valeurs du modèle"), TEMPLATE),
    code(
        "133004",
        RETRY,
        ("Meta's server is away for the moment", "le serveur de Meta est indisponible pour l'instant"),
        STATUS_PAGE,
    ),
    code(
        "133010",
        MISCONFIGURED,
        ("the number is not registered for the Cloud API", "le numéro n'est pas inscrit à l'API Cloud"),
        NUMBER_ID,
    ),
];
