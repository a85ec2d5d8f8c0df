//! I8: statuses only advance.

use std::collections::HashMap;

use palabre_actors::domain::status::{DeliveryStatus, OutboxState};

use super::{Finding, Verdict};
use crate::lab::demo::evidence::Evidence;
use crate::lab::demo::journal::Callback;

/// I8: whatever order callbacks come in and however often, a row's state never falls, it ends where the furthest of them
/// leads, and each of them is in the history.
pub(super) fn forward(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I8", "forward");
    let mut last_seen: HashMap<&str, OutboxState> = HashMap::new();
    for (id, state) in &evidence.observed.states {
        let Ok(state) = state.parse::<OutboxState>() else {
            finding.must(false, || format!("{id} was seen in a state without a name"));
            continue;
        };
        let before = last_seen.insert(id, state);
        finding.must(before.is_none_or(|before| before.rank() <= state.rank() || !before.is_final()), || {
            format!("{id} went back from {} to {state}", before.map_or("?", OutboxState::as_str))
        });
    }
    let mut by_message: HashMap<&str, Vec<&Callback>> = HashMap::new();
    for callback in &evidence.observed.callbacks {
        finding.must(callback.answered == Some(200), || format!("a callback of {} got no 200", callback.message));
        by_message.entry(&callback.message).or_default().push(callback);
    }
    let mut without_news = 0;
    for row in &evidence.dump.outbound {
        let callbacks = by_message.get(row.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let mut state = OutboxState::Sending;
        for callback in callbacks {
            match spoken(callback.status).and_then(|status| state.advance(status)) {
                Some(next) => state = next,
                None => without_news += 1,
            }
        }
        if !callbacks.is_empty() {
            finding.must(row.state == state.as_str(), || format!("{} is {} instead of {state}", row.id, row.state));
        }
        for status in DeliveryStatus::ALL {
            let posted = callbacks.iter().filter(|callback| spoken(callback.status) == Some(*status)).count();
            let event_type = format!("message_{status}");
            let kept = evidence.dump.events.iter().filter(|event| {
                event.entity_id.as_ref() == Some(&row.id)
                    && event.event_type == event_type
                    && event.actor_type == "provider"
            });
            let kept = kept.count();
            finding.must(kept == posted, || format!("{}: {posted} callbacks said {status}, {kept} are kept", row.id));
        }
    }
    finding.exercised(evidence.observed.callbacks.len(), "no callback came");
    finding.exercised(without_news, "no callback came late or again");
    finding.verdict(format!(
        "{} callbacks, {without_news} of them late or repeated: no state fell, every one is kept",
        evidence.observed.callbacks.len()
    ))
}

fn spoken(status: &str) -> Option<DeliveryStatus> {
    match status {
        "undelivered" => Some(DeliveryStatus::Failed),
        other => other.parse().ok(),
    }
}
