//! I8, I11: every message ends in a named state, and its events lead there, forward only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use palabre_actors::domain::status::{DeliveryStatus, OutboxState, Transition};
use serde_json::Value;

use crate::lab::torture::evidence::{Evidence, Index};
use crate::lab::verdict::{Finding, Verdict};
use crate::store::entity::event_log;

/// I11: no message waits for anything any more, and none was given up.
pub(super) fn settled(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I11", "settled");
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &evidence.dump.outbound {
        *states.entry(&row.state).or_default() += 1;
        let state = row.state.parse::<OutboxState>();
        finding.must(state.is_ok_and(OutboxState::is_final), || {
            let error = row.reason().unwrap_or("no error");
            format!("{} is still {} after {} attempts ({error})", row.id, row.state, row.attempts)
        });
        finding.must(row.state != "dead", || {
            format!("{} was given up: {}", row.id, row.last_error.as_deref().unwrap_or("no error"))
        });
        let reason = matches!(row.state.as_str(), "failed" | "suppressed" | "dead" | "cancelled");
        finding.must(!reason || row.last_error.is_some(), || format!("{} is {} without a reason", row.id, row.state));
    }
    for row in evidence.dump.inbound.iter().filter(|row| row.state == "accepted") {
        finding.must(false, || format!("{} was accepted and had no turn", row.id));
    }
    finding.exercised(evidence.dump.outbound.len(), "no row");
    let states: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    finding.verdict(states.join(", "))
}

/// I8, I11: an outbox row's events, in the order in which they were written, are a path of [`Transition`] and of what the
/// provider's callbacks allow, that ends where the row stands; each of ours says why.
pub(super) fn forward(evidence: &Evidence, index: &Index<'_>) -> Verdict {
    let mut finding = Finding::of("I8 I11", "forward");
    let mut histories: HashMap<&str, Vec<&event_log::Model>> = HashMap::new();
    for event in evidence.dump.events.iter().filter(|event| event.entity_type == "message_out") {
        histories.entry(event.entity_id.as_deref().unwrap_or_default()).or_default().push(event);
    }
    let mut steps: BTreeMap<&str, usize> = BTreeMap::new();
    let mut detours = 0;
    let skewed: HashSet<&str> = index.skewed(evidence).collect();
    for row in &evidence.dump.outbound {
        let mut history = histories.remove(row.id.as_str()).unwrap_or_default();
        // An event's id is drawn by the one writer: it tells the order better than the time of the news.
        history.sort_by(|a, b| a.id.cmp(&b.id));
        for event in &history {
            *steps.entry(&event.event_type).or_default() += 1;
            detours += usize::from(event.payload.contains(r#""via":"#));
        }
        // Ids of a node whose clock was wrong are in no order.
        if skewed.contains(row.id.as_str()) {
            continue;
        }
        match Path::follow(&history) {
            Ok(path) => {
                let state = row.state.parse::<OutboxState>();
                finding.must(state.is_ok_and(|state| path.may_be_at(state)), || {
                    format!("{} is {}, and its history leads to {path}", row.id, row.state)
                });
                let told = !matches!(row.state.as_str(), "failed" | "suppressed" | "dead" | "cancelled")
                    || row.last_error.is_some() && row.last_error == path.reason;
                finding.must(told, || {
                    let error = row.last_error.as_deref().unwrap_or("nothing");
                    format!("{} is {} for {error}, of which its history knows nothing", row.id, row.state)
                });
            }
            Err(step) => finding.must(false, || format!("{}: {step}", row.id)),
        }
    }
    for id in histories.keys() {
        finding.must(false, || format!("there are events of {id}, and no row"));
    }
    finding.exercised(steps.len(), "no event");
    let steps: Vec<String> =
        steps.iter().map(|(word, count)| format!("{count} {}", word.trim_start_matches("message_"))).collect();
    let steps = steps.join(", ");
    finding.verdict(format!("{} rows: {steps}; {detours} steps on another channel", evidence.dump.outbound.len()))
}

/// The reason of news about an earlier generation of a message.
const EARLIER_LIFE: &str = "earlier_life";

/// Where a history may have led so far.
struct Path {
    /// One state, but for two things that leave no event: a turn may have written the row as `sending` at once, and a
    /// check that fails again and again is told once.
    states: Vec<OutboxState>,
    /// Why the last thing that had a reason happened.
    reason: Option<String>,
    /// A check held it back: no attempt was counted.
    gate: bool,
    receipts: usize,
}

impl Path {
    fn follow(history: &[&event_log::Model]) -> Result<Self, String> {
        let states = vec![OutboxState::Pending, OutboxState::Sending];
        let mut path = Self { states, reason: None, gate: false, receipts: 0 };
        for (at, event) in history.iter().enumerate() {
            let payload: Value = serde_json::from_str(&event.payload).unwrap_or_default();
            match event.actor_type.as_str() {
                "provider" => path.hear(&event.event_type, &payload)?,
                _ if event.event_type == "message_queued" && at == 0 => path.states = vec![OutboxState::Pending],
                _ => path.step(&event.event_type, &payload)?,
            }
        }
        Ok(path)
    }

    /// Something that Palabre did.
    fn step(&mut self, word: &str, payload: &Value) -> Result<(), String> {
        let done = Transition::ALL.iter().find(|transition| transition.event().as_str() == word);
        let done = *done.ok_or_else(|| format!("nothing that is done to a message is called {word}"))?;
        let reason = payload["reason"].as_str().filter(|reason| !reason.is_empty());
        let reason = reason.ok_or_else(|| format!("{word} has no reason"))?;
        if done == Transition::Deliver && reason == EARLIER_LIFE {
            return Ok(());
        }
        let mut next: Vec<OutboxState> = self.states.iter().filter_map(|state| state.after(done)).collect();
        if done == Transition::Deliver {
            self.receipts += 1;
            // The callback was faster than the answer.
            next.extend(
                self.states.iter().filter(|state| state.is_final() && state.rank() >= OutboxState::Sent.rank()),
            );
        }
        next.dedup();
        if next.is_empty() {
            return Err(format!("{word} follows upon {self}"));
        }
        if matches!(done, Transition::Requeue | Transition::Replay) {
            self.receipts = 0;
        }
        if self.receipts > 1 {
            return Err("two attempts were written down as sent".to_owned());
        }
        self.states = next;
        match done {
            Transition::Claim if self.gate => self.states.push(OutboxState::Pending),
            // What a callback said first stays.
            Transition::Claim | Transition::Deliver => {}
            _ => {
                self.gate = done == Transition::Postpone && payload["attempt"].is_null();
                self.reason = Some(reason.to_owned());
            }
        }
        Ok(())
    }

    /// A provider's callback: forward, or nowhere.
    fn hear(&mut self, word: &str, payload: &Value) -> Result<(), String> {
        let status = word.strip_prefix("message_").unwrap_or(word);
        let status: DeliveryStatus = status.parse().map_err(|_| format!("no callback says {status}"))?;
        // Of an earlier life only a success counts.
        if payload["reason"] == EARLIER_LIFE {
            return Ok(());
        }
        for state in &mut self.states {
            let Some(next) = state.advance(status) else { continue };
            *state = next;
            if status == DeliveryStatus::Failed {
                self.reason = Some(payload["code"].as_str().unwrap_or("failed").to_owned());
            }
        }
        self.states.dedup();
        Ok(())
    }

    fn may_be_at(&self, state: OutboxState) -> bool {
        self.states.contains(&state)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states: Vec<&str> = self.states.iter().map(|state| state.as_str()).collect();
        f.write_str(&states.join(" or "))
    }
}
