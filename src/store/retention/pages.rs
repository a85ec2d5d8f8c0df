//! Deletion of old rows by pages: found beside the writer, deleted by it.

use std::time::Duration;

use palabre_actors::domain::Timestamp;

use super::old_rows::{OldRows, RetainedTable};
use crate::store::statement::{SqlText, Value, all, count, flag, text, time};
use crate::store::values::first_id_of;
use crate::store::writer::{Sweep, WriteJob};
use crate::store::{Store, StoreError, sql};

/// Rows of a page: some milliseconds of the writer's time.
const PAGE: usize = 256;
/// Pause between two pages, for other jobs of the writer.
const BREATH: Duration = Duration::from_millis(25);
/// Up to so many open flows are excluded one by one, which costs every page a read of them. With more, all events
/// since the oldest of them stay.
const FEW_FLOWS: usize = 2_000;

struct Found {
    through: String,
    rows: i64,
    may_go: i64,
}

impl Store {
    pub(super) async fn forget_messages(&self, table: RetainedTable, since: Timestamp) -> Result<u64, StoreError> {
        let (mut after, end) = (String::new(), first_id_of(since));
        let mut deleted = 0;
        loop {
            let values = vec![text(after.as_str()), text(end.as_str()), time(since), count(PAGE)];
            let found = self.page(table, values).await?;
            if found.rows == 0 {
                return Ok(deleted);
            }
            let through = found.through.clone();
            let old_rows = OldRows { table, after, through: found.through.clone(), since, few_flows: true };
            deleted += self.delete(old_rows, &found).await?;
            after = through;
        }
    }

    pub(super) async fn forget_events(&self, since: Timestamp) -> Result<u64, StoreError> {
        let open: i64 = self.one(sql::OPEN_FLOWS, vec![count(FEW_FLOWS + 1)]).await?.unwrap_or_default();
        let few_flows = usize::try_from(open).is_ok_and(|open| open <= FEW_FLOWS);
        let since = if few_flows { since } else { self.oldest_open().await?.map_or(since, |oldest| oldest.min(since)) };
        let (mut after, mut deleted) = (String::new(), 0);
        loop {
            let values = vec![text(after.as_str()), time(since), flag(few_flows), count(PAGE)];
            let found = self.page(RetainedTable::Events, values).await?;
            if found.rows == 0 {
                return Ok(deleted);
            }
            let through = found.through.clone();
            let old_rows = OldRows { table: RetainedTable::Events, after, through: through.clone(), since, few_flows };
            deleted += self.delete(old_rows, &found).await?;
            after = through;
        }
    }

    async fn page(&self, table: RetainedTable, values: Vec<Value>) -> Result<Found, StoreError> {
        let rows = all(&self.0.reads, table.look(), values).await?;
        let Some(row) = rows.first() else { return Ok(Found { through: String::new(), rows: 0, may_go: 0 }) };
        Ok(Found { through: row.get(0)?, rows: row.get(1)?, may_go: row.get(2)? })
    }

    async fn delete(&self, old_rows: OldRows, found: &Found) -> Result<u64, StoreError> {
        if found.may_go == 0 {
            return Ok(0);
        }
        let swept = self.0.writer.ask(Sweep::DeleteOld(old_rows), WriteJob::Sweep).await?;
        tokio::time::sleep(BREATH).await;
        Ok(swept.into_count()?)
    }

    async fn one<T: sea_orm::TryGetable>(&self, sql: SqlText, values: Vec<Value>) -> Result<Option<T>, StoreError> {
        let rows = all(&self.0.reads, sql, values).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?)
    }

    async fn oldest_open(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows = all(&self.0.reads, sql::OLDEST_OPEN, []).await?;
        Ok(rows.first().map(|row| row.time_or_null(0)).transpose()?.flatten())
    }
}
