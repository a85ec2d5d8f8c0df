//! Blocked reasons for whole lists of rows, in one word each.
//!
//! The word is another message (`line`), the channel's pause or notice, the row's time, or a sender (`turn`).
//! [`Operator::blocked_reason`] answers in full for one row.

use std::collections::BTreeMap;

use palabre_actors::ports::NOTICE_TTL;

use super::*;
use crate::store::statement::time;
use crate::store::values::Row;

/// Another message of its conversation is before it in the queue.
pub(super) const LINE: &str = "line";
/// Its own time has not come.
pub(super) const TIME: &str = "time";
/// It is due, and waits for a sender.
pub(super) const TURN: &str = "turn";
const PAUSED: &str = "paused";

/// What blocks whole channels: until when at the longest, and why.
pub(super) struct ChannelBlocks(BTreeMap<ChannelId, (Timestamp, String)>);

impl Operator {
    /// What blocks channels of these tenants now.
    pub(super) async fn channel_blocks(&self, among: Value, now: Timestamp) -> Result<ChannelBlocks, DbErr> {
        let rows = all(&self.reads, sql::CHANNEL_BLOCKS, [among, time(now), time(now - NOTICE_TTL)]).await?;
        let channel_blocks = rows.iter().map(channel_block).collect::<Result<Vec<_>, DbErr>>()?;
        Ok(ChannelBlocks::of(channel_blocks))
    }
}

fn channel_block(row: &Row) -> Result<(ChannelId, Timestamp, String), DbErr> {
    let (what, reason): (String, String) = (row.get(1)?, row.get(2)?);
    // A provider's pause has a word or a code for a reason. An operator's own text is shown by `show` only.
    let is_word = reason == "suspended" || (reason.len() == 5 && reason.bytes().all(|byte| byte.is_ascii_digit()));
    let word = if what == "notice" || is_word { reason } else { PAUSED.to_owned() };
    Ok((row.channel(0)?, row.time(3)?, word))
}

impl ChannelBlocks {
    fn of(channel_blocks: Vec<(ChannelId, Timestamp, String)>) -> Self {
        let mut longest = BTreeMap::new();
        for (channel, until, word) in channel_blocks {
            match longest.get(&channel) {
                Some((known, _)) if *known >= until => {}
                _ => drop(longest.insert(channel, (until, word))),
            }
        }
        Self(longest)
    }

    /// The reason of a row: a message before it in its queue, or what takes longest.
    pub(super) fn word(&self, item: &Item, behind: bool, now: Timestamp) -> String {
        if behind {
            return LINE.to_owned();
        }
        let longest = self.0.get(&item.channel).map_or(now, |(until, _)| *until);
        if item.next_attempt_at > longest { TIME.to_owned() } else { self.of_due(&item.channel) }
    }

    /// The reason of a row that its own time does not hold back.
    pub(super) fn of_due(&self, channel: &ChannelId) -> String {
        self.0.get(channel).map_or_else(|| TURN.to_owned(), |(_, word)| word.clone())
    }
}
