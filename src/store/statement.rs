//! SQL statements and their values, for either database.
//!
//! A list of rows is one value: SQLite gets it as one JSON array for `json_each`, PostgreSQL as one array for each
//! column for `unnest`. A statement over an empty list is not run: it finds nothing and changes nothing.

use std::borrow::Cow;
use std::fmt::Display;

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;

pub(super) use super::dialect::Dialect;
use super::values::Row;

/// One statement in each dialect. Texts are constant, so that each is prepared once per connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct SqlText {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

impl SqlText {
    pub const fn for_dialect(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// A value of a statement. Its type is known even when it is null.
#[derive(Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Flag(bool),
    Time(Option<Timestamp>),
    List(List),
}

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

/// Runs statements: a pool, a transaction, or a kept connection.
pub(super) trait SqlExecutor: Send + Sync {
    fn dialect(&self) -> Dialect;

    /// Returns the rows of a statement.
    fn query(&self, sql: Cow<'static, str>, values: Vec<Value>)
    -> impl Future<Output = Result<Vec<Row>, DbErr>> + Send;

    /// Returns how many rows a statement changed.
    fn execute(&self, sql: Cow<'static, str>, values: Vec<Value>) -> impl Future<Output = Result<u64, DbErr>> + Send;

    /// Runs a statement without a result: now, or together with the next one, or with the commit. Those may return
    /// its error.
    fn later(&self, sql: Cow<'static, str>, values: Vec<Value>) -> impl Future<Output = Result<(), DbErr>> + Send {
        async move { self.execute(sql, values).await.map(drop) }
    }

    /// Runs the statements that were left for later.
    fn flush(&self) -> impl Future<Output = Result<(), DbErr>> + Send {
        async { Ok(()) }
    }
}

/// Returns the rows of a statement.
pub(super) async fn all(
    executor: &impl SqlExecutor,
    sql: SqlText,
    values: impl IntoIterator<Item = Value, IntoIter: Send> + Send,
) -> Result<Vec<Row>, DbErr> {
    rows(executor, sql.for_dialect(executor.dialect()), values.into_iter().collect()).await
}

/// Rows of a statement whose text was composed.
pub(super) async fn rows(
    executor: &impl SqlExecutor,
    sql: impl Into<Cow<'static, str>> + Send,
    values: Vec<Value>,
) -> Result<Vec<Row>, DbErr> {
    let sql = sql.into();
    if sql.is_empty() || nothing_to_do(&values) { Ok(Vec::new()) } else { executor.query(sql, values).await }
}

/// Returns how many rows a statement changed.
pub(super) async fn change(
    executor: &impl SqlExecutor,
    sql: SqlText,
    values: impl IntoIterator<Item = Value, IntoIter: Send> + Send,
) -> Result<u64, DbErr> {
    let values: Vec<_> = values.into_iter().collect();
    if nothing_to_do(&values) {
        return Ok(0);
    }
    executor.execute(sql.for_dialect(executor.dialect()).into(), values).await
}

/// Changes rows, at once or later ([`SqlExecutor::later`]).
pub(super) async fn change_later(
    executor: &impl SqlExecutor,
    sql: SqlText,
    values: impl IntoIterator<Item = Value, IntoIter: Send> + Send,
) -> Result<(), DbErr> {
    let values: Vec<_> = values.into_iter().collect();
    if nothing_to_do(&values) {
        return Ok(());
    }
    executor.later(sql.for_dialect(executor.dialect()).into(), values).await
}

fn nothing_to_do(values: &[Value]) -> bool {
    values.iter().any(|value| matches!(value, Value::List(list) if list.cells.is_empty()))
}
