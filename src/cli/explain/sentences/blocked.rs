//! Why a message waits, until when, and what an operator can do: in a sentence.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::rules::Language;

use super::super::words::state as told_state;
use super::{Case, in_, last_error, reasons, what_to_do};
use crate::cli::terminal::moment;
use crate::store::BlockedReason;
use crate::store::operator::endless;

/// Why a message waits, and until when.
pub(in crate::cli) fn wait(wait: &BlockedReason, language: Language) -> String {
    match (wait, language) {
        (BlockedReason::Behind { message, state, reason }, _) => {
            let why = reason.as_deref().map(|reason| format!(", {}", words(reason, language))).unwrap_or_default();
            match language {
                Language::En => {
                    format!("waits behind {message} of the same conversation, which comes first and is {state}{why}")
                }
                Language::Fr => format!(
                    "attend derrière {message} de la même conversation, qui passe d'abord et est à l'état {}{why}",
                    told_state(*state, language)
                ),
            }
        }
        (BlockedReason::Paused { reason, until }, Language::En) => {
            format!("waits {}: its channel is paused, {}", end(*until, language), words(reason, language))
        }
        (BlockedReason::Paused { reason, until }, Language::Fr) => {
            format!("attend {} : son canal est en pause, {}", end(*until, language), words(reason, language))
        }
        (
            BlockedReason::ChannelNotice { reason, until } | BlockedReason::Time { reason: Some(reason), until },
            Language::En,
        ) => {
            format!("waits {}: {}", end(*until, language), words(reason, language))
        }
        (
            BlockedReason::ChannelNotice { reason, until } | BlockedReason::Time { reason: Some(reason), until },
            Language::Fr,
        ) => {
            format!("attend {} : {}", end(*until, language), words(reason, language))
        }
        (BlockedReason::Time { reason: None, until }, Language::En) => {
            format!("waits {}: it is not to be sent before", end(*until, language))
        }
        (BlockedReason::Time { reason: None, until }, Language::Fr) => {
            format!("attend {} : il ne doit pas partir avant", end(*until, language))
        }
        (BlockedReason::Turn { before }, _) => turn(*before, language),
    }
}

/// The next step, where there is one.
pub(in crate::cli) fn todo(wait: &BlockedReason, case: &Case<'_>, language: Language) -> Option<String> {
    match wait {
        BlockedReason::Behind { message, .. } => Some(match language {
            Language::En => format!("`palabre explain {message}` tells why that one is not through"),
            Language::Fr => format!("`palabre explain {message}` dit pourquoi celui-là n'est pas passé"),
        }),
        // What mends the reason of a pause comes before its end: a suspension is for the provider's console.
        BlockedReason::Paused { reason, .. } => {
            what_to_do(reason, case, language).or_else(|| what_to_do("paused", case, language))
        }
        BlockedReason::ChannelNotice { reason, .. } | BlockedReason::Time { reason: Some(reason), .. } => {
            what_to_do(reason, case, language)
        }
        BlockedReason::Turn { before: 0 } => Some(
            in_(
                language,
                (
                    "is the daemon running, with this channel in its configuration? `/readyz` and its logs tell",
                    "le démon tourne-t-il, avec ce canal dans sa configuration ? `/readyz` et ses journaux le disent",
                ),
            )
            .to_owned(),
        ),
        BlockedReason::Turn { .. } => Some(
            in_(
                language,
                (
                    "if the backlog grows for hours: per_second and the senders are too few for what is written",
                    "si la file s'allonge pendant des heures : per_second et les expéditeurs sont trop peu pour ce qui s'écrit",
                ),
            )
            .to_owned(),
        ),
        BlockedReason::Time { reason: None, .. } => None,
    }
}

fn turn(before: u64, language: Language) -> String {
    match (before, language) {
        (0, Language::En) => "is due: the next free sender takes it".to_owned(),
        (0, Language::Fr) => "son heure est venue : le prochain expéditeur libre le prendra".to_owned(),
        (1, Language::En) => "is due: one message of its channel comes first".to_owned(),
        (1, Language::Fr) => "son heure est venue : un message de son canal passe avant".to_owned(),
        (before, Language::En) => format!("is due: {before} messages of its channel come first"),
        (before, Language::Fr) => format!("son heure est venue : {before} messages de son canal passent avant"),
    }
}

/// `until 2026-11-21 08:00:00 UTC`
fn end(until: Timestamp, language: Language) -> String {
    match (until < endless(), language) {
        (true, Language::En) => format!("until {}", moment(until)),
        (true, Language::Fr) => format!("jusqu'au {}", moment(until)),
        (false, Language::En) => "until somebody resumes it".to_owned(),
        (false, Language::Fr) => "jusqu'à ce que quelqu'un le remette en marche".to_owned(),
    }
}

/// A reason in words; what an operator wrote as it stands.
fn words(reason: &str, language: Language) -> String {
    if reasons::is_known(reason) {
        return last_error(reason, language);
    }
    match language {
        Language::En => format!("“{reason}”"),
        Language::Fr => format!("« {reason} »"),
    }
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::ids::OutboundId;
    use palabre_actors::domain::status::OutboxState;

    use super::*;

    fn noon() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    /// What is said, and what to do, in English and in French.
    fn told(waits: &BlockedReason) -> [String; 4] {
        let [english, french] = [Language::En, Language::Fr];
        let case = Case::sample("belle-wa", None, OutboxState::Pending);
        let step = |language| todo(waits, &case, language).unwrap_or_default();
        [wait(waits, english), step(english), wait(waits, french), step(french)]
    }

    #[test]
    fn each_wait_is_told_with_its_end_and_its_remedy() {
        let notice = |reason: &str| BlockedReason::ChannelNotice { reason: reason.to_owned(), until: noon() };
        let paused = |reason: &str, until| BlockedReason::Paused { reason: reason.to_owned(), until };
        let time = |reason: Option<&str>| BlockedReason::Time { reason: reason.map(str::to_owned), until: noon() };
        let table = [
            (notice("breaker_open"), "2026-11-21 12:00:00 UTC: its channel failed too often", "fallback_channel"),
            (notice("per_day"), "until 2026-11-21 12:00:00 UTC: the tenant's messages of the day", "limits.per_day"),
            (time(Some("budget")), "until 2026-11-21 12:00:00 UTC: the tenant's budget is spent", "raise [budget]"),
            (time(Some("paced")), "until 2026-11-21 12:00:00 UTC: the permits of the contact", ""),
            (time(Some("63018")), "until 2026-11-21 12:00:00 UTC: 63018, ", "wait"),
            (time(None), "it is not to be sent before", ""),
            (
                paused("quality rating", noon()),
                "12:00:00 UTC: its channel is paused, “quality rating”",
                "resume belle-wa",
            ),
            (paused("operator", endless()), "until somebody resumes it: its channel is paused", "resume belle-wa"),
            (paused("30002", endless()), "the account is suspended", "settle it with"),
            (BlockedReason::Turn { before: 0 }, "the next free sender", "is the daemon running"),
            (BlockedReason::Turn { before: 7 }, "7 messages of its channel come first", "per_second"),
        ];
        for (waits, english, step) in table {
            let told = told(&waits);
            assert!(told[0].contains(english), "{waits:?}: {told:?}");
            assert!(told[1].contains(step) && told[1].is_empty() == step.is_empty(), "{waits:?}: {told:?}");
            assert!(told[0] != told[2] && (told[1] != told[3] || step.is_empty()), "{told:?}");
            assert!(!told[2].contains("12:00:00") || told[2].contains("jusqu'au 2026-11-21 12:00:00 UTC"), "{told:?}");
            assert!(!told.concat().contains("no words"), "{told:?}");
        }
    }

    #[test]
    fn a_queued_message_names_the_one_before_it() {
        let message = OutboundId::fresh();
        let reason = Some("20429".to_owned());
        let told = told(&BlockedReason::Behind { message, state: OutboxState::Pending, reason });
        assert!(told.iter().all(|told| told.contains(&message.to_string())), "{told:?}");
        assert!(told[0].contains("is pending, 20429, "), "{told:?}");
    }
}
