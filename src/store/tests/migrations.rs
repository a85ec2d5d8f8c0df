//! Tests of migrations: a database of the previous version keeps its rows.

use palabre_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::url;
use crate::store::Store;
use crate::store::postgres;
use crate::store::sqlite::{open_readers, open_writer};

/// The migration that renames tables.
const RENAMES: &str = "m20261130_000013_plain_names";

/// Applies every migration before one.
async fn migrate_before(conn: &DatabaseConnection, step: &str) {
    let earlier = Migrator::migrations().iter().position(|migration| migration.name() == step).unwrap();
    Migrator::up(conn, Some(u32::try_from(earlier).unwrap())).await.unwrap();
}

#[tokio::test]
async fn tables_of_sqlite_get_their_new_names_while_rows_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let old = open_writer(&url(&folder)).await.unwrap();
    migrate_before(&old, RENAMES).await;
    old.execute_unprepared("INSERT INTO channel_rests VALUES ('belle-wa', 'belle', 'per_day', 'late', 'now')")
        .await
        .unwrap();
    old.close().await.unwrap();
    assert!(Store::migrate(&url(&folder)).await.unwrap().contains(&RENAMES.to_owned()));
    let reads = open_readers(&url(&folder)).await.unwrap();
    let row = reads.query_one_raw(sea_orm::Statement::from_string(
        sea_orm::DbBackend::Sqlite,
        "SELECT channel_id, reason FROM channel_notices",
    ));
    let row = row.await.unwrap().unwrap();
    assert_eq!(row.try_get_by::<String, _>("channel_id").unwrap(), "belle-wa");
    assert_eq!(row.try_get_by::<String, _>("reason").unwrap(), "per_day");
}

#[tokio::test]
async fn tables_of_postgresql_get_their_new_names_and_nodes_of_the_version_before_go_on() {
    let database = palabre_testbed::postgres::empty();
    let pool = postgres::cold_pool(&database.url()).unwrap();
    migrate_before(&postgres::through_sea_orm(pool.clone()), RENAMES).await;
    pool.close().await;
    database.psql("INSERT INTO channel_rests VALUES ('belle-wa', 'belle', 'per_day', now(), now())");
    database.psql("INSERT INTO reserves VALUES ('belle', 'one', 7, 0, false, now())");
    database.psql("UPDATE horizon SET inbound = '01', outbound = '02'");
    assert!(Store::migrate(&database.url()).await.unwrap().contains(&RENAMES.to_owned()));
    assert_eq!(database.psql("SELECT channel_id, reason FROM channel_notices"), "belle-wa|per_day");
    assert_eq!(database.psql("SELECT node_id, messages FROM quota_leases"), "one|7");
    assert_eq!(database.psql("SELECT inbound, outbound FROM low_watermark"), "01|02");

    // What a node of the version before writes.
    database.psql(
        "INSERT INTO channel_rests (channel_id, tenant_id, reason, until, told_at) \
         VALUES ('belle-wa', 'belle', 'breaker_open', now(), now()) \
         ON CONFLICT (channel_id) DO UPDATE SET reason = excluded.reason",
    );
    database.psql(
        "INSERT INTO reserves (tenant_id, node_id, messages, cost_micros, wanted, updated_at) \
         VALUES ('belle', 'one', 9, 0, false, now()) \
         ON CONFLICT (tenant_id, node_id) DO UPDATE SET messages = excluded.messages",
    );
    database.psql("UPDATE horizon SET outbound = least(outbound, '01') WHERE one");
    assert_eq!(database.psql("SELECT reason FROM channel_notices"), "breaker_open");
    assert_eq!(database.psql("SELECT messages FROM quota_leases"), "9");
    assert_eq!(database.psql("SELECT outbound FROM low_watermark"), "01");
    database.psql("SELECT palabre_raise_horizon('2026-11-30')");
    assert_eq!(database.psql("SELECT outbound > '01' FROM low_watermark"), "t");
}
