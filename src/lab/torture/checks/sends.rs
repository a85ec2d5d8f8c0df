//! I3, I5: every answer that the rules call for reached the provider, once, in order.

use std::collections::{HashMap, HashSet};

use crate::gateway::simulator::SentMessage;
use crate::lab::torture::evidence::{Due, Evidence, Index, Turn};
use crate::lab::verdict::{Finding, Verdict};
use crate::store::entity::message_out;

/// Nothing is lost: a message has the answer that the rules call for and no other, and the provider took it. The one
/// excuse: the contact said STOP after that message, and the answer was suppressed for it. The provider has it all the same when
/// nobody could tell so, and it would have been sent again.
pub(super) fn none_lost(index: &Index<'_>) -> Verdict {
    let mut finding = Finding::of("I5", "none lost");
    let (mut due, mut suppressed) = (0, 0);
    for turns in index.conversations.values() {
        for (at, turn) in turns.iter().enumerate() {
            let answers = index.answers(turn.row);
            let Some(kind) = turn.due.kind() else {
                finding.must(answers.is_empty(), || format!("{} called for silence and has an answer", turn.row.id));
                continue;
            };
            due += 1;
            let [answer] = answers else {
                finding.must(false, || format!("{} has {} answers instead of one", turn.row.id, answers.len()));
                continue;
            };
            finding.must(answer.kind == kind, || format!("{} is {} instead of {kind}", answer.id, answer.kind));
            if answer.state == "suppressed" {
                suppressed += 1;
                let stopped = turns.iter().skip(at + 1).any(|later| later.due == Due::OptOutConfirmation);
                let excused = stopped && answer.last_error.as_deref() == Some("opted_out");
                finding.must(excused && turn.due != Due::OptOutConfirmation, || {
                    format!("{} was suppressed, and nobody had said STOP after its message", answer.id)
                });
                let taken = index.sends(answer).len();
                finding.must(taken == 0 || index.blind.contains(answer.id.as_str()), || {
                    format!("{} is suppressed, and the provider took it", answer.id)
                });
                continue;
            }
            reached(&mut finding, index, turn, answer);
        }
    }
    finding.exercised(due, "no answer was due");
    finding.verdict(format!("{due} answers due, {suppressed} of them held back by a later STOP, all others taken"))
}

fn reached(finding: &mut Finding, index: &Index<'_>, turn: &Turn<'_>, answer: &message_out::Model) {
    let sends = index.sends(answer);
    finding.must(!sends.is_empty(), || {
        let error = answer.last_error.as_deref().unwrap_or("no error");
        format!("{} is {} ({error}) and never reached the provider", answer.id, answer.state)
    });
    if turn.due == Due::Reply {
        let repeats = |sent: &&SentMessage| mark(sent) == turn.posted.mark;
        finding.must(sends.iter().all(repeats), || format!("{} carries another message's mark", answer.id));
    }
}

/// I5: the provider took no row twice, nothing of which there is no row, and no mark twice. The one excuse: nobody can tell what
/// the provider has, and the channel says that a message is sent again then.
pub(super) fn none_twice(evidence: &Evidence, index: &Index<'_>) -> Verdict {
    let mut finding = Finding::of("I5", "none twice");
    let rows: HashMap<&str, &message_out::Model> =
        evidence.dump.outbound.iter().map(|row| (row.id.as_str(), row)).collect();
    for (id, sends) in &index.sends {
        match rows.get(id) {
            None => finding.must(false, || format!("the provider took {}, of which there is no row", sends[0].id)),
            Some(row) => finding.must(sends.len() == 1 || index.blind.contains(id), || {
                let when: Vec<String> = sends.iter().map(|sent| sent.created_at.to_rfc3339()).collect();
                let (attempts, times) = (row.attempts, when.join(" and "));
                format!("{id} reached the provider {} times in {attempts} attempts: {times}", sends.len())
            }),
        }
    }
    let mut marks: HashMap<&str, usize> = HashMap::new();
    for sent in &evidence.sends {
        if mark(sent).starts_with("m-") {
            *marks.entry(mark(sent)).or_default() += 1;
        }
    }
    let blind: HashSet<&str> =
        index.blind.iter().filter_map(|id| index.sends.get(id)).flatten().map(|sent| mark(sent)).collect();
    for (mark, count) in &marks {
        finding.must(*count == 1 || blind.contains(mark), || {
            format!("the mark {mark} reached the provider {count} times")
        });
    }
    let again = evidence.dump.outbound.iter().filter(|row| row.attempts > 1).count();
    finding.exercised(evidence.sends.len(), "nothing was sent");
    let twice = index.blind.iter().filter(|id| index.sends.get(*id).is_some_and(|sends| sends.len() > 1)).count();
    finding.verdict(format!(
        "{} messages at the provider, {again} rows tried more than once; {} sent again blindly, {twice} of them twice there",
        evidence.sends.len(),
        index.blind.len()
    ))
}

/// What makes a text unlike every other; the whole text's last word.
fn mark(sent: &SentMessage) -> &str {
    sent.text.split_whitespace().next_back().unwrap_or_default()
}

/// I3: what a contact posted after the 2xx of an earlier message was accepted after it, had its turn after it, and its
/// answer reached the provider after the earlier one's. (Messages whose webhooks overlap have no order of their own, nor have those that
/// waited on several nodes' disks. When a node's clock was wrong, its times say nothing.)
pub(super) fn ordered(evidence: &Evidence, index: &Index<'_>) -> Verdict {
    let mut finding = Finding::of("I3", "ordered");
    let mut pairs = 0;
    for turns in index.conversations.values() {
        let turns: Vec<&Turn<'_>> = turns.iter().filter(|turn| !evidence.was_spooled_beside_others(turn)).collect();
        for (at, earlier) in turns.iter().enumerate() {
            let follows =
                |later: &&&Turn<'_>| earlier.posted.acknowledged.is_some_and(|when| when < later.posted.begun);
            // Sorted by acceptance: whatever stands before this one must not have been posted after it.
            for later in turns.iter().take(at).filter(follows) {
                finding.must(false, || format!("{} was accepted before {}", later.row.id, earlier.row.id));
            }
            for later in turns.iter().skip(at + 1).filter(follows) {
                pairs += 1;
                let skewed = [earlier, later].iter().any(|turn| evidence.was_skewed(turn.posted));
                finding.must(skewed || earlier.row.processed_at <= later.row.processed_at, || {
                    format!("{} had its turn before {}", later.row.id, earlier.row.id)
                });
                let (Some(first), Some(second)) = (taken(index, earlier), taken(index, later)) else { continue };
                finding.must(first.sequence < second.sequence, || {
                    let (overtaken, by) = (first.message_id.as_deref(), second.message_id.as_deref());
                    format!("{} was overtaken by {} at the provider", overtaken.unwrap_or("?"), by.unwrap_or("?"))
                });
            }
        }
    }
    finding.exercised(pairs, "no message followed another");
    finding.verdict(format!("{pairs} pairs of messages in {} conversations", index.conversations.len()))
}

/// The first time that the provider took the answer to a message.
fn taken<'a>(index: &Index<'a>, turn: &Turn<'_>) -> Option<&'a SentMessage> {
    let answers = index.answers.get(turn.row.id.as_str())?;
    answers.iter().filter_map(|answer| index.sends.get(answer.id.as_str())?.first().copied()).next()
}
