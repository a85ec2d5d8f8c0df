//! Codes of SMS on their way (30000 to 30999), beside those of `table`.

use super::advice::{
    LATER, LOOP, MEDIA, OTHER, PRICE, REGISTER, REPORT, REVIEW, SENDER, SETTLE, SHORTEN, STATUS_PAGE, WAIT_FOR_HOURS,
    WRONG_NUMBER,
};
use super::{REJECT, RETRY_IN_THE_DAY, RETRY_LATER, SUSPENDED, code, throttled};
use crate::gateway::Code;

/// In the order of their numbers.
pub(super) static CARRIERS: &[Code] = &[
    code(
        "30010",
        REJECT,
        ("the message costs more than the highest price allowed", "le message coûte plus que le prix maximal permis"),
        PRICE,
    ),
    code(
        "30011",
        REJECT,
        ("the recipient's network takes no files (MMS)", "le réseau du destinataire n'accepte pas de fichiers (MMS)"),
        MEDIA,
    ),
    code("30012", REJECT, ("the time to live is too short", "la durée de vie est trop courte"), REPORT),
    code("30013", REJECT, ("the time to live is too long", "la durée de vie est trop longue"), REPORT),
    code(
        "30014",
        REJECT,
        ("the recipient's address is not valid", "l'adresse du destinataire n'est pas valide"),
        WRONG_NUMBER,
    ),
    code(
        "30015",
        REJECT,
        ("Twilio does not support this kind of channel", "Twilio ne connaît pas ce genre de canal"),
        SENDER,
    ),
    code(
        "30016",
        REJECT,
        ("recipient and sender are of different channels", "le destinataire et l'expéditeur sont de canaux différents"),
        REPORT,
    ),
    code(
        "30017",
        RETRY_LATER,
        ("the carrier's network is congested; it is tried again", "le réseau de l'opérateur est saturé ; on réessaie"),
        LATER,
    ),
    code(
        "30018",
        REJECT,
        (
            "the carrier wants the sender's name to be registered first",
            "l'opérateur veut que le nom de l'expéditeur soit d'abord enregistré",
        ),
        REGISTER,
    ),
    code(
        "30019",
        REJECT,
        ("the carrier does not take so much content", "l'opérateur n'accepte pas tant de contenu"),
        SHORTEN,
    ),
    code(
        "30020",
        RETRY_LATER,
        (
            "Twilio failed to schedule the message; it is tried again",
            "Twilio n'a pas pu planifier le message ; on réessaie",
        ),
        LATER,
    ),
    code(
        "30021",
        RETRY_LATER,
        (
            "Twilio's messaging service failed; it is tried again",
            "le service de messagerie de Twilio a échoué ; on réessaie",
        ),
        LATER,
    ),
    throttled(
        "30023",
        RETRY_IN_THE_DAY,
        (
            "the day's limit of the sender in the United States is used up; it is tried again hours later",
            "la limite du jour de l'expéditeur aux États-Unis est épuisée ; on réessaie des heures plus tard",
        ),
        WAIT_FOR_HOURS,
    ),
    code(
        "30024",
        REJECT,
        (
            "the sender's number is not set up with the recipient's carrier",
            "le numéro de l'expéditeur n'est pas installé chez l'opérateur du destinataire",
        ),
        REGISTER,
    ),
    throttled(
        "30027",
        RETRY_IN_THE_DAY,
        (
            "the day's limit at T-Mobile is used up; it is tried again hours later",
            "la limite du jour chez T-Mobile est épuisée ; on réessaie des heures plus tard",
        ),
        WAIT_FOR_HOURS,
    ),
    code("30028", REJECT, ("the version of the API is not valid", "la version de l'API n'est pas valide"), REPORT),
    code(
        "30029",
        REJECT,
        ("the setting for keeping the content is not valid", "le réglage de conservation du contenu n'est pas valide"),
        REPORT,
    ),
    code(
        "30030",
        REJECT,
        (
            "the setting for keeping the address is not valid",
            "le réglage de conservation de l'adresse n'est pas valide",
        ),
        REPORT,
    ),
    code("30031", REJECT, ("the highest rate is not valid", "le débit maximal n'est pas valide"), REPORT),
    code(
        "30032",
        REJECT,
        (
            "the toll-free number has not been verified, so it may not send",
            "le numéro gratuit n'a pas été vérifié : il ne peut pas envoyer",
        ),
        REGISTER,
    ),
    code(
        "30033",
        REJECT,
        (
            "the sender's campaign in the United States is suspended",
            "la campagne de l'expéditeur aux États-Unis est suspendue",
        ),
        REGISTER,
    ),
    code(
        "30034",
        REJECT,
        (
            "the sender's number is not registered for messages to the United States (A2P 10DLC)",
            "le numéro de l'expéditeur n'est pas enregistré pour les messages vers les États-Unis (A2P 10DLC)",
        ),
        REGISTER,
    ),
    code(
        "30035",
        RETRY_LATER,
        (
            "the sender's number is being set up still; it is tried again",
            "le numéro de l'expéditeur est encore en cours d'installation ; on réessaie",
        ),
        LATER,
    ),
    code(
        "30036",
        REJECT,
        (
            "the message was not delivered within its validity period",
            "le message n'a pas été remis pendant sa durée de validité",
        ),
        LATER,
    ),
    code(
        "30037",
        SUSPENDED,
        ("sending is switched off for the account", "l'envoi est désactivé pour ce compte"),
        SETTLE,
    ),
    code(
        "30038",
        REJECT,
        ("filtered: it looked like a one-time password", "filtré : il ressemblait à un mot de passe à usage unique"),
        REVIEW,
    ),
    code(
        "30039",
        REJECT,
        ("filtered: two robots seem to answer each other", "filtré : deux robots semblent se répondre"),
        LOOP,
    ),
    code(
        "30040",
        REJECT,
        (
            "the carrier wants the sender's name to be registered first",
            "l'opérateur veut que le nom de l'expéditeur soit d'abord enregistré",
        ),
        REGISTER,
    ),
    code(
        "30041",
        REJECT,
        (
            "the sender's name is not registered for the United Kingdom",
            "le nom de l'expéditeur n'est pas enregistré pour le Royaume-Uni",
        ),
        REGISTER,
    ),
    code(
        "30042",
        REJECT,
        (
            "the sender's name is too common, or has special characters",
            "le nom de l'expéditeur est trop commun, ou a des caractères spéciaux",
        ),
        SENDER,
    ),
    code(
        "30043",
        REJECT,
        (
            "an international message came through a national gateway",
            "un message international est passé par une passerelle nationale",
        ),
        REGISTER,
    ),
    code(
        "30410",
        RETRY_LATER,
        (
            "the carrier did not answer in time; worth one more try",
            "l'opérateur n'a pas répondu à temps ; un nouvel essai peut suffire",
        ),
        LATER,
    ),
    code("30450", REJECT, ("the delivery was blocked", "la remise a été bloquée"), REVIEW),
    code("30453", REJECT, ("the message could not be delivered", "le message n'a pas pu être remis"), OTHER),
    throttled(
        "30454",
        RETRY_IN_THE_DAY,
        (
            "the account's limit is used up; it is tried again hours later",
            "la limite du compte est épuisée ; on réessaie des heures plus tard",
        ),
        WAIT_FOR_HOURS,
    ),
    code("30485", REJECT, ("the message could not be delivered", "le message n'a pas pu être remis"), OTHER),
    code(
        "30500",
        RETRY_LATER,
        (
            "Twilio had an internal error on the way; worth one more try",
            "Twilio a eu une erreur interne en chemin ; un nouvel essai peut suffire",
        ),
        STATUS_PAGE,
    ),
];
