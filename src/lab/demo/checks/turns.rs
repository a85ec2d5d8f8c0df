//! I4, I11: turns are atomic and every ending has a reason; and the customers got the answers of the rules.

use palabre_actors::domain::status::OutboxState;
use palabre_actors::domain::turn::Outcome;

use super::{Finding, Verdict};
use crate::lab::demo::evidence::Evidence;
use crate::store::entity::message_in;

/// I4: a processed message has its conversation, its answer and its events, and none of these stands without it.
pub(super) fn atomic(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I4", "atomic turn");
    let dump = &evidence.dump;
    let mut turns = 0;
    for row in dump.inbound.iter().filter(|row| row.state == "processed") {
        turns += 1;
        let id = &row.id;
        let whole = row.processed_at.is_some() && row.role.is_some() && row.reason.is_some();
        finding.must(whole, || format!("{id} is processed without time, role or reason"));
        let version = row.conversation_id.as_ref().and_then(|id| dump.versions.get(id));
        finding.must(version.is_some(), || format!("{id} has no conversation"));
        for wanted in ["webhook_received", "message_routed"] {
            let events = evidence.events_of("message_in", id).filter(|event| *event == wanted).count();
            finding.must(events == 1, || format!("{id} has {events} {wanted} events"));
        }
        let answers = answers(evidence, row);
        let wanted = promised_answers(row);
        finding.must(wanted.contains(&answers), || {
            format!("{id} ended as {} with {answers} answers", row.reason.as_deref().unwrap_or("nothing"))
        });
        turns_and_version(&mut finding, evidence, row);
    }
    for row in dump.inbound.iter().filter(|row| row.state == "accepted") {
        let traces = answers(evidence, row) + usize::from(row.processed_at.is_some());
        finding.must(traces == 0, || format!("{} left traces of a turn that is not there", row.id));
    }
    for answer in &dump.outbound {
        let cause = answer.in_reply_to.as_ref().and_then(|id| dump.inbound.iter().find(|row| row.id == *id));
        let same = cause.is_some_and(|cause| {
            cause.state == "processed" && cause.conversation_id.as_ref() == Some(&answer.conversation_id)
        });
        finding.must(same, || format!("the outbound message {} answers no processed message", answer.id));
    }
    finding.exercised(turns, "no message had its turn");
    finding.verdict(format!("{turns} turns: conversation, {} outbox rows and events of each", dump.outbound.len()))
}

/// A conversation's version counts its turns.
fn turns_and_version(finding: &mut Finding, evidence: &Evidence, row: &message_in::Model) {
    let Some(conversation) = &row.conversation_id else { return };
    let turns = evidence
        .dump
        .inbound
        .iter()
        .filter(|other| other.state == "processed" && other.conversation_id.as_ref() == Some(conversation));
    let turns = i64::try_from(turns.count()).unwrap_or(i64::MAX);
    let version = evidence.dump.versions.get(conversation).copied().unwrap_or_default();
    // Timers are turns too.
    finding
        .must(version >= turns, || format!("conversation {conversation} is at version {version} after {turns} turns"));
}

/// How many answers an outcome brings. Consent that the provider confirmed itself brings none; a tenant may have no
/// words for its sellers.
fn promised_answers(row: &message_in::Model) -> std::ops::RangeInclusive<usize> {
    match row.reason.as_deref().and_then(|reason| reason.parse::<Outcome>().ok()) {
        // Two questions may be answered by two messages.
        Some(Outcome::AnsweredFaq) => 1..=2,
        Some(
            Outcome::AnsweredAssistant
            | Outcome::AnsweredFallback
            | Outcome::AnsweredFlow
            | Outcome::HandedOver
            | Outcome::OfferedFaq
            | Outcome::AnsweredClosed
            | Outcome::AnsweredNoText
            | Outcome::AskedToStop
            | Outcome::Escalated,
        ) => 1..=1,
        Some(Outcome::LiveCommand) => 1..=1,
        Some(
            Outcome::AnsweredHelp
            | Outcome::OptedOut
            | Outcome::OptedIn
            | Outcome::Seller
            | Outcome::AnsweredOrder
            | Outcome::AnsweredLive,
        ) => 0..=1,
        _ => 0..=0,
    }
}

/// I11: every message has ended in a named state with a reason, and `explain` tells why.
pub(super) fn explained(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I11", "explained");
    let dump = &evidence.dump;
    for row in &dump.inbound {
        let ended = matches!(row.state.as_str(), "processed" | "dead");
        finding.must(ended, || format!("{} is still {}", row.id, row.state));
        finding.must(row.reason.is_some(), || format!("{} has no reason", row.id));
        told(&mut finding, evidence, &row.id);
        told(&mut finding, evidence, &row.provider_message_id);
    }
    for row in &dump.outbound {
        let state = row.state.parse::<OutboxState>();
        finding.must(state.is_ok_and(OutboxState::is_final), || format!("{} is still {}", row.id, row.state));
        let needs_reason = matches!(row.state.as_str(), "failed" | "suppressed" | "dead");
        finding.must(!needs_reason || row.last_error.is_some(), || {
            format!("{} is {} without a reason", row.id, row.state)
        });
        told(&mut finding, evidence, &row.id);
    }
    finding.exercised(dump.inbound.len(), "no message");
    finding.verdict(format!(
        "{} messages in and {} out, all at a named end; explain tells {} stories",
        dump.inbound.len(),
        dump.outbound.len(),
        evidence.explained.len()
    ))
}

fn told(finding: &mut Finding, evidence: &Evidence, id: &str) {
    let explained = evidence.explained.get(id);
    finding.must(explained.is_some_and(|explained| explained.knows_it), || format!("explain does not know {id}"));
    finding
        .must(explained.is_none_or(|explained| explained.why.is_some()), || format!("explain has no reason for {id}"));
}

/// Not an invariant, but what all of them are for: the customers got what the rules promise, and nothing else.
pub(super) fn answered(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("", "answered");
    let unexpected = evidence.observed.unexpected();
    for ((sender, customer), expected, got) in &unexpected {
        finding.must(false, || {
            let who = who(evidence, sender, customer);
            format!("{who} got {got} messages instead of {} to {}", expected.at_least, expected.at_most)
        });
    }
    let sends = evidence.observed.sends.len();
    finding.exercised(evidence.observed.expected.len(), "nobody wrote");
    finding.verdict(format!(
        "{} conversations got what the rules promise, {sends} messages",
        evidence.observed.expected.len()
    ))
}

/// A conversation's id, or its tenant when it has none: an address is not for printing.
fn who(evidence: &Evidence, sender: &str, customer: &str) -> String {
    let tenant = evidence.tenants.iter().find(|tenant| tenant.addresses.iter().any(|address| address == sender));
    let tenant = tenant.map_or("?", |tenant| tenant.id.as_str());
    let row = evidence.dump.inbound.iter().find(|row| row.from == customer && row.tenant_id == tenant);
    match row.and_then(|row| row.conversation_id.as_ref()) {
        Some(conversation) => format!("conversation {conversation}"),
        None => format!("a customer of {tenant}"),
    }
}

fn answers(evidence: &Evidence, row: &message_in::Model) -> usize {
    evidence.dump.outbound.iter().filter(|answer| answer.in_reply_to.as_deref() == Some(row.id.as_str())).count()
}
