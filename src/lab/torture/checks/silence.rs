//! I6: after STOP, nothing is sent but its confirmation.
//!
//! The rule, exactly. A contact's silence begins when the turn of their STOP is decided (`processed_at` of its row), and
//! ends when the turn of a START is. Within it
//!
//! 1. no message that was accepted after the STOP has an answer at all (that is part of `none lost`), and no row but
//!    the confirmation is written;
//! 2. nothing reaches the provider but one confirmation. A send that passed its last check before the silence began may
//!    still arrive: the row was written before, and it arrives within [`ON_THE_WIRE`], plus any time for which the
//!    machine stood still.
//!
//! Of conversations in which somebody wrote while a node's clock was wrong, the first rule alone is checked.

use chrono::{DateTime, TimeDelta, Utc};

use crate::lab::torture::evidence::{Due, Evidence, Index, Turn, time};
use crate::lab::torture::stalls::Stall;
use crate::lab::verdict::{Finding, Verdict};

/// From the last check to the provider's list: a commit, a connection, the hesitation of the provider, all of it on a
/// machine that is killed at and restarted on all the time.
const ON_THE_WIRE: TimeDelta = TimeDelta::milliseconds(1_500);

pub(super) fn silence(evidence: &Evidence, index: &Index<'_>) -> Verdict {
    let mut finding = Finding::of("I6", "silence");
    let (mut silences, mut unheard, mut on_the_wire) = (0, 0, 0);
    for turns in index.conversations.values() {
        let decided = |turn: &Turn<'_>| turn.row.processed_at.as_deref().and_then(time);
        if turns.iter().any(|turn| evidence.was_skewed(turn.posted)) {
            continue;
        }
        let Some(stop) = turns.iter().position(|turn| turn.due == Due::OptOutConfirmation) else { continue };
        let Some(from) = decided(&turns[stop]) else { continue };
        let start = turns.iter().skip(stop).find(|turn| turn.due == Due::OptInConfirmation);
        let until = start.and_then(decided);
        silences += 1;
        unheard += turns.iter().filter(|turn| turn.due == Due::Nothing).count();
        let within = |at: DateTime<Utc>| at > from && until.is_none_or(|until| at < until);
        let mut confirmations = 0;
        for answer in turns.iter().flat_map(|turn| index.answers(turn.row)) {
            let written = time(&answer.created_at);
            let confirms = answer.kind == "opt_out_confirmation";
            finding.must(confirms || !written.is_some_and(within), || {
                format!("{} was written for someone who had said STOP", answer.id)
            });
            if confirms {
                let times = index.sends(answer).iter().filter(|sent| within(sent.created_at)).count();
                // One that was sent again because nobody could tell counts once.
                confirmations += if index.blind.contains(answer.id.as_str()) { times.min(1) } else { times };
                continue;
            }
            for sent in index.sends(answer).iter().filter(|sent| within(sent.created_at)) {
                let allowed = ON_THE_WIRE + stood_still(&evidence.stalls, from, sent.created_at);
                let late = sent.created_at - from;
                let begun_before = written.is_some_and(|at| at <= from) && late <= allowed;
                on_the_wire += usize::from(begun_before);
                finding.must(begun_before, || {
                    format!("{} reached someone {} ms after they had said STOP", answer.id, late.num_milliseconds())
                });
            }
        }
        finding.must(confirmations <= 1, || {
            format!("the STOP {} was confirmed {confirmations} times", turns[stop].row.id)
        });
    }
    finding.exercised(silences, "nobody said STOP");
    finding.verdict(format!(
        "{silences} STOPs, {unheard} messages written after them, no answer; {on_the_wire} sends were on the wire"
    ))
}

/// For how long the machine stood still between two moments.
fn stood_still(stalls: &[Stall], from: DateTime<Utc>, until: DateTime<Utc>) -> TimeDelta {
    let overlaps = |stall: &&Stall| stall.from < until && stall.from + stall.length > from;
    stalls.iter().filter(overlaps).map(|stall| stall.length).sum()
}
