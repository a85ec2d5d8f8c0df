//! SQL of broadcasts for PostgreSQL.

use crate::store::same_phone::same_phone;

/// Columns of a broadcast as they are read.
macro_rules! broadcast {
    () => {
        "id, tenant_id, channel_id, label, seen_since, body, template, per_minute, budget_micros, state, reason, started_by, created_at, \
        updated_at"
    };
}

/// Tenant (`$1`), channel (`$2`), label or null (`$3`), seen since or null (`$4`): conversations (`c`) of a segment.
macro_rules! segment {
    () => {
        "conversations c WHERE c.tenant_id = $1 AND c.channel_id = $2 AND c.merged_into IS NULL \
        AND (c.memory IS NULL OR c.memory NOT LIKE '%\"blocked_at\"%') \
        AND ($3::text IS NULL OR EXISTS (SELECT 1 FROM conversation_labels l WHERE l.tenant_id = c.tenant_id \
            AND l.conversation_id = c.id AND l.label = $3)) \
        AND ($4::timestamptz IS NULL OR c.last_inbound_at >= $4)"
    };
}

/// Whether somebody of a conversation (`c`) said STOP, by any of their addresses.
macro_rules! said_stop {
    () => {
        "EXISTS (SELECT 1 FROM contact_addresses a JOIN opt_outs o ON o.tenant_id = a.tenant_id AND o.identity = a.identity \
            WHERE a.tenant_id = c.tenant_id AND a.contact_id = c.contact_id)"
    };
}

/// Whether the last that somebody of a conversation (`c`) said of marketing, by any of their addresses, is that they do not want it
/// (`STOPPED_MARKETING` of a whole page).
macro_rules! stopped_marketing {
    () => {
        concat!(
            "coalesce((SELECT s.what = 'opted_out' FROM consents s WHERE s.tenant_id = c.tenant_id AND s.address = ANY (ARRAY(\
                SELECT a.address FROM contact_addresses a WHERE a.tenant_id = c.tenant_id AND a.contact_id = c.contact_id \
                UNION ALL SELECT ",
            same_phone!("a.address"),
            " FROM contact_addresses a WHERE a.tenant_id = c.tenant_id AND a.contact_id = c.contact_id)) \
                AND (s.scope = 'marketing' OR s.what = 'opted_in') ORDER BY s.id DESC LIMIT 1), false)"
        )
    };
}

/// Whether somebody of a conversation (`c`) confirmed that they want to be written to.
macro_rules! confirmed {
    () => {
        "EXISTS (SELECT 1 FROM contacts y WHERE y.id = c.contact_id AND y.confirmed_at IS NOT NULL)"
    };
}

/// Tenant, channel, label, seen since, after which conversation, how many.
pub(in crate::store) const SEGMENT_PAGE: &str = concat!(
    "SELECT c.id, c.address, c.last_inbound_at, ",
    said_stop!(),
    ", ",
    stopped_marketing!(),
    ", ",
    confirmed!(),
    " FROM ",
    segment!(),
    " AND c.id > $5 ORDER BY c.id LIMIT $6"
);

/// Tenant, channel, label, seen since, broadcast, now.
pub(in crate::store) const FILL_BROADCAST: &str = concat!(
    "INSERT INTO broadcast_recipients (tenant_id, broadcast_id, conversation_id, state, updated_at) \
    SELECT c.tenant_id, $5::text, c.id, 'waiting', $6::timestamptz FROM ",
    segment!(),
    " ON CONFLICT (tenant_id, broadcast_id, conversation_id) DO NOTHING"
);

/// Id, tenant, channel, label, seen since, body, template, per minute, budget, who, now.
pub(in crate::store) const START_BROADCAST: &str = "INSERT INTO broadcasts (id, tenant_id, channel_id, label, seen_since, body, \
    template, per_minute, budget_micros, state, started_by, next_at, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', $10, $11, $11, $11)";

/// Now: whether one is due.
pub(in crate::store) const DUE_BROADCASTS: &str =
    "SELECT id FROM broadcasts WHERE state = 'running' AND next_at <= $1 LIMIT 1";

/// Now, until when nobody else takes them.
pub(in crate::store) const CLAIM_BROADCASTS: &str =
    concat!("UPDATE broadcasts SET next_at = $2 WHERE state = 'running' AND next_at <= $1 RETURNING ", broadcast!());

/// Tenant, broadcast, when it goes on.
pub(in crate::store) const REST_BROADCAST: &str =
    "UPDATE broadcasts SET next_at = $3 WHERE tenant_id = $1 AND id = $2 AND state = 'running'";

/// Tenant, broadcast, state, reason or null, now.
pub(in crate::store) const END_BROADCAST: &str = "UPDATE broadcasts SET state = $3, reason = $4, updated_at = $5 \
    WHERE tenant_id = $1 AND id = $2 AND state = 'running'";

/// Tenant, broadcast, how many: who waits, with how they are reached.
pub(in crate::store) const WAITING_RECIPIENTS: &str = concat!(
    "SELECT c.id, c.address, c.last_inbound_at, ",
    said_stop!(),
    ", ",
    stopped_marketing!(),
    ", ",
    confirmed!(),
    " FROM broadcast_recipients r JOIN conversations c ON c.id = r.conversation_id AND c.tenant_id = r.tenant_id \
    WHERE r.tenant_id = $1 AND r.broadcast_id = $2 AND r.state = 'waiting' ORDER BY r.conversation_id LIMIT $3"
);

/// Tenant, broadcast, conversation, state, reason or null, message or null, now.
pub(in crate::store) const SETTLE_RECIPIENT: &str = "UPDATE broadcast_recipients SET state = $4, reason = $5, message_id = $6, \
    updated_at = $7 WHERE tenant_id = $1 AND broadcast_id = $2 AND conversation_id = $3 AND state = 'waiting'";

/// Tenant, broadcast, now: those whose conversation is gone, or was merged into another's, are not written to.
pub(in crate::store) const DROP_GONE_RECIPIENTS: &str = "UPDATE broadcast_recipients SET state = 'refused', reason = 'gone', \
    updated_at = $3 WHERE tenant_id = $1 AND broadcast_id = $2 AND state = 'waiting' AND NOT EXISTS (SELECT 1 FROM conversations c \
        WHERE c.id = broadcast_recipients.conversation_id AND c.tenant_id = $1 AND c.merged_into IS NULL)";

/// Tenant, broadcast or null, before which id or null, how many: the newest first.
pub(in crate::store) const LIST_BROADCASTS: &str = concat!(
    "SELECT ",
    broadcast!(),
    " FROM broadcasts WHERE tenant_id = $1 AND ($2::text IS NULL OR id = $2) AND ($3::text IS NULL OR id < $3) ORDER BY id DESC LIMIT $4"
);

/// Tenant, broadcast: how many recipients are in each state, for each reason, with their messages in each state; and what those cost.
pub(in crate::store) const BROADCAST_REPORT: &str = "SELECT r.state, coalesce(r.reason, o.blocked_reason, \
        CASE WHEN o.state IN ('dead', 'failed', 'suppressed') THEN o.last_error END), o.state, count(*), coalesce(sum(o.cost_micros), 0)::bigint \
    FROM broadcast_recipients r LEFT JOIN messages_out o ON o.id = r.message_id AND o.tenant_id = r.tenant_id \
    WHERE r.tenant_id = $1 AND r.broadcast_id = $2 GROUP BY 1, 2, 3 ORDER BY 1, 3, 2";

/// Tenant, broadcast: how many were written to.
pub(in crate::store) const BROADCAST_ASKED: &str =
    "SELECT count(*) FROM broadcast_recipients WHERE tenant_id = $1 AND broadcast_id = $2 AND state = 'asked'";

/// Tenant, broadcast, how many: its messages that have not left.
pub(in crate::store) const UNSENT_OF_BROADCAST: &str = "SELECT o.id FROM broadcast_recipients r JOIN messages_out o \
    ON o.id = r.message_id AND o.tenant_id = r.tenant_id \
    WHERE r.tenant_id = $1 AND r.broadcast_id = $2 AND o.state IN ('pending', 'deferred') ORDER BY o.id LIMIT $3";
