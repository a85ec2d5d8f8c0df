//! All rows, read back into the types of the conformance suite.

use palabre_actors::domain::ids::NodeId;
use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::testing::fakes::{
    ConversationRow, EventRow, InboundRow, InboundState, LiveSessionRow, OutboundRow, SessionRow, Snapshot,
};
use sea_orm::DbErr;

use crate::store::Store;
use crate::store::values::{Row, all};

pub(super) async fn read(store: &Store) -> Snapshot {
    Snapshot {
        inbound: rows(store, INBOUND, inbound).await,
        outbound: rows(store, OUTBOUND, outbound).await,
        conversations: rows(store, CONVERSATIONS, conversation).await,
        addresses: rows(store, ADDRESSES, |row| Ok((row.tenant(0)?, row.address(1)?, row.parse(2)?))).await,
        sessions: rows(store, SESSIONS, session).await,
        live_sessions: rows(store, LIVE_SESSIONS, live_session).await,
        opt_outs: rows(store, OPT_OUTS, |row| Ok((row.tenant(0)?, row.address(1)?))).await,
        events: rows(store, EVENTS, event).await,
    }
}

async fn rows<T>(store: &Store, sql: &'static str, read: impl Fn(&Row) -> Result<T, DbErr>) -> Vec<T> {
    let rows = all(&store.0.reads, sql, []).await.unwrap();
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
    correlation_id, attempts, created_at, next_attempt_at, state, lease_owner, lease_until, provider_message_id, \
    last_error, sent_at FROM messages_out ORDER BY id";

fn outbound(row: &Row) -> Result<OutboundRow, DbErr> {
    Ok(OutboundRow {
        message: row.outbound()?,
        next_attempt_at: row.time(11)?,
        state: row.parse(12)?,
        lease_owner: row.get::<Option<String>>(13)?.as_deref().map(NodeId::new),
        lease_until: row.time_or_null(14)?,
        provider_message_id: row.get::<Option<String>>(15)?.as_deref().map(ProviderMessageId::new),
        last_error: row.get(16)?,
        sent_at: row.time_or_null(17)?,
    })
}

const CONVERSATIONS: &str = "SELECT tenant_id, channel_id, contact_id, id, version, status, handler, session_id, \
    session_opened_at, recent_answers, timer_at, last_inbound_at, address FROM conversations ORDER BY id";

fn conversation(row: &Row) -> Result<ConversationRow, DbErr> {
    Ok(ConversationRow {
        tenant: row.tenant(0)?,
        channel: row.channel(1)?,
        contact: row.parse(2)?,
        address: row.address(12)?,
        conversation: row.conversation()?.unwrap(),
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
