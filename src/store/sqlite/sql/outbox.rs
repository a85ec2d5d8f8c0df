//! Statements about `messages_out`. None costs more when a million rows wait: claims look at the heads of queues, and
//! maintenance looks at a page of them.

use super::{InsertTable, awaits_contact, held, in_queue, quota_exempt, reason, same_phone};

/// Columns as `Row::outbound` reads them.
macro_rules! message {
    () => {
        "id, tenant_id, channel_id, conversation_id, in_reply_to, \"to\", body, kind, correlation_id, attempts, \
        created_at, template, urgent, expires_at, life, life_since, attempts_before, action, choices, presentation"
    };
}

/// Most messages: free text without an idempotency key, urgent, that never expires.
pub(in crate::store) const MESSAGES_OUT: InsertTable = InsertTable {
    insert: "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, in_reply_to, \"to\", body, kind, \
        state, attempts, next_attempt_at, lease_owner, lease_until, correlation_id, created_at, updated_at, behind) \
        VALUES ",
    columns: 17,
    on_conflict: "",
};

/// Messages with all columns.
pub(in crate::store) const MESSAGES_OUT_FULL: InsertTable = InsertTable {
    insert: "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, in_reply_to, \"to\", body, kind, \
        state, attempts, next_attempt_at, lease_owner, lease_until, correlation_id, created_at, updated_at, behind, \
        template, urgent, expires_at, idempotency_key, action, choices, presentation, blocked_reason, life_since) VALUES ",
    columns: 26,
    on_conflict: "",
};

pub(in crate::store) const USAGE: InsertTable = InsertTable {
    insert: "INSERT INTO usage (tenant_id, quarter, channel_id, messages, cost_micros) VALUES ",
    columns: 5,
    on_conflict: " ON CONFLICT (tenant_id, quarter, channel_id) DO UPDATE SET messages = messages + excluded.messages, \
        cost_micros = cost_micros + excluded.cost_micros",
};

/// Tenant, identity, now. Suppresses what no sender has begun, in every conversation with the contact, except for the
/// confirmation of the STOP and for actions, which are no messages.
pub(in crate::store) const SUPPRESS: &str = concat!(
    "UPDATE messages_out SET state = 'suppressed', blocked_reason = NULL, last_error = 'opted_out', updated_at = ?3 WHERE id IN (\
    SELECT o.id FROM contact_addresses a \
        CROSS JOIN conversations c ON c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id \
        CROSS JOIN messages_out o ON o.tenant_id = c.tenant_id AND o.conversation_id = c.id AND o.state IN ",
    in_queue!(),
    " AND o.state = 'pending' WHERE a.tenant_id = ?1 AND a.identity = ?2 \
    UNION ALL SELECT o.id FROM contact_addresses a \
        CROSS JOIN conversations c ON c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id \
        CROSS JOIN messages_out o ON o.tenant_id = c.tenant_id AND o.conversation_id = c.id AND ",
    awaits_contact!("o"),
    " WHERE a.tenant_id = ?1 AND a.identity = ?2 \
    UNION ALL SELECT o.id FROM contact_addresses a \
        CROSS JOIN conversations c ON c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id \
        CROSS JOIN messages_out o ON o.tenant_id = c.tenant_id AND o.conversation_id = c.id AND ",
    held!("o"),
    " WHERE a.tenant_id = ?1 AND a.identity = ?2) \
    AND kind NOT IN ('opt_out_confirmation', 'action') RETURNING id, correlation_id, conversation_id"
);

/// Not needed: there is one writer.
pub(in crate::store) const LOCK_HEADS: &str = "";

/// `[[tenant, conversation], …]`: marks the heads of these queues as not blocked.
pub(in crate::store) const UNBLOCK_HEADS: &str = concat!(
    "UPDATE messages_out SET behind = 0 WHERE id IN (SELECT (SELECT min(o.id) FROM messages_out o \
        WHERE o.tenant_id = j.value->>0 AND o.conversation_id = j.value->>1 AND o.state IN ",
    in_queue!(),
    ") FROM jsonb_each(+?1) j) AND state = 'pending' AND behind = 1"
);

/// `[[tenant, conversation, when], …]`: puts what waits for these contacts back into the queue.
pub(in crate::store) const RELEASE: &str = concat!(
    "UPDATE messages_out SET state = 'pending', behind = 1, blocked_reason = NULL, last_error = NULL, \
    next_attempt_at = j.value->>2, updated_at = j.value->>2 FROM jsonb_each(+?1) j \
    WHERE messages_out.tenant_id = j.value->>0 AND messages_out.conversation_id = j.value->>1 AND ",
    awaits_contact!("messages_out"),
    " RETURNING id, tenant_id, correlation_id, next_attempt_at"
);

/// The same for held rows; for those that are scheduled, when their time has come.
pub(in crate::store) const RELEASE_HELD: &str = concat!(
    "UPDATE messages_out SET state = 'pending', behind = 1, blocked_reason = NULL, last_error = NULL, \
    next_attempt_at = j.value->>2, updated_at = j.value->>2 FROM jsonb_each(+?1) j \
    WHERE messages_out.tenant_id = j.value->>0 AND messages_out.conversation_id = j.value->>1 AND ",
    held!("messages_out"),
    " AND (messages_out.blocked_reason <> 'scheduled' OR messages_out.next_attempt_at <= j.value->>2) RETURNING id, tenant_id, correlation_id, next_attempt_at"
);

/// After tenant, now, how many tenants, how many rows of each: tenants with rows that wait for the budget, and the
/// conversations of those rows that are due, first come first; null where none is.
pub(in crate::store) const HELD_PAGE: &str = concat!(
    "WITH RECURSIVE page (tenant_id) AS (\
    SELECT ?1 UNION ALL SELECT (SELECT h.tenant_id FROM messages_out h INDEXED BY messages_out_held \
        WHERE ",
    held!("h"),
    " AND h.tenant_id > page.tenant_id ORDER BY h.tenant_id LIMIT 1) FROM page WHERE tenant_id IS NOT NULL LIMIT ?3 + 1) \
    SELECT page.tenant_id, j.value FROM page LEFT JOIN json_each((SELECT json_group_array(d.conversation_id) FROM (\
        SELECT h.conversation_id FROM messages_out h INDEXED BY messages_out_held WHERE ",
    held!("h"),
    " AND h.tenant_id = page.tenant_id AND h.next_attempt_at <= ?2 ORDER BY h.next_attempt_at, h.id LIMIT ?4) d)) j \
    WHERE page.tenant_id > ?1"
);

/// Tenant, conversation, the message itself: until when the last row before it waits for the budget.
pub(in crate::store) const HELD_BEFORE: &str = concat!(
    "SELECT h.next_attempt_at FROM messages_out h INDEXED BY messages_out_held_line WHERE ",
    held!("h"),
    " AND h.blocked_reason = 'budget' AND h.tenant_id = ?1 AND h.conversation_id = ?2 AND h.id < ?3 \
    ORDER BY h.id DESC LIMIT 1"
);

/// `[[tenant, conversation, …], …]`: marks every row of these queues as head or blocked.
pub(in crate::store) const REORDER: &str = concat!(
    "UPDATE messages_out SET behind = (id <> (SELECT min(h.id) FROM messages_out h \
        WHERE h.tenant_id = messages_out.tenant_id AND h.conversation_id = messages_out.conversation_id \
        AND h.state IN ",
    in_queue!(),
    ")) WHERE id IN (SELECT o.id FROM jsonb_each(+?1) j CROSS JOIN messages_out o \
        ON o.tenant_id = j.value->>0 AND o.conversation_id = j.value->>1 AND o.state IN ",
    in_queue!(),
    " AND o.state = 'pending')"
);

/// Tenant, now, node, lease until, limit, channel.
pub(in crate::store) const CLAIM: &str = concat!(
    "UPDATE messages_out SET state = 'sending', attempts = attempts + 1, lease_owner = ?3, lease_until = ?4, \
    updated_at = ?2 WHERE id IN (SELECT p.id FROM messages_out p INDEXED BY messages_out_heads \
        WHERE p.tenant_id = ?1 AND p.channel_id = ?6 AND p.state = 'pending' AND p.behind = 0 \
        AND p.next_attempt_at <= ?2 AND NOT EXISTS (SELECT 1 FROM messages_out o WHERE o.tenant_id = p.tenant_id \
            AND o.conversation_id = p.conversation_id AND o.id < p.id AND o.state IN ",
    in_queue!(),
    ") ORDER BY p.next_attempt_at, p.id LIMIT ?5) RETURNING ",
    message!()
);

/// The same for channels without order (`keep_order = false`).
pub(in crate::store) const CLAIM_IN_ANY_ORDER: &str = concat!(
    "UPDATE messages_out SET state = 'sending', attempts = attempts + 1, lease_owner = ?3, lease_until = ?4, \
    updated_at = ?2 WHERE id IN (SELECT p.id FROM messages_out p INDEXED BY messages_out_heads \
        WHERE p.tenant_id = ?1 AND p.channel_id = ?6 AND p.state = 'pending' AND p.behind = 0 \
        AND p.next_attempt_at <= ?2 ORDER BY p.next_attempt_at, p.id LIMIT ?5) RETURNING ",
    message!()
);

/// The same for kinds that are exempt from quotas. They overtake rows that wait, but not rows that are being sent or
/// are of their own kind.
pub(in crate::store) const CLAIM_QUOTA_EXEMPT: &str = concat!(
    "UPDATE messages_out SET state = 'sending', attempts = attempts + 1, lease_owner = ?3, lease_until = ?4, \
    updated_at = ?2 WHERE id IN (SELECT p.id FROM messages_out p INDEXED BY messages_out_duties \
        WHERE p.tenant_id = ?1 AND p.channel_id = ?6 AND p.state = 'pending' AND p.kind IN ",
    quota_exempt!(),
    " AND p.next_attempt_at <= ?2 AND NOT EXISTS (SELECT 1 FROM messages_out o WHERE o.tenant_id = p.tenant_id \
            AND o.conversation_id = p.conversation_id AND o.id < p.id AND o.state IN ",
    in_queue!(),
    " AND (o.state <> 'pending' OR o.kind IN ",
    quota_exempt!(),
    ")) ORDER BY p.next_attempt_at, p.id LIMIT ?5) RETURNING ",
    message!()
);

/// Tenant, channel, now, limit, whether any address will do, whether a text is needed: heads that failed in this
/// generation and wait for another attempt become due now.
pub(in crate::store) const EXPEDITE_RETRIES: &str = concat!(
    "UPDATE messages_out SET next_attempt_at = ?3 WHERE id IN (\
        SELECT p.id FROM messages_out p INDEXED BY messages_out_failing \
        WHERE p.tenant_id = ?1 AND p.channel_id = ?2 AND p.state = 'pending' AND p.behind = 0 \
        AND p.attempts > p.attempts_before AND p.next_attempt_at > ?3 \
        AND (?5 OR (",
    same_phone!("p.\"to\""),
    ") IS NOT NULL) AND (?6 OR p.body <> '') ORDER BY p.next_attempt_at, p.id LIMIT ?4)"
);

/// Now, node, lease until, limit.
pub(in crate::store) const CLAIM_UNKNOWN: &str = concat!(
    "UPDATE messages_out SET next_attempt_at = ?3, lease_owner = ?2, lease_until = ?3, updated_at = ?1 \
    WHERE id IN (SELECT u.id FROM messages_out u INDEXED BY messages_out_unknown \
        WHERE u.state = 'unknown' AND u.next_attempt_at <= ?1 ORDER BY u.next_attempt_at, u.id LIMIT ?4) RETURNING ",
    message!()
);

/// Node, now, `(end of a lost lease)`, `(id being sent)`. Reads the rows that are being sent, which are as many as
/// there are send permits.
pub(in crate::store) const EXPIRE_LEASES: &str = "UPDATE messages_out SET state = 'unknown', next_attempt_at = ?2, \
    lease_owner = NULL, lease_until = NULL, blocked_reason = NULL, last_error = 'lease_expired', updated_at = ?2 \
    WHERE id IN (SELECT s.id FROM messages_out s INDEXED BY messages_out_leased WHERE s.state = 'sending' \
        AND (s.lease_owner IS NOT ?1 OR ((s.lease_until IS NULL OR s.lease_until <= ?2 \
                OR s.lease_until IN (SELECT value FROM json_each(+?3))) \
            AND s.id NOT IN (SELECT value FROM json_each(+?4))))) \
    RETURNING id, tenant_id, correlation_id, attempts";

/// Ends the reconciler leases of an earlier process: its unknown rows are due again.
pub(in crate::store) const RELEASE_RECONCILER_LEASES: &str = "UPDATE messages_out SET next_attempt_at = updated_at, \
    lease_owner = NULL, lease_until = NULL WHERE id IN (SELECT u.id FROM messages_out u INDEXED BY messages_out_unknown \
        WHERE u.state = 'unknown' AND u.lease_owner IS NOT NULL)";

/// For each channel the head that is due first; a recursion steps from channel to channel. And rows of quota-exempt
/// kinds, which are few.
pub(in crate::store) const DUE_OUTBOX: &str = concat!(
    "WITH RECURSIVE channel_head (head) AS (\
    SELECT json_array('', '', NULL) UNION ALL SELECT coalesce(\
        (SELECT json_array(o.tenant_id, o.channel_id, o.next_attempt_at) \
            FROM messages_out o INDEXED BY messages_out_heads \
            WHERE o.state = 'pending' AND o.behind = 0 AND o.tenant_id = head->>0 AND o.channel_id > head->>1 \
            ORDER BY o.channel_id, o.next_attempt_at LIMIT 1), \
        (SELECT json_array(o.tenant_id, o.channel_id, o.next_attempt_at) \
            FROM messages_out o INDEXED BY messages_out_heads \
            WHERE o.state = 'pending' AND o.behind = 0 AND o.tenant_id > head->>0 \
            ORDER BY o.tenant_id, o.channel_id, o.next_attempt_at LIMIT 1)) \
    FROM channel_head WHERE head IS NOT NULL) \
    SELECT tenant_id, channel_id, min(at) FROM (\
        SELECT head->>0 AS tenant_id, head->>1 AS channel_id, head->>2 AS at FROM channel_head WHERE head->>2 IS NOT NULL \
        UNION ALL SELECT d.tenant_id, d.channel_id, min(d.next_attempt_at) \
            FROM messages_out d INDEXED BY messages_out_duties WHERE d.state = 'pending' AND d.kind IN ",
    quota_exempt!(),
    " GROUP BY d.tenant_id, d.channel_id) GROUP BY 1, 2"
);

/// Now, limit.
pub(in crate::store) const EXPIRE_DEFERRED: &str = "UPDATE messages_out SET state = 'dead', blocked_reason = NULL, last_error = 'expired', \
    updated_at = ?1 WHERE id IN (SELECT d.id FROM messages_out d INDEXED BY messages_out_expiring \
        WHERE d.state = 'deferred' AND d.expires_at IS NOT NULL AND d.expires_at <= ?1 ORDER BY d.expires_at LIMIT ?2) \
    RETURNING id, tenant_id, correlation_id, channel_id";

/// After tenant and conversation, limit: conversations whose rows wait for the contact, and whether the contact wrote or
/// confirmed since one of them was due.
pub(in crate::store) const DEFERRED_PAGE: &str = concat!(
    "WITH RECURSIVE page (head) AS (\
    SELECT json_array(?1, ?2, NULL) UNION ALL SELECT coalesce(\
        (SELECT json_array(d.tenant_id, d.conversation_id, 1) FROM messages_out d INDEXED BY messages_out_deferred \
            WHERE ",
    awaits_contact!("d"),
    " AND d.tenant_id = head->>0 AND d.conversation_id > head->>1 \
            ORDER BY d.conversation_id LIMIT 1), \
        (SELECT json_array(d.tenant_id, d.conversation_id, 1) FROM messages_out d INDEXED BY messages_out_deferred \
            WHERE ",
    awaits_contact!("d"),
    " AND d.tenant_id > head->>0 ORDER BY d.tenant_id, d.conversation_id LIMIT 1)) \
    FROM page WHERE head IS NOT NULL LIMIT ?3) \
    SELECT head->>0, head->>1, EXISTS (SELECT 1 FROM conversations c \
        CROSS JOIN messages_out d ON ",
    awaits_contact!("d"),
    " AND d.tenant_id = c.tenant_id AND d.conversation_id = c.id \
        WHERE c.id = head->>1 \
        AND max(coalesce(c.last_inbound_at, ''), coalesce((SELECT y.confirmed_at FROM contacts y \
            WHERE y.id = c.contact_id), '')) > d.next_attempt_at) \
    FROM page WHERE head->>2 IS NOT NULL"
);

/// After tenant and conversation, limit: queues, and whether the head of each is wrongly marked as blocked.
pub(in crate::store) const QUEUE_PAGE: &str = concat!(
    "WITH RECURSIVE page (head) AS (\
    SELECT json_array(?1, ?2, NULL) UNION ALL SELECT coalesce(\
        (SELECT json_array(l.tenant_id, l.conversation_id, l.state = 'pending' AND l.behind = 1) \
            FROM messages_out l INDEXED BY messages_out_line WHERE l.state IN ",
    in_queue!(),
    " AND l.tenant_id = head->>0 AND l.conversation_id > head->>1 ORDER BY l.conversation_id, l.id LIMIT 1), \
        (SELECT json_array(l.tenant_id, l.conversation_id, l.state = 'pending' AND l.behind = 1) \
            FROM messages_out l INDEXED BY messages_out_line WHERE l.state IN ",
    in_queue!(),
    " AND l.tenant_id > head->>0 ORDER BY l.tenant_id, l.conversation_id, l.id LIMIT 1)) \
    FROM page WHERE head IS NOT NULL LIMIT ?3) \
    SELECT head->>0, head->>1, head->>2 FROM page WHERE head->>2 IS NOT NULL"
);

/// Tenant, the message itself, the first id to look at, `[provider id, …]`: which of these provider ids other
/// messages own. A provider's id is indexed only for messages that were sent late; any other owner was written
/// shortly before the message or after it, and ids grow with time.
pub(in crate::store) const OWNED_BY_OTHERS: &str = "SELECT o.provider_message_id FROM messages_out o \
    WHERE o.id >= ?3 AND o.id <> ?2 AND o.tenant_id = ?1 \
    AND o.provider_message_id IN (SELECT value FROM json_each(+?4)) \
    UNION SELECT l.provider_message_id FROM messages_out l INDEXED BY messages_out_late \
    WHERE l.provider_message_id IN (SELECT value FROM json_each(+?4)) AND l.provider_message_id IS NOT NULL \
    AND substr(coalesce(l.sent_at, l.updated_at), 1, 13) <> substr(l.created_at, 1, 13) \
    AND l.id <> ?2 AND l.tenant_id = ?1";

/// Tenant, the message itself, `[channel, …]`, `[address, …]`: whether a duplicate candidate is still being sent, or
/// unknown and before it in the queues of the person's conversations.
pub(in crate::store) const AWAITS_DUPLICATE_CANDIDATE: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM messages_out s INDEXED BY messages_out_leased WHERE s.state = 'sending' \
        AND s.tenant_id = ?1 AND s.id <> ?2 AND s.channel_id IN (SELECT value FROM json_each(+?3)) \
        AND s.\"to\" IN (SELECT value FROM json_each(+?4))) \
    OR EXISTS (SELECT 1 FROM json_each(+?4) j \
        CROSS JOIN contact_addresses a ON a.tenant_id = ?1 AND a.address = j.value \
        CROSS JOIN conversations c ON c.tenant_id = ?1 AND c.contact_id = a.contact_id \
        CROSS JOIN messages_out u INDEXED BY messages_out_line ON u.tenant_id = ?1 AND u.conversation_id = c.id \
            AND u.id < ?2 AND u.state = 'unknown' AND u.state IN ",
    in_queue!(),
    " WHERE c.channel_id IN (SELECT value FROM json_each(+?3)))"
);

pub(in crate::store) const USAGE_SINCE: &str = "SELECT coalesce(sum(messages), 0), coalesce(sum(cost_micros), 0) \
    FROM usage WHERE tenant_id = ?1 AND quarter >= ?2";

pub(in crate::store) const ASKED_BEFORE: &str =
    "SELECT id FROM messages_out WHERE tenant_id = ?1 AND idempotency_key = ?2";

pub(in crate::store) const PAUSES: &str =
    "SELECT tenant_id, channel_id, reason, until FROM channel_pauses ORDER BY tenant_id, channel_id";

/// Channel, tenant, reason, until, now.
pub(in crate::store) const PAUSE: &str = "INSERT INTO channel_pauses (channel_id, tenant_id, reason, until, updated_at) \
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (channel_id) DO UPDATE SET tenant_id = excluded.tenant_id, \
    reason = excluded.reason, until = excluded.until, updated_at = excluded.updated_at";

/// Channel, tenant, reason, until, now.
pub(in crate::store) const POST_CHANNEL_NOTICE: &str = "INSERT INTO channel_notices (channel_id, tenant_id, reason, until, told_at) \
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (channel_id) DO UPDATE SET tenant_id = excluded.tenant_id, \
    reason = excluded.reason, until = excluded.until, told_at = excluded.told_at";

/// Deletes the channel notices of an earlier process.
pub(in crate::store) const CLEAR_CHANNEL_NOTICES: &str = "DELETE FROM channel_notices";

/// Makes rows that wait for another day or month due again: the limits may have changed.
pub(in crate::store) const RESET_QUOTA_WAITS: &str = concat!(
    "UPDATE messages_out SET next_attempt_at = updated_at \
    WHERE id IN (SELECT p.id FROM messages_out p INDEXED BY messages_out_heads \
        WHERE p.state = 'pending' AND p.behind = 0 AND p.next_attempt_at > p.updated_at \
        AND p.blocked_reason = 'per_day' \
    UNION ALL SELECT h.id FROM messages_out h INDEXED BY messages_out_held WHERE ",
    held!("h"),
    " AND h.blocked_reason = 'budget' AND h.next_attempt_at > h.updated_at)"
);

/// Id, now, since when a channel notice must have been posted: the reasons why a row is not sent. Kind, the message
/// before it, the state of that one, a reason, until when, how many are before it.
pub(in crate::store) const BLOCKED_REASONS: &str = concat!(
    "SELECT 'behind', l.id, l.state, ",
    reason!("l"),
    ", NULL, 0 FROM messages_out r CROSS JOIN messages_out l ON l.id = (\
        SELECT min(h.id) FROM messages_out h WHERE h.tenant_id = r.tenant_id \
            AND h.conversation_id = r.conversation_id AND h.id < r.id AND h.state IN ",
    in_queue!(),
    ") WHERE r.id = ?1 AND r.state = 'pending' AND r.behind = 1 \
    UNION ALL SELECT 'paused', NULL, NULL, p.reason, p.until, 0 FROM messages_out r CROSS JOIN channel_pauses p \
        ON p.channel_id = r.channel_id AND p.tenant_id = r.tenant_id AND p.until > ?2 \
        WHERE r.id = ?1 AND r.state = 'pending' \
    UNION ALL SELECT 'notice', NULL, NULL, p.reason, p.until, 0 FROM messages_out r CROSS JOIN channel_notices p \
        ON p.channel_id = r.channel_id AND p.tenant_id = r.tenant_id AND p.until > ?2 AND p.told_at >= ?3 \
        WHERE r.id = ?1 AND r.state = 'pending' \
    UNION ALL SELECT 'time', NULL, NULL, ",
    reason!("r"),
    ", r.next_attempt_at, 0 FROM messages_out r \
        WHERE r.id = ?1 AND (r.state = 'pending' OR (",
    held!("r"),
    ")) AND r.next_attempt_at > ?2 \
    UNION ALL SELECT 'turn', NULL, NULL, NULL, NULL, (SELECT count(*) FROM (SELECT 1 FROM messages_out f \
            INDEXED BY messages_out_heads WHERE f.tenant_id = r.tenant_id AND f.channel_id = r.channel_id \
            AND f.state = 'pending' AND f.behind = 0 AND (f.next_attempt_at, f.id) < (r.next_attempt_at, r.id) \
            LIMIT 10000)) FROM messages_out r WHERE r.id = ?1 AND r.state = 'pending'"
);
