//! I5, I6, I7: checks of outgoing messages.

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;

use super::{Finding, Verdict};
use crate::gateway::simulator::SentMessage;
use crate::lab::demo::evidence::{Evidence, TenantFacts, time};
use crate::store::entity::message_out;

/// A send that passed its last check before the STOP was committed is on the wire already; it arrives within this.
const ON_THE_WIRE: TimeDelta = TimeDelta::milliseconds(500);
/// How much later than its token a send may reach the simulator without bringing the next ones too close to it.
const JITTER: TimeDelta = TimeDelta::milliseconds(400);

/// I5: one send at the provider for each outbox row that says so, none for the others.
pub(super) fn once_out(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I5", "once out");
    let mut sends: HashMap<&str, usize> = HashMap::new();
    for sent in &evidence.observed.sends {
        match &sent.message_id {
            Some(id) => *sends.entry(id).or_default() += 1,
            None => finding.must(false, || format!("the provider's {} names no row", sent.id)),
        }
    }
    for row in &evidence.dump.outbound {
        let count = sends.remove(row.id.as_str()).unwrap_or_default();
        let wanted = usize::from(matches!(row.state.as_str(), "sent" | "delivered" | "read" | "failed"));
        finding.must(count == wanted, || format!("{} is {} and reached the provider {count} times", row.id, row.state));
    }
    for id in sends.keys() {
        finding.must(false, || format!("{id} reached the provider and has no row"));
    }
    let tried_again = evidence.dump.outbound.iter().filter(|row| row.attempts > 1).count();
    finding.exercised(evidence.observed.sends.len(), "nothing was sent");
    finding.verdict(format!(
        "{} outbox rows, {} messages at the provider, {tried_again} tried again, none twice",
        evidence.dump.outbound.len(),
        evidence.observed.sends.len()
    ))
}

/// I6: between a contact's STOP and their START nothing reaches the provider but the one confirmation.
pub(super) fn silence(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I6", "silence");
    let silences = silences(evidence);
    let (mut unheard, mut held_back) = (0, 0);
    for silence in &silences {
        let within = |at: Timestamp| at > silence.from && silence.until.is_none_or(|until| at < until);
        let mut confirmations = 0;
        for row in evidence.dump.outbound.iter().filter(|row| silence.is_of(row)) {
            held_back += usize::from(row.state == "suppressed" && row.last_error.as_deref() == Some("opted_out"));
            for sent in evidence.sends_of(&row.id).filter(|sent| within(sent.created_at)) {
                if row.kind == "opt_out_confirmation" {
                    confirmations += 1;
                    continue;
                }
                let begun_before = time(&row.created_at).is_some_and(|at| at <= silence.from);
                let on_the_wire = begun_before && sent.created_at - silence.from <= ON_THE_WIRE;
                finding.must(on_the_wire, || format!("{} reached someone who had said STOP", row.id));
            }
        }
        finding.must(confirmations <= 1, || format!("a STOP was confirmed {confirmations} times ({})", silence.flow));
        unheard += evidence
            .dump
            .inbound
            .iter()
            .filter(|row| {
                row.tenant_id == silence.tenant
                    && row.from == silence.address
                    && time(&row.created_at).is_some_and(within)
                    && row.reason.as_deref() == Some("silent_opted_out")
            })
            .count();
    }
    finding.exercised(silences.len(), "nobody said STOP");
    finding.exercised(unheard, "nobody wrote after a STOP");
    finding.verdict(format!(
        "{} STOPs, {unheard} messages written after them, 0 answers; {held_back} queued ones suppressed",
        silences.len()
    ))
}

/// From a STOP to the START that follows it.
struct Silence {
    tenant: String,
    address: String,
    flow: String,
    from: Timestamp,
    until: Option<Timestamp>,
}

impl Silence {
    fn is_of(&self, row: &message_out::Model) -> bool {
        row.tenant_id == self.tenant && row.to == self.address
    }
}

/// A contact's STOP or START.
struct Change {
    at: Timestamp,
    stop: bool,
    flow: String,
}

fn silences(evidence: &Evidence) -> Vec<Silence> {
    let mut contacts: BTreeMap<(String, String), Vec<Change>> = BTreeMap::new();
    for event in &evidence.dump.events {
        let stop = match event.event_type.as_str() {
            "opted_out" => true,
            "opted_in" => false,
            _ => continue,
        };
        let cause = evidence.dump.inbound.iter().find(|row| row.correlation_id == event.correlation_id);
        if let (Some(cause), Some(at)) = (cause, time(&event.created_at)) {
            let change = Change { at, stop, flow: event.correlation_id.clone() };
            contacts.entry((event.tenant_id.clone(), cause.from.clone())).or_default().push(change);
        }
    }
    let mut silences = Vec::new();
    for ((tenant, address), mut changes) in contacts {
        changes.sort_by_key(|change| change.at);
        for (index, change) in changes.iter().enumerate().filter(|(_, change)| change.stop) {
            let start = changes.iter().skip(index + 1).find(|later| !later.stop);
            silences.push(Silence {
                tenant: tenant.clone(),
                address: address.clone(),
                flow: change.flow.clone(),
                from: change.at,
                until: start.map(|start| start.at),
            });
        }
    }
    silences
}

/// I7: no sliding window at the simulator holds more than the configuration allows.
pub(super) fn paced(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I7", "paced");
    let (mut seconds, mut minutes) = (Vec::new(), Vec::new());
    for tenant in &evidence.tenants {
        let sends: Vec<&SentMessage> = evidence.observed.sends.iter().filter(|sent| tenant.sends(sent)).collect();
        // A send that was held up on its way comes closer to the next one: the window is shorter by that much.
        let second = most_within(sends.iter().copied(), TimeDelta::seconds(1) - JITTER);
        finding.must(second <= tenant.per_second, || {
            format!("{} sent {second} messages within a second, {} are allowed", tenant.id, tenant.per_second)
        });
        finding.must(sends.len() <= tenant.per_day, || {
            format!("{} sent {} messages in a day, {} are allowed", tenant.id, sends.len(), tenant.per_day)
        });
        let contact = busiest_contact(evidence, tenant, &sends);
        finding.must(contact <= tenant.per_contact_per_minute, || {
            let allowed = tenant.per_contact_per_minute;
            format!("{} answered one contact {contact} times within a minute, {allowed} are allowed", tenant.id)
        });
        seconds.push(format!("{second}/{}", tenant.per_second));
        minutes.push(format!("{contact}/{}", tenant.per_contact_per_minute));
    }
    let limited = evidence.dump.inbound.iter().filter(|row| row.reason.as_deref() == Some("rate_limited")).count();
    finding.exercised(evidence.observed.sends.len(), "nothing was sent");
    finding.exercised(limited, "nobody met the limit");
    finding.verdict(format!(
        "by tenant at most {} sends a second, {} answers a contact's minute; {limited} over that unanswered",
        seconds.join(" "),
        minutes.join(" ")
    ))
}

impl TenantFacts {
    fn sends(&self, sent: &SentMessage) -> bool {
        sent.channel.as_ref().is_some_and(|channel| self.channels.contains(channel))
    }
}

/// Automatic answers alone count, and sellers are no clients.
fn busiest_contact(evidence: &Evidence, tenant: &TenantFacts, sends: &[&SentMessage]) -> usize {
    let counts = |row: &&message_out::Model| {
        let cause = evidence.dump.inbound.iter().find(|cause| row.in_reply_to.as_deref() == Some(cause.id.as_str()));
        matches!(row.kind.as_str(), "reply" | "help") && cause.and_then(|cause| cause.role.as_deref()) != Some("seller")
    };
    let mut contacts: HashMap<&str, Vec<&SentMessage>> = HashMap::new();
    for row in evidence.dump.outbound.iter().filter(|row| row.tenant_id == tenant.id).filter(counts) {
        let sends = sends.iter().filter(|sent| sent.message_id.as_deref() == Some(row.id.as_str()));
        contacts.entry(&row.conversation_id).or_default().extend(sends);
    }
    // Answers are counted when they are decided; on their way they come closer to each other by seconds at most.
    let minute = TimeDelta::seconds(55);
    contacts.into_values().map(|sends| most_within(sends.into_iter(), minute)).max().unwrap_or_default()
}

/// The most sends in any window of that length.
fn most_within<'a>(sends: impl Iterator<Item = &'a SentMessage>, window: TimeDelta) -> usize {
    let mut times: Vec<Timestamp> = sends.map(|sent| sent.created_at).collect();
    times.sort_unstable();
    let mut most = 0;
    let mut first = 0;
    for (last, at) in times.iter().enumerate() {
        while times.get(first).is_some_and(|earliest| *at - *earliest >= window) {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}
