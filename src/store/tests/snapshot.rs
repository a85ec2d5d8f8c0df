//! All rows, read back into the types of the conformance suite.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, NodeId, OutboundId, ProviderMessageId};
use palabre_actors::domain::status::Transition;
use palabre_actors::ports::{Outbox, Usage};
use palabre_actors::testing::fakes::{
    ConsentRow, ConversationRow, EventRow, InboundRow, InboundState, LiveSessionRow, OutboundRow, SessionRow, Snapshot,
    TimerRow, UsageRow,
};
use sea_orm::DbErr;

use crate::store::Store;
use crate::store::events::{self, EventReason, Events, OutboundRef};
use crate::store::statement::{Dialect, SqlExecutor, id as id_of, rows as ask, time};
use crate::store::values::Row;

pub(super) async fn read(store: &Store) -> Snapshot {
    Snapshot {
        inbound: rows(store, INBOUND, inbound).await,
        outbound: rows(store, OUTBOUND, outbound).await,
        conversations: rows(store, CONVERSATIONS, conversation).await,
        addresses: rows(store, ADDRESSES, |row| Ok((row.tenant(0)?, row.address(1)?, row.parse(2)?))).await,
        sessions: rows(store, SESSIONS, session).await,
        live_sessions: rows(store, LIVE_SESSIONS, live_session).await,
        timers: rows(store, TIMERS, timer).await,
        opt_outs: rows(store, OPT_OUTS, |row| Ok((row.tenant(0)?, row.address(1)?))).await,
        consents: rows(store, CONSENTS, consent).await,
        welcomed: rows(store, WELCOMED, |row| Ok((row.parse(0)?, row.time(1)?))).await,
        confirmed: rows(store, CONFIRMED, |row| Ok((row.parse(0)?, row.time(1)?))).await,
        usage: rows(store, USAGE, usage).await,
        pauses: store.pauses().await.unwrap(),
        events: rows(store, EVENTS, event).await,
    }
}

/// Rows in the order in which they were written; PostgreSQL's stand in that order while nobody cleans up.
fn for_dialect(store: &Store, sql: &'static str) -> String {
    match store.0.reads.dialect() {
        Dialect::Sqlite => sql.to_owned(),
        Dialect::Postgres => sql.replace("rowid", "ctid").replace('?', "$").replace("payload,", "payload::text,"),
    }
}

async fn rows<T>(store: &Store, sql: &'static str, read: impl Fn(&Row) -> Result<T, DbErr>) -> Vec<T> {
    let rows = ask(&store.0.reads, for_dialect(store, sql), Vec::new()).await.unwrap();
    rows.iter().map(|row| read(row).unwrap()).collect()
}

const INBOUND: &str = "SELECT id, tenant_id, channel_id, provider_message_id, \"from\", \"to\", body, profile_name, \
    details, correlation_id, created_at, state, reason, role, conversation_id, processed_at FROM messages_in ORDER BY id";

fn inbound(row: &Row) -> Result<InboundRow, DbErr> {
    Ok(InboundRow {
        message: row.inbound()?,
        state: match row.get::<String>(11)?.as_str() {
            "accepted" => InboundState::Accepted,
            "processed" => InboundState::Processed,
            other => {
                assert_eq!(other, "dead");
                InboundState::Dead
            }
        },
        reason: row.get(12)?,
        role: row.parse_or_null(13)?,
        conversation: row.parse_or_null(14)?,
        processed_at: row.time_or_null(15)?,
    })
}

const OUTBOUND: &str = "SELECT id, tenant_id, channel_id, conversation_id, in_reply_to, \"to\", body, kind, \
    correlation_id, attempts, created_at, template, urgent, expires_at, life, life_since, attempts_before, \
    action, choices, presentation, next_attempt_at, state, lease_owner, lease_until, provider_message_id, last_error, sent_at, behind, sent_via, \
    cost_micros, idempotency_key, blocked_reason FROM messages_out ORDER BY id";

fn outbound(row: &Row) -> Result<OutboundRow, DbErr> {
    Ok(OutboundRow {
        message: row.outbound()?,
        next_attempt_at: row.time(20)?,
        state: row.parse(21)?,
        lease_owner: row.get::<Option<String>>(22)?.as_deref().map(NodeId::new),
        lease_until: row.time_or_null(23)?,
        provider_message_id: row.get::<Option<String>>(24)?.as_deref().map(ProviderMessageId::new),
        last_error: row.get(25)?,
        sent_at: row.time_or_null(26)?,
        behind: row.get(27)?,
        via: row.get::<Option<String>>(28)?.as_deref().map(ChannelId::new),
        cost_micros: row.get(29)?,
        idempotency_key: row.get(30)?,
        blocked_reason: row.get(31)?,
    })
}

const CONVERSATIONS: &str = "SELECT tenant_id, channel_id, contact_id, id, version, status, handler, session_id, \
    session_opened_at, recent_answers, timer_at, last_inbound_at, assignee, flow, memory, address, merged_into FROM conversations ORDER BY id";

fn conversation(row: &Row) -> Result<ConversationRow, DbErr> {
    Ok(ConversationRow {
        tenant: row.tenant(0)?,
        channel: row.channel(1)?,
        contact: row.parse(2)?,
        address: row.address(15)?,
        conversation: row.conversation()?.unwrap(),
        merged_into: row.parse_or_null(16)?,
    })
}

const ADDRESSES: &str = "SELECT tenant_id, address, contact_id FROM contact_addresses ORDER BY tenant_id, address";

const SESSIONS: &str = "SELECT id, tenant_id, conversation_id, opened_at, closed_at FROM sessions ORDER BY id";

fn session(row: &Row) -> Result<SessionRow, DbErr> {
    Ok(SessionRow {
        id: row.parse(0)?,
        tenant: row.tenant(1)?,
        conversation: row.parse(2)?,
        opened_at: row.time(3)?,
        closed_at: row.time_or_null(4)?,
    })
}

const TIMERS: &str = "SELECT t.tenant_id, c.channel_id, c.address, t.id, t.kind, t.fires_at, t.payload, t.correlation_id, \
    t.created_at, t.conversation_id FROM timers t JOIN conversations c ON c.id = t.conversation_id ORDER BY t.id";

fn timer(row: &Row) -> Result<TimerRow, DbErr> {
    let timer = row.due_timer()?.unwrap().timer;
    Ok(TimerRow { tenant: row.tenant(0)?, conversation: row.parse(9)?, timer })
}

const LIVE_SESSIONS: &str =
    "SELECT id, tenant_id, opened_at, last_message_at, closed_at FROM live_sessions ORDER BY rowid";

fn live_session(row: &Row) -> Result<LiveSessionRow, DbErr> {
    Ok(LiveSessionRow {
        id: row.parse(0)?,
        tenant: row.tenant(1)?,
        opened_at: row.time(2)?,
        last_message_at: row.time(3)?,
        closed_at: row.time_or_null(4)?,
    })
}

const OPT_OUTS: &str = "SELECT tenant_id, address FROM opt_outs ORDER BY rowid";

const CONSENTS: &str = "SELECT tenant_id, channel_id, contact_id, address, \
    what || CASE scope WHEN 'all' THEN '' ELSE ' ' || scope END, source, evidence, created_at \
    FROM consents ORDER BY rowid";

fn consent(row: &Row) -> Result<ConsentRow, DbErr> {
    Ok(ConsentRow {
        tenant: row.tenant(0)?,
        channel: row.get::<Option<String>>(1)?.as_deref().map(ChannelId::new),
        contact: row.parse_or_null(2)?,
        address: row.address(3)?,
        what: row.get(4)?,
        source: row.get(5)?,
        evidence: row.get(6)?,
        created_at: row.time(7)?,
    })
}

const WELCOMED: &str = "SELECT id, welcomed_at FROM contacts WHERE welcomed_at IS NOT NULL ORDER BY id";

const CONFIRMED: &str = "SELECT id, confirmed_at FROM contacts WHERE confirmed_at IS NOT NULL ORDER BY id";

const USAGE: &str = "SELECT tenant_id, quarter, channel_id, CAST(sum(messages) AS bigint), \
    CAST(sum(cost_micros) AS bigint) FROM usage GROUP BY tenant_id, quarter, channel_id \
    ORDER BY tenant_id, quarter, channel_id";

fn usage(row: &Row) -> Result<UsageRow, DbErr> {
    let messages = u64::try_from(row.get::<i64>(3)?).unwrap();
    let usage = Usage { messages, cost_micros: row.get(4)? };
    Ok(UsageRow { tenant: row.tenant(0)?, quarter: row.time(1)?, channel: row.channel(2)?, usage })
}

/// What an operator's replay does.
pub(super) async fn replay(store: &Store, id: OutboundId, at: Timestamp) {
    let sql = "UPDATE messages_out SET state = 'pending', life = life + 1, life_since = ?2, attempts_before = attempts, \
        next_attempt_at = ?2, blocked_reason = NULL, last_error = NULL, provider_message_id = NULL, sent_at = NULL, \
        behind = EXISTS (SELECT 1 FROM messages_out o WHERE o.conversation_id = messages_out.conversation_id \
            AND o.id < messages_out.id AND o.state IN ('pending', 'sending', 'unknown')) \
        WHERE id = ?1 AND state IN ('dead', 'failed', 'cancelled', 'suppressed') RETURNING tenant_id, correlation_id";
    let replayed = ask(&store.0.writes, for_dialect(store, sql), vec![id_of(id), time(at)]).await.unwrap();
    let mut events = Events::none();
    for row in &replayed {
        let tenant = row.tenant(0).unwrap();
        let reference = OutboundRef { tenant: &tenant, message: id, correlation: row.parse(1).unwrap() };
        events.push(&events::outbound(reference, Transition::Replay, EventReason::of("operator"), at));
    }
    events.into_rows().insert(&store.0.writes).await.unwrap();
}

const EVENTS: &str = "SELECT tenant_id, event_type, entity_type, entity_id, correlation_id, actor_type, payload, \
    created_at FROM event_log ORDER BY rowid";

fn event(row: &Row) -> Result<EventRow, DbErr> {
    Ok(EventRow {
        tenant: row.tenant(0)?,
        event_type: row.parse(1)?,
        entity_type: row.parse(2)?,
        entity_id: row.parse_or_null(3)?,
        correlation: row.parse(4)?,
        actor_type: row.parse(5)?,
        payload: serde_json::from_str(&row.get::<String>(6)?).unwrap(),
        created_at: row.time(7)?,
    })
}
