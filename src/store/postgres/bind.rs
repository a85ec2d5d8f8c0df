//! Binds values to PostgreSQL statements.

use std::borrow::Cow;
use std::sync::Arc;

use sea_orm::sqlx::postgres::PgArguments;
use sea_orm::sqlx::{Arguments, AssertSqlSafe, Error, Executor, Postgres, query_with};
use sea_orm::{DbErr, RuntimeErr};

use crate::store::statement::{Dialect, List, Value};
use crate::store::values::{Row, corrupt};

/// Returns the rows of a statement.
pub(in crate::store) async fn query<'c>(
    conn: impl Executor<'c, Database = Postgres>,
    sql: Cow<'static, str>,
    values: Vec<Value>,
) -> Result<Vec<Row>, DbErr> {
    let rows = match sql {
        Cow::Borrowed(sql) => conn.fetch_all(query_with(sql, arguments(values)?)).await,
        Cow::Owned(sql) => conn.fetch_all(query_with(AssertSqlSafe(sql), arguments(values)?)).await,
    };
    Ok(rows.map_err(failed)?.into_iter().map(|row| Row::of(row.into(), Dialect::Postgres)).collect())
}

/// Returns how many rows a statement changed.
pub(in crate::store) async fn execute<'c>(
    conn: impl Executor<'c, Database = Postgres>,
    sql: Cow<'static, str>,
    values: Vec<Value>,
) -> Result<u64, DbErr> {
    let done = match sql {
        Cow::Borrowed(sql) => conn.execute(query_with(sql, arguments(values)?)).await,
        Cow::Owned(sql) => conn.execute(query_with(AssertSqlSafe(sql), arguments(values)?)).await,
    };
    done.map(|done| done.rows_affected()).map_err(failed)
}

/// A sqlx error as a sea-orm error.
pub(in crate::store) fn failed(error: Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

fn arguments(values: Vec<Value>) -> Result<PgArguments, DbErr> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Text(text) => arguments.add(text.map(clean)),
            Value::Number(number) => arguments.add(number),
            Value::Flag(flag) => arguments.add(flag),
            Value::Time(at) => arguments.add(at),
            Value::List(list) => {
                add_columns(&mut arguments, list)?;
                Ok(())
            }
        };
        added.map_err(|_| corrupt("a value"))?;
    }
    Ok(arguments)
}

/// A column of a list, with the type of its first value.
enum Column {
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
    Flags(Vec<bool>),
    Times(Vec<Option<palabre_actors::domain::Timestamp>>),
}

fn add_columns(arguments: &mut PgArguments, list: List) -> Result<(), DbErr> {
    let height = list.cells.len() / list.columns.max(1);
    let mut columns: Vec<Column> = Vec::with_capacity(list.columns);
    for (at, cell) in list.cells.into_iter().enumerate() {
        let at = at % list.columns;
        if columns.len() <= at {
            columns.push(match &cell {
                Value::Text(_) => Column::Texts(Vec::with_capacity(height)),
                Value::Number(_) => Column::Numbers(Vec::with_capacity(height)),
                Value::Flag(_) => Column::Flags(Vec::with_capacity(height)),
                Value::Time(_) => Column::Times(Vec::with_capacity(height)),
                Value::List(_) => return Err(corrupt("a list of lists")),
            });
        }
        match (columns.get_mut(at), cell) {
            (Some(Column::Texts(texts)), Value::Text(text)) => texts.push(text.map(clean)),
            (Some(Column::Numbers(numbers)), Value::Number(number)) => numbers.push(number),
            (Some(Column::Flags(flags)), Value::Flag(flag)) => flags.push(flag),
            (Some(Column::Times(times)), Value::Time(at)) => times.push(at),
            _ => return Err(corrupt("a list of mixed values")),
        }
    }
    for column in columns {
        let added = match column {
            Column::Texts(texts) => arguments.add(texts),
            Column::Numbers(numbers) => arguments.add(numbers),
            Column::Flags(flags) => arguments.add(flags),
            Column::Times(times) => arguments.add(times),
        };
        added.map_err(|_| corrupt("a list"))?;
    }
    Ok(())
}

/// PostgreSQL stores every character but NUL: a message is not lost for one.
fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
