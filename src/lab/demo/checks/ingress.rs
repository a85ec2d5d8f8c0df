//! I1, I2, I3: checks of incoming messages.

use std::collections::{BTreeMap, HashMap};

use super::{Finding, Verdict};
use crate::lab::demo::evidence::Evidence;
use crate::lab::demo::journal::{Meant, Post};
use crate::store::entity::message_in;

/// I1: every 200 has its row, already when it is said; what was turned away has none.
pub(super) fn durable_ack(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I1", "durable ack");
    let (mut acknowledged, mut refused) = (0, 0);
    for post in &evidence.observed.posts {
        let rows = evidence.rows_of(post).count();
        match post.meant {
            Meant::Forgery(expected) => {
                refused += 1;
                let status = post.status.unwrap_or_default();
                finding.must(status == expected, || format!("a forged webhook got {status} instead of {expected}"));
                finding.must(rows == 0, || format!("a forged webhook left a row ({})", post.provider_id));
            }
            Meant::Message | Meant::Copy if post.status == Some(200) => {
                acknowledged += 1;
                finding.must(rows > 0, || format!("{} got its 200 and has no row", post.provider_id));
                finding.must(post.durable != Some(false), || {
                    format!("{} had no row yet when its 200 was there", post.provider_id)
                });
            }
            Meant::Message | Meant::Copy => {}
        }
    }
    finding.exercised(acknowledged, "no webhook was acknowledged");
    finding.exercised(refused, "no webhook was forged");
    finding
        .verdict(format!("{acknowledged} webhooks answered 200, each with its row; {refused} forged ones turned away"))
}

/// I2: one row, one turn and one answer for a message, however often it was delivered.
pub(super) fn once_in(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I2", "once in");
    let mut rows: HashMap<(&str, &str, &str), usize> = HashMap::new();
    for row in &evidence.dump.inbound {
        *rows.entry((&row.tenant_id, &row.channel_id, &row.provider_message_id)).or_default() += 1;
    }
    for ((_, _, provider_id), count) in &rows {
        finding.must(*count == 1, || format!("{provider_id} has {count} rows"));
    }
    let mut deliveries: BTreeMap<&str, usize> = BTreeMap::new();
    for post in acknowledged(evidence) {
        *deliveries.entry(&post.provider_id).or_default() += 1;
    }
    let mut copies = 0;
    for row in &evidence.dump.inbound {
        let provider_id = row.provider_message_id.as_str();
        let repeats = deliveries.get(provider_id).copied().unwrap_or(1) - 1;
        copies += repeats;
        let ignored = evidence.dump.events.iter().filter(|event| {
            event.event_type == "idempotent_ignored"
                && event.tenant_id == row.tenant_id
                && event.correlation_id == row.correlation_id
                && event.entity_id.is_none()
                && event.payload.contains(provider_id)
        });
        let ignored = ignored.count();
        finding.must(ignored == repeats, || format!("{provider_id} came {repeats} times more, {ignored} were ignored"));
        let turns = evidence.events_of("message_in", &row.id).filter(|event| *event == "message_routed").count();
        finding.must(turns <= 1, || format!("{provider_id} had {turns} turns"));
        let answers = answers(evidence, row);
        finding.must(answers <= 1, || format!("{provider_id} has {answers} answers"));
    }
    finding.exercised(copies, "no webhook was delivered twice");
    finding.verdict(format!(
        "{} messages, {copies} further deliveries of them: one row, one turn, one answer each",
        evidence.dump.inbound.len()
    ))
}

/// I3: processed in the order of acceptance, and accepted in the order in which a customer wrote.
pub(super) fn ordered(evidence: &Evidence) -> Verdict {
    let mut finding = Finding::of("I3", "ordered");
    let mut conversations: BTreeMap<&str, Vec<&message_in::Model>> = BTreeMap::new();
    for row in &evidence.dump.inbound {
        if let Some(conversation) = &row.conversation_id {
            conversations.entry(conversation).or_default().push(row);
        }
    }
    let mut pairs = 0;
    for (conversation, rows) in &mut conversations {
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        for (earlier, later) in rows.iter().zip(rows.iter().skip(1)) {
            pairs += 1;
            let in_order = earlier.processed_at.is_some() && earlier.processed_at <= later.processed_at
                || later.processed_at.is_none();
            finding.must(in_order, || format!("{} had its turn before {} ({conversation})", later.id, earlier.id));
        }
    }
    let mut lines: BTreeMap<(&str, &str), Vec<(&Post, &str)>> = BTreeMap::new();
    for post in acknowledged(evidence).filter(|post| post.meant == Meant::Message) {
        if let Some(row) = evidence.rows_of(post).next() {
            lines.entry((post.channel, &post.from)).or_default().push((post, &row.id));
        }
    }
    for posts in lines.values_mut() {
        posts.sort_by_key(|(post, _)| post.at);
        for ((earlier, earlier_row), (later, later_row)) in posts.iter().zip(posts.iter().skip(1)) {
            let overlap = earlier.at + earlier.took > later.at;
            finding.must(overlap || earlier_row < later_row, || {
                format!("{} was accepted before {}, and written after it", later.provider_id, earlier.provider_id)
            });
        }
    }
    finding.exercised(pairs, "no conversation has two messages");
    finding.verdict(format!("{pairs} successions in {} conversations, as accepted and as written", conversations.len()))
}

fn acknowledged(evidence: &Evidence) -> impl Iterator<Item = &Post> {
    let ours = evidence.observed.posts.iter().filter(|post| !matches!(post.meant, Meant::Forgery(_)));
    ours.filter(|post| post.status == Some(200))
}

fn answers(evidence: &Evidence, row: &message_in::Model) -> usize {
    evidence.dump.outbound.iter().filter(|answer| answer.in_reply_to.as_deref() == Some(row.id.as_str())).count()
}
