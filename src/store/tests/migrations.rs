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

/// The migration that gives the reason of a row that waits a column of its own.
const BLOCKED_REASON: &str = "m20261130_000040_blocked_reason";

/// Rows of the version before: state, `last_error`; and after the migration `blocked_reason`, `last_error`.
const EARLIER_ROWS: [(&str, &str, &str); 14] = [
    ("pending", "", "|"),
    ("pending", "paced", "paced|"),
    ("pending", "per_day", "per_day|"),
    ("pending", "breaker_open", "breaker_open|"),
    ("pending", "paused", "paused|"),
    ("pending", "503", "|503"),
    ("sending", "lease_short", "lease_short|"),
    ("unknown", "lease_expired", "|lease_expired"),
    ("deferred", "window_closed", "window_closed|"),
    ("deferred", "63016", "63016|"),
    ("deferred", "budget", "budget|"),
    ("dead", "exhausted:503", "|exhausted:503"),
    ("failed", "30003", "|30003"),
    ("suppressed", "opted_out", "|opted_out"),
];

/// Inserts [`EARLIER_ROWS`].
fn earlier_rows() -> String {
    let rows = EARLIER_ROWS.iter().enumerate().map(|(number, (state, error, _))| {
        let error = if error.is_empty() { "NULL".to_owned() } else { format!("'{error}'") };
        let (id, at) = (format!("019c1a2b-0000-7000-8000-0000000000{number:02}"), "2026-11-21T03:55:00.000000Z");
        format!(
            "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
                next_attempt_at, last_error, correlation_id, created_at, updated_at) \
             VALUES ('{id}', 'belle', 'belle-sms', '{id}', 'sms:+33612345678', '', 'manual', '{state}', 1, '{at}', \
                {error}, '{id}', '{at}', '{at}');"
        )
    });
    rows.collect()
}

const REASONS: &str =
    "SELECT coalesce(blocked_reason, '') || '|' || coalesce(last_error, '') AS told FROM messages_out ORDER BY id";

fn told() -> Vec<&'static str> {
    EARLIER_ROWS.iter().map(|(_, _, told)| *told).collect()
}

#[tokio::test]
async fn i11_rows_of_sqlite_that_wait_say_why_in_the_new_column() {
    let folder = tempfile::tempdir().unwrap();
    let old = open_writer(&url(&folder)).await.unwrap();
    migrate_before(&old, BLOCKED_REASON).await;
    old.execute_unprepared(&earlier_rows()).await.unwrap();
    old.close().await.unwrap();
    assert!(Store::migrate(&url(&folder)).await.unwrap().contains(&BLOCKED_REASON.to_owned()));
    let reads = open_readers(&url(&folder)).await.unwrap();
    let rows = reads.query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, REASONS)).await.unwrap();
    let reasons: Vec<String> = rows.iter().map(|row| row.try_get_by("told").unwrap()).collect();
    assert_eq!(reasons, told());
}

#[tokio::test]
async fn i11_rows_of_postgresql_that_wait_say_why_in_the_new_column() {
    let database = palabre_testbed::postgres::empty();
    let pool = postgres::cold_pool(&database.url()).unwrap();
    migrate_before(&postgres::through_sea_orm(pool.clone()), BLOCKED_REASON).await;
    pool.close().await;
    database.psql(&earlier_rows());
    database.psql("SELECT palabre_sample_little()");
    assert!(Store::migrate(&database.url()).await.unwrap().contains(&BLOCKED_REASON.to_owned()));
    assert_eq!(database.psql(REASONS).lines().collect::<Vec<_>>(), told());
    let sampled = "SELECT count(*) FROM pg_attribute WHERE attnum > 0 AND coalesce(attstattarget, -1) < 0 \
        AND attrelid IN ('messages_out'::regclass, 'messages_out_rest'::regclass, 'conversations'::regclass)";
    assert_eq!(database.psql(sampled), "0", "the new column is sampled as little as the others");

    // What a node of the version before deferred meanwhile.
    let earlier = "UPDATE messages_out SET blocked_reason = NULL, last_error = 'budget', updated_at = '2026-11-20' \
        WHERE blocked_reason = 'budget'";
    database.psql(earlier);
    let store = Store::open(&database.url(), true).await.unwrap();
    assert_eq!(database.psql(REASONS).lines().collect::<Vec<_>>(), told());
    let due = "SELECT next_attempt_at = updated_at FROM messages_out WHERE blocked_reason = 'budget'";
    assert_eq!(database.psql(due), "t");
    drop(store);
}
