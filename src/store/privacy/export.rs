//! Reads everything of a person, table by table.

use sea_orm::DbErr;
use serde_json::Value as Json;

use super::catalogue::{Erasure, PersonalTable, TABLES};
use super::person::DataSubject;
use crate::store::StoreError;
use crate::store::composed::{Params, query};
use crate::store::operator::Operator;
use crate::store::statement::{Dialect, SqlExecutor};
use crate::store::values::corrupt;

/// The rows of a person in one table.
#[derive(Clone)]
pub struct ExportedTable {
    pub name: &'static str,
    /// Objects with every column, in the order of their ids.
    pub rows: Vec<Json>,
    /// Whether they stay when the person is erased, for as long as the law asks.
    pub is_held: bool,
}

impl std::fmt::Debug for ExportedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportedTable")
            .field("name", &self.name)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl Operator {
    /// Everything of a person: tables without rows of theirs are left out.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn export_person(&self, person: &DataSubject) -> Result<Vec<ExportedTable>, StoreError> {
        let (mut exported, params) = (Vec::new(), person.params());
        let tables = TABLES.iter().filter(|table| !table.whose.is_empty() && table.only_in.is_none());
        for table in tables {
            let rows = rows_of(self.reads(), &params, table).await?;
            if !rows.is_empty() {
                exported.push(ExportedTable { name: table.name, rows, is_held: table.erasure == Erasure::Hold });
            }
        }
        Ok(exported)
    }
}

/// A row as a JSON object with every column.
pub(super) fn object(table: &PersonalTable, executor: &impl SqlExecutor) -> String {
    let fields: Vec<String> = table.columns().map(|column| format!("'{column}', \"{column}\"")).collect();
    let fields = fields.join(", ");
    match executor.dialect() {
        Dialect::Sqlite => format!("json_object({fields})"),
        Dialect::Postgres => format!("json_build_object({fields})::text"),
    }
}

async fn rows_of(executor: &impl SqlExecutor, params: &Params, table: &PersonalTable) -> Result<Vec<Json>, DbErr> {
    let object = object(table, executor);
    let order = if table.has_column("id") { "id" } else { "created_at" };
    let order = if table.has_column(order) { order } else { "tenant_id" };
    let sql = format!(
        "SELECT {object} FROM \"{}\" WHERE tenant_id = {{tenant}} AND ({}) ORDER BY {order}",
        table.name, table.whose
    );
    let rows = query(executor, &sql, params).await?;
    rows.iter()
        .map(|row| serde_json::from_str(&row.get::<String>(0)?).map_err(|_| corrupt("an exported row")))
        .collect()
}
