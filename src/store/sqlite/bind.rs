//! Binds values to SQLite statements, through sea-orm.

use std::borrow::Cow;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::sql::InsertTable;
use crate::store::statement::{Dialect, List, SqlExecutor, Value};
use crate::store::values::{Row, corrupt, time_text};

/// The longest list of rows in one statement.
const LONGEST: usize = 256;
/// Lengths up to this are taken as they come, longer ones in multiples of it, so that few texts are prepared and a batch
/// needs one or two statements for each table: each costs two hand-overs between threads.
const EXACT: usize = 32;

/// Returns the rows of a statement.
pub(in crate::store) async fn query(
    conn: &impl ConnectionTrait,
    sql: Cow<'static, str>,
    values: Vec<Value>,
) -> Result<Vec<Row>, DbErr> {
    let rows = conn.query_all_raw(statement(sql, values)?).await?;
    Ok(rows.into_iter().map(|row| Row::of(row, Dialect::Sqlite)).collect())
}

/// Returns how many rows a statement changed.
pub(in crate::store) async fn execute(
    conn: &impl ConnectionTrait,
    sql: Cow<'static, str>,
    values: Vec<Value>,
) -> Result<u64, DbErr> {
    Ok(conn.execute_raw(statement(sql, values)?).await?.rows_affected())
}

/// Inserts rows in order and returns how many were inserted or changed.
pub(in crate::store) async fn insert(
    executor: &impl SqlExecutor,
    table: &'static InsertTable,
    cells: Vec<Value>,
) -> Result<u64, DbErr> {
    let mut changed = 0;
    for (sql, values) in chunks(table, cells) {
        changed += executor.execute(sql.into(), values).await?;
    }
    Ok(changed)
}

/// The same for rows that only the commit follows: it goes with the last chunk.
pub(in crate::store) async fn insert_at_last(
    executor: &impl SqlExecutor,
    table: &'static InsertTable,
    cells: Vec<Value>,
) -> Result<(), DbErr> {
    let mut chunks: Vec<_> = chunks(table, cells).collect();
    let Some((last, values)) = chunks.pop() else { return Ok(()) };
    for (sql, values) in chunks {
        executor.execute(sql.into(), values).await?;
    }
    // With the statements before it, each length would be another text, too many to keep prepared.
    executor.flush().await?;
    executor.later(last.into(), values).await
}

fn chunks(table: &'static InsertTable, cells: Vec<Value>) -> impl Iterator<Item = (String, Vec<Value>)> {
    let mut left = cells.len() / table.columns;
    let mut cells = cells.into_iter();
    std::iter::from_fn(move || {
        let rows = if left <= EXACT { left } else { LONGEST.min(left / EXACT * EXACT) };
        left -= rows;
        (rows > 0).then(|| (table.sql(rows), cells.by_ref().take(rows * table.columns).collect()))
    })
}

/// The same for few rows, at once or later. It is one text whatever their number, so that few combined texts are
/// prepared.
pub(in crate::store) async fn insert_later(
    executor: &impl SqlExecutor,
    table: &'static InsertTable,
    cells: Vec<Value>,
) -> Result<(), DbErr> {
    let list = List { columns: table.columns, cells };
    executor.later(table.sql_of_list().into(), vec![Value::List(list)]).await
}

fn statement(sql: Cow<'static, str>, values: Vec<Value>) -> Result<Statement, DbErr> {
    let values: Vec<_> = values.into_iter().map(bound).collect::<Result<_, _>>()?;
    Ok(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values))
}

fn bound(value: Value) -> Result<sea_orm::Value, DbErr> {
    Ok(match value {
        Value::Text(text) => sea_orm::Value::String(text),
        Value::Number(number) => sea_orm::Value::BigInt(number),
        Value::Flag(flag) => sea_orm::Value::BigInt(Some(i64::from(flag))),
        Value::Time(at) => sea_orm::Value::String(at.map(time_text)),
        Value::List(list) => {
            let json = serde_json::to_string(&Json(&list)).map_err(|_| corrupt("a list"))?;
            sea_orm::Value::String(Some(json))
        }
    })
}

/// `[[…], …]`, or `["…", …]` where there is one column.
struct Json<'a>(&'a List);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = self.0.columns.max(1);
        let mut rows = serializer.serialize_seq(Some(self.0.cells.len() / columns))?;
        for row in self.0.cells.chunks(columns) {
            match row {
                [value] => rows.serialize_element(&Cell(value))?,
                row => rows.serialize_element(&row.iter().map(Cell).collect::<Vec<_>>())?,
            }
        }
        rows.end()
    }
}

struct Cell<'a>(&'a Value);

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Text(text) => text.serialize(serializer),
            Value::Number(number) => number.serialize(serializer),
            Value::Flag(flag) => flag.serialize(serializer),
            Value::Time(at) => at.map(time_text).serialize(serializer),
            Value::List(list) => Json(list).serialize(serializer),
        }
    }
}

impl InsertTable {
    fn sql(&self, rows: usize) -> String {
        let row = 2 * self.columns + 2;
        let mut sql = String::with_capacity(self.insert.len() + rows * row + self.on_conflict.len());
        sql.push_str(self.insert);
        for index in 0..rows {
            sql.push_str(if index == 0 { "(?" } else { ",(?" });
            for _ in 1..self.columns {
                sql.push_str(",?");
            }
            sql.push(')');
        }
        sql.push_str(self.on_conflict);
        sql
    }

    /// A list of any length. Each `j.value` is written out anew: as text that would be half of the statement's time. `WHERE true`
    /// keeps SQLite's parser from taking ON CONFLICT for a join condition.
    fn sql_of_list(&self) -> String {
        let insert = self.insert.trim_end().trim_end_matches("VALUES");
        let columns: Vec<_> = (0..self.columns).map(|column| format!("j.value->>{column}")).collect();
        format!("{insert}SELECT {} FROM jsonb_each(+?1) j WHERE true{}", columns.join(","), self.on_conflict)
    }
}
