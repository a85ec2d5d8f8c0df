//! Reasons in words: one of ours, or the provider's code.

mod table;

use palabre_actors::domain::rules::Language;

pub(super) use self::table::REASONS;
use self::table::Reason;
use super::{Case, FALLBACK_CANNOT, in_};
use crate::config::suggest;
use crate::gateway;

/// What stands in lists for messages that wait and have no reason of their own.
const WAITED_FOR: [&str; 3] = ["line", "turn", "time"];

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

/// Of what was typed for a reason and is none: which was probably meant. `None`: it is one, or a number, which may be a code
/// of the provider's that is new.
pub(in crate::cli) fn misspelt(typed: &str, language: Language) -> Option<String> {
    let word = typed.strip_prefix("exhausted:").unwrap_or(typed);
    if is_known(word) || WAITED_FOR.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let known = REASONS.iter().map(|reason| reason.word).chain(WAITED_FOR);
    Some(match (suggest::closest(word, known), language) {
        (Some(meant), Language::En) => format!("no reason is called {typed}: did you mean `{meant}`?"),
        (Some(meant), Language::Fr) => format!("aucune raison ne s'appelle {typed} : serait-ce `{meant}` ?"),
        (None, Language::En) => {
            format!("no reason is called {typed}: `palabre outbox list --by-reason` shows which there are")
        }
        (None, Language::Fr) => {
            format!("aucune raison ne s'appelle {typed} : `palabre outbox list --by-reason` montre celles qu'il y a")
        }
    })
}

/// What stands there when the provider's answer held no code.
fn http_status(reason: &str) -> Option<u16> {
    reason.parse().ok().filter(|status| (300..600).contains(status))
}

/// What an operator can do about a reason, when there is something.
pub(in crate::cli) fn what_to_do(reason: &str, case: &Case<'_>, language: Language) -> Option<String> {
    let reason = reason.strip_prefix("exhausted:").unwrap_or(reason);
    let todo = match code(reason) {
        Some(code) => Some(code.advice),
        None if reason == "breaker_open" && case.fallback().is_some() => Some(FALLBACK_CANNOT),
        None => ours(reason)?.todo,
    };
    todo.map(|both| case.fill(both, language))
}

/// A code of the provider that we have words for.
pub(in crate::cli) fn code(reason: &str) -> Option<&'static gateway::Code> {
    let reason = reason.strip_prefix("exhausted:").unwrap_or(reason);
    gateway::code(reason)
}

#[cfg(test)]
mod tests;
