//! A sentence for every end that a message can come to, and for every event.

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::domain::turn::Outcome;
use serde_json::Value;

use crate::gateway::twilio::codes;
use crate::store::entity::{event_log, message_in, message_out};

/// Why an inbound message ended as it did. `None`: it has not ended, or nobody has words for its reason.
pub(in crate::cli) fn why_inbound(row: &message_in::Model) -> Option<String> {
    let reason = row.reason.as_deref()?;
    if row.state == "dead" {
        return Some(buried(reason));
    }
    Some(outcome(reason.parse().ok()?).to_owned())
}

/// What stands in for a reason while there is none.
pub(super) fn state_inbound(row: &message_in::Model) -> String {
    match (row.state.as_str(), why_inbound(row)) {
        (_, Some(why)) => why,
        ("accepted", None) => "accepted and safe, but its turn has not come yet: is the daemon running?".to_owned(),
        (state, None) => format!("it is {state}, for a reason that this version does not know"),
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::AnsweredFaq => "a question of the FAQ was recognised, and its answer written",
        Outcome::AnsweredFallback => "no question of the FAQ was recognised, so the fallback was written",
        Outcome::AnsweredHelp => "they asked for help, which is answered (by the provider itself if it said so)",
        Outcome::OptedOut => "they said STOP: it is recorded, confirmed once, and from now on there is silence",
        Outcome::OptedIn => "they said START: it is recorded, and they get messages again",
        Outcome::SilentOptedOut => "no answer: they said STOP before, and only START ends that",
        Outcome::SilentHuman => "no answer by itself: a person has this conversation",
        Outcome::Seller => "the tenant's own seller wrote: the live session was opened or kept open",
        Outcome::RateLimited => "no answer: this contact got as many automatic answers within a minute as are allowed",
        Outcome::SilentNoRule => "no answer: nothing in the FAQ fits, and there is no fallback (replies.fallback)",
        Outcome::SilentTemplateError => {
            "no answer: the tenant's own text failed on this message; its template needs a look"
        }
    }
}

fn buried(reason: &str) -> String {
    match reason {
        "poisonous" => "set aside: its conversation broke down on it again and again; please report it".to_owned(),
        other => format!("set aside ({other}): it will not be processed any more"),
    }
}

/// Why an outbound message is where it is. `None`: it is still under way, or nobody has words for its state.
pub(in crate::cli) fn why_outbound(row: &message_out::Model) -> Option<String> {
    let state: OutboxState = row.state.parse().ok()?;
    state.is_final().then(|| told_state(state, row))
}

/// The same, also while it is under way.
pub(super) fn state_outbound(row: &message_out::Model) -> String {
    match row.state.parse() {
        Ok(state) => told_state(state, row),
        Err(_) => format!("it is {}, which this version does not know", row.state),
    }
}

fn told_state(state: OutboxState, row: &message_out::Model) -> String {
    let because = row.last_error.as_deref().map(last_error);
    let because = because.as_deref();
    match state {
        OutboxState::Pending => with_reason("waits for its next attempt", because),
        OutboxState::Sending => "a sender has it, or is about to".to_owned(),
        OutboxState::Unknown => with_reason(
            "an attempt may or may not have reached the provider, which is asked before anything is repeated",
            because,
        ),
        OutboxState::Sent => "the provider took it; nothing is known of its delivery yet".to_owned(),
        OutboxState::Delivered => "it is on the contact's device".to_owned(),
        OutboxState::Read => "the contact opened it".to_owned(),
        OutboxState::Failed => with_reason("the provider took it and could not deliver it", because),
        OutboxState::Deferred => with_reason("waits for the contact to write first", because),
        OutboxState::Suppressed => with_reason("held back for good right before the wire", because),
        OutboxState::Dead => with_reason("given up: a dead letter, until somebody replays it", because),
        OutboxState::Cancelled => "a person called it back".to_owned(),
    }
}

fn with_reason(text: &str, because: Option<&str>) -> String {
    because.map_or_else(|| text.to_owned(), |because| format!("{text}: {because}"))
}

/// `last_error` in words: one of ours, or the provider's code.
pub(super) fn last_error(reason: &str) -> String {
    if let Some(last) = reason.strip_prefix("exhausted:") {
        return format!("every attempt failed, the last one because {}", last_error(last));
    }
    if let Some(code) = code(reason) {
        return format!("{reason}, {}", code.explain(Language::En));
    }
    match reason {
        "opted_out" => "the contact said STOP",
        "per_day" => "the tenant's messages of the day (limits.per_day) are used up",
        "day_count_unavailable" | "consent_unavailable" => "a gate could not ask the database, and stayed closed",
        "channel_not_configured" => "its channel is not in the configuration any more",
        "absent_at_provider" => "the provider was asked, and does not have it: it is safe to send it again",
        "unknown_outcome" => "the connection broke after the request was written",
        "retry" => "the provider could not take it for the moment",
        "rejected" => "the provider refused it",
        "window_closed" => "the contact last wrote more than 24 hours ago, and only a template may be sent",
        "misconfigured" => "the channel's own settings are wrong (account_sid, auth_token, address)",
        "exhausted" => "every attempt failed",
        "failed" => "the provider gave no reason",
        other => return format!("{other} (a code that this version has no words for)"),
    }
    .to_owned()
}

/// A code of the provider that we have words for.
pub(super) fn code(reason: &str) -> Option<&'static codes::Code> {
    reason.parse().ok().and_then(codes::find)
}

/// An event in a sentence.
pub(in crate::cli) fn event(row: &event_log::Model) -> String {
    let payload: Value = serde_json::from_str(&row.payload).unwrap_or_default();
    let word = |field: &str| payload.get(field).and_then(Value::as_str);
    let by_provider = row.actor_type == "provider";
    match (row.event_type.as_str(), by_provider) {
        ("webhook_received", _) => {
            "the webhook was believed; the message is durable, and the provider got its 200".to_owned()
        }
        ("idempotent_ignored", _) => "the provider delivered it again: acknowledged, and ignored".to_owned(),
        ("message_routed", _) => routed(word("role"), word("outcome")),
        ("message_sent", false) => "the provider took the message".to_owned(),
        ("message_sent", true) => "the provider says: sent".to_owned(),
        ("message_delivered", _) => "the provider says: delivered to the device".to_owned(),
        ("message_read", _) => "the provider says: read".to_owned(),
        ("message_failed", _) => match word("code") {
            Some(code) => format!("the provider says: not delivered, {}", last_error(code)),
            None => "the provider says: not delivered, and not why".to_owned(),
        },
        ("message_dead", _) if row.entity_type == "message_in" => buried(word("reason").unwrap_or("no reason")),
        ("message_dead", _) => with_reason("given up, a dead letter now", word("reason").map(last_error).as_deref()),
        ("message_suppressed", _) => {
            with_reason("a gate held the message back for good", word("reason").map(last_error).as_deref())
        }
        ("message_replayed", _) => "an operator set the dead letter on its way again".to_owned(),
        ("opted_out", true) => "the provider says that the contact opted out: recorded".to_owned(),
        ("opted_out", false) => consent("the contact said STOP: recorded, and what waited was held back", &payload),
        ("opted_in", _) => consent("the contact said START: recorded", &payload),
        ("session_opened", _) => "a session began".to_owned(),
        ("session_closed", _) => "the session before it had ended by itself".to_owned(),
        ("live_session_opened", _) => "the tenant's live session began".to_owned(),
        ("live_session_closed", _) => "the tenant's live session ended by itself".to_owned(),
        ("escalated", _) => "handed over to a person".to_owned(),
        ("rate_limited", _) => match payload.get("limit").and_then(Value::as_i64) {
            Some(limit) => format!("the contact had {limit} automatic answers within a minute, which is the limit"),
            None => "a limit was reached".to_owned(),
        },
        (other, _) => format!("{other} (an event that this version has no words for)"),
    }
}

fn routed(role: Option<&str>, what: Option<&str>) -> String {
    let what = what.and_then(|what| what.parse().ok()).map_or("it had its turn", outcome);
    match role {
        Some("seller") => format!("its turn, as a seller's: {what}"),
        _ => format!("its turn: {what}"),
    }
}

fn consent(text: &str, payload: &Value) -> String {
    let confirmed = payload.get("provider_confirmed").and_then(Value::as_bool) == Some(true);
    if confirmed { format!("{text} (the provider confirmed it to them itself)") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::explain::timeline::samples;

    #[test]
    fn every_outcome_has_its_sentence() {
        for outcome in Outcome::ALL {
            let mut row = samples::inbound();
            row.reason = Some(outcome.as_str().to_owned());
            assert!(why_inbound(&row).unwrap().len() > 20);
        }
        let mut row = samples::inbound();
        row.reason = Some("no_such_word".to_owned());
        assert_eq!(why_inbound(&row), None);
        row.state = "dead".to_owned();
        row.reason = Some("poisonous".to_owned());
        assert!(why_inbound(&row).unwrap().contains("set aside"));
    }

    #[test]
    fn every_state_has_its_sentence_and_open_ones_no_end() {
        for state in OutboxState::ALL {
            let mut row = samples::outbound();
            row.state = state.as_str().to_owned();
            assert_eq!(why_outbound(&row).is_some(), state.is_final(), "{state}");
            assert!(!state_outbound(&row).is_empty());
        }
    }

    #[test]
    fn codes_are_told_in_words() {
        assert!(last_error("63016").contains("24-hour"));
        assert!(last_error("exhausted:20429").contains("too many requests"), "{}", last_error("exhausted:20429"));
        assert!(last_error("opted_out").contains("STOP"));
        assert!(last_error("99999").contains("99999"));
    }

    #[test]
    fn every_event_has_its_sentence() {
        use palabre_actors::domain::event::EventType;
        for event_type in EventType::ALL {
            for actor in ["provider", "system"] {
                let told = event(&samples::event(event_type.as_str(), actor, "{}", "2026-11-21T04:45:00.000000Z"));
                assert!(!told.contains("no words"), "{event_type}: {told}");
            }
        }
    }
}
