//! Ids of deleted messages are kept, so that their repetitions are known.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261130_000190_kept_ids"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match manager.get_database_backend() {
            DbBackend::Sqlite => include_str!("m20261130_000190_kept_ids/sqlite.sql"),
            // `messages_once` is a table there, whose rows stay from now on.
            DbBackend::Postgres => return Ok(()),
            other => return Err(DbErr::Migration(format!("{other:?} is not supported yet"))),
        };
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
