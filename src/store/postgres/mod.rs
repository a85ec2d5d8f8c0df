//! PostgreSQL: connections, pools, migration.
//!
//! Statements go through sqlx, below sea-orm, whose arrays refuse nulls.

pub(super) mod audit;
pub(super) mod backup;
mod bind;
pub(super) mod broadcasts;
pub(super) mod conversations;
pub(super) mod crm;
mod dedicated_connection;
pub(super) mod diagnosis;
pub(super) mod events_out;
pub(super) mod figures;
mod id_clock;
pub(super) mod inbox;
mod notices;
pub(super) mod operator;
pub(super) mod paid_access;
pub(super) mod partitions;
pub(super) mod people;
pub(super) mod search;
pub(super) mod sql;

use std::str::FromStr;
use std::time::Duration;

use chrono::Utc;
use palabre_migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sea_orm::sqlx::{ConnectOptions, Executor, Row as _};
use sea_orm::{DatabaseConnection, DbErr, SqlxPostgresConnector};
use tracing::warn;

pub(super) use self::bind::{execute, failed, query};
pub(super) use self::dedicated_connection::DedicatedConnection;
pub(super) use self::id_clock::inbound_ids;
pub(super) use self::notices::listen;

/// Connections of a pool for the cold paths and for operators.
const POOL: u32 = 4;
/// How long a caller waits for a connection of the pool.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Two daemons that start at once migrate one after the other. The number is our own.
const MIGRATING: &str = "SELECT pg_advisory_xact_lock(7305800)";

/// PostgreSQL takes notices of fewer than 8,000 bytes.
pub(super) const NOTICE_BYTES: usize = 7_900;

/// An answered commit must survive a crash of the server (I1), even when `synchronous_commit` is off by default. Any
/// other level is left alone.
const DURABLE: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
/// Settings that let a power cut lose commits, and that only the server's operator can change.
const UNSAFE_SETTINGS: &str =
    "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name";

/// Settings of the hot paths' connections. Their statements have one good plan each, along indexes, whatever the
/// statistics of a table that grows by thousands of rows a second say: so plans are made once, and plans that read
/// whole tables are off. A statement that hangs is ended before its caller gives up.
const SETTINGS: [(&str, &str); 9] = [
    ("timezone", "UTC"),
    ("statement_timeout", "8s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("plan_cache_mode", "force_generic_plan"),
    ("jit", "off"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];
/// Settings of the cold paths: the planner is left alone.
const COLD: [(&str, &str); 3] =
    [("timezone", "UTC"), ("statement_timeout", "5min"), ("idle_in_transaction_session_timeout", "60s")];

/// A move writes much at a time and waits long for it. What a crash of the server takes back is copied again, so commits
/// need not reach the disk before the last one. Pages are read along the keys, whatever is known of tables that were empty
/// a moment ago.
const MOVING: [(&str, &str); 6] = [
    ("timezone", "UTC"),
    ("statement_timeout", "0"),
    ("lock_timeout", "30s"),
    ("synchronous_commit", "off"),
    ("jit", "off"),
    ("enable_seqscan", "off"),
];

/// Settings for deleting old months. A statement may run for an hour, because nobody waits for it.
const SWEEPING: [(&str, &str); 3] = [("timezone", "UTC"), ("statement_timeout", "1h"), ("jit", "off")];

/// Whether a URL names PostgreSQL.
pub(super) fn is_ours(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// Options of the hot paths' connections.
pub(super) fn hot(url: &str) -> Result<PgConnectOptions, DbErr> {
    options(url, &SETTINGS)
}

/// Options of a move's connection.
pub(super) fn move_options(url: &str) -> Result<PgConnectOptions, DbErr> {
    options(url, &MOVING)
}

/// Options of the connection that deletes old months.
pub(super) fn retention_options(url: &str) -> Result<PgConnectOptions, DbErr> {
    options(url, &SWEEPING)
}

/// A small pool of connections like those of the hot paths.
pub(super) fn pool(url: &str) -> Result<PgPool, DbErr> {
    Ok(pool_options().connect_lazy_with(options(url, &SETTINGS)?))
}

/// A small pool for the cold paths.
pub(super) fn cold_pool(url: &str) -> Result<PgPool, DbErr> {
    Ok(pool_options().connect_lazy_with(options(url, &COLD)?))
}

/// Brings the schema up to date and returns the names of the migrations that were missing.
pub(super) async fn migrate(url: &str) -> Result<Vec<String>, DbErr> {
    let pool = cold_pool(url)?;
    let mut guard = pool.begin().await.map_err(failed)?;
    // This transaction is idle for as long as the migrations take.
    guard.execute("SET LOCAL idle_in_transaction_session_timeout = 0").await.map_err(failed)?;
    guard.execute(MIGRATING).await.map_err(failed)?;
    let conn = through_sea_orm(pool.clone());
    let missing = Migrator::get_pending_migrations(&conn).await?;
    let missing: Vec<String> = missing.iter().map(|step| step.name().to_owned()).collect();
    // Without missing migrations it would log at length that there is nothing to do, at each start and each retry of
    // a start.
    if !missing.is_empty() {
        Migrator::up(&conn, None).await?;
    }
    partitions::make(&pool, Utc::now().date_naive()).await?;
    guard.commit().await.map_err(failed)?;
    pool.close().await;
    Ok(missing)
}

/// Makes rows that wait for another day or month due again, also those that nodes of the version before deferred while
/// nodes were restarted one by one. However many wait, the start is not given up for it.
pub(super) async fn reset_quota_waits(pool: &PgPool) -> Result<(), DbErr> {
    let mut tx = pool.begin().await.map_err(failed)?;
    tx.execute("SET LOCAL statement_timeout = '5min'").await.map_err(failed)?;
    tx.execute(sql::ADOPT_BLOCKED_REASONS).await.map_err(failed)?;
    tx.execute(sql::RESET_QUOTA_WAITS).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

/// Warns about settings with which a power cut loses commits.
pub(super) async fn warn_of_unsafe_settings(pool: &PgPool) -> Result<(), DbErr> {
    for setting in unsafe_settings(pool).await? {
        warn!(
            postgresql.setting = setting,
            "PostgreSQL runs with this setting off: a power cut may lose messages that were acknowledged, turn it on"
        );
    }
    Ok(())
}

/// Settings with which a power cut loses commits.
pub(super) async fn unsafe_settings(pool: &PgPool) -> Result<Vec<String>, DbErr> {
    let rows = pool.fetch_all(UNSAFE_SETTINGS).await.map_err(failed)?;
    rows.iter().map(|row| row.try_get(0).map_err(failed)).collect()
}

/// For sea-orm's migrations.
pub(super) fn through_sea_orm(pool: PgPool) -> DatabaseConnection {
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

fn pool_options() -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(POOL)
        .min_connections(0)
        .acquire_timeout(ACQUIRE)
        .after_connect(|conn, _| Box::pin(async { conn.execute(DURABLE).await.map(drop) }))
}

fn options(url: &str, settings: &[(&str, &str)]) -> Result<PgConnectOptions, DbErr> {
    let options = PgConnectOptions::from_str(url).map_err(failed)?;
    // Statements carry addresses and bodies: they must not be logged (I10).
    Ok(options
        .application_name("palabre")
        .options(settings.iter().copied())
        .statement_cache_capacity(512)
        .disable_statement_logging())
}
