//! Index of inbound messages without a turn, for the planner of PostgreSQL.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000007_backlog"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            let sql = include_str!("m20261121_000007_backlog/postgres.sql");
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
