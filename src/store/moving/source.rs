//! The source of a move: pages of SQLite's rows.
//!
//! Pages are read beside a running daemon; the last pass has the file locked.

use sea_orm::DatabaseConnection;

use super::catalogue::MoveTable;
use super::comparison::is_in_order;
use super::marks::MoveMark;
use super::text::{Cells, normalise_sqlite, page_of_log, page_of_sqlite};
use super::{MoveError, Sum};
use crate::store::database::{DatabasePool, Tx};
use crate::store::sqlite;
use crate::store::statement::{SqlExecutor, Value, count, integer, rows};
use crate::store::values::{Row, corrupt};

/// The database that is left. Clones share it.
#[derive(Clone)]
pub(super) struct MoveSource {
    reads: DatabasePool,
    writes: DatabasePool,
    page_rows: usize,
}

/// An event with its rowid.
pub(super) struct Numbered {
    pub number: i64,
    pub cells: Cells,
}

impl MoveSource {
    /// Opens the file. Each page is read in a transaction of its own, so that the daemon's checkpoints are never held
    /// up for long.
    pub async fn open(url: &str, page_rows: usize) -> Result<Self, MoveError> {
        match sqlite::path_of(url) {
            Some(path) if path.is_file() => {}
            path => {
                let path = path.unwrap_or_default();
                return Err(MoveError::NoSource { path });
            }
        }
        let reads = DatabasePool::Sqlite(sqlite::open_readers(url).await?);
        let writes = DatabasePool::Sqlite(sqlite::open_writer(url).await?);
        Ok(Self { reads, writes, page_rows })
    }

    /// For sea-orm's migrations.
    pub fn through_sea_orm(&self) -> Result<&DatabaseConnection, MoveError> {
        match &self.reads {
            DatabasePool::Sqlite(conn) => Ok(conn),
            DatabasePool::SqliteWrites(..) | DatabasePool::Postgres(_) => Err(corrupt("a file").into()),
        }
    }

    pub async fn mark(&self) -> Result<Option<MoveMark>, MoveError> {
        Ok(MoveMark::read(&self.reads).await?)
    }

    pub async fn keep(&self, mark: &MoveMark) -> Result<(), MoveError> {
        let tx = self.writes.begin().await?;
        mark.write(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Locks out other writers until the returned transaction is committed or dropped. Operators' commands that come
    /// meanwhile wait for a few seconds and then fail.
    pub async fn lock(&self) -> Result<Tx, MoveError> {
        Ok(self.writes.begin().await?)
    }

    /// Roughly how many rows a table has, without counting them.
    pub async fn about(&self, table: &MoveTable) -> u64 {
        let sql = format!("SELECT max(rowid) FROM \"{}\"", table.from);
        // A table without a rowid is a small one.
        let about = rows(&self.reads, sql, Vec::new()).await.ok();
        let last: Option<i64> = about.and_then(|rows| rows.first()?.get(0).ok()).flatten();
        last.and_then(|last| u64::try_from(last).ok()).unwrap_or_default()
    }

    /// The rows after a key, or the first ones. Empty: there are no more.
    pub async fn page(&self, table: &MoveTable, after: Option<&[Option<String>]>) -> Result<Vec<Cells>, MoveError> {
        let mut values: Vec<_> = after.into_iter().flatten().cloned().map(Value::Text).collect();
        values.push(count(self.page_rows));
        let mut page = self.asked(page_of_sqlite(table, after.is_some()), values).await?;
        for cells in &mut page {
            readable(table, cells)?;
        }
        // Rows whose keys PostgreSQL would not tell apart, or would order differently, cannot be moved.
        if is_in_order(table, &page) { Ok(page) } else { Err(corrupt("the order of a table").into()) }
    }

    /// Events after a number, in the order of their numbers.
    pub async fn log(&self, table: &MoveTable, after: i64) -> Result<Vec<Numbered>, MoveError> {
        let page = self.asked(page_of_log(table), vec![integer(after), count(self.page_rows)]).await?;
        let numbered = page.into_iter().map(|mut cells| {
            let number = cells.first_mut().and_then(Option::take).and_then(|number| number.parse().ok());
            cells.drain(..1);
            readable(table, &mut cells)?;
            Ok(Numbered { number: number.ok_or_else(|| corrupt("a number"))?, cells })
        });
        numbered.collect()
    }

    /// Adds up all events.
    pub async fn sum_of_log(self, table: &'static MoveTable) -> Result<Sum, MoveError> {
        let (mut sum, mut after) = (Sum::default(), 0);
        loop {
            let page = self.log(table, after).await?;
            let Some(last) = page.last() else { return Ok(sum) };
            after = last.number;
            page.iter().for_each(|numbered| sum.add(&numbered.cells));
        }
    }

    /// The id of the event with a number.
    pub async fn event(&self, number: i64) -> Result<Option<String>, MoveError> {
        let rows = rows(&self.reads, "SELECT id FROM event_log WHERE rowid = ?1", vec![integer(number)]).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?)
    }

    pub async fn value(&self, sql: &'static str) -> Result<Option<String>, MoveError> {
        let rows = rows(&self.reads, sql, Vec::new()).await?;
        Ok(rows.first().map(|row: &Row| row.get(0)).transpose()?.flatten())
    }

    async fn asked(&self, sql: String, values: Vec<Value>) -> Result<Vec<Cells>, MoveError> {
        let rows = self.reads.query(sql.into(), values).await?;
        let page: String = rows.first().ok_or_else(|| corrupt("a page"))?.get(0)?;
        Ok(serde_json::from_str(&page).map_err(|_| corrupt("a page"))?)
    }
}

fn readable(table: &MoveTable, cells: &mut Cells) -> Result<(), MoveError> {
    normalise_sqlite(table, cells).map_err(|column| MoveError::Unreadable { table: table.from, column })
}
