//! Actions go whatever the day has left.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261201_000390_actions_exempt"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = include_str!("m20261201_000390_actions_exempt/both.sql");
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
