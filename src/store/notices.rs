//! Notices to the tenants' people: timers that are no turn of their conversation.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ConversationId, CorrelationId, TenantId, TimerId};
use palabre_actors::domain::turn::PeopleNotice;
use sea_orm::DbErr;

use super::statement::{all, change, count, id, text, time};
use super::values::Row;
use super::{Store, StoreError, sql};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNotice {
    pub id: TimerId,
    pub tenant: TenantId,
    /// Which conversation it is about.
    pub conversation: ConversationId,
    /// Why; `None`: it was written by a version that this one does not know.
    pub notice: Option<PeopleNotice>,
    pub correlation: CorrelationId,
}

impl Store {
    /// Notices that are due, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn due_notices(&self, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, StoreError> {
        let rows = all(&self.0.reads, sql::DUE_NOTICES, [time(now), count(limit)]).await?;
        let notice = |row: &Row| {
            Ok(DueNotice {
                id: row.parse(0)?,
                tenant: row.tenant(1)?,
                conversation: row.parse(2)?,
                notice: serde_json::from_str(&row.get::<String>(3)?).ok(),
                correlation: row.parse(4)?,
            })
        };
        Ok(rows.iter().map(notice).collect::<Result<_, DbErr>>()?)
    }

    /// A notice was sent: its row goes.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_notice(&self, notice: &DueNotice) -> Result<(), StoreError> {
        change(&self.0.writes, sql::FORGET_NOTICE, [text(notice.tenant.as_str()), id(notice.id)]).await?;
        Ok(())
    }
}
