//! I1, I2, I4: every acknowledged message was kept once and had one whole turn.

use std::collections::HashMap;

use crate::lab::torture::evidence::{Evidence, Index};
use crate::lab::verdict::{Finding, Verdict};

/// I1, I2: every message got its 2xx in the end, and each has one row, however often it was posted; there is no other row.
pub(super) fn acknowledged(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I1 I2", "accepted once");
    let mut rows: HashMap<(&str, &str), usize> = HashMap::new();
    for row in &evidence.dump.inbound {
        *rows.entry((&row.channel_id, &row.provider_message_id)).or_default() += 1;
    }
    let mut posts = 0;
    for posted in &evidence.posts.posted {
        posts += posted.posts;
        let count = rows.remove(&(posted.channel.as_str(), posted.provider_id.as_str())).unwrap_or_default();
        finding.must(posted.acknowledged.is_some(), || format!("{} never got its 2xx", posted.provider_id));
        finding.must(posted.acknowledged.is_none() || count > 0, || {
            format!("{} got a 2xx and has no row", posted.provider_id)
        });
        finding.must(count < 2, || format!("{} has {count} rows", posted.provider_id));
    }
    for (_, provider_id) in rows.keys() {
        finding.must(false, || format!("{provider_id} has a row and was never posted"));
    }
    for (status, provider_id) in &evidence.posts.turned_away {
        finding.must(false, || format!("{provider_id} was answered {status}"));
    }
    finding.exercised(evidence.posts.posted.len(), "nothing was posted");
    finding.verdict(format!(
        "{} messages in {posts} webhooks, of which {} got no answer or 503: one row each",
        evidence.posts.posted.len(),
        evidence.posts.unanswered
    ))
}

/// I4, I9: every message had one turn, all of which is there, in its own tenant.
pub(super) fn whole(evidence: &Evidence, index: &Index<'_>) -> Verdict {
    let mut finding = Finding::of("I4 I9", "whole turns");
    let mut events: HashMap<(&str, &str), usize> = HashMap::new();
    for event in &evidence.dump.events {
        *events.entry((event.entity_id.as_deref().unwrap_or_default(), &event.event_type)).or_default() += 1;
    }
    let mut turns = 0;
    for turn in index.conversations.values().flatten() {
        let row = turn.row;
        turns += 1;
        finding.must(row.state == "processed" && row.conversation_id.is_some(), || {
            format!("{} is {} at the end", row.id, row.state)
        });
        for wanted in ["webhook_received", "message_routed"] {
            let count = events.get(&(row.id.as_str(), wanted)).copied().unwrap_or_default();
            finding.must(count == 1, || format!("{} has {count} {wanted} events", row.id));
        }
        let wanted = turn.due.outcome();
        finding.must(row.state != "processed" || row.reason.as_deref() == Some(wanted), || {
            format!("{} ended as {} instead of {wanted}", row.id, row.reason.as_deref().unwrap_or("nothing"))
        });
        finding.must(turn.posted.tenant == row.tenant_id, || format!("{} is another tenant's", row.id));
    }
    for link in &evidence.dump.references {
        finding.must(link.to_tenant.as_ref() == Some(&link.tenant), || {
            format!("{} {} refers to {} that are not there or not its tenant's", link.table, link.id, link.to_table)
        });
    }
    finding.exercised(turns, "no message had its turn");
    finding.verdict(format!("{turns} turns, {} references between rows", evidence.dump.references.len()))
}
