//! Bulk inserts.

use sea_orm::DbErr;

use super::sqlite;
use super::statement::{Dialect, List, SqlExecutor, Value};

/// A table that rows are appended to in bulk.
#[derive(Clone, Copy, Debug)]
pub(super) struct BulkTable {
    pub sqlite: &'static sqlite::sql::InsertTable,
    /// A whole statement, with its columns in the same order.
    pub postgres: &'static str,
}

/// Rows to insert into one table.
pub(super) struct Rows {
    table: BulkTable,
    cells: Vec<Value>,
}

impl Rows {
    pub const fn of(table: BulkTable) -> Self {
        Self { table, cells: Vec::new() }
    }

    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.table.sqlite.columns);
        self.cells.extend(row);
    }

    /// One row, value by value.
    pub fn push_all(&mut self, row: impl IntoIterator<Item = Value>) {
        self.cells.extend(row);
        debug_assert_eq!(self.cells.len() % self.table.sqlite.columns, 0);
    }

    /// Inserts them in order and returns how many rows were inserted or changed.
    pub async fn insert(self, executor: &impl SqlExecutor) -> Result<u64, DbErr> {
        if self.cells.is_empty() {
            return Ok(0);
        }
        match executor.dialect() {
            Dialect::Sqlite => sqlite::insert(executor, self.table.sqlite, self.cells).await,
            Dialect::Postgres => {
                let list = List { columns: self.table.sqlite.columns, cells: self.cells };
                executor.execute(self.table.postgres.into(), vec![Value::List(list)]).await
            }
        }
    }

    /// Inserts them in order, at once or later ([`SqlExecutor::later`]).
    pub async fn insert_later(self, executor: &impl SqlExecutor) -> Result<(), DbErr> {
        match executor.dialect() {
            _ if self.cells.is_empty() => Ok(()),
            Dialect::Sqlite => sqlite::insert_later(executor, self.table.sqlite, self.cells).await,
            Dialect::Postgres => self.insert(executor).await.map(drop),
        }
    }

    /// The same for many rows that only the commit follows.
    pub async fn insert_at_last(self, executor: &impl SqlExecutor) -> Result<(), DbErr> {
        match executor.dialect() {
            Dialect::Sqlite => sqlite::insert_at_last(executor, self.table.sqlite, self.cells).await,
            Dialect::Postgres => self.insert(executor).await.map(drop),
        }
    }
}
