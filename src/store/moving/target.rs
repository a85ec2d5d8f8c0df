//! PostgreSQL's side of a move: one connection, which alone writes.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use palabre_actors::domain::Timestamp;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::MoveError;
use super::catalogue::{TABLES, Table};
use super::comparison::Difference;
use super::marks::Mark;
use super::text::{Cells, add_copied, copying, key, range_of_postgres, removal, told_by_postgres};
use super::{Sum, sql};
use crate::store::link::{Dialect, Value, count, list, text};
use crate::store::postgres::{self, execute, failed, query};
use crate::store::values::Row;

/// What is copied in one statement, in characters.
const COPY_CHARS: usize = 4_000_000;
/// Rows between two words about how far it is.
const TOLD_EVERY: u64 = 10_000;
/// How often somebody looks whether another command let go of the database, and for how long: that of one that was killed
/// is there until the server notices.
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(100);

/// The database that is moved to.
pub(super) struct Target {
    conn: PgConnection,
}

impl Target {
    /// Connects, keeps other moves away for as long as it lives, and makes the schema.
    pub async fn open(url: &str) -> Result<Self, MoveError> {
        let mut conn = postgres::mover(url)?.connect().await.map_err(failed)?;
        for tried in 0.. {
            let rows = query(&mut conn, sql::LOCK_TARGET.into(), Vec::new()).await?;
            if rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(false) {
                break;
            }
            if tried >= LOCK_TRIES {
                return Err(MoveError::Busy);
            }
            tokio::time::sleep(LOCK_WAIT).await;
        }
        postgres::migrate(url).await?;
        Ok(Self { conn })
    }
}

impl Target {
    pub async fn mark(&mut self) -> Result<Option<Mark>, MoveError> {
        let rows = query(&mut self.conn, crate::store::sql::MOVE_MARK.postgres.into(), Vec::new()).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Mark::from_text(&row.get::<String>(0)?)?))
    }

    pub async fn keep(&mut self, mark: &Mark) -> Result<(), MoveError> {
        keep(&mut self.conn, mark).await
    }

    /// A table that has rows, when there is one.
    pub async fn occupied(&mut self) -> Result<Option<&'static str>, MoveError> {
        for table in TABLES.iter().filter(|table| table.of.is_empty() || table.name != table.from) {
            let sql = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
            if !query(&mut self.conn, sql.into(), Vec::new()).await?.is_empty() {
                return Ok(Some(table.name));
            }
        }
        Ok(None)
    }

    /// Makes the partitions of the months since then, and lets everybody look for open messages in them.
    pub async fn make_months(&mut self, since: Timestamp) -> Result<(), MoveError> {
        query(&mut self.conn, sql::LOWER_HORIZON.into(), Vec::new()).await?;
        for month in postgres::partitions::since(since.date_naive()) {
            query(&mut self.conn, postgres::partitions::MAKE.into(), vec![text(month.to_string())]).await?;
        }
        Ok(())
    }

    /// Rows between two keys, up to a limit.
    pub async fn range(
        &mut self,
        table: &Table,
        after: Option<&[Option<String>]>,
        through: Option<&[Option<String>]>,
        limit: usize,
    ) -> Result<Vec<Cells>, MoveError> {
        let keys = after.into_iter().chain(through).flatten();
        let mut values: Vec<_> = keys.cloned().map(Value::Text).collect();
        values.push(count(limit));
        let sql = range_of_postgres(table, after.is_some(), through.is_some());
        let rows = query(&mut self.conn, sql.into(), values).await?;
        Ok(rows.iter().map(|row| told_by_postgres(table, row)).collect::<Result<_, _>>()?)
    }

    /// Writes what differs, in one transaction.
    pub async fn write(&mut self, table: &Table, difference: &Difference<'_>) -> Result<(), MoveError> {
        if difference.is_empty() {
            return Ok(());
        }
        let mut tx = self.conn.begin().await.map_err(failed)?;
        if !difference.remove.is_empty() {
            let keys = (0..table.key).map(|at| column_of(difference.remove.iter().map(|cells| &key(table, cells)[at])));
            execute(&mut *tx, removal(table).into(), keys.collect()).await?;
        }
        copy(&mut tx, table, &difference.add).await?;
        Ok(tx.commit().await.map_err(failed)?)
    }

    /// Appends events and notes how far they go, in one transaction.
    pub async fn append(&mut self, table: &Table, events: &[&Cells], mark: &Mark) -> Result<(), MoveError> {
        let mut tx = self.conn.begin().await.map_err(failed)?;
        copy(&mut tx, table, events).await?;
        keep(&mut tx, mark).await?;
        Ok(tx.commit().await.map_err(failed)?)
    }

    /// Throws all events away: they are copied anew.
    pub async fn begin_log(&mut self, mark: &Mark) -> Result<(), MoveError> {
        let mut tx = self.conn.begin().await.map_err(failed)?;
        tx.execute(sql::EMPTY_LOG).await.map_err(failed)?;
        keep(&mut tx, mark).await?;
        Ok(tx.commit().await.map_err(failed)?)
    }

    /// Adds up all rows of a table, in whatever order they come, and tells how many there were so far.
    pub async fn sum(&mut self, table: &Table, mut tell: impl FnMut(u64)) -> Result<Sum, MoveError> {
        let sql = range_of_postgres(table, false, false);
        let mut rows = sea_orm::sqlx::query(AssertSqlSafe(sql)).fetch(&mut self.conn);
        let mut sum = Sum::default();
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            sum.add(&told_by_postgres(table, &Row::of(row.into(), Dialect::Postgres))?);
            if sum.rows.is_multiple_of(TOLD_EVERY) {
                tell(sum.rows);
            }
        }
        Ok(sum)
    }

    /// What is said last, and with it all that was written before, is on the disk when this is answered.
    pub async fn keep_for_good(&mut self, mark: &Mark) -> Result<(), MoveError> {
        self.conn.execute(sql::DURABLY).await.map_err(failed)?;
        keep(&mut self.conn, mark).await
    }

    /// Ids of new messages follow on those that were moved (I3).
    pub async fn follow_on(&mut self) -> Result<(), MoveError> {
        query(&mut self.conn, sql::FOLLOW_ON.into(), Vec::new()).await?;
        Ok(())
    }

    /// Lets the planner know what is there.
    pub async fn analyze(&mut self) -> Result<(), MoveError> {
        for table in TABLES {
            let sql = format!("ANALYZE \"{}\"", table.name);
            self.conn.execute(AssertSqlSafe(sql)).await.map_err(failed)?;
        }
        Ok(())
    }
}

async fn keep(conn: &mut PgConnection, mark: &Mark) -> Result<(), MoveError> {
    let sql = crate::store::sql::KEEP_MOVE_MARK.postgres;
    execute(conn, sql.into(), vec![text(mark.as_text()?)]).await?;
    Ok(())
}

async fn copy(conn: &mut PgConnection, table: &Table, rows: &[&Cells]) -> Result<(), MoveError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut copying = conn.copy_in_raw(&copying(table)).await.map_err(failed)?;
    let mut text = String::new();
    for (at, cells) in rows.iter().enumerate() {
        add_copied(&mut text, table, cells);
        if text.len() >= COPY_CHARS || at + 1 == rows.len() {
            copying.send(text.as_bytes()).await.map_err(failed)?;
            text.clear();
        }
    }
    copying.finish().await.map_err(failed)?;
    Ok(())
}

/// One column of keys, as one value.
fn column_of<'a>(cells: impl Iterator<Item = &'a Option<String>>) -> Value {
    list(cells.map(|cell| [Value::Text(cell.clone())]))
}
