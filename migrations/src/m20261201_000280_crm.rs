//! Records of the tenants' CRMs, and e-mails that are logged there.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261201_000280_crm"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match manager.get_database_backend() {
            DbBackend::Sqlite => include_str!("m20261201_000280_crm/sqlite.sql"),
            DbBackend::Postgres => include_str!("m20261201_000280_crm/postgres.sql"),
            other => return Err(DbErr::Migration(format!("{other:?} is not supported yet"))),
        };
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
