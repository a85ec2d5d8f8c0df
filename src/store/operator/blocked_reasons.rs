//! What rows wait for that have no reason of their own, in a word, for whole lists: another message, their channel, their
//! time, or a sender. [`Operator::waits`] tells it of one row, with all that belongs to it.

use std::collections::BTreeMap;

use palabre_actors::ports::NOTICE_TTL;

use super::*;
use crate::store::link::time;
use crate::store::values::Row;

/// Another message of its conversation comes first.
pub(super) const LINE: &str = "line";
/// Its own time has not come.
pub(super) const TIME: &str = "time";
/// It is due, and waits for a sender.
pub(super) const TURN: &str = "turn";
const PAUSED: &str = "paused";

/// What keeps whole channels back: until when at the longest, and why.
pub(super) struct Holds(BTreeMap<ChannelId, (Timestamp, String)>);

impl Operator {
    /// What keeps channels of these tenants back at this moment.
    pub(super) async fn holds(&self, among: Value, now: Timestamp) -> Result<Holds, DbErr> {
        let rows = all(&self.reads, sql::HOLDS, [among, time(now), time(now - NOTICE_TTL)]).await?;
        let holds = rows.iter().map(hold).collect::<Result<Vec<_>, DbErr>>()?;
        Ok(Holds::of(holds))
    }
}

fn hold(row: &Row) -> Result<(ChannelId, Timestamp, String), DbErr> {
    let (what, reason): (String, String) = (row.get(1)?, row.get(2)?);
    // A provider's pause has its word or code for a reason, an operator's whatever they wrote: that is for `show`.
    let is_word = reason == "suspended" || (reason.len() == 5 && reason.bytes().all(|byte| byte.is_ascii_digit()));
    let word = if what == "rests" || is_word { reason } else { PAUSED.to_owned() };
    Ok((row.channel(0)?, row.time(3)?, word))
}

impl Holds {
    fn of(holds: Vec<(ChannelId, Timestamp, String)>) -> Self {
        let mut longest = BTreeMap::new();
        for (channel, until, word) in holds {
            match longest.get(&channel) {
                Some((known, _)) if *known >= until => {}
                _ => drop(longest.insert(channel, (until, word))),
            }
        }
        Self(longest)
    }

    /// What a row waits for: the one before it in its line, or what takes longest.
    pub(super) fn word(&self, item: &Item, behind: bool, now: Timestamp) -> String {
        if behind {
            return LINE.to_owned();
        }
        let longest = self.0.get(&item.channel).map_or(now, |(until, _)| *until);
        if item.next_attempt_at > longest { TIME.to_owned() } else { self.of_due(&item.channel) }
    }

    /// What a row waits for whose own time does not hold it back.
    pub(super) fn of_due(&self, channel: &ChannelId) -> String {
        self.0.get(channel).map_or_else(|| TURN.to_owned(), |(_, word)| word.clone())
    }
}
