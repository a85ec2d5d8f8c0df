//! Channel notices, and the index that finds the row of a provider's receipt.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000003_told"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match manager.get_database_backend() {
            DbBackend::Sqlite => include_str!("m20261121_000003_told/sqlite.sql"),
            // PostgreSQL came later: its first step has it all.
            DbBackend::Postgres => return Ok(()),
            other => return Err(DbErr::Migration(format!("{other:?} is not supported yet"))),
        };
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
