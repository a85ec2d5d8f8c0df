//! How statements and their values travel to whichever database lies beneath.
//!
//! A list of rows is one value: SQLite gets it as one JSON array for `json_each`, PostgreSQL as one array for each column
//! for `unnest`. A statement over an empty list is not asked: it finds nothing and changes nothing.

use std::borrow::Cow;
use std::fmt::Display;

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;

use super::sqlite;
use super::values::Row;

/// Which words a database understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// One statement, in the words of each. Texts are constant, so that each is prepared once per connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

impl Text {
    pub const fn in_words_of(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// A table that rows are appended to in bulk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub sqlite: &'static sqlite::sql::Table,
    /// A whole statement, its columns in the same order.
    pub postgres: &'static str,
}

/// What a statement takes. The kind is known even of what is null.
#[derive(Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Flag(bool),
    Time(Option<Timestamp>),
    List(List),
}

/// Rows of values.
#[derive(Clone)]
pub(super) struct List {
    pub columns: usize,
    /// Row by row.
    pub cells: Vec<Value>,
}

pub(super) fn text(value: impl Into<String>) -> Value {
    Value::Text(Some(value.into()))
}

pub(super) fn text_or_null<T: Into<String>>(value: Option<T>) -> Value {
    Value::Text(value.map(Into::into))
}

pub(super) fn id(value: impl Display) -> Value {
    Value::Text(Some(value.to_string()))
}

pub(super) fn id_or_null(value: Option<impl Display>) -> Value {
    Value::Text(value.map(|value| value.to_string()))
}

pub(super) fn time(at: Timestamp) -> Value {
    Value::Time(Some(at))
}

pub(super) fn time_or_null(at: Option<Timestamp>) -> Value {
    Value::Time(at)
}

pub(super) fn integer(value: impl TryInto<i64>) -> Value {
    Value::Number(Some(value.try_into().unwrap_or(i64::MAX)))
}

pub(super) fn count(value: usize) -> Value {
    integer(value)
}

pub(super) fn flag(value: bool) -> Value {
    Value::Flag(value)
}

/// Rows, as one value.
pub(super) fn list<const N: usize>(rows: impl IntoIterator<Item = [Value; N]>) -> Value {
    Value::List(List { columns: N, cells: rows.into_iter().flatten().collect() })
}

/// Ids or words, as one value.
pub(super) fn column(values: impl IntoIterator<Item = impl Display>) -> Value {
    list(values.into_iter().map(|value| [id(value)]))
}

/// Where statements go: a pool, a transaction, or a connection that is held.
pub(super) trait Link: Send + Sync {
    fn dialect(&self) -> Dialect;

    /// Every row that a statement answers with.
    fn query(&self, sql: Cow<'static, str>, values: Vec<Value>)
    -> impl Future<Output = Result<Vec<Row>, DbErr>> + Send;

    /// How many rows a statement changed.
    fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> impl Future<Output = Result<u64, DbErr>> + Send;
}

/// Every row that a statement answers with.
pub(super) async fn all(
    link: &impl Link,
    sql: Text,
    values: impl IntoIterator<Item = Value, IntoIter: Send> + Send,
) -> Result<Vec<Row>, DbErr> {
    rows(link, sql.in_words_of(link.dialect()), values.into_iter().collect()).await
}

/// The same of a statement that was made up.
pub(super) async fn rows(
    link: &impl Link,
    sql: impl Into<Cow<'static, str>> + Send,
    values: Vec<Value>,
) -> Result<Vec<Row>, DbErr> {
    let sql = sql.into();
    if sql.is_empty() || nothing_to_do(&values) { Ok(Vec::new()) } else { link.query(sql, values).await }
}

/// How many rows a statement changed.
pub(super) async fn change(
    link: &impl Link,
    sql: Text,
    values: impl IntoIterator<Item = Value, IntoIter: Send> + Send,
) -> Result<u64, DbErr> {
    let values: Vec<_> = values.into_iter().collect();
    if nothing_to_do(&values) {
        return Ok(0);
    }
    link.execute(sql.in_words_of(link.dialect()).into(), values).await
}

fn nothing_to_do(values: &[Value]) -> bool {
    values.iter().any(|value| matches!(value, Value::List(list) if list.cells.is_empty()))
}

/// Rows on their way into one table.
pub(super) struct Rows {
    table: Table,
    cells: Vec<Value>,
}

impl Rows {
    pub const fn of(table: Table) -> Self {
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

    /// Inserts them, in order, and answers how many rows were inserted or changed.
    pub async fn insert(self, link: &impl Link) -> Result<u64, DbErr> {
        if self.cells.is_empty() {
            return Ok(0);
        }
        match link.dialect() {
            Dialect::Sqlite => sqlite::insert(link, self.table.sqlite, self.cells).await,
            Dialect::Postgres => {
                let list = List { columns: self.table.sqlite.columns, cells: self.cells };
                link.execute(self.table.postgres.into(), vec![Value::List(list)]).await
            }
        }
    }
}
