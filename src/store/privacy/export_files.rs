//! Files of exports, as the table of requests knows them.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;
use uuid::Uuid;

use super::person::DataSubject;
use crate::store::StoreError;
use crate::store::composed::{Params, execute, query};
use crate::store::operator::Operator;
use crate::store::statement::{id, text, time};

impl Operator {
    /// Files of exports: those that are kept no longer, or all of a person, also those that are being made.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn export_files(
        &self,
        of: Option<&DataSubject>,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, String)>, StoreError> {
        let (sql, params) = match of {
            Some(person) => (
                "SELECT id, coalesce(file, id || '.zip') FROM privacy_requests WHERE kind = 'export' AND tenant_id = {tenant} \
                AND contact_id IN {contacts}",
                person.params(),
            ),
            None => (
                "SELECT id, file FROM privacy_requests WHERE file IS NOT NULL AND expires_at <= {now}",
                Params::default().with("now", time(now)),
            ),
        };
        let rows = query(self.reads(), sql, &params).await?;
        Ok(rows.iter().map(|row| Ok((row.parse(0)?, row.get(1)?))).collect::<Result<_, DbErr>>()?)
    }

    /// Files of all exports of a tenant.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn export_files_of(&self, tenant: &TenantId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT file FROM privacy_requests WHERE tenant_id = {tenant} AND file IS NOT NULL";
        let rows = query(self.reads(), sql, &Params::default().with("tenant", text(tenant.as_str()))).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect::<Result<_, DbErr>>()?)
    }

    /// The file of an export is gone.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_export_file(&self, request: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE privacy_requests SET file = NULL WHERE id = {id}";
        execute(self.writes(), sql, &Params::default().with("id", id(request))).await?;
        Ok(())
    }
}
