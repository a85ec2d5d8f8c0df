//! Row by row, a page at a time: read beside the writer, deleted by it.

use std::time::Duration;

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;

use crate::store::link::{Link, Text, Value, all, change, count, flag, text, time};
use crate::store::values::first_id_of;
use crate::store::writer::{Job, Sweep};
use crate::store::{Store, StoreError, sql};

/// Rows of a page: some milliseconds of the writer's time.
const PAGE: usize = 256;
/// How long others have the writer for themselves between two pages.
const BREATH: Duration = Duration::from_millis(25);
/// Up to so many open flows are told apart, which costs every page the reading of them. With more, everything since the
/// oldest of them stays.
const FEW_FLOWS: usize = 2_000;

/// What is looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Shelf {
    Outbound,
    Inbound,
    Events,
}

impl Shelf {
    pub const fn table(self) -> &'static str {
        match self {
            Self::Outbound => "messages_out",
            Self::Inbound => "messages_in",
            Self::Events => "event_log",
        }
    }

    const fn look(self) -> Text {
        match self {
            Self::Outbound => sql::OLD_OUTBOUND,
            Self::Inbound => sql::OLD_INBOUND,
            Self::Events => sql::OLD_EVENTS,
        }
    }

    const fn delete(self) -> Text {
        match self {
            Self::Outbound => sql::FORGET_OUTBOUND,
            Self::Inbound => sql::FORGET_INBOUND,
            Self::Events => sql::FORGET_EVENTS,
        }
    }
}

/// A stretch of a table's rows, of which those go that may.
#[derive(Clone, Debug)]
pub(in crate::store) struct Strip {
    shelf: Shelf,
    after: String,
    through: String,
    since: Timestamp,
    few_flows: bool,
}

impl Strip {
    /// Deletes, and answers how many rows went.
    pub async fn delete(&self, tx: &impl Link) -> Result<u64, DbErr> {
        let mut values = vec![text(self.after.as_str()), text(self.through.as_str()), time(self.since)];
        values.extend((self.shelf == Shelf::Events).then(|| flag(self.few_flows)));
        change(tx, self.shelf.delete(), values).await
    }
}

/// A page, as it was found.
struct Found {
    through: String,
    rows: i64,
    may_go: i64,
}

impl Store {
    pub(super) async fn forget_messages(&self, shelf: Shelf, since: Timestamp) -> Result<u64, StoreError> {
        let (mut after, end) = (String::new(), first_id_of(since));
        let mut deleted = 0;
        loop {
            let values = vec![text(after.as_str()), text(end.as_str()), time(since), count(PAGE)];
            let found = self.page(shelf, values).await?;
            if found.rows == 0 {
                return Ok(deleted);
            }
            let through = found.through.clone();
            let strip = Strip { shelf, after, through: found.through.clone(), since, few_flows: true };
            deleted += self.delete(strip, &found).await?;
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
            let found = self.page(Shelf::Events, values).await?;
            if found.rows == 0 {
                return Ok(deleted);
            }
            let through = found.through.clone();
            let strip = Strip { shelf: Shelf::Events, after, through: through.clone(), since, few_flows };
            deleted += self.delete(strip, &found).await?;
            after = through;
        }
    }

    async fn page(&self, shelf: Shelf, values: Vec<Value>) -> Result<Found, StoreError> {
        let rows = all(&self.0.reads, shelf.look(), values).await?;
        let Some(row) = rows.first() else { return Ok(Found { through: String::new(), rows: 0, may_go: 0 }) };
        Ok(Found { through: row.get(0)?, rows: row.get(1)?, may_go: row.get(2)? })
    }

    async fn delete(&self, strip: Strip, found: &Found) -> Result<u64, StoreError> {
        if found.may_go == 0 {
            return Ok(0);
        }
        let swept = self.0.writer.ask(Sweep::Forget(strip), Job::Sweep).await?;
        tokio::time::sleep(BREATH).await;
        Ok(swept.into_count()?)
    }

    async fn one<T: sea_orm::TryGetable>(&self, sql: Text, values: Vec<Value>) -> Result<Option<T>, StoreError> {
        let rows = all(&self.0.reads, sql, values).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?)
    }

    async fn oldest_open(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows = all(&self.0.reads, sql::OLDEST_OPEN, []).await?;
        Ok(rows.first().map(|row| row.time_or_null(0)).transpose()?.flatten())
    }
}
