//! The target of a move: one connection to PostgreSQL, the only writer.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use palabre_actors::domain::Timestamp;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::MoveError;
use super::catalogue::{MoveTable, TABLES};
use super::comparison::Difference;
use super::marks::MoveMark;
use super::text::{Cells, add_copied, cells_of_postgres, copying, key, range_of_postgres, removal};
use super::{Sum, sql};
use crate::store::postgres::{self, execute, failed, query};
use crate::store::statement::{Dialect, Value, count, list, text};
use crate::store::values::Row;

/// What is copied in one statement, in characters.
const COPY_CHARS: usize = 4_000_000;
/// Rows between two progress reports.
const TOLD_EVERY: u64 = 10_000;
/// How often the lock is tried, and how long between two tries: the lock of a killed command is held until the server
/// notices.
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(100);

/// The database that is moved to.
pub(super) struct MoveTarget {
    conn: PgConnection,
}

impl MoveTarget {
    /// Connects, locks out other moves for as long as it lives, and makes the schema.
    pub async fn open(url: &str) -> Result<Self, MoveError> {
        let mut conn = postgres::move_options(url)?.connect().await.map_err(failed)?;
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

impl MoveTarget {
    pub async fn mark(&mut self) -> Result<Option<MoveMark>, MoveError> {
        let rows = query(&mut self.conn, crate::store::sql::MOVE_MARK.postgres.into(), Vec::new()).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(MoveMark::from_text(&row.get::<String>(0)?)?))
    }

    pub async fn keep(&mut self, mark: &MoveMark) -> Result<(), MoveError> {
        keep(&mut self.conn, mark).await
    }

    /// A table that has rows, if any.
    pub async fn occupied(&mut self) -> Result<Option<&'static str>, MoveError> {
        for table in TABLES.iter().filter(|table| table.of.is_empty() || table.name != table.from) {
            let sql = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
            if !query(&mut self.conn, sql.into(), Vec::new()).await?.is_empty() {
                return Ok(Some(table.name));
            }
        }
        Ok(None)
    }

    /// Makes the partitions of the months since then, and resets the low watermark, because what is copied may be old
    /// and open.
    pub async fn make_months(&mut self, since: Timestamp) -> Result<(), MoveError> {
        query(&mut self.conn, sql::RESET_LOW_WATERMARK.into(), Vec::new()).await?;
        for month in postgres::partitions::since(since.date_naive()) {
            query(&mut self.conn, postgres::partitions::MAKE.into(), vec![text(month.to_string())]).await?;
        }
        Ok(())
    }

    /// Rows between two keys, up to a limit.
    pub async fn range(
        &mut self,
        table: &MoveTable,
        after: Option<&[Option<String>]>,
        through: Option<&[Option<String>]>,
        limit: usize,
    ) -> Result<Vec<Cells>, MoveError> {
        let keys = after.into_iter().chain(through).flatten();
        let mut values: Vec<_> = keys.cloned().map(Value::Text).collect();
        values.push(count(limit));
        let sql = range_of_postgres(table, after.is_some(), through.is_some());
        let rows = query(&mut self.conn, sql.into(), values).await?;
        Ok(rows.iter().map(|row| cells_of_postgres(table, row)).collect::<Result<_, _>>()?)
    }

    /// Writes a difference in one transaction.
    pub async fn write(&mut self, table: &MoveTable, difference: &Difference<'_>) -> Result<(), MoveError> {
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

    /// Appends events and stores how far they go, in one transaction.
    pub async fn append(&mut self, table: &MoveTable, events: &[&Cells], mark: &MoveMark) -> Result<(), MoveError> {
        let mut tx = self.conn.begin().await.map_err(failed)?;
        copy(&mut tx, table, events).await?;
        keep(&mut tx, mark).await?;
        Ok(tx.commit().await.map_err(failed)?)
    }

    /// Deletes all events: they are copied anew.
    pub async fn begin_log(&mut self, mark: &MoveMark) -> Result<(), MoveError> {
        let mut tx = self.conn.begin().await.map_err(failed)?;
        tx.execute(sql::EMPTY_LOG).await.map_err(failed)?;
        keep(&mut tx, mark).await?;
        Ok(tx.commit().await.map_err(failed)?)
    }

    /// Adds up all rows of a table in any order, and reports progress.
    pub async fn sum(&mut self, table: &MoveTable, mut tell: impl FnMut(u64)) -> Result<Sum, MoveError> {
        let sql = range_of_postgres(table, false, false);
        let mut rows = sea_orm::sqlx::query(AssertSqlSafe(sql)).fetch(&mut self.conn);
        let mut sum = Sum::default();
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            sum.add(&cells_of_postgres(table, &Row::of(row.into(), Dialect::Postgres))?);
            if sum.rows.is_multiple_of(TOLD_EVERY) {
                tell(sum.rows);
            }
        }
        Ok(sum)
    }

    /// Stores the last mark; with it everything written before is on the disk.
    pub async fn keep_for_good(&mut self, mark: &MoveMark) -> Result<(), MoveError> {
        self.conn.execute(sql::DURABLE).await.map_err(failed)?;
        keep(&mut self.conn, mark).await
    }

    /// Sets the id clock after the ids that were copied (I3).
    pub async fn advance_id_clock(&mut self) -> Result<(), MoveError> {
        query(&mut self.conn, sql::ADVANCE_ID_CLOCK.into(), Vec::new()).await?;
        Ok(())
    }

    /// Collects the planner's statistics.
    pub async fn analyze(&mut self) -> Result<(), MoveError> {
        for table in TABLES {
            let sql = format!("ANALYZE \"{}\"", table.name);
            self.conn.execute(AssertSqlSafe(sql)).await.map_err(failed)?;
        }
        Ok(())
    }
}

async fn keep(conn: &mut PgConnection, mark: &MoveMark) -> Result<(), MoveError> {
    let sql = crate::store::sql::KEEP_MOVE_MARK.postgres;
    execute(conn, sql.into(), vec![text(mark.as_text()?)]).await?;
    Ok(())
}

async fn copy(conn: &mut PgConnection, table: &MoveTable, rows: &[&Cells]) -> Result<(), MoveError> {
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
