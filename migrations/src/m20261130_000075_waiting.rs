//! Since when a conversation waits for a person, and the console's live updates.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261130_000075_waiting"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match manager.get_database_backend() {
            DbBackend::Sqlite => include_str!("m20261130_000075_waiting/sqlite.sql"),
            DbBackend::Postgres => include_str!("m20261130_000075_waiting/postgres.sql"),
            other => return Err(DbErr::Migration(format!("{other:?} is not supported yet"))),
        };
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
