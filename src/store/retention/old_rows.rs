//! Old rows: a range of a table whose rows may be deleted.

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;

use crate::store::sql;
use crate::store::statement::{SqlExecutor, SqlText, change, flag, text, time};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum RetainedTable {
    Outbound,
    Inbound,
    Events,
}

impl RetainedTable {
    pub const fn table(self) -> &'static str {
        match self {
            Self::Outbound => "messages_out",
            Self::Inbound => "messages_in",
            Self::Events => "event_log",
        }
    }

    pub const fn look(self) -> SqlText {
        match self {
            Self::Outbound => sql::OLD_OUTBOUND,
            Self::Inbound => sql::OLD_INBOUND,
            Self::Events => sql::OLD_EVENTS,
        }
    }

    const fn delete(self) -> SqlText {
        match self {
            Self::Outbound => sql::FORGET_OUTBOUND,
            Self::Inbound => sql::FORGET_INBOUND,
            Self::Events => sql::FORGET_EVENTS,
        }
    }
}

/// A range of a table's rows, of which those are deleted that may be.
#[derive(Clone, Debug)]
pub(in crate::store) struct OldRows {
    pub table: RetainedTable,
    pub after: String,
    pub through: String,
    pub since: Timestamp,
    pub few_flows: bool,
}

impl OldRows {
    /// Deletes, and returns how many rows.
    pub async fn delete(&self, tx: &impl SqlExecutor) -> Result<u64, DbErr> {
        let mut values = vec![text(self.after.as_str()), text(self.through.as_str()), time(self.since)];
        values.extend((self.table == RetainedTable::Events).then(|| flag(self.few_flows)));
        change(tx, self.table.delete(), values).await
    }
}
