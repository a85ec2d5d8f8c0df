//! Statements that are composed for both databases from one text: `{name}` stands for a value, and in `IN {name}` for a list.

use sea_orm::DbErr;

use crate::store::statement::{Dialect, SqlExecutor, Value, column, rows};
use crate::store::values::Row;

/// No id, address or word is this: a list is never empty, because an empty one has no type.
const NONE: &str = "\u{1}";

/// The values of a composed statement, by name.
#[derive(Clone, Default)]
pub(in crate::store) struct Params(Vec<(&'static str, Value)>);

impl Params {
    pub(in crate::store) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.0.push((name, value));
        self
    }

    pub(in crate::store) fn with_list<'a>(self, name: &'static str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values = values.into_iter().chain(std::iter::once(NONE));
        self.with(name, column(values))
    }

    fn value(&self, name: &str) -> Option<&Value> {
        // The last one given counts.
        self.0.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// The rows of a composed statement.
pub(in crate::store) async fn query(
    executor: &impl SqlExecutor,
    sql: &str,
    params: &Params,
) -> Result<Vec<Row>, DbErr> {
    let (sql, values) = composed(executor.dialect(), sql, params)?;
    rows(executor, sql, values).await
}

/// How many rows a composed statement changed.
pub(in crate::store) async fn execute(executor: &impl SqlExecutor, sql: &str, params: &Params) -> Result<u64, DbErr> {
    let (sql, values) = composed(executor.dialect(), sql, params)?;
    executor.execute(sql.into(), values).await
}

fn composed(dialect: Dialect, sql: &str, params: &Params) -> Result<(String, Vec<Value>), DbErr> {
    let (mut text, mut values) = (String::with_capacity(sql.len()), Vec::new());
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('{') {
        let unknown = || DbErr::Custom(format!("a value of a statement is missing: {sql}"));
        let (name, after) = after.split_once('}').ok_or_else(unknown)?;
        let value = params.value(name).ok_or_else(unknown)?;
        values.push(value.clone());
        let number = values.len();
        text.push_str(before);
        text.push_str(&match (dialect, value) {
            (Dialect::Sqlite, Value::List(_)) => format!("(SELECT value FROM json_each(?{number}))"),
            (Dialect::Postgres, Value::List(_)) => format!("(SELECT unnest(${number}::text[]))"),
            (Dialect::Sqlite, _) => format!("?{number}"),
            (Dialect::Postgres, _) => format!("${number}"),
        });
        rest = after;
    }
    text.push_str(rest);
    Ok((text, values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::statement::text;

    #[test]
    fn one_text_is_composed_for_both_databases() {
        let params = Params::default().with("tenant", text("belle")).with_list("ids", ["a"]);
        let sql = "DELETE FROM notes WHERE tenant_id = {tenant} AND id IN {ids}";
        let (sqlite, values) = composed(Dialect::Sqlite, sql, &params).unwrap();
        assert_eq!(sqlite, "DELETE FROM notes WHERE tenant_id = ?1 AND id IN (SELECT value FROM json_each(?2))");
        assert_eq!(values.len(), 2);
        let (postgres, _) = composed(Dialect::Postgres, sql, &params).unwrap();
        assert_eq!(postgres, "DELETE FROM notes WHERE tenant_id = $1 AND id IN (SELECT unnest($2::text[]))");
        assert!(composed(Dialect::Sqlite, "SELECT {unknown}", &params).is_err());
    }
}
