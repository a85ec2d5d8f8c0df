//! Codes for what Telegram refuses: the class of each, and a sentence and a next step for people.
//!
//! Telegram gives a status (`error_code`) and a description for people; nothing finer. So what a description is known to say
//! decides, and the status where nothing is known. The descriptions are those of the server's own source
//! (`telegram-bot-api/Client.cpp`) and of MTProto's errors, which it passes on.

use std::time::Duration;

use palabre_actors::domain::send::SendErrorClass;

use crate::gateway::{Bilingual, Code};

const PAGE: &str = "https://core.telegram.org/bots/api#making-requests";

const MISCONFIGURED: SendErrorClass = SendErrorClass::Misconfigured;
const OPTED_OUT: SendErrorClass = SendErrorClass::OptedOut;
const REJECT: SendErrorClass = SendErrorClass::Reject;
const RETRY: SendErrorClass = SendErrorClass::Retry { after: None };
/// The bot may not do that in the chat.
pub(super) const NO_RIGHTS: &str = "telegram_no_rights";
/// Somebody has to make the bot an administrator again first.
const RETRY_AFTER_A_WHILE: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(15 * 60)) };

const fn code(code: &'static str, class: SendErrorClass, meaning: Bilingual, advice: Bilingual) -> Code {
    Code { code, class, throttled: false, meaning, advice, page: PAGE }
}

/// What descriptions say, in lower case, with the code that it stands for. The first that fits decides.
const DESCRIPTIONS: &[(u16, &str, &str)] = &[
    (403, "blocked by the user", "telegram_blocked"),
    (403, "user is deactivated", "telegram_deactivated"),
    (403, "can't initiate conversation", "telegram_not_started"),
    (403, "kicked", "telegram_removed"),
    (403, "not a member", "telegram_removed"),
    (400, "chat not found", "telegram_chat_not_found"),
    (400, "peer_id_invalid", "telegram_chat_not_found"),
    (400, "upgraded to a supergroup", "telegram_migrated"),
    (400, "message is too long", "telegram_too_long"),
    (400, "query is too old", "telegram_query_too_old"),
    (400, "query id is invalid", "telegram_query_too_old"),
    (400, "not enough rights", NO_RIGHTS),
    (400, "chat_admin_required", NO_RIGHTS),
    (400, "need administrator rights", NO_RIGHTS),
    (400, "have no rights", NO_RIGHTS),
    (400, "can't remove chat owner", "telegram_administrator"),
    (400, "user is an administrator", "telegram_administrator"),
    (400, "user_admin_invalid", "telegram_administrator"),
    (400, "hide_requester_missing", "telegram_no_request"),
    (400, "user_already_participant", "telegram_already_in"),
    (400, "user_not_participant", "telegram_not_in"),
    (400, "participant_id_invalid", "telegram_not_in"),
    (400, "user not found", "telegram_no_user"),
    (400, "member not found", "telegram_no_user"),
    (400, "invite_hash_expired", "telegram_link_gone"),
    (400, "invite_revoked_missing", "telegram_link_gone"),
    (400, "charge_already_refunded", "telegram_refunded"),
];

/// The code of a refusal.
pub(super) fn of(status: u16, description: &str) -> Option<&'static Code> {
    let description = description.to_lowercase();
    let known = DESCRIPTIONS.iter().find(|(of, says, _)| *of == status && description.contains(says));
    match known {
        Some((_, _, code)) => find(code),
        None => find(&format!("telegram_{status}")),
    }
}

/// Looks a code up.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}

/// Every code that is known.
pub(super) const CODES: &[Code] = &[
    code(
        "telegram_400",
        REJECT,
        ("Telegram refused the call: something in it is wrong", "Telegram a refusé l'appel : quelque chose n'y va pas"),
        ("please report this; {replay} sends it again", "merci de le signaler ; {replay} le renvoie"),
    ),
    code(
        "telegram_401",
        MISCONFIGURED,
        ("Telegram does not accept the bot's token", "Telegram n'accepte pas le jeton du bot"),
        (
            "ask @BotFather for the token (/token), put it into bot_token of {channel}; {again}",
            "demander le jeton à @BotFather (/token), le mettre dans bot_token de {channel} ; {again}",
        ),
    ),
    code(
        "telegram_403",
        REJECT,
        ("the bot may not write there", "le bot n'a pas le droit d'écrire là"),
        (
            "nothing to do unless the chat's administrators let it",
            "rien à faire, sauf si les administrateurs le permettent",
        ),
    ),
    code(
        "telegram_404",
        MISCONFIGURED,
        (
            "Telegram knows no such bot or call: the token is misspelt, or api_base_url is not the Bot API",
            "Telegram ne connaît pas ce bot ou cet appel : le jeton est mal écrit, ou api_base_url n'est pas la Bot API",
        ),
        (
            "check bot_token and api_base_url of {channel}; {again}",
            "vérifier bot_token et api_base_url de {channel} ; {again}",
        ),
    ),
    code(
        "telegram_409",
        RETRY,
        (
            "something else asks for the bot's updates, or it has a webhook",
            "un autre programme demande les mises à jour du bot, ou il a un webhook",
        ),
        (
            "run `palabre telegram delete-webhook` where {channel} polls, and stop the other program",
            "lancer `palabre telegram delete-webhook` si {channel} interroge, et arrêter l'autre programme",
        ),
    ),
    Code {
        throttled: true,
        ..code(
            "telegram_429",
            RETRY,
            ("the bot wrote too fast for Telegram", "le bot a écrit trop vite pour Telegram"),
            (
                "nothing: it is sent when Telegram's wait is over. Lower per_second of {channel} if it comes often",
                "rien : il part quand l'attente de Telegram est finie. Baisser per_second de {channel} si cela revient",
            ),
        )
    },
    code(
        "telegram_administrator",
        REJECT,
        (
            "the person owns the chat or is an administrator of it, and nobody can be removed who is",
            "la personne est propriétaire ou administratrice du groupe : personne ne peut l'en sortir",
        ),
        ("nothing to do", "rien à faire"),
    ),
    code(
        "telegram_already_in",
        REJECT,
        ("the person is in the chat already", "la personne est déjà dans le groupe"),
        ("nothing to do", "rien à faire"),
    ),
    code(
        "telegram_blocked",
        OPTED_OUT,
        ("the contact blocked the bot", "le contact a bloqué le bot"),
        (
            "nothing: they may unblock it themselves, and are written to again then",
            "rien : il peut le débloquer lui-même, et on peut alors lui écrire",
        ),
    ),
    code(
        "telegram_chat_not_found",
        REJECT,
        (
            "Telegram knows no such chat, or the bot never met it",
            "Telegram ne connaît pas ce chat, ou le bot ne l'a jamais rencontré",
        ),
        (
            "a person has to write to the bot first: send them its link, t.me/NAME",
            "une personne doit d'abord écrire au bot : lui envoyer son lien, t.me/NOM",
        ),
    ),
    code(
        "telegram_deactivated",
        OPTED_OUT,
        ("the contact's account at Telegram is gone", "le compte Telegram du contact n'existe plus"),
        ("nothing to do", "rien à faire"),
    ),
    code(
        "telegram_incomplete",
        REJECT,
        ("the action lacks something that its call needs", "il manque à l'action ce que son appel demande"),
        ("please report this", "merci de le signaler"),
    ),
    code(
        "telegram_link_gone",
        REJECT,
        ("the invite link has expired or was revoked", "le lien d'invitation a expiré ou a été révoqué"),
        ("nothing to do: a new one can be made", "rien à faire : on peut en créer un autre"),
    ),
    code(
        "telegram_migrated",
        RETRY,
        (
            "the group became a supergroup, and has another id",
            "le groupe est devenu un supergroupe, et a un autre identifiant",
        ),
        (
            "put the new id into groups of {channel}, or into the plan's chats",
            "mettre le nouvel identifiant dans groups de {channel}, ou dans les chats de l'offre",
        ),
    ),
    code(
        "telegram_no_request",
        REJECT,
        ("the person's request to join is not there any more", "la demande d'entrée de la personne n'existe plus"),
        ("they can ask again by the link", "elle peut redemander par le lien"),
    ),
    code(
        NO_RIGHTS,
        RETRY_AFTER_A_WHILE,
        (
            "the bot is no administrator of the chat, or may not do that",
            "le bot n'est pas administrateur du chat, ou n'en a pas le droit",
        ),
        (
            "make the bot an administrator who may invite and ban; it is tried again by itself",
            "faire du bot un administrateur qui peut inviter et bannir ; cela sera refait tout seul",
        ),
    ),
    code(
        "telegram_no_user",
        REJECT,
        (
            "Telegram knows no such person, or they are not in the chat",
            "Telegram ne connaît pas cette personne, ou elle n'est pas dans le groupe",
        ),
        ("nothing to do", "rien à faire"),
    ),
    code(
        "telegram_not_in",
        REJECT,
        ("the person is not in the chat", "la personne n'est pas dans le groupe"),
        ("nothing to do", "rien à faire"),
    ),
    code(
        "telegram_not_started",
        REJECT,
        (
            "the contact never wrote to the bot, which may not write first",
            "le contact n'a jamais écrit au bot, qui ne peut pas commencer",
        ),
        ("send them the bot's link, t.me/NAME", "lui envoyer le lien du bot, t.me/NOM"),
    ),
    code(
        "telegram_query_too_old",
        REJECT,
        (
            "the answer to a button or a request came too late",
            "la réponse à un bouton ou à une demande est arrivée trop tard",
        ),
        ("nothing to do", "rien à faire"),
    ),
    code(
        "telegram_refunded",
        REJECT,
        ("the payment was given back already", "le paiement a déjà été remboursé"),
        ("nothing to do", "rien à faire"),
    ),
    code(
        "telegram_removed",
        REJECT,
        ("the bot is not in the group any more", "le bot n'est plus dans le groupe"),
        ("let it in again, then: {replay}", "l'y remettre, puis : {replay}"),
    ),
    code(
        "telegram_template",
        REJECT,
        (
            "the message exists as a template alone, and Telegram has none",
            "le message n'existe que comme modèle, et Telegram n'en a pas",
        ),
        ("give the message a text", "donner un texte au message"),
    ),
    code(
        "telegram_too_long",
        REJECT,
        ("the text is longer than 4,096 characters", "le texte dépasse 4 096 caractères"),
        ("shorten it", "le raccourcir"),
    ),
];
