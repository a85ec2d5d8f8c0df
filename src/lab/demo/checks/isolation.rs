//! I9, I10: tenants are isolated, and nothing confidential is printed.

use super::{Finding, Verdict};
use crate::lab::demo::evidence::Evidence;

/// I9: a tenant's rows refer to its own rows alone, and its messages leave through its own account.
pub(super) fn apart(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I9", "apart");
    for link in &evidence.dump.references {
        finding.must(link.to_tenant.as_ref() == Some(&link.tenant), || match &link.to_tenant {
            Some(_) => {
                format!("{} {} of {} refers to another tenant's {}", link.table, link.id, link.tenant, link.to_table)
            }
            None => {
                format!("{} {} of {} refers to {} that are not there", link.table, link.id, link.tenant, link.to_table)
            }
        });
    }
    for sent in &evidence.observed.sends {
        let row = evidence.dump.outbound.iter().find(|row| sent.message_id.as_ref() == Some(&row.id));
        let Some(row) = row else { continue };
        let own = evidence.tenants.iter().find(|tenant| tenant.id == row.tenant_id).is_some_and(|tenant| {
            let has_channel = sent.channel.as_ref().is_some_and(|channel| tenant.channels.contains(channel));
            has_channel && sent.from.as_ref().is_some_and(|from| tenant.addresses.contains(from))
        });
        finding.must(own, || {
            let channel = sent.channel.as_deref().unwrap_or("an account of nobody");
            format!("{} of {} left through {channel}", row.id, row.tenant_id)
        });
        finding.must(sent.to == row.to, || format!("{} reached somebody else", row.id));
        let cause = evidence.dump.inbound.iter().find(|cause| row.in_reply_to.as_ref() == Some(&cause.id));
        finding.must(cause.is_none_or(|cause| cause.from == row.to), || format!("{} went to another contact", row.id));
    }
    let contacts = shared_contacts(evidence);
    finding.exercised(evidence.dump.references.len(), "no row refers to another");
    finding.verdict(format!(
        "{} references between rows of {} tenants, none across; contacts of two tenants: {contacts}",
        evidence.dump.references.len(),
        evidence.tenants.len()
    ))
}

fn shared_contacts(evidence: &Evidence) -> usize {
    let mut pairs: Vec<(&str, &str)> =
        evidence.dump.inbound.iter().map(|row| (row.from.as_str(), row.tenant_id.as_str())).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.chunk_by(|a, b| a.0 == b.0).filter(|of_contact| of_contact.len() > 1).count()
}

/// I10: no number, token or text of a message in event payloads, errors, logs, metrics or refusals.
pub(super) fn discreet(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I10", "discreet");
    let payloads = evidence.dump.events.iter().map(|event| ("an event's payload", event.payload.as_str()));
    let errors = evidence.dump.outbound.iter().flat_map(|row| {
        let reasons = [("blocked_reason", &row.blocked_reason), ("last_error", &row.last_error)];
        reasons.into_iter().filter_map(|(column, reason)| Some((column, reason.as_deref()?)))
    });
    let answers = evidence.observed.posts.iter().map(|post| ("the answer to a webhook", post.answer.as_str()));
    let said = evidence.said.iter().map(|(place, text)| (*place, text.as_str()));
    let (mut texts, mut bytes) = (0, 0);
    for (place, text) in payloads.chain(errors).chain(answers).chain(said) {
        texts += 1;
        bytes += text.len();
        for (number, secret) in evidence.secrets.iter().enumerate() {
            finding.must(!text.contains(secret.as_str()), || format!("secret number {number} stands in {place}"));
        }
    }
    finding.exercised(evidence.secrets.len(), "no secret to style for");
    let logs = evidence.said.iter().any(|(place, text)| *place == "the logs" && !text.is_empty());
    finding.exercised(usize::from(logs), "no log line");
    finding.verdict(format!(
        "{} numbers, tokens and bodies looked for in {texts} payloads, answers and logs ({} kB)",
        evidence.secrets.len(),
        bytes.div_ceil(1_000)
    ))
}
