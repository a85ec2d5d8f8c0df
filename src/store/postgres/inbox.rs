//! Every SQL text behind the inbox of a tenant, in PostgreSQL's words.

use super::conversations::{blocked, conversation};

/// The columns of a [`crate::store::conversations::InboxRow`], in its order.
macro_rules! row {
    () => {
        concat!("SELECT ", conversation!(), ", c.waiting_since, c.snoozed_until, c.snoozed_at, \
        (SELECT string_agg(l.label, chr(10) ORDER BY l.label) FROM conversation_labels l WHERE l.tenant_id = c.tenant_id AND l.conversation_id = c.id) \
        FROM conversations c LEFT JOIN contacts p ON p.id = c.contact_id WHERE c.tenant_id = $1 ")
    };
}

/// Status, channel, assignee (empty: nobody), handler, label: each may be null. With `$11` also those who wait for anybody; with `$12` blocked ones and no others.
macro_rules! fits {
    () => {
        concat!("AND c.merged_into IS NULL AND ($2::text IS NULL OR c.status = $2) AND ($3::text IS NULL OR c.channel_id = $3) \
        AND ($4::text IS NULL OR coalesce(c.assignee, '') = $4 \
            OR ($11::boolean AND c.assignee IS NULL AND c.waiting_since IS NOT NULL)) AND ($5::text IS NULL OR c.handler = $5) \
        AND ($6::text IS NULL OR EXISTS (SELECT 1 FROM conversation_labels l WHERE l.tenant_id = c.tenant_id \
        AND l.conversation_id = c.id AND l.label = $6)) AND ", blocked!(), " = $12::boolean ")
    };
}

/// Put aside, and the contact has not written since. Now.
macro_rules! snoozed {
    () => {
        "coalesce(c.snoozed_until > $7::timestamptz AND (c.last_inbound_at IS NULL OR c.last_inbound_at <= c.snoozed_at), false)"
    };
}

/// Tenant, what fits, now, after which moment and id, how many, whether those of nobody are meant too, whether blocked ones: those who wait for a person, the longest wait first.
pub(in crate::store) const WAITING: &str = concat!(
    row!(),
    "AND c.waiting_since IS NOT NULL ",
    fits!(),
    "AND NOT ",
    snoozed!(),
    " AND (c.waiting_since, c.id) > ($8::timestamptz, $9::text) ORDER BY c.waiting_since, c.id LIMIT $10"
);

/// Tenant, what fits, now, before which moment and id, how many, whether those of nobody are meant too, whether blocked ones: those who do not wait, the newest first.
pub(in crate::store) const OTHERS: &str = concat!(
    row!(),
    fits!(),
    "AND (c.waiting_since IS NULL OR ",
    snoozed!(),
    ") AND (c.last_message_at, c.id) < ($8::timestamptz, $9::text) ORDER BY c.last_message_at DESC, c.id DESC LIMIT $10"
);

/// Tenant, id; of one that was merged into another, that one.
pub(in crate::store) const ONE: &str =
    concat!(row!(), "AND c.id = (SELECT coalesce(o.merged_into, o.id) FROM conversations o WHERE o.id = $2)");

/// Tenant, assignee, (not used), now: how many wait, and how many of them for that person or for anybody.
pub(in crate::store) const COUNTS: &str = concat!(
    "SELECT count(*), coalesce(sum(CASE WHEN coalesce(c.assignee, $2::text) = $2 THEN 1 ELSE 0 END), 0) FROM conversations c \
        WHERE c.tenant_id = $1 AND c.waiting_since IS NOT NULL AND c.merged_into IS NULL AND NOT ",
    "coalesce(c.snoozed_until > $3::timestamptz AND (c.last_inbound_at IS NULL OR c.last_inbound_at <= c.snoozed_at), false)"
);

/// `[tenant, …]`, assignee, now: of each in which somebody waits, what [`COUNTS`] says.
pub(in crate::store) const COUNTS_OF_TENANTS: &str = concat!(
    "SELECT c.tenant_id, count(*), coalesce(sum(CASE WHEN coalesce(c.assignee, $2::text) = $2 THEN 1 ELSE 0 END), 0) \
        FROM conversations c WHERE c.tenant_id = ANY ($1::text[]) AND c.waiting_since IS NOT NULL AND c.merged_into IS NULL \
        AND NOT ",
    "coalesce(c.snoozed_until > $3::timestamptz AND (c.last_inbound_at IS NULL OR c.last_inbound_at <= c.snoozed_at), false) \
        GROUP BY c.tenant_id"
);

/// `[conversation, …]`, of the search index: the newest message of each, with whether it went out.
pub(in crate::store) const NEWEST_INDEXED: &str = "SELECT j.id, m.message_id, m.outbound FROM unnest($1::text[]) j (id) \
    JOIN LATERAL (SELECT n.message_id, n.outbound FROM search_messages n WHERE n.conversation_id = j.id \
        ORDER BY n.message_id DESC LIMIT 1) m ON true";

/// Position, `[conversation, …]`: the newest message of each that the index may not have.
pub(in crate::store) const NEWEST_INBOUND: &str = "SELECT conversation_id, max(id) FROM messages_in \
    WHERE id > $1 AND conversation_id = ANY ($2::text[]) GROUP BY conversation_id";
pub(in crate::store) const NEWEST_OUTBOUND: &str = "SELECT conversation_id, max(id) FROM messages_out \
    WHERE id > $1 AND conversation_id = ANY ($2::text[]) GROUP BY conversation_id";

/// Tenant, `[id, …]` of messages that came in: id, details.
pub(in crate::store) const INBOUND_DETAILS: &str = "SELECT m.id, m.details FROM unnest($2::text[]) j (value) \
    JOIN messages_in m ON m.id = j.value WHERE m.tenant_id = $1 AND m.details IS NOT NULL";

/// Tenant, `[correlation id, …]`: type, entity, who did it, payload, when.
pub(in crate::store) const FLOW_EVENTS: &str = "SELECT e.event_type, e.entity_id, e.actor_type, e.payload::text, e.created_at \
    FROM event_log e WHERE e.correlation_id = ANY ($2::text[]) AND e.tenant_id = $1 ORDER BY e.created_at, e.id";

/// Tenant, conversation, from which moment until which: as `FLOW_EVENTS`.
pub(in crate::store) const CONVERSATION_EVENTS: &str = "SELECT e.event_type, e.entity_id, e.actor_type, e.payload::text, \
    e.created_at FROM event_log e WHERE e.tenant_id = $1 AND e.entity_id = $2 AND e.entity_type = 'conversation' \
    AND e.created_at >= $3 AND e.created_at <= $4 ORDER BY e.created_at, e.id LIMIT 200";

/// Where the newest event stands.
pub(in crate::store) const FEED_END: &str = "SELECT 0::bigint, now()";

/// Position (not used), moment, tenants, how many: position, id, tenant, type, conversation.
pub(in crate::store) const FEED: &str = "SELECT 0::bigint, e.id, e.tenant_id, e.event_type, CASE e.entity_type \
        WHEN 'conversation' THEN e.entity_id \
        WHEN 'message_in' THEN (SELECT m.conversation_id FROM messages_in m WHERE m.id = e.entity_id) \
        WHEN 'message_out' THEN (SELECT m.conversation_id FROM messages_out m WHERE m.id = e.entity_id) END, e.created_at \
    FROM event_log e WHERE $1::bigint IS NOT NULL AND e.created_at >= $2::timestamptz AND e.tenant_id = ANY ($3::text[]) \
    ORDER BY e.id LIMIT $4";

/// Tenant, from which id, from which moment, how many: the newest events, as `FEED` has them.
pub(in crate::store) const MISSED: &str = "SELECT 0::bigint, e.id, e.tenant_id, e.event_type, CASE e.entity_type \
        WHEN 'conversation' THEN e.entity_id \
        WHEN 'message_in' THEN (SELECT m.conversation_id FROM messages_in m WHERE m.id = e.entity_id) \
        WHEN 'message_out' THEN (SELECT m.conversation_id FROM messages_out m WHERE m.id = e.entity_id) END, e.created_at \
    FROM event_log e WHERE e.tenant_id = $1 AND e.created_at >= $3::timestamptz AND e.id >= $2 ORDER BY e.id LIMIT $4";

/// Tenant, channel, address: a contact's conversation there, by any of their addresses.
pub(in crate::store) const WITH_ADDRESS: &str = "SELECT c.id FROM contact_addresses a JOIN conversations c \
    ON c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id AND c.channel_id = $2 \
    WHERE a.tenant_id = $1 AND a.address = $3";

/// Tenant, id, until, now.
pub(in crate::store) const SNOOZE: &str = "UPDATE conversations SET snoozed_until = $3::timestamptz, snoozed_at = $4::timestamptz WHERE tenant_id = $1 AND id = $2";

/// Tenant, conversation, label, now.
pub(in crate::store) const ADD_LABEL: &str = "INSERT INTO conversation_labels (tenant_id, conversation_id, label, created_at) \
    VALUES ($1, $2, $3, $4::timestamptz) ON CONFLICT DO NOTHING";
pub(in crate::store) const REMOVE_LABEL: &str =
    "DELETE FROM conversation_labels WHERE tenant_id = $1 AND conversation_id = $2 AND label = $3";
/// Tenant: its labels.
pub(in crate::store) const LABELS: &str =
    "SELECT DISTINCT label FROM conversation_labels WHERE tenant_id = $1 ORDER BY label LIMIT 100";

/// Id, tenant, conversation, author, their name, text, now.
pub(in crate::store) const ADD_NOTE: &str = "INSERT INTO notes (id, tenant_id, conversation_id, author, author_name, body, \
    created_at) VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz)";
/// Tenant, conversation: id, author, their name, text, when.
pub(in crate::store) const NOTES: &str = "SELECT id, author, author_name, body, created_at FROM notes \
    WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY id LIMIT 500";

/// Tenant: id, shortcut, text.
pub(in crate::store) const CANNED_REPLIES: &str =
    "SELECT id, shortcut, body FROM canned_replies WHERE tenant_id = $1 ORDER BY shortcut LIMIT 500";
/// Id, tenant, shortcut, text, author, now.
pub(in crate::store) const KEEP_CANNED_REPLY: &str = "INSERT INTO canned_replies (id, tenant_id, shortcut, body, author, \
    created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $6::timestamptz) \
    ON CONFLICT (tenant_id, shortcut) DO UPDATE SET body = excluded.body, author = excluded.author, \
    updated_at = excluded.updated_at";
/// Tenant, id.
pub(in crate::store) const REMOVE_CANNED_REPLY: &str = "DELETE FROM canned_replies WHERE tenant_id = $1 AND id = $2";
