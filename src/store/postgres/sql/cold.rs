//! Statements of the cold paths: configuration, operators' questions, entities.
//!
//! Entities are read with their times as text, as SQLite has them.

/// A time as entities have it.
macro_rules! shown {
    ($column:literal) => {
        concat!("to_char(", $column, " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS ", $column)
    };
}

macro_rules! message_in {
    () => {
        concat!(
            "SELECT id, tenant_id, channel_id, conversation_id, provider_message_id, \"from\", \"to\", body, \
            profile_name, details, role, state, reason, correlation_id, ",
            shown!("created_at"),
            ", ",
            shown!("processed_at"),
            " FROM messages_in "
        )
    };
}

macro_rules! message_out {
    () => {
        concat!(
            "SELECT id, tenant_id, channel_id, conversation_id, in_reply_to, \"to\", body, kind, state, attempts, ",
            shown!("next_attempt_at"),
            ", lease_owner, ",
            shown!("lease_until"),
            ", provider_message_id, blocked_reason, last_error, correlation_id, ",
            shown!("created_at"),
            ", ",
            shown!("sent_at"),
            ", ",
            shown!("updated_at"),
            " FROM messages_out "
        )
    };
}

macro_rules! event {
    () => {
        concat!(
            "SELECT id, tenant_id, event_type, entity_type, entity_id, correlation_id, actor_type, \
            payload::text AS payload, ",
            shown!("created_at"),
            " FROM event_log "
        )
    };
}

pub(in crate::store) const INBOUND_BY_ID: &str = concat!(message_in!(), "WHERE id = $1");
pub(in crate::store) const OUTBOUND_BY_ID: &str = concat!(message_out!(), "WHERE id = $1");
pub(in crate::store) const OUTBOUND_OF_PROVIDER: &str =
    concat!(message_out!(), "WHERE provider_message_id = $1 ORDER BY id LIMIT 1");
/// Tenant or null, state or null, how many.
pub(in crate::store) const OUTBOX: &str = concat!(
    message_out!(),
    "WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR state = $2) ORDER BY id DESC LIMIT $3"
);
/// Tenant, flow.
pub(in crate::store) const FLOW_OUTBOUND: &str =
    concat!(message_out!(), "WHERE tenant_id = $1 AND correlation_id = $2 ORDER BY id");
/// Tenant, flow, from which id to which.
pub(in crate::store) const FLOW_OUTBOUND_NEAR: &str =
    concat!(message_out!(), "WHERE tenant_id = $1 AND correlation_id = $2 AND id BETWEEN $3 AND $4 ORDER BY id");
/// Tenant, flow. Events of one moment stand in the order of their ids.
pub(in crate::store) const FLOW_EVENTS: &str =
    concat!(event!(), "WHERE tenant_id = $1 AND correlation_id = $2 ORDER BY event_log.created_at, id");
/// Tenant, flow, message.
pub(in crate::store) const MESSAGE_EVENTS: &str = concat!(
    event!(),
    "WHERE tenant_id = $1 AND correlation_id = $2 AND entity_id = $3 ORDER BY event_log.created_at, id"
);
/// Tenant, conversation: when its contact last wrote.
pub(in crate::store) const CONTACT_WROTE: &str =
    "SELECT last_inbound_at FROM conversations WHERE tenant_id = $1 AND id = $2";
pub(in crate::store) const ALL_INBOUND: &str = concat!(message_in!(), "ORDER BY id");
pub(in crate::store) const ALL_OUTBOUND: &str = concat!(message_out!(), "ORDER BY id");
pub(in crate::store) const ALL_EVENTS: &str = concat!(event!(), "ORDER BY event_log.created_at, id");

/// Id, name, language, time zone, now.
pub(in crate::store) const SYNC_TENANT: &str = "INSERT INTO tenants AS t (id, name, language, timezone, created_at, \
        updated_at) \
    VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
    language = excluded.language, timezone = excluded.timezone, updated_at = excluded.updated_at \
    WHERE (t.name, t.language, t.timezone) <> (excluded.name, excluded.language, excluded.timezone)";

/// Id, tenant, provider, address, now.
pub(in crate::store) const SYNC_CHANNEL: &str = "INSERT INTO channels AS c (id, tenant_id, provider, address, \
        created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (id) DO UPDATE SET tenant_id = excluded.tenant_id, \
    provider = excluded.provider, address = excluded.address, updated_at = excluded.updated_at \
    WHERE (c.tenant_id, c.provider, c.address) <> (excluded.tenant_id, excluded.provider, excluded.address)";

pub(in crate::store) const STORED_CHANNELS: &str = "SELECT id, provider FROM channels";

pub(in crate::store) const SELLER_PHONES: &str = "SELECT tenant_id, phone_number FROM seller_phones";

pub(in crate::store) const ADD_SELLER_PHONE: &str =
    "INSERT INTO seller_phones (tenant_id, phone_number) VALUES ($1, $2)";

/// By the dedupe keys, channel by channel.
pub(in crate::store) const INBOUND_BY_PROVIDER_ID: &str = "SELECT m.id FROM channels c JOIN messages_once m \
    ON m.tenant_id = c.tenant_id AND m.channel_id = c.id AND m.provider_message_id = $1 \
    WHERE EXISTS (SELECT 1 FROM messages_in i WHERE i.id = m.id) LIMIT 1";

pub(in crate::store) const TENANT_OF_FLOW: &str = "SELECT tenant_id FROM event_log WHERE correlation_id = $1 LIMIT 1";

pub(in crate::store) const COUNTS: &str = "SELECT 'inbound', state, count(*) FROM messages_in GROUP BY state \
    UNION ALL SELECT 'outbound', state, count(*) FROM messages_out GROUP BY state \
    UNION ALL SELECT 'events', event_type, count(*) FROM event_log GROUP BY event_type \
    UNION ALL SELECT 'conversations', '', count(*) FROM conversations \
    UNION ALL SELECT 'opt_outs', '', count(*) FROM opt_outs";

pub(in crate::store) const VERSIONS: &str = "SELECT id, version FROM conversations";

/// Every reference between rows: table, id, tenant, the other table, the other row's tenant.
pub(in crate::store) const LINKS: &str = "\
    SELECT 'messages_in', m.id, m.tenant_id, 'conversations', o.tenant_id FROM messages_in m \
        LEFT JOIN conversations o ON o.id = m.conversation_id WHERE m.conversation_id IS NOT NULL \
    UNION ALL SELECT 'messages_in', m.id, m.tenant_id, 'channels', o.tenant_id FROM messages_in m \
        LEFT JOIN channels o ON o.id = m.channel_id \
    UNION ALL SELECT 'messages_out', m.id, m.tenant_id, 'conversations', o.tenant_id FROM messages_out m \
        LEFT JOIN conversations o ON o.id = m.conversation_id \
    UNION ALL SELECT 'messages_out', m.id, m.tenant_id, 'channels', o.tenant_id FROM messages_out m \
        LEFT JOIN channels o ON o.id = m.channel_id \
    UNION ALL SELECT 'messages_out', m.id, m.tenant_id, 'messages_in', o.tenant_id FROM messages_out m \
        LEFT JOIN messages_in o ON o.id = m.in_reply_to WHERE m.in_reply_to IS NOT NULL \
    UNION ALL SELECT 'conversations', c.id, c.tenant_id, 'contacts', o.tenant_id FROM conversations c \
        LEFT JOIN contacts o ON o.id = c.contact_id \
    UNION ALL SELECT 'conversations', c.id, c.tenant_id, 'channels', o.tenant_id FROM conversations c \
        LEFT JOIN channels o ON o.id = c.channel_id \
    UNION ALL SELECT 'contact_addresses', a.contact_id, a.tenant_id, 'contacts', o.tenant_id \
        FROM contact_addresses a LEFT JOIN contacts o ON o.id = a.contact_id \
    UNION ALL SELECT 'sessions', s.id, s.tenant_id, 'conversations', o.tenant_id FROM sessions s \
        LEFT JOIN conversations o ON o.id = s.conversation_id \
    UNION ALL SELECT 'event_log', e.id, e.tenant_id, e.entity_type, CASE e.entity_type \
        WHEN 'message_in' THEN (SELECT tenant_id FROM messages_in o WHERE o.id = e.entity_id) \
        WHEN 'message_out' THEN (SELECT tenant_id FROM messages_out o WHERE o.id = e.entity_id) \
        WHEN 'conversation' THEN (SELECT tenant_id FROM conversations o WHERE o.id = e.entity_id) \
        WHEN 'session' THEN (SELECT tenant_id FROM sessions o WHERE o.id = e.entity_id) \
        WHEN 'live_session' THEN (SELECT tenant_id FROM live_sessions o WHERE o.id = e.entity_id) \
        WHEN 'subscription' THEN (SELECT tenant_id FROM subscriptions o WHERE o.id = e.entity_id) \
        WHEN 'contact' THEN (SELECT tenant_id FROM contacts o WHERE o.id = e.entity_id) END \
        FROM event_log e WHERE e.entity_id IS NOT NULL";

/// Within how many seconds: every node that is known, and whether it is alive, the oldest first.
pub(in crate::store) const NODES: &str = "SELECT id, started_at, seen_at, \
    seen_at > now() - $1::bigint::float8 * interval '1 second' FROM nodes ORDER BY started_at, id";
/// Node.
pub(in crate::store) const NODE_SEEN: &str = "INSERT INTO nodes (id, started_at, seen_at) VALUES ($1, now(), now()) \
    ON CONFLICT (id) DO UPDATE SET seen_at = now()";
/// Within how many seconds. Also the database's clock, in microseconds since 1970.
pub(in crate::store) const NODES_ALIVE: &str = "SELECT count(*), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint \
    FROM nodes WHERE seen_at > now() - $1::bigint::float8 * interval '1 second'";
/// Node: others that were not seen for a day.
pub(in crate::store) const NODES_FORGET: &str =
    "DELETE FROM nodes WHERE id <> $1 AND seen_at < now() - interval '1 day'";
/// Node.
pub(in crate::store) const NODE_GONE: &str = "DELETE FROM nodes WHERE id = $1";

/// The mark of a move of this installation.
pub(in crate::store) const MOVE_MARK: &str = "SELECT value FROM installation WHERE name = 'move'";
/// A mark.
pub(in crate::store) const KEEP_MOVE_MARK: &str = "INSERT INTO installation (name, value) VALUES ('move', $1) \
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// A text to publish to those who listen.
pub(in crate::store) const NOTIFY: &str = "SELECT pg_notify('palabre', $1)";

/// Id of a message: who wrote it, and what.
pub(in crate::store) const FIRST_FACTS: &str = "SELECT \"from\", body FROM messages_in WHERE id = $1";

/// Tenant and two addresses: a row when they are one contact's.
pub(in crate::store) const ARE_ONE_CONTACT: &str = "SELECT 1 FROM contact_addresses a JOIN contact_addresses b \
    ON b.tenant_id = a.tenant_id AND b.contact_id = a.contact_id \
    WHERE a.tenant_id = $1 AND a.address = $2 AND b.address = $3";

/// How many entries each tenant has, when the last one changed, and how long they are together.
pub(in crate::store) const FAQ_MARKS: &str = "SELECT tenant_id, count(*), max(updated_at)::text, \
        sum(length(question) + length(keywords) + length(about) + length(answer) + 100000 * enabled::int)::bigint \
    FROM faq_entries GROUP BY tenant_id";

/// Tenant.
pub(in crate::store) const FAQ_OF_TENANT: &str = "SELECT id, tenant_id, question, keywords, about, answer, language, enabled, source, updated_at, \
        author FROM faq_entries WHERE tenant_id = $1 ORDER BY created_at, id";

/// Now, how many: notices to the tenant's people that are due.
pub(in crate::store) const DUE_NOTICES: &str = "SELECT id, tenant_id, conversation_id, payload, correlation_id FROM timers \
    WHERE fires_at <= $1::timestamptz AND kind = 'notify' ORDER BY fires_at LIMIT $2";

/// Tenant, id.
pub(in crate::store) const FORGET_NOTICE: &str = "DELETE FROM timers WHERE tenant_id = $1 AND id = $2";
