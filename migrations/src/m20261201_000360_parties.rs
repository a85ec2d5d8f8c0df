//! How many people come to a booking and which places they take; how many wait for a time together.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261201_000360_parties"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = include_str!("m20261201_000360_parties/both.sql");
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
