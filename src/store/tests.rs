//! Tests of the store: conformance on SQLite, and what SQLite alone does. Those of PostgreSQL are in [`postgres`].

mod blocked_reason;
mod dealings;
mod diagnosis;
mod durability;
mod history;
mod media_retention;
mod migrations;
mod plans;
pub(crate) mod postgres;
mod snapshot;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::OutboundId;
use palabre_actors::ports::{Acceptance, Pending, PortError};
use palabre_actors::testing::conformance::Subject;
use palabre_actors::testing::fakes::Snapshot;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::Store;
use super::database::DatabasePool;
use super::statement::{Dialect, SqlExecutor};

palabre_actors::store_conformance!(fresh());

/// Runs each case on an empty store of either database.
macro_rules! on_both {
    ($($case:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $case() {
                let (store, _folder) = crate::store::tests::fresh().await;
                super::$case(&store).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $case() {
                let (store, _database) = crate::store::tests::postgres::fresh().await;
                super::$case(&store).await;
            })*
        }
    };
}
pub(crate) use on_both;

/// An empty store in a folder of its own.
pub(crate) async fn fresh() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(&folder), true).await.unwrap();
    (store, folder)
}

/// What became of each message of a batch, as a word.
fn answers_in_words(answers: &[Result<Acceptance, PortError>]) -> Vec<&'static str> {
    let word = |answer: &Result<Acceptance, PortError>| match answer {
        Ok(Acceptance::New(_)) => "new",
        Ok(Acceptance::Duplicate { .. }) => "duplicate",
        Ok(Acceptance::Spooled) => "spooled",
        Err(_) => "refused",
    };
    answers.iter().map(word).collect()
}

/// Manual messages by SMS as operators find them: id, tenant, state. Their idempotency keys are `key-` and the state.
pub(crate) async fn outbox_rows(store: &Store, rows: &[(&str, &str, &str)]) {
    let at = "2026-05-28T20:00:00.000000Z";
    for (id, tenant, state) in rows {
        let sql = format!(
            "INSERT OR IGNORE INTO tenants VALUES ('{tenant}', 'x', 'fr', 'UTC', '', ''); \
             INSERT OR IGNORE INTO channels VALUES ('{tenant}-sms', '{tenant}', 'twilio-sms', 'x', '', ''); \
             INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
                next_attempt_at, last_error, correlation_id, created_at, updated_at, idempotency_key) \
             VALUES ('{id}', '{tenant}', '{tenant}-sms', '{id}', 'sms:+33612345678', 'mon secret', 'manual', \
                '{state}', 1, '{at}', '30003', '{id}', '{at}', '{at}', 'key-{state}')"
        );
        let DatabasePool::SqliteWrites(conn, _) = &store.0.writes else { panic!("a file") };
        conn.execute_unprepared(&sql).await.unwrap();
    }
}

/// A conversation with one message that said `body`, whose ids are nearly the same, in the database and in the search index.
pub(crate) async fn talked(store: &Store, id: &str, tenant: &str, body: &str) {
    let (at, message) = ("2026-05-28T20:00:00.000000Z", id.replace("-7000-", "-7001-"));
    let sql = format!(
        "INSERT OR IGNORE INTO tenants VALUES ('{tenant}', 'x', 'fr', 'UTC', '', ''); \
         INSERT INTO contacts (id, tenant_id, name, created_at, updated_at) VALUES ('{id}', '{tenant}', 'Anne', '{at}', '{at}'); \
         INSERT INTO contact_addresses (tenant_id, address, contact_id, created_at) \
         VALUES ('{tenant}', 'sms:+33612345678', '{id}', '{at}'); \
         INSERT INTO conversations (id, tenant_id, channel_id, contact_id, address, status, handler, version, \
            last_message_at, unread, created_at, updated_at) \
         VALUES ('{id}', '{tenant}', '{tenant}-sms', '{id}', 'sms:+33612345678', 'new', 'bot', 1, '{at}', 1, '{at}', '{at}'); \
         INSERT OR IGNORE INTO live_sessions (id, tenant_id, opened_at, last_message_at, closed_at) \
         VALUES ('{id}', '{tenant}', '{at}', '{at}', '{at}'); \
         INSERT INTO messages_in (id, tenant_id, channel_id, conversation_id, provider_message_id, \"from\", \"to\", body, role, \
            state, correlation_id, created_at, processed_at) \
         VALUES ('{message}', '{tenant}', '{tenant}-sms', '{id}', '{id}', 'sms:+33612345678', 'x', '{body}', 'client', \
            'processed', '{id}', '{at}', '{at}')"
    );
    let DatabasePool::SqliteWrites(conn, _) = &store.0.writes else { panic!("a file") };
    conn.execute_unprepared(&sql).await.unwrap();
    store.search_index().unwrap().step(chrono::Utc::now()).await.unwrap();
}

/// A message that has its outcome, for figures: when, in which conversation, and what came of it.
pub(crate) async fn told(
    store: &Store,
    tenant: &str,
    (at, talk): (Timestamp, u128),
    (way, kind, state): (&str, &str, &str),
) {
    let millis = u128::try_from(at.timestamp_millis()).unwrap();
    let id = uuid::Uuid::from_u128((millis << 80) | (0x7 << 76) | (0x8 << 60) | u128::from(fastrand::u32(..)));
    let (talk, at) = (uuid::Uuid::from_u128(talk), at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
    let sql = match way {
        "in" => format!(
            "INSERT INTO messages_in (id, tenant_id, channel_id, conversation_id, provider_message_id, \"from\", \"to\", body, role, \
                state, reason, correlation_id, created_at, processed_at) VALUES ('{id}', '{tenant}', 'c', '{talk}', '{id}', 'x', 'x', \
                'x', 'client', '{state}', '{kind}', '{id}', '{at}', '{at}')"
        ),
        _ => format!(
            "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
                next_attempt_at, correlation_id, created_at, updated_at) VALUES ('{id}', '{tenant}', 'c', '{talk}', 'x', 'x', \
                '{kind}', '{state}', 1, '{at}', '{id}', '{at}', '{at}')"
        ),
    };
    store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
}

/// What was said is there no more.
pub(crate) async fn untold(store: &Store) {
    for sql in ["DELETE FROM messages_in", "DELETE FROM messages_out"] {
        store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
    }
}

/// A booking, a lead, an offer and a place on the waiting list of a tenant, each with this id, about the conversation and the
/// contact of that id.
pub(crate) async fn booked(store: &Store, id: &str, tenant: &str) {
    let at = "2026-05-28T20:00:00.000000Z";
    let sql = format!(
        "INSERT INTO bookings (id, tenant_id, conversation_id, contact_id, service, resource, starts_at, ends_at, free_at, state, \
            correlation_id, created_at, updated_at) \
         VALUES ('{id}', '{tenant}', '{id}', '{id}', 'manucure', 'Awa', '{at}', '{at}', '{at}', 'confirmed', '{id}', '{at}', '{at}'); \
         INSERT INTO leads (id, tenant_id, conversation_id, contact_id, need, urgent, state, source, correlation_id, created_at, \
            updated_at) \
         VALUES ('{id}', '{tenant}', '{id}', '{id}', 'un devis', 0, 'new', 'lead', '{id}', '{at}', '{at}'); \
         INSERT INTO offers (id, tenant_id, conversation_id, contact_id, kind, body, details, state, expires_at, correlation_id, \
            created_at, updated_at) \
         VALUES ('{id}', '{tenant}', '{id}', '{id}', 'ride', 'un taxi', '{{}}', 'open', '{at}', '{id}', '{at}', '{at}'); \
         INSERT INTO waiting_list (id, tenant_id, conversation_id, contact_id, service, from_at, until_at, state, correlation_id, \
            created_at, updated_at) \
         VALUES ('{id}', '{tenant}', '{id}', '{id}', 'manucure', '{at}', '2030-01-01T00:00:00.000000Z', 'waiting', '{id}', '{at}', \
            '{at}')"
    );
    let DatabasePool::SqliteWrites(conn, _) = &store.0.writes else { panic!("a file") };
    conn.execute_unprepared(&sql).await.unwrap();
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("palabre.db").display())
}

impl Subject for Store {
    fn snapshot(&self) -> Pending<'_, Snapshot> {
        Box::pin(snapshot::read(self))
    }

    fn is_shared(&self) -> bool {
        self.0.reads.dialect() == Dialect::Postgres
    }

    fn replay(&self, id: OutboundId, at: Timestamp) -> Pending<'_, ()> {
        Box::pin(snapshot::replay(self, id, at))
    }
}

/// An action of the outbox that the provider did, and what it answered.
pub(crate) async fn action(store: &Store, id: OutboundId, tenant: &str, (state, answer): (&str, &str)) {
    let at = "2026-05-28T20:00:00.000000Z";
    let sql = format!(
        "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
            next_attempt_at, provider_message_id, correlation_id, created_at, updated_at) \
         VALUES ('{id}', '{tenant}', '{tenant}-tg', '{id}', 'telegram:1', '', 'action', '{state}', 1, '{at}', '{answer}', '{id}', \
            '{at}', '{at}')"
    );
    store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
}

/// An action that waited was done.
pub(crate) async fn action_is_done(store: &Store, id: OutboundId, answer: &str) {
    let sql = format!("UPDATE messages_out SET state = 'sent', provider_message_id = '{answer}' WHERE id = '{id}'");
    store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
}

/// An event as whatever happened would write it.
pub(crate) async fn write_event(store: &Store, tenant: &str, event: &str, (kind, entity): (&str, &str)) {
    let (id, at) = (uuid::Uuid::now_v7(), chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
    let sql = format!(
        "INSERT INTO event_log (id, tenant_id, event_type, entity_type, entity_id, correlation_id, actor_type, payload, created_at) \
         VALUES ('{id}', '{tenant}', '{event}', '{kind}', '{entity}', '{id}', 'system', '{{\"reason\": \"asked\"}}', '{at}')"
    );
    store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
}
