//! Whole tenants: everything of one is read page by page, or deleted.

use std::collections::BTreeMap;

use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;
use serde_json::Value as Json;

use super::catalogue::{Erasure, PersonalTable, TABLES};
use super::erase::{is_here, table_of};
use super::export::object;
use crate::store::StoreError;
use crate::store::composed::{Params, execute, query};
use crate::store::operator::Operator;
use crate::store::search::SearchIndex;
use crate::store::statement::{count, text};
use crate::store::values::corrupt;

/// Rows of one page.
const PAGE: usize = 500;
/// What an export of a tenant has nothing of: keys of people and programs, positions of ours, and what can be made again.
const LEFT_OUT: [&str; 8] = [
    "api_keys",
    "user_links",
    "user_sessions",
    "audit_heads",
    "journals",
    "poll_cursors",
    "erased_addresses",
    "privacy_requests",
];

/// Where the next page of a table begins.
#[derive(Clone, Debug, Default)]
pub struct PageAfter {
    id: String,
    rows: usize,
}

impl Operator {
    /// The tables that an export of a tenant has.
    pub fn tables_of_tenants() -> impl Iterator<Item = &'static str> {
        let has_rows = |table: &&PersonalTable| {
            (table.name == "tenants" || table.has_column("tenant_id"))
                && table.only_in.is_none()
                && !LEFT_OUT.contains(&table.name)
        };
        TABLES.iter().filter(has_rows).map(|table| table.name)
    }

    /// A page of a tenant's rows. `None`: there are no more.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn tenant_page(
        &self,
        (tenant, table): (&TenantId, &str),
        after: &mut PageAfter,
    ) -> Result<Option<Vec<Json>>, StoreError> {
        let Some(table) = table_of(table) else { return Ok(None) };
        let has_id = table.has_column("id");
        let whose = if table.name == "tenants" { "id = {tenant}" } else { "tenant_id = {tenant}" };
        let object = object(table, self.reads());
        let name = table.name;
        let sql = if has_id {
            format!("SELECT {object}, id FROM \"{name}\" WHERE {whose} AND id > {{after}} ORDER BY id LIMIT {{limit}}")
        } else {
            // The columns that tell their rows apart come first.
            let columns: Vec<String> = table.columns().map(|column| format!("\"{column}\"")).collect();
            let order = columns.join(", ");
            format!(
                "SELECT {object}, '' FROM \"{name}\" WHERE {whose} ORDER BY {order} LIMIT {{limit}} OFFSET {{skipped}}"
            )
        };
        let params = Params::default()
            .with("tenant", text(tenant.as_str()))
            .with("after", text(after.id.as_str()))
            .with("skipped", count(after.rows))
            .with("limit", count(PAGE));
        let rows = query(self.reads(), &sql, &params).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        after.id = last.get(1)?;
        after.rows += rows.len();
        let read = |text: String| serde_json::from_str(&text).map_err(|_| corrupt("an exported row"));
        let page: Result<Vec<Json>, DbErr> = rows.iter().map(|row| row.get(0).and_then(read)).collect();
        Ok(Some(page?))
    }

    /// Deletes everything of a tenant but what the law wants kept, and people who belong to no other tenant. Returns how many
    /// rows of each table went. Every step may be repeated.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; what was deleted stays so.
    pub async fn delete_tenant(&self, tenant: &TenantId) -> Result<BTreeMap<&'static str, u64>, StoreError> {
        let params = Params::default().with("tenant", text(tenant.as_str())).with("limit", count(PAGE));
        let mut deleted = BTreeMap::new();
        let mut people: Vec<String> = Vec::new();
        for row in &query(self.reads(), "SELECT user_id FROM memberships WHERE tenant_id = {tenant}", &params).await? {
            people.push(row.get(0)?);
        }
        let blank = "UPDATE consents SET address = '', contact_id = NULL, evidence = NULL WHERE tenant_id = {tenant}";
        execute(self.writes(), blank, &params).await?;
        let theirs = TABLES.iter().filter(|table| {
            table.has_column("tenant_id")
                && is_here(table, self.writes())
                && !matches!(table.erasure, Erasure::Hold | Erasure::Index)
        });
        for table in theirs {
            let rows = self.delete_rows(table, &params).await?;
            if rows > 0 {
                deleted.insert(table.name, rows);
            }
        }
        execute(self.writes(), "DELETE FROM tenants WHERE id = {tenant}", &params).await?;
        let gone = params.with_list("people", people.iter().map(String::as_str));
        for (table, column) in
            [("user_sessions", "user_id"), ("user_links", "user_id"), ("api_keys", "user_id"), ("users", "id")]
        {
            let sql = format!(
                "DELETE FROM {table} WHERE {column} IN {{people}} AND NOT EXISTS \
                (SELECT 1 FROM memberships m WHERE m.user_id = {table}.{column})"
            );
            let rows = execute(self.writes(), &sql, &gone).await?;
            if rows > 0 {
                *deleted.entry(table).or_default() += rows;
            }
        }
        if let Some(index) = self.index() {
            let mut index = SearchIndex::over(index.clone(), self.reads().clone());
            index.verify().await?;
            index.finish_erasing().await?;
        }
        Ok(deleted)
    }

    /// Page by page, where rows have ids: a few milliseconds each, so that webhooks of others do not wait for it.
    async fn delete_rows(&self, table: &PersonalTable, params: &Params) -> Result<u64, StoreError> {
        let name = table.name;
        if !table.has_column("id") || table.only_in.is_some() {
            let sql = format!("DELETE FROM \"{name}\" WHERE tenant_id = {{tenant}}");
            return Ok(execute(self.writes(), &sql, params).await?);
        }
        let sql = format!(
            "DELETE FROM \"{name}\" WHERE tenant_id = {{tenant}} AND id IN \
            (SELECT id FROM \"{name}\" WHERE tenant_id = {{tenant}} ORDER BY id LIMIT {{limit}})"
        );
        let mut deleted = 0;
        loop {
            let rows = execute(self.writes(), &sql, params).await?;
            deleted += rows;
            if rows < PAGE as u64 {
                return Ok(deleted);
            }
        }
    }

    /// Rows of a tenant that stay for as long as the law asks.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn held_of_tenant(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        let params = Params::default().with("tenant", text(tenant.as_str()));
        let rows =
            query(self.reads(), "SELECT count(*) FROM payment_events WHERE tenant_id = {tenant}", &params).await?;
        let held: i64 = rows.first().map(|row| row.get(0)).transpose()?.unwrap_or_default();
        Ok(u64::try_from(held).unwrap_or_default())
    }
}
