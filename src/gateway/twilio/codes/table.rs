//! The codes that a sender meets most, each with its own words.

use super::advice::{REVIEW, SILENT, STATUS_PAGE, TEMPLATE, TOO_FAST, WAIT_FOR_HOURS, WRONG_NUMBER};
use super::{
    MISCONFIGURED, OPTED_OUT, REJECT, RETRY, RETRY_IN_THE_DAY, RETRY_LATER, RETRY_MUCH_LATER, SUSPENDED, UNKNOWN,
    WINDOW_CLOSED, code, throttled,
};
use crate::gateway::Code;

/// In the order of their numbers.
pub(super) static USUAL: &[Code] = &[
    code(
        "20003",
        MISCONFIGURED,
        (
            "the account SID or the auth token is wrong, or the account is suspended",
            "le SID du compte ou le jeton d'authentification est faux, ou le compte est suspendu",
        ),
        (
            "check account_sid and auth_token of {channel} against Twilio's console, restart, {again}",
            "vérifier account_sid et auth_token de {channel} dans la console de Twilio, redémarrer, {again}",
        ),
    ),
    throttled(
        "20429",
        RETRY,
        (
            "too many requests at once; nothing was taken, it is tried again",
            "trop de requêtes à la fois ; rien n'a été pris, on réessaie",
        ),
        TOO_FAST,
    ),
    code(
        "20500",
        UNKNOWN,
        (
            "Twilio had an internal error, and may have taken the message before it",
            "Twilio a eu une erreur interne, et a peut-être pris le message avant",
        ),
        STATUS_PAGE,
    ),
    code(
        "20503",
        UNKNOWN,
        (
            "Twilio was not available, and may have taken the message before that",
            "Twilio n'était pas disponible, et a peut-être pris le message avant",
        ),
        STATUS_PAGE,
    ),
    code(
        "21211",
        REJECT,
        ("the recipient's number is not valid", "le numéro du destinataire n'est pas valide"),
        WRONG_NUMBER,
    ),
    code(
        "21408",
        REJECT,
        (
            "the account may not send to that country: enable it in Twilio's geo permissions",
            "le compte ne peut pas écrire vers ce pays : l'activer dans les « geo permissions » de Twilio",
        ),
        (
            "enable the country in Twilio's messaging geo permissions, {again}",
            "activer le pays dans les « geo permissions » de Twilio, {again}",
        ),
    ),
    code(
        "21610",
        OPTED_OUT,
        (
            "the contact wrote STOP to this sender; they have to write START first",
            "le contact a écrit STOP à cet expéditeur ; il doit d'abord écrire START",
        ),
        SILENT,
    ),
    throttled(
        "21611",
        RETRY_LATER,
        (
            "the sender's queue at Twilio is full; it is tried again",
            "la file de cet expéditeur chez Twilio est pleine ; on réessaie",
        ),
        TOO_FAST,
    ),
    code(
        "21614",
        REJECT,
        (
            "the recipient's number cannot receive SMS (not a mobile)",
            "le numéro du destinataire ne reçoit pas de SMS (ce n'est pas un mobile)",
        ),
        WRONG_NUMBER,
    ),
    code(
        "21617",
        REJECT,
        ("the text is longer than 1,600 characters", "le texte dépasse 1 600 caractères"),
        ("shorten the text and send it anew", "raccourcir le texte et l'envoyer de nouveau"),
    ),
    code(
        "21656",
        REJECT,
        ("the template's variables are not valid", "les variables du modèle ne sont pas valides"),
        TEMPLATE,
    ),
    code(
        "30001",
        RETRY_LATER,
        (
            "the queue overflowed: too many messages at once; it is tried again",
            "la file a débordé : trop de messages à la fois ; on réessaie",
        ),
        TOO_FAST,
    ),
    code(
        "30002",
        SUSPENDED,
        (
            "the account is suspended: look into Twilio's console; the channel is paused meanwhile",
            "le compte est suspendu : voir la console de Twilio ; le canal est en pause entre-temps",
        ),
        (
            "settle it with Twilio (their console says why), then `palabre outbox resume {channel}`; what waits goes by itself",
            "régler cela avec Twilio (leur console dit pourquoi), puis `palabre outbox resume {channel}` ; ce qui attend part seul",
        ),
    ),
    code(
        "30003",
        REJECT,
        (
            "the phone cannot be reached (switched off, or out of coverage)",
            "le téléphone est injoignable (éteint, ou hors réseau)",
        ),
        ("{later}", "{later}"),
    ),
    code("30004", REJECT, ("the message was blocked on its way", "le message a été bloqué en chemin"), REVIEW),
    code(
        "30005",
        REJECT,
        ("the number is unknown or no longer in service", "le numéro est inconnu ou n'est plus en service"),
        WRONG_NUMBER,
    ),
    code(
        "30006",
        REJECT,
        ("a landline, or a carrier that cannot be reached", "une ligne fixe, ou un opérateur injoignable"),
        WRONG_NUMBER,
    ),
    code(
        "30007",
        REJECT,
        (
            "filtered as unwanted by Twilio or the carrier: review the text",
            "filtré comme indésirable par Twilio ou l'opérateur : revoir le texte",
        ),
        REVIEW,
    ),
    code(
        "30008",
        RETRY_LATER,
        (
            "an unknown error on the way; worth one more try",
            "une erreur inconnue en chemin ; un nouvel essai peut suffire",
        ),
        ("{later}", "{later}"),
    ),
    throttled(
        "30022",
        RETRY_LATER,
        (
            "the sender's rate in the United States is used up for now; it is tried again",
            "le débit de l'expéditeur aux États-Unis est épuisé pour l'instant ; on réessaie",
        ),
        TOO_FAST,
    ),
    throttled(
        "30047",
        RETRY_MUCH_LATER,
        ("not allowed for now; it is tried again much later", "pas permis pour l'instant ; on réessaie bien plus tard"),
        WAIT_FOR_HOURS,
    ),
    code(
        "63003",
        REJECT,
        (
            "the channel does not know the recipient (no WhatsApp account?)",
            "le canal ne connaît pas le destinataire (pas de compte WhatsApp ?)",
        ),
        WRONG_NUMBER,
    ),
    code("63005", REJECT, ("the channel refused the content", "le canal a refusé le contenu"), REVIEW),
    code(
        "63007",
        REJECT,
        (
            "the channel does not know the sender: check the channel's address",
            "le canal ne connaît pas l'expéditeur : vérifier l'adresse du canal",
        ),
        (
            "mend the address of {channel}: it must be a WhatsApp sender of its account; restart, {again}",
            "corriger l'adresse de {channel} : elle doit être un expéditeur WhatsApp de son compte ; redémarrer, {again}",
        ),
    ),
    code(
        "63012",
        RETRY,
        (
            "the channel's provider had an internal error; it is tried again",
            "le fournisseur du canal a eu une erreur interne ; on réessaie",
        ),
        ("{later}", "{later}"),
    ),
    code(
        "63013",
        REJECT,
        ("the message violates the channel's policy", "le message contrevient aux règles du canal"),
        REVIEW,
    ),
    code(
        "63015",
        REJECT,
        (
            "a sandbox sender: the recipient has to join the sandbox first",
            "un expéditeur d'essai (sandbox) : le destinataire doit d'abord s'y inscrire",
        ),
        (
            "let the recipient join the sandbox, or use a sender of your own",
            "faire rejoindre la sandbox au destinataire, ou utiliser un expéditeur à soi",
        ),
    ),
    code(
        "63016",
        WINDOW_CLOSED,
        (
            "outside the 24-hour window: only an approved template may be sent, or the contact writes first",
            "hors de la fenêtre de 24 heures : seul un modèle approuvé peut partir, ou le contact écrit d'abord",
        ),
        (
            "send it anew with a template ([[templates]]); or, once the contact has written: {replay}",
            "l'envoyer de nouveau avec un modèle ([[templates]]) ; ou, quand le contact aura écrit : {replay}",
        ),
    ),
    code(
        "63017",
        RETRY,
        (
            "the channel could not take the message for now; it is tried again",
            "le canal n'a pas pu prendre le message pour l'instant ; on réessaie",
        ),
        ("{later}", "{later}"),
    ),
    throttled(
        "63018",
        RETRY_MUCH_LATER,
        (
            "the channel's rate or WhatsApp's messaging limit is used up; it is tried again much later",
            "le débit du canal ou la limite d'envoi de WhatsApp est épuisée ; on réessaie bien plus tard",
        ),
        WAIT_FOR_HOURS,
    ),
    code(
        "63024",
        REJECT,
        ("the recipient is not valid on this channel", "le destinataire n'est pas valide sur ce canal"),
        WRONG_NUMBER,
    ),
    code(
        "63027",
        REJECT,
        ("the template does not exist in that language", "le modèle n'existe pas dans cette langue"),
        TEMPLATE,
    ),
    code(
        "63028",
        REJECT,
        ("the number of variables is not the template's", "le nombre de variables n'est pas celui du modèle"),
        TEMPLATE,
    ),
    code(
        "63032",
        REJECT,
        (
            "WhatsApp does not let this user be written to (a limitation on its side)",
            "WhatsApp ne permet pas d'écrire à cette personne (une limitation de son côté)",
        ),
        ("try another channel, such as SMS", "essayer un autre canal, comme le SMS"),
    ),
    code(
        "63033",
        OPTED_OUT,
        (
            "the contact does not want messages from this business",
            "le contact ne veut pas de messages de cette entreprise",
        ),
        SILENT,
    ),
    throttled(
        "63038",
        RETRY_IN_THE_DAY,
        (
            "the account's limit over 24 hours is used up; it is tried again much later",
            "la limite du compte sur 24 heures est épuisée ; on réessaie bien plus tard",
        ),
        WAIT_FOR_HOURS,
    ),
];
