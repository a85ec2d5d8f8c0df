//! I8, I11: every message ends in a named state, and its events lead there, forward only.

use std::collections::{BTreeMap, HashMap};

use palabre_actors::domain::status::{DeliveryStatus, OutboxState};

use crate::cli::torture::evidence::Evidence;
use crate::cli::verdict::{Finding, Verdict};
use crate::store::entity::event_log;

/// I11: no message waits for anything any more, and none was given up.
pub(super) fn settled(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I11", "settled");
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &evidence.census.outbound {
        *states.entry(&row.state).or_default() += 1;
        let state = row.state.parse::<OutboxState>();
        finding.must(state.is_ok_and(OutboxState::is_final), || {
            let error = row.last_error.as_deref().unwrap_or("no error");
            format!("{} is still {} after {} attempts ({error})", row.id, row.state, row.attempts)
        });
        finding.must(row.state != "dead", || {
            format!("{} was given up: {}", row.id, row.last_error.as_deref().unwrap_or("no error"))
        });
        let reason = matches!(row.state.as_str(), "failed" | "suppressed" | "dead" | "cancelled");
        finding.must(!reason || row.last_error.is_some(), || format!("{} is {} without a reason", row.id, row.state));
    }
    for row in evidence.census.inbound.iter().filter(|row| row.state == "accepted") {
        finding.must(false, || format!("{} was accepted and had no turn", row.id));
    }
    finding.exercised(evidence.census.outbound.len(), "no row");
    let states: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    finding.verdict(states.join(", "))
}

/// I8: an outbox row's events, in the order in which they were written, are a way through the state machine that ends
/// where the row stands.
pub(super) fn forward(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I8", "forward");
    let mut histories: HashMap<&str, Vec<&event_log::Model>> = HashMap::new();
    for event in evidence.census.events.iter().filter(|event| event.entity_type == "message_out") {
        histories.entry(event.entity_id.as_deref().unwrap_or_default()).or_default().push(event);
    }
    let mut news = 0;
    for row in &evidence.census.outbound {
        let mut history = histories.remove(row.id.as_str()).unwrap_or_default();
        // An event's id is drawn by the one writer: it tells the order better than the time of the news.
        history.sort_by(|a, b| a.id.cmp(&b.id));
        news += history.len();
        match walk(&history) {
            Ok(state) => finding
                .must(row.state == state.as_str() || (is_open(state) && is_open_word(&row.state)), || {
                    format!("{} is {}, and its history leads to {state}", row.id, row.state)
                }),
            Err(step) => finding.must(false, || format!("{}: {step}", row.id)),
        }
    }
    for id in histories.keys() {
        finding.must(false, || format!("there are events of {id}, and no row"));
    }
    finding.exercised(news, "no event");
    finding.verdict(format!("{news} events of {} rows", evidence.census.outbound.len()))
}

/// Follows a history. States that a row only passes through are one: not every step between them leaves an event.
fn walk(history: &[&event_log::Model]) -> Result<OutboxState, String> {
    let mut state = OutboxState::Pending;
    let mut receipts = 0;
    for event in history {
        let word = event.event_type.strip_prefix("message_").unwrap_or(&event.event_type);
        if event.actor_type == "provider" {
            let status: DeliveryStatus = word.parse().map_err(|_| format!("no callback says {word}"))?;
            state = state.advance(status).unwrap_or(state);
            continue;
        }
        let next = step(state, word).ok_or_else(|| format!("{word} follows upon {state}"))?;
        receipts += usize::from(word == "sent");
        if receipts > 1 {
            return Err("two attempts were written down as sent".to_owned());
        }
        state = next;
    }
    Ok(state)
}

/// Where something that Palabre did leads.
fn step(state: OutboxState, word: &str) -> Option<OutboxState> {
    use OutboxState::{Cancelled, Dead, Delivered, Failed, Pending, Read, Sent, Suppressed};
    match (word, state) {
        ("claimed" | "postponed" | "unknown" | "deferred" | "released", state) if is_open(state) => Some(Pending),
        ("sent", state) if is_open(state) => Some(Sent),
        // The callback was faster than the answer.
        ("sent", Sent | Delivered | Read | Failed) => Some(state),
        ("suppressed", state) if is_open(state) => Some(Suppressed),
        ("dead", state) if is_open(state) => Some(Dead),
        ("cancelled", state) if is_open(state) || matches!(state, Dead | Failed) => Some(Cancelled),
        ("replayed", Dead | Failed | Cancelled | Suppressed) => Some(Pending),
        _ => None,
    }
}

fn is_open(state: OutboxState) -> bool {
    !state.is_final()
}

fn is_open_word(word: &str) -> bool {
    word.parse::<OutboxState>().is_ok_and(is_open)
}
