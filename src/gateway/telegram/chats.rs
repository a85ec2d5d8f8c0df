//! Chats that have got another id: groups that became supergroups.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many are remembered; one that is forgotten is learnt again with the next refusal.
const MOST_MIGRATED: usize = 1_024;

/// The new ids of chats, as Telegram told them.
#[derive(Debug, Default)]
pub(super) struct MigratedChats(Mutex<HashMap<i64, i64>>);

impl MigratedChats {
    /// The chat's present id.
    pub fn present_id(&self, chat: i64) -> i64 {
        let migrated = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        migrated.get(&chat).copied().unwrap_or(chat)
    }

    /// Remembers where a chat went; answers that.
    pub fn note(&self, from: i64, to: i64) -> i64 {
        let mut migrated = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if migrated.len() >= MOST_MIGRATED {
            migrated.clear();
        }
        migrated.insert(from, to);
        to
    }
}
