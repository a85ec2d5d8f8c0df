//! Names of the rules that decide a turn.

use super::Both;

/// A rule of the routing pipeline, by its name in `message_routed`.
pub(super) fn rule(name: &str) -> Option<Both> {
    Some(match name {
        "consent" => ("consent words", "mots du consentement"),
        "seller" => ("the tenant's own seller", "vendeur de l'entreprise"),
        "live_command" => ("a command of the live session", "commande du live"),
        "live_order" => ("an order in the live session", "commande d'un client pendant le live"),
        "opted_out" => ("silence after STOP", "silence après un STOP"),
        "blocked" => ("silence for a contact who was blocked", "silence envers un contact bloqué"),
        "own_phone" => ("written on the channel's own phone", "écrit sur le téléphone du canal"),
        "notice" => ("nothing to answer", "rien à répondre"),
        "reopen" => ("reopening a resolved conversation", "réouverture d'une conversation résolue"),
        "start_link" => ("the link to a plan", "le lien vers une formule"),
        "human_handler" => ("a person has the conversation", "une personne s'occupe de la conversation"),
        "driver" => ("somebody who takes offers", "une personne qui prend des missions"),
        "silent_loop" => ("silence to robots", "silence envers les robots"),
        "rating" => ("how good a ride was", "la note d'une course"),
        "flow" => ("a flow that asks step by step", "un parcours qui demande étape par étape"),
        "stop_request" => ("wants no more messages, it seems", "ne veut plus de messages, semble-t-il"),
        "escalation" => ("calling a person", "appel d'une personne"),
        "no_text" => ("messages without words", "messages sans texte"),
        "menu" => ("an entry of the menu", "choix dans le menu"),
        "faq" => ("questions with known answers", "questions dont la réponse est connue"),
        "assistant" => ("the tenant's assistant", "assistant de l'entreprise"),
        "fallback" => ("reply by default", "réponse par défaut"),
        _ => return None,
    })
}
