//! `last_error` in words: one of ours, or the provider's code.

use palabre_actors::domain::rules::Language;

use super::{Both, in_};
use crate::gateway::twilio::codes;

/// A reason of ours: its word, what it means, what an operator can do.
pub(super) struct Reason {
    pub word: &'static str,
    means: Both,
    todo: Option<Both>,
}

const fn reason(word: &'static str, means: Both, todo: Option<Both>) -> Reason {
    Reason { word, means, todo }
}

const WAIT: Option<Both> = None;

/// Every word that may stand in `messages_out.last_error` or in an event's `reason`. docs/outbox.md lists them too.
pub(super) const REASONS: &[Reason] = &[
    reason("due", ("its time had come", "son heure était venue"), WAIT),
    reason("taken", ("the provider took it", "le fournisseur l'a pris"), WAIT),
    reason("found_at_provider", ("the provider was asked, and has it", "on a demandé au fournisseur, et il l'a"), WAIT),
    reason(
        "paced",
        (
            "the permits of the contact, the account or the tenant are used up for the moment",
            "les permis du contact, du compte ou de l'entreprise sont épuisés pour l'instant",
        ),
        WAIT,
    ),
    reason(
        "per_day",
        (
            "the tenant's messages of the day (limits.per_day) are used up",
            "les messages du jour de l'entreprise (limits.per_day) sont épuisés",
        ),
        Some(("raise limits.per_day if that is too few", "relever limits.per_day si c'est trop peu")),
    ),
    reason(
        "budget",
        (
            "the tenant's budget is spent, and the message is not urgent",
            "le budget de l'entreprise est dépensé, et le message n'est pas urgent",
        ),
        Some((
            "raise [budget], or wait for the next day or month",
            "relever [budget], ou attendre le jour ou le mois suivant",
        )),
    ),
    reason(
        "paused",
        ("its channel is paused", "son canal est en pause"),
        Some(("`palabre outbox resume CHANNEL` ends the pause", "`palabre outbox resume CANAL` met fin à la pause")),
    ),
    reason(
        "suspended",
        (
            "the provider suspended the sender, so its channel is paused",
            "le fournisseur a suspendu l'expéditeur : son canal est en pause",
        ),
        Some((
            "see the provider's console, then `palabre outbox resume CHANNEL`",
            "voir la console du fournisseur, puis `palabre outbox resume CANAL`",
        )),
    ),
    reason(
        "breaker_open",
        (
            "its channel failed too often, and rests for a moment",
            "son canal a échoué trop souvent, et se repose un instant",
        ),
        Some((
            "a fallback_channel would take over meanwhile",
            "un canal de secours (fallback_channel) prendrait le relais",
        )),
    ),
    reason(
        "breaker_half_open",
        (
            "its channel is being tried with one message after it failed too often",
            "son canal, qui a échoué trop souvent, est éprouvé avec un seul message",
        ),
        WAIT,
    ),
    reason(
        "pacing_unavailable",
        (
            "a gate could not count permits, and stayed closed",
            "une porte n'a pas pu compter les permis, et est restée fermée",
        ),
        WAIT,
    ),
    reason(
        "usage_unavailable",
        (
            "a gate could not ask the database, and stayed closed",
            "une porte n'a pas pu interroger la base, et est restée fermée",
        ),
        Some(("see whether the database answers", "vérifier que la base répond")),
    ),
    reason(
        "day_count_unavailable",
        (
            "a gate could not ask the database, and stayed closed",
            "une porte n'a pas pu interroger la base, et est restée fermée",
        ),
        Some(("see whether the database answers", "vérifier que la base répond")),
    ),
    reason(
        "consent_unavailable",
        (
            "the opt-out gate could not ask the database, and stayed closed",
            "la porte des STOP n'a pas pu interroger la base, et est restée fermée",
        ),
        Some(("see whether the database answers", "vérifier que la base répond")),
    ),
    reason(
        "lease_short",
        (
            "the process stood still on the way: too little time was left to send it",
            "le processus est resté figé en chemin : il restait trop peu de temps pour l'envoyer",
        ),
        WAIT,
    ),
    reason(
        "twins_unavailable",
        (
            "the database could not say which messages of the provider are others'",
            "la base n'a pas pu dire quels messages du fournisseur sont ceux d'autres envois",
        ),
        WAIT,
    ),
    reason(
        "twin_first",
        (
            "another message to the contact is open as well, and is cleared up first",
            "un autre message au contact est en suspens lui aussi, et s'éclaircit d'abord",
        ),
        WAIT,
    ),
    reason(
        "channel_not_configured",
        ("its channel is not in the configuration any more", "son canal n'est plus dans la configuration"),
        Some(("bring the channel back, or cancel the message", "remettre le canal, ou rappeler le message")),
    ),
    reason(
        "fallback_window_closed",
        (
            "the channel that took over may not write free text to this contact",
            "le canal de secours ne peut pas écrire librement à ce contact",
        ),
        WAIT,
    ),
    reason(
        "absent_at_provider",
        (
            "the provider was asked, and does not have it: it is safe to send it again",
            "on a demandé au fournisseur, et il ne l'a pas : on peut le renvoyer sans risque",
        ),
        WAIT,
    ),
    reason(
        "lease_expired",
        (
            "its sender did not say what came of it (the daemon was stopped, or the database away)",
            "son expéditeur n'a pas dit ce qu'il en est (démon arrêté, ou base absente)",
        ),
        WAIT,
    ),
    reason(
        "unknown_outcome",
        ("the connection broke after the request was written", "la connexion s'est rompue après l'envoi de la requête"),
        Some((
            "if it was given up: look in the provider's console before replaying it, it may arrive twice",
            "s'il est abandonné : regarder la console du fournisseur avant de le rejouer, il pourrait arriver deux fois",
        )),
    ),
    reason(
        "retry",
        ("the provider could not take it for the moment", "le fournisseur n'a pas pu le prendre pour l'instant"),
        WAIT,
    ),
    reason(
        "rejected",
        ("the provider refused it", "le fournisseur l'a refusé"),
        Some(("see the provider's console", "voir la console du fournisseur")),
    ),
    reason(
        "misconfigured",
        (
            "the channel's own settings are wrong (account_sid, auth_token, address)",
            "les réglages du canal sont faux (account_sid, auth_token, address)",
        ),
        Some(("mend them, then replay", "les corriger, puis rejouer")),
    ),
    reason(
        "exhausted",
        ("every attempt failed", "toutes les tentatives ont échoué"),
        Some(("replay it once the cause is gone", "le rejouer quand la cause a disparu")),
    ),
    reason(
        "expired",
        ("its time had passed before it could be sent", "son délai est passé avant qu'il puisse partir"),
        Some((
            "a replay gives it as much time again: is it still worth sending?",
            "le rejouer lui redonne autant de temps : vaut-il encore d'être envoyé ?",
        )),
    ),
    reason(
        "unknown_template",
        (
            "its template is not one that its channel knows, and there is no text instead",
            "son modèle n'est pas connu de son canal, et il n'y a pas de texte à la place",
        ),
        Some((
            "bring the template back ([[templates]]), then replay",
            "remettre le modèle ([[templates]]), puis rejouer",
        )),
    ),
    reason(
        "window_closed",
        (
            "the contact last wrote longer ago than the channel's window, and only a template may be sent",
            "le contact a écrit il y a plus longtemps que la fenêtre du canal : seul un modèle peut partir",
        ),
        Some((
            "it goes by itself when the contact writes; a template would have passed",
            "il part de lui-même quand le contact écrit ; un modèle serait passé",
        )),
    ),
    reason(
        "not_confirmed",
        (
            "the contact has not confirmed that the tenant may write (double opt-in)",
            "le contact n'a pas confirmé que l'entreprise peut écrire (double consentement)",
        ),
        Some(("it goes by itself when they confirm", "il part de lui-même quand il confirme")),
    ),
    reason("contact_wrote", ("the contact wrote", "le contact a écrit"), WAIT),
    reason("confirmed", ("the contact confirmed", "le contact a confirmé"), WAIT),
    reason(
        "opted_out",
        ("the contact said STOP", "le contact a dit STOP"),
        Some(("only their START ends that", "seul son START y met fin")),
    ),
    reason("operator", ("an operator's doing", "le fait d'un opérateur"), WAIT),
    reason("cancelled", ("a person called it back", "une personne l'a rappelé"), WAIT),
    reason(
        "earlier_life",
        ("this is about an earlier life of the message", "ceci concerne une vie antérieure du message"),
        WAIT,
    ),
    reason("failed", ("the provider gave no reason", "le fournisseur n'a pas donné de raison"), WAIT),
];

fn ours(word: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.word == word)
}

/// A reason in words.
pub(in crate::cli) fn last_error(reason: &str, language: Language) -> String {
    if let Some(last) = reason.strip_prefix("exhausted:") {
        let last = last_error(last, language);
        return match language {
            Language::En => format!("every attempt failed, the last one because {last}"),
            Language::Fr => format!("toutes les tentatives ont échoué, la dernière parce que : {last}"),
        };
    }
    if let Some(code) = code(reason) {
        return format!("{reason}, {}", code.explain(language));
    }
    if let Some(status) = http_status(reason) {
        return match language {
            Language::En => format!("the provider answered {status} (HTTP)"),
            Language::Fr => format!("le fournisseur a répondu {status} (HTTP)"),
        };
    }
    match (ours(reason), language) {
        (Some(known), _) => in_(language, known.means).to_owned(),
        (None, Language::En) => format!("{reason} (a code that this version has no words for)"),
        (None, Language::Fr) => format!("{reason} (un code pour lequel cette version n'a pas de mots)"),
    }
}

/// Whether a reason is a word of ours, a code that we have words for, or an HTTP status.
pub(super) fn is_known(reason: &str) -> bool {
    let reason = reason.strip_prefix("exhausted:").unwrap_or(reason);
    code(reason).is_some() || http_status(reason).is_some() || ours(reason).is_some()
}

/// What stands there when the provider's answer held no code.
fn http_status(reason: &str) -> Option<u16> {
    reason.parse().ok().filter(|status| (300..600).contains(status))
}

/// What an operator can do about a reason, when there is something.
pub(in crate::cli) fn what_to_do(reason: &str, language: Language) -> Option<&'static str> {
    let reason = reason.strip_prefix("exhausted:").unwrap_or(reason);
    let todo = match code(reason) {
        Some(code) => super::advice::on(code.number),
        None => ours(reason)?.todo,
    };
    todo.map(|both| in_(language, both))
}

/// A code of the provider that we have words for.
pub(in crate::cli) fn code(reason: &str) -> Option<&'static codes::Code> {
    let reason = reason.strip_prefix("exhausted:").unwrap_or(reason);
    reason.parse().ok().and_then(codes::find)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use palabre_actors::domain::send::SendErrorClass;

    use super::*;

    #[test]
    fn every_reason_is_told_twice_and_once_each() {
        for reason in REASONS {
            assert_ne!(in_(Language::En, reason.means), in_(Language::Fr, reason.means), "{}", reason.word);
        }
        assert_eq!(REASONS.iter().map(|reason| reason.word).collect::<BTreeSet<_>>().len(), REASONS.len());
    }

    #[test]
    fn the_handbook_lists_every_reason_and_no_other() {
        let handbook = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/outbox.md"));
        let (_, table) = handbook.split_once("## Every reason").unwrap();
        let listed: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let ours: Vec<&str> = REASONS.iter().map(|reason| reason.word).collect();
        assert_eq!(listed.iter().collect::<BTreeSet<_>>(), ours.iter().collect::<BTreeSet<_>>());
        assert_eq!(listed.len(), ours.len(), "each once");
    }

    #[test]
    fn the_classes_of_send_errors_are_among_them() {
        for class in [
            SendErrorClass::Retry { after: None },
            SendErrorClass::Reject,
            SendErrorClass::OptedOut,
            SendErrorClass::WindowClosed,
            SendErrorClass::Unknown,
            SendErrorClass::Misconfigured,
        ] {
            assert!(ours(class.as_str()).is_some(), "{class:?}");
        }
    }

    #[test]
    fn codes_are_told_in_words() {
        let told = |reason| last_error(reason, Language::En);
        assert!(told("63016").contains("24-hour"));
        assert!(told("exhausted:20429").contains("too many requests"), "{}", told("exhausted:20429"));
        assert!(told("opted_out").contains("STOP"));
        assert!(told("99999").contains("99999"));
        assert_eq!(told("exhausted:503").rsplit("because ").next(), Some("the provider answered 503 (HTTP)"));
        assert!(last_error("exhausted:30003", Language::Fr).contains("injoignable"));
        assert!(what_to_do("exhausted:20003", Language::En).unwrap().contains("auth_token"));
        assert_eq!(what_to_do("paced", Language::Fr), None);
    }
}
