//! Low watermark: before which id no message is open, on PostgreSQL, whose months are tables of their own. SQLite has
//! one table.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000010_horizon"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            let sql = include_str!("m20261122_000010_horizon/postgres.sql");
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
