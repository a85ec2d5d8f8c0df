//! What a node remembers while it works off purchases: whether something has come in, and who leaves when.
//!
//! Members whose access ends at one moment leave one after another: a bot may make so many calls a second, and has messages to
//! send. Nothing here needs to last: after a restart they are given other turns.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::ChannelId;
use tokio::sync::Notify;
use uuid::Uuid;

/// Turns that are remembered for a bot; more are given out anew.
const REMEMBERED: usize = 100_000;

/// What a node remembers.
#[derive(Debug, Default)]
pub struct AccessNode {
    has_news: Notify,
    bots: Mutex<HashMap<ChannelId, Turns>>,
}

/// The turns of one bot's members.
#[derive(Debug, Default)]
struct Turns {
    /// When the next one is free.
    next: Timestamp,
    given: HashMap<Uuid, Timestamp>,
}

impl AccessNode {
    /// Something has come in that is to be worked off at once.
    pub(super) fn wake(&self) {
        self.has_news.notify_one();
    }

    /// Waits until something has come in.
    pub async fn news(&self) {
        self.has_news.notified().await;
    }

    /// When it is a member's turn to leave, of so many a second. `None`: now.
    pub(super) fn turn(&self, bot: &ChannelId, member: Uuid, per_second: u32, now: Timestamp) -> Option<Timestamp> {
        let mut bots = self.bots.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = bots.entry(bot.clone()).or_default();
        match turns.given.remove(&member) {
            Some(at) if at <= now => return None,
            Some(at) => {
                turns.given.insert(member, at);
                return Some(at);
            }
            None => {}
        }
        let each = TimeDelta::microseconds(1_000_000 / i64::from(per_second.max(1)));
        let at = turns.next.max(now);
        turns.next = at + each;
        if at < now + TimeDelta::seconds(1) {
            return None;
        }
        if turns.given.len() >= REMEMBERED {
            turns.given.clear();
        }
        turns.given.insert(member, at);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn ten_thousand_leave_one_after_another_and_each_once() {
        let (node, bot, midnight) = (AccessNode::default(), ChannelId::new("belle-tg"), Timestamp::UNIX_EPOCH);
        let members: Vec<Uuid> = (0..10_000).map(|_| Uuid::now_v7()).collect();
        let mut waiting: BTreeMap<(Timestamp, Uuid), ()> = members.iter().map(|id| ((midnight, *id), ())).collect();
        let (mut now, mut left, mut seconds) = (midnight, 0, BTreeMap::<i64, u32>::new());
        while let Some(((at, id), ())) = waiting.pop_first() {
            now = now.max(at);
            match node.turn(&bot, id, 6, now) {
                None => {
                    left += 1;
                    *seconds.entry(now.timestamp()).or_default() += 1;
                }
                Some(turn) => {
                    assert!(turn > now);
                    waiting.insert((turn, id), ());
                }
            }
        }
        assert_eq!(left, 10_000);
        // Those of the first second go at once, beside those whose turn it is then.
        assert!(seconds.values().all(|count| *count <= 7), "{:?}", seconds.values().max());
        assert!((now - midnight).num_minutes() < 30, "{now}");
        // Another bot's members do not wait for them.
        assert_eq!(node.turn(&ChannelId::new("taxi-tg"), Uuid::now_v7(), 6, midnight), None);
    }
}
