//! Why a row of the outbox waits that nobody is at: read from where it stands, when somebody asks (I11).

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::NOTICE_TTL;
use sea_orm::DbErr;

use super::database::Database;
use super::link::{all, id, text, time};
use super::values::{Row, corrupt};
use super::{Archive, StoreError, sql};

/// What holds a row back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Another message of its conversation comes first.
    Behind {
        /// Which.
        message: OutboundId,
        /// Where that one stands.
        state: OutboxState,
        /// Why it stands there: a word or a code.
        reason: Option<String>,
    },
    /// Its channel is paused.
    Paused {
        /// A word, a code, or what an operator wrote.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// Nothing of its channel is claimed for a while.
    Rests {
        /// `breaker_open`, `per_day`
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// Its own time has not come.
    Time {
        /// Why it waits for it; `None`: it was asked for at that time.
        reason: Option<String>,
        /// When it comes.
        until: Timestamp,
    },
    /// It is due, and waits for a sender.
    Turn {
        /// How many messages of its channel come first; 10,000 stand for that many or more.
        before: u64,
    },
}

impl Wait {
    /// Until when, where that is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Paused { until, .. } | Self::Rests { until, .. } | Self::Time { until, .. } => Some(*until),
            Self::Behind { .. } | Self::Turn { .. } => None,
        }
    }

    /// Why: a word or a code, as docs/outbox.md lists them.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Paused { reason, .. } | Self::Rests { reason, .. } => Some(reason),
            Self::Behind { reason, .. } | Self::Time { reason, .. } => reason.as_deref(),
            Self::Turn { .. } => None,
        }
    }

    /// What a person hears of when several things hold a row back: the one before it in its line, or what takes longest.
    fn foremost(waits: Vec<Self>) -> Option<Self> {
        waits.into_iter().max_by_key(|wait| (matches!(wait, Self::Behind { .. }), wait.until()))
    }

    fn read(row: &Row) -> Result<Self, DbErr> {
        let reason = || row.get::<Option<String>>(3);
        let stated = || reason()?.ok_or_else(|| corrupt("a reason"));
        Ok(match row.get::<String>(0)?.as_str() {
            "behind" => Self::Behind { message: row.parse(1)?, state: row.parse(2)?, reason: reason()? },
            "paused" => Self::Paused { reason: stated()?, until: row.time(4)? },
            "rests" => Self::Rests { reason: stated()?, until: row.time(4)? },
            "time" => Self::Time { reason: reason()?, until: row.time(4)? },
            _ => Self::Turn { before: u64::try_from(row.get::<i64>(5)?).unwrap_or_default() },
        })
    }
}

impl Archive {
    /// What holds a row of `messages_out` back at this moment. `None`: neither is it pending nor does it wait for its
    /// tenant's budget, or there is no such row.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn waits(&self, message: OutboundId, now: Timestamp) -> Result<Option<Wait>, StoreError> {
        waits(&self.conn, message, now).await
    }

    /// When the contact of a tenant's conversation last wrote. `None`: never.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn contact_wrote(&self, tenant: &str, conversation: &str) -> Result<Option<Timestamp>, StoreError> {
        contact_wrote(&self.conn, tenant, conversation).await
    }
}

/// When a conversation's contact last wrote. `None`: never, as far as the database goes.
pub(super) async fn contact_wrote(
    conn: &Database,
    tenant: &str,
    conversation: &str,
) -> Result<Option<Timestamp>, StoreError> {
    let rows = all(conn, sql::CONTACT_WROTE, [text(tenant), text(conversation)]).await?;
    Ok(rows.first().map(|row| row.time_or_null(0)).transpose()?.flatten())
}

pub(super) async fn waits(conn: &Database, message: OutboundId, now: Timestamp) -> Result<Option<Wait>, StoreError> {
    let rows = all(conn, sql::WAITS, [id(message), time(now), time(now - NOTICE_TTL)]).await?;
    let waits = rows.iter().map(Wait::read).collect::<Result<_, _>>()?;
    Ok(Wait::foremost(waits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longest_is_told_and_the_line_before_all() {
        let moment = |text: &str| text.parse::<Timestamp>().unwrap();
        let (soon, late) = (moment("2026-11-21T12:00:00Z"), moment("2026-11-22T12:00:00Z"));
        let turn = || Wait::Turn { before: 3 };
        let time = |until| Wait::Time { reason: Some("63018".to_owned()), until };
        let rests = |until| Wait::Rests { reason: "breaker_open".to_owned(), until };
        let behind = || Wait::Behind { message: OutboundId::fresh(), state: OutboxState::Unknown, reason: None };
        let table = [
            (vec![turn()], turn()),
            (vec![rests(soon), turn()], rests(soon)),
            (vec![rests(soon), time(late), turn()], time(late)),
            (vec![rests(late), time(soon), turn()], rests(late)),
        ];
        for (waits, expected) in table {
            assert_eq!(Wait::foremost(waits), Some(expected));
        }
        assert!(matches!(Wait::foremost(vec![behind(), rests(late), turn()]), Some(Wait::Behind { .. })));
        assert_eq!(Wait::foremost(Vec::new()), None);
    }
}
