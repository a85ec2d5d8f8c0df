//! Codes of requests that Twilio refuses (20000 to 21999), beside those of `table`.

use super::advice::{
    ACCOUNT, CALLBACK, MEDIA, REPORT, SENDER, SERVICE, SETTLE, SHORTEN, STATUS_PAGE, TEMPLATE, TRIAL, WRONG_NUMBER,
};
use super::{MISCONFIGURED, REJECT, RETRY_LATER, SUSPENDED, UNKNOWN, code};
use crate::gateway::Code;

/// In the order of their numbers.
pub(super) static REQUESTS: &[Code] = &[
    code("20005", SUSPENDED, ("the account is not active", "le compte n'est pas actif"), SETTLE),
    code("20006", MISCONFIGURED, ("the account may not do this", "le compte n'a pas le droit de faire cela"), ACCOUNT),
    code(
        "20008",
        MISCONFIGURED,
        (
            "these are test credentials: nothing is really sent with them",
            "ce sont des identifiants de test : rien ne part vraiment avec eux",
        ),
        ACCOUNT,
    ),
    code("20010", MISCONFIGURED, ("the account is disabled for this", "le compte est désactivé pour cela"), ACCOUNT),
    code(
        "20403",
        MISCONFIGURED,
        ("the account may not use this resource", "le compte ne peut pas utiliser cette ressource"),
        ACCOUNT,
    ),
    code(
        "20404",
        REJECT,
        ("Twilio does not know the account or the resource", "Twilio ne connaît pas le compte ou la ressource"),
        ACCOUNT,
    ),
    code(
        "20422",
        REJECT,
        ("a parameter of the request is not valid", "un paramètre de la requête n'est pas valide"),
        REPORT,
    ),
    code(
        "20504",
        UNKNOWN,
        (
            "Twilio did not answer itself in time, and may have taken the message",
            "Twilio ne s'est pas répondu à temps, et a peut-être pris le message",
        ),
        STATUS_PAGE,
    ),
    code(
        "21212",
        MISCONFIGURED,
        ("the sender's number is not valid", "le numéro de l'expéditeur n'est pas valide"),
        SENDER,
    ),
    code(
        "21214",
        REJECT,
        ("the recipient's number cannot be reached", "le numéro du destinataire ne peut pas être joint"),
        WRONG_NUMBER,
    ),
    code(
        "21217",
        REJECT,
        ("the recipient's number does not look like one", "le numéro du destinataire n'en a pas la forme"),
        WRONG_NUMBER,
    ),
    code(
        "21219",
        REJECT,
        ("a trial account writes to verified numbers only", "un compte d'essai n'écrit qu'à des numéros vérifiés"),
        TRIAL,
    ),
    code(
        "21265",
        REJECT,
        (
            "the recipient is a short code, which cannot receive messages",
            "le destinataire est un numéro court, qui ne reçoit pas de messages",
        ),
        WRONG_NUMBER,
    ),
    code(
        "21266",
        REJECT,
        ("recipient and sender are the same number", "le destinataire et l'expéditeur sont le même numéro"),
        WRONG_NUMBER,
    ),
    code(
        "21267",
        MISCONFIGURED,
        ("a trial account cannot send under a name", "un compte d'essai ne peut pas envoyer sous un nom"),
        TRIAL,
    ),
    code(
        "21268",
        REJECT,
        (
            "the recipient is a premium or information number",
            "le destinataire est un numéro surtaxé ou de renseignements",
        ),
        WRONG_NUMBER,
    ),
    code(
        "21407",
        MISCONFIGURED,
        ("this kind of number cannot send SMS", "ce genre de numéro ne peut pas envoyer de SMS"),
        SENDER,
    ),
    code("21472", SUSPENDED, ("the account is not active", "le compte n'est pas actif"), SETTLE),
    code("21602", REJECT, ("the message has no text", "le message n'a pas de texte"), REPORT),
    code("21603", MISCONFIGURED, ("the request named no sender", "la requête ne nommait pas d'expéditeur"), SENDER),
    code("21604", REJECT, ("the request named no recipient", "la requête ne nommait pas de destinataire"), REPORT),
    code(
        "21605",
        REJECT,
        (
            "the text is longer than 160 characters, and the sender takes no longer ones",
            "le texte dépasse 160 caractères, et l'expéditeur n'en prend pas de plus longs",
        ),
        SHORTEN,
    ),
    code(
        "21606",
        REJECT,
        (
            "the sender's number cannot send messages to that destination, or is not the account's",
            "le numéro de l'expéditeur ne peut pas écrire à cette destination, ou n'est pas à ce compte",
        ),
        SENDER,
    ),
    code(
        "21607",
        MISCONFIGURED,
        (
            "a trial account sends from its trial number only",
            "un compte d'essai n'envoie que depuis son numéro d'essai",
        ),
        TRIAL,
    ),
    code(
        "21608",
        REJECT,
        ("a trial account writes to verified numbers only", "un compte d'essai n'écrit qu'à des numéros vérifiés"),
        TRIAL,
    ),
    code(
        "21609",
        MISCONFIGURED,
        ("Twilio does not take the address for status callbacks", "Twilio n'accepte pas l'adresse des retours d'état"),
        CALLBACK,
    ),
    code(
        "21612",
        REJECT,
        ("this sender cannot reach that recipient", "cet expéditeur ne peut pas joindre ce destinataire"),
        SENDER,
    ),
    code(
        "21616",
        MISCONFIGURED,
        (
            "the sender's number fits several numbers of the account",
            "le numéro de l'expéditeur correspond à plusieurs numéros du compte",
        ),
        SENDER,
    ),
    code(
        "21618",
        REJECT,
        (
            "the text cannot be sent: it has characters that the network does not carry",
            "le texte ne peut pas partir : il a des caractères que le réseau ne transporte pas",
        ),
        SHORTEN,
    ),
    code(
        "21619",
        REJECT,
        ("the message has neither text nor file nor template", "le message n'a ni texte, ni fichier, ni modèle"),
        REPORT,
    ),
    code(
        "21620",
        REJECT,
        ("the address of an attached file is not valid", "l'adresse d'un fichier joint n'est pas valide"),
        MEDIA,
    ),
    code(
        "21621",
        REJECT,
        ("the sender cannot send files (MMS)", "l'expéditeur ne peut pas envoyer de fichiers (MMS)"),
        MEDIA,
    ),
    code(
        "21622",
        REJECT,
        ("the account cannot send files (MMS)", "le compte ne peut pas envoyer de fichiers (MMS)"),
        MEDIA,
    ),
    code("21623", REJECT, ("too many files are attached", "il y a trop de fichiers joints"), MEDIA),
    code("21624", REJECT, ("the validity period is not valid", "la durée de validité n'est pas valide"), REPORT),
    code(
        "21626",
        MISCONFIGURED,
        (
            "Twilio does not take the events asked of status callbacks",
            "Twilio n'accepte pas les événements demandés aux retours d'état",
        ),
        CALLBACK,
    ),
    code("21627", REJECT, ("the highest price is no number", "le prix maximal n'est pas un nombre"), REPORT),
    code(
        "21635",
        REJECT,
        ("the recipient's number is a landline", "le numéro du destinataire est une ligne fixe"),
        WRONG_NUMBER,
    ),
    code("21652", REJECT, ("the subject is longer than 40 characters", "l'objet dépasse 40 caractères"), SHORTEN),
    code(
        "21653",
        REJECT,
        ("there are more recipients than allowed", "il y a plus de destinataires que permis"),
        REPORT,
    ),
    code("21654", REJECT, ("the template's id is missing", "l'identifiant du modèle manque"), TEMPLATE),
    code(
        "21655",
        REJECT,
        (
            "Twilio does not know the template's id (content_id)",
            "Twilio ne connaît pas l'identifiant du modèle (content_id)",
        ),
        TEMPLATE,
    ),
    code("21657", MISCONFIGURED, ("the sender's name is not valid", "le nom de l'expéditeur n'est pas valide"), SENDER),
    code("21658", REJECT, ("a parameter is too long", "un paramètre est trop long"), SHORTEN),
    code(
        "21659",
        MISCONFIGURED,
        (
            "the sender is no number of Twilio's, or a short code of another country",
            "l'expéditeur n'est pas un numéro de Twilio, ou est un numéro court d'un autre pays",
        ),
        SENDER,
    ),
    code(
        "21660",
        MISCONFIGURED,
        ("the sender's number belongs to another account", "le numéro de l'expéditeur appartient à un autre compte"),
        SENDER,
    ),
    code(
        "21661",
        MISCONFIGURED,
        ("the sender's number cannot send SMS", "le numéro de l'expéditeur ne peut pas envoyer de SMS"),
        SENDER,
    ),
    code(
        "21701",
        MISCONFIGURED,
        ("the messaging service does not exist", "le service de messagerie n'existe pas"),
        SERVICE,
    ),
    code(
        "21702",
        MISCONFIGURED,
        ("the messaging service cannot send", "le service de messagerie ne peut pas envoyer"),
        SERVICE,
    ),
    code(
        "21703",
        MISCONFIGURED,
        (
            "the messaging service has no number that could send this",
            "le service de messagerie n'a aucun numéro pour cet envoi",
        ),
        SERVICE,
    ),
    code(
        "21704",
        MISCONFIGURED,
        ("the messaging service has no number", "le service de messagerie n'a aucun numéro"),
        SERVICE,
    ),
    code(
        "21705",
        MISCONFIGURED,
        ("the messaging service is not valid", "le service de messagerie n'est pas valide"),
        SERVICE,
    ),
    code(
        "21708",
        MISCONFIGURED,
        ("the messaging service needs a sender's name", "le service de messagerie a besoin d'un nom d'expéditeur"),
        SERVICE,
    ),
    code(
        "21709",
        MISCONFIGURED,
        (
            "the sender's name is not one of the messaging service's",
            "le nom de l'expéditeur n'est pas de ce service de messagerie",
        ),
        SERVICE,
    ),
    code(
        "21711",
        MISCONFIGURED,
        ("the sender is not one of the messaging service's", "l'expéditeur n'est pas de ce service de messagerie"),
        SERVICE,
    ),
    code(
        "21730",
        RETRY_LATER,
        ("Twilio is under maintenance; it is tried again", "Twilio est en maintenance ; on réessaie"),
        STATUS_PAGE,
    ),
    code(
        "21910",
        REJECT,
        ("recipient and sender are of different channels", "le destinataire et l'expéditeur sont de canaux différents"),
        REPORT,
    ),
];
