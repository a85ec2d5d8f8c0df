//! Daily costs of assistants, and messages that wait for the morning.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261201_000220_assistant_and_quiet_hours"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match manager.get_database_backend() {
            DbBackend::Sqlite => concat!(
                include_str!("m20261201_000220_assistant_and_quiet_hours/sqlite.sql"),
                include_str!("m20261201_000220_assistant_and_quiet_hours/both.sql")
            ),
            DbBackend::Postgres => concat!(
                include_str!("m20261201_000220_assistant_and_quiet_hours/postgres.sql"),
                include_str!("m20261201_000220_assistant_and_quiet_hours/both.sql")
            ),
            other => return Err(DbErr::Migration(format!("{other:?} is not supported yet"))),
        };
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
