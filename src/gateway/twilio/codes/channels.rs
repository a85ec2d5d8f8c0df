//! Codes of WhatsApp and other channels (63000 to 63999), beside those of `table`.

use super::advice::{
    ACCOUNT, BUSINESS, LATER, MARKETING, MEDIA, OTHER, REPORT, REVIEW, SENDER, SILENT, TEMPLATE, WRONG_NUMBER,
};
use super::{MISCONFIGURED, OPTED_OUT, REJECT, RETRY, SUSPENDED, code};
use crate::gateway::Code;

/// In the order of their numbers.
pub(super) static CHANNELS: &[Code] = &[
    code(
        "63001",
        MISCONFIGURED,
        ("the channel does not accept the account's credentials", "le canal n'accepte pas les identifiants du compte"),
        ACCOUNT,
    ),
    code(
        "63002",
        MISCONFIGURED,
        ("the channel does not know the sender", "le canal ne connaît pas l'expéditeur"),
        SENDER,
    ),
    code(
        "63006",
        REJECT,
        ("the content could not be put into the channel's form", "le contenu n'a pas pu être mis à la forme du canal"),
        REVIEW,
    ),
    code(
        "63008",
        MISCONFIGURED,
        ("the channel is not set up at Twilio", "le canal n'est pas installé chez Twilio"),
        ACCOUNT,
    ),
    code(
        "63009",
        RETRY,
        ("the channel's provider failed; it is tried again", "le fournisseur du canal a échoué ; on réessaie"),
        LATER,
    ),
    code(
        "63010",
        RETRY,
        (
            "Twilio failed to process the message; it is tried again",
            "Twilio n'a pas pu traiter le message ; on réessaie",
        ),
        LATER,
    ),
    code("63011", REJECT, ("Twilio found the request not valid", "Twilio a trouvé la requête non valide"), REPORT),
    code("63014", OPTED_OUT, ("the contact blocked this business", "le contact a bloqué cette entreprise"), SILENT),
    code(
        "63019",
        REJECT,
        ("an attached file could not be downloaded", "un fichier joint n'a pas pu être téléchargé"),
        MEDIA,
    ),
    code(
        "63020",
        SUSPENDED,
        (
            "Meta's business account has a problem; the channel is paused meanwhile",
            "le compte professionnel de Meta a un problème ; le canal est en pause entre-temps",
        ),
        BUSINESS,
    ),
    code(
        "63021",
        REJECT,
        ("the channel found the content not valid", "le canal a trouvé le contenu non valide"),
        REVIEW,
    ),
    code(
        "63022",
        MISCONFIGURED,
        (
            "WhatsApp does not accept the sender's name (certificate)",
            "WhatsApp n'accepte pas le nom de l'expéditeur (certificat)",
        ),
        BUSINESS,
    ),
    code("63023", REJECT, ("the channel failed without saying why", "le canal a échoué sans dire pourquoi"), LATER),
    code("63025", REJECT, ("the file is there already", "le fichier est déjà là"), MEDIA),
    code(
        "63026",
        REJECT,
        ("the channel found the content to be spam", "le canal a pris le contenu pour du spam"),
        REVIEW,
    ),
    code(
        "63029",
        REJECT,
        ("the contact's device could not get the template", "l'appareil du contact n'a pas pu obtenir le modèle"),
        TEMPLATE,
    ),
    code(
        "63030",
        REJECT,
        ("the channel does not know a parameter of the message", "le canal ne connaît pas un paramètre du message"),
        REPORT,
    ),
    code(
        "63031",
        REJECT,
        ("recipient and sender are the same", "le destinataire et l'expéditeur sont les mêmes"),
        WRONG_NUMBER,
    ),
    code("63034", REJECT, ("an attached file is too large", "un fichier joint est trop lourd"), MEDIA),
    code(
        "63035",
        REJECT,
        (
            "the RCS sender is not launched, or not in that region",
            "l'expéditeur RCS n'est pas lancé, ou pas dans cette région",
        ),
        OTHER,
    ),
    code(
        "63036",
        REJECT,
        ("the recipient cannot be reached by RCS now", "le destinataire n'est pas joignable par RCS pour l'instant"),
        OTHER,
    ),
    code(
        "63037",
        RETRY,
        (
            "a file could not be given to the channel; it is tried again",
            "un fichier n'a pas pu être transmis au canal ; on réessaie",
        ),
        MEDIA,
    ),
    code(
        "63039",
        REJECT,
        ("the channel warns that contacts feel bothered", "le canal avertit que des contacts se sentent importunés"),
        REVIEW,
    ),
    code("63040", REJECT, ("the template was rejected by WhatsApp", "le modèle a été refusé par WhatsApp"), TEMPLATE),
    code(
        "63041",
        REJECT,
        (
            "the template is paused by WhatsApp: contacts complained",
            "le modèle est en pause chez WhatsApp : des contacts se sont plaints",
        ),
        TEMPLATE,
    ),
    code("63042", REJECT, ("the template is disabled by WhatsApp", "le modèle est désactivé par WhatsApp"), TEMPLATE),
    code(
        "63049",
        REJECT,
        (
            "Meta chose not to deliver this marketing message to this person",
            "Meta a choisi de ne pas remettre ce message publicitaire à cette personne",
        ),
        MARKETING,
    ),
    code(
        "63051",
        SUSPENDED,
        (
            "the WhatsApp Business account is locked; the channel is paused meanwhile",
            "le compte WhatsApp Business est verrouillé ; le canal est en pause entre-temps",
        ),
        BUSINESS,
    ),
    code(
        "63052",
        REJECT,
        (
            "a template of an old kind, which is not taken any more",
            "un modèle d'un ancien genre, qui n'est plus accepté",
        ),
        TEMPLATE,
    ),
    code(
        "63112",
        SUSPENDED,
        (
            "Meta disabled the business account; the channel is paused meanwhile",
            "Meta a désactivé le compte professionnel ; le canal est en pause entre-temps",
        ),
        BUSINESS,
    ),
];
