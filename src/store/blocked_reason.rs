//! Blocked reason: why an outbox row is not sent (I11).
//!
//! It is read from the tables when somebody asks.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::NOTICE_TTL;
use sea_orm::DbErr;

use super::database::DatabasePool;
use super::statement::{all, id, text, time};
use super::values::{Row, corrupt};
use super::{HistoryReader, StoreError, sql};

/// Why a row is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockedReason {
    /// Another message of its conversation is before it in the queue.
    Behind {
        message: OutboundId,
        /// The state of that message.
        state: OutboxState,
        /// The reason of that state: a word or a code.
        reason: Option<String>,
    },
    /// Its channel is paused.
    Paused {
        /// A word, a code, or what an operator wrote.
        reason: String,
        until: Timestamp,
    },
    /// A channel notice: nothing of its channel is claimed for a while.
    ChannelNotice {
        /// `breaker_open`, `per_day`
        reason: String,
        until: Timestamp,
    },
    /// Its own time has not come.
    Time {
        /// The reason; `None`: it was asked for at that time.
        reason: Option<String>,
        /// When it comes.
        until: Timestamp,
    },
    /// It is due, and waits for a sender.
    Turn {
        /// How many messages of its channel are before it; 10,000 means that many or more.
        before: u64,
    },
}

impl BlockedReason {
    /// Until when, where that is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Paused { until, .. } | Self::ChannelNotice { until, .. } | Self::Time { until, .. } => Some(*until),
            Self::Behind { .. } | Self::Turn { .. } => None,
        }
    }

    /// The reason: a word or a code, as docs/outbox.md lists them.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Paused { reason, .. } | Self::ChannelNotice { reason, .. } => Some(reason),
            Self::Behind { reason, .. } | Self::Time { reason, .. } => reason.as_deref(),
            Self::Turn { .. } => None,
        }
    }

    /// The reason that is shown when several apply: a message before it in the queue, or else what takes longest.
    fn most_relevant(blocked_reason: Vec<Self>) -> Option<Self> {
        blocked_reason.into_iter().max_by_key(|wait| (matches!(wait, Self::Behind { .. }), wait.until()))
    }

    fn read(row: &Row) -> Result<Self, DbErr> {
        let reason = || row.get::<Option<String>>(3);
        let stated = || reason()?.ok_or_else(|| corrupt("a reason"));
        Ok(match row.get::<String>(0)?.as_str() {
            "behind" => Self::Behind { message: row.parse(1)?, state: row.parse(2)?, reason: reason()? },
            "paused" => Self::Paused { reason: stated()?, until: row.time(4)? },
            "notice" => Self::ChannelNotice { reason: stated()?, until: row.time(4)? },
            "time" => Self::Time { reason: reason()?, until: row.time(4)? },
            _ => Self::Turn { before: u64::try_from(row.get::<i64>(5)?).unwrap_or_default() },
        })
    }
}

impl HistoryReader {
    /// Why a row of `messages_out` is not sent now. `None`: it is neither pending nor waiting for its tenant's
    /// budget, or there is no such row.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn blocked_reason(
        &self,
        message: OutboundId,
        now: Timestamp,
    ) -> Result<Option<BlockedReason>, StoreError> {
        blocked_reason(&self.conn, message, now).await
    }

    /// When the contact of a tenant's conversation last wrote. `None`: never.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn contact_wrote(&self, tenant: &str, conversation: &str) -> Result<Option<Timestamp>, StoreError> {
        contact_wrote(&self.conn, tenant, conversation).await
    }
}

pub(super) async fn contact_wrote(
    conn: &DatabasePool,
    tenant: &str,
    conversation: &str,
) -> Result<Option<Timestamp>, StoreError> {
    let rows = all(conn, sql::CONTACT_WROTE, [text(tenant), text(conversation)]).await?;
    Ok(rows.first().map(|row| row.time_or_null(0)).transpose()?.flatten())
}

pub(super) async fn blocked_reason(
    conn: &DatabasePool,
    message: OutboundId,
    now: Timestamp,
) -> Result<Option<BlockedReason>, StoreError> {
    let rows = all(conn, sql::BLOCKED_REASONS, [id(message), time(now), time(now - NOTICE_TTL)]).await?;
    let blocked_reason = rows.iter().map(BlockedReason::read).collect::<Result<_, _>>()?;
    Ok(BlockedReason::most_relevant(blocked_reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longest_is_shown_and_the_queue_before_all() {
        let moment = |text: &str| text.parse::<Timestamp>().unwrap();
        let (soon, late) = (moment("2026-11-21T12:00:00Z"), moment("2026-11-22T12:00:00Z"));
        let turn = || BlockedReason::Turn { before: 3 };
        let time = |until| BlockedReason::Time { reason: Some("63018".to_owned()), until };
        let notice = |until| BlockedReason::ChannelNotice { reason: "breaker_open".to_owned(), until };
        let behind =
            || BlockedReason::Behind { message: OutboundId::fresh(), state: OutboxState::Unknown, reason: None };
        let table = [
            (vec![turn()], turn()),
            (vec![notice(soon), turn()], notice(soon)),
            (vec![notice(soon), time(late), turn()], time(late)),
            (vec![notice(late), time(soon), turn()], notice(late)),
        ];
        for (blocked_reason, expected) in table {
            assert_eq!(BlockedReason::most_relevant(blocked_reason), Some(expected));
        }
        assert!(matches!(
            BlockedReason::most_relevant(vec![behind(), notice(late), turn()]),
            Some(BlockedReason::Behind { .. })
        ));
        assert_eq!(BlockedReason::most_relevant(Vec::new()), None);
    }
}
