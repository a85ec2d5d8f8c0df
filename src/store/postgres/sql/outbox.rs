//! Statements about `messages_out`. None costs more when a million rows wait: claims look at the heads of queues, and
//! maintenance looks at a page of them.

use super::{above_low_watermark, awaits_contact, held, in_queue, leased, quota_exempt, reason, same_phone};

/// Columns as `Row::outbound` reads them.
macro_rules! message {
    () => {
        "t.id, t.tenant_id, t.channel_id, t.conversation_id, t.in_reply_to, t.\"to\", t.body, t.kind, \
        t.correlation_id, t.attempts, t.created_at, t.template, t.urgent, t.expires_at, t.life, t.life_since, \
        t.attempts_before, t.action, t.choices, t.presentation"
    };
}

/// A row that is in its conversation's queue.
macro_rules! open_in_queue {
    ($row:literal) => {
        concat!(above_low_watermark!($row, "outbound"), " AND ", $row, ".state IN ", in_queue!())
    };
}

/// `(tenant, conversation)`: `head`, the first row of each queue.
macro_rules! heads {
    () => {
        concat!(
            "WITH head AS MATERIALIZED (SELECT (SELECT o.id FROM messages_out o WHERE o.tenant_id = j.tenant_id \
                AND o.conversation_id = j.conversation_id AND ",
            open_in_queue!("o"),
            " ORDER BY o.id LIMIT 1) AS id FROM unnest($1::text[], $2::text[]) j (tenant_id, conversation_id))"
        )
    };
}

/// Puts rows that fit (`d`) back into the queue.
macro_rules! release {
    ($so:expr) => {
        concat!(
            "WITH held AS MATERIALIZED (SELECT d.id, j.at \
                FROM unnest($1::text[], $2::text[], $3::timestamptz[]) j (tenant_id, conversation_id, at) \
                CROSS JOIN LATERAL (SELECT d.id FROM messages_out d WHERE d.tenant_id = j.tenant_id \
                    AND d.conversation_id = j.conversation_id AND ",
            above_low_watermark!("d", "outbound"),
            " AND ",
            $so,
            " FOR UPDATE) d) \
            UPDATE messages_out t SET state = 'pending', behind = true, blocked_reason = NULL, last_error = NULL, \
                next_attempt_at = held.at, \
                updated_at = held.at FROM held WHERE t.id = held.id \
            RETURNING t.id, t.tenant_id, t.correlation_id, t.next_attempt_at"
        )
    };
}

/// Most messages: free text without an idempotency key, urgent, that never expires.
pub(in crate::store) const MESSAGES_OUT: &str = "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \
        in_reply_to, \"to\", body, kind, state, attempts, next_attempt_at, lease_owner, lease_until, correlation_id, \
        created_at, updated_at, behind) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], \
        $8::text[], $9::text[], $10::bigint[], $11::timestamptz[], $12::text[], $13::timestamptz[], $14::text[], \
        $15::timestamptz[], $16::timestamptz[], $17::boolean[]) j";

/// Messages with all columns. A key that was used before fails.
pub(in crate::store) const MESSAGES_OUT_FULL: &str = "WITH j AS MATERIALIZED (SELECT * FROM unnest($1::text[], \
        $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], \
        $11::timestamptz[], $12::text[], $13::timestamptz[], $14::text[], $15::timestamptz[], $16::timestamptz[], \
        $17::boolean[], $18::text[], $19::boolean[], $20::timestamptz[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::timestamptz[]) j (id, tenant_id, \
        channel_id, conversation_id, in_reply_to, \"to\", body, kind, state, attempts, next_attempt_at, lease_owner, lease_until, \
        correlation_id, created_at, updated_at, behind, template, urgent, expires_at, idempotency_key, action, \
        choices, presentation, blocked_reason, life_since)), \
    asked AS (INSERT INTO messages_asked (tenant_id, idempotency_key, id) \
        SELECT tenant_id, idempotency_key, id FROM j WHERE idempotency_key IS NOT NULL ORDER BY 1, 2) \
    INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, in_reply_to, \"to\", body, kind, state, \
        attempts, next_attempt_at, lease_owner, lease_until, correlation_id, created_at, updated_at, behind, template, \
        urgent, expires_at, idempotency_key, action, choices, presentation, blocked_reason, life_since) SELECT * FROM j";

/// Tenant, identity, now. Suppresses what no sender has begun, in every conversation with the contact, except for the
/// confirmation of the STOP and for actions, which are no messages.
pub(in crate::store) const SUPPRESS: &str = concat!(
    "WITH held AS MATERIALIZED (SELECT o.id FROM contact_addresses a \
        CROSS JOIN LATERAL (SELECT c.tenant_id, c.id FROM conversations c \
            WHERE c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id OFFSET 0) c \
        CROSS JOIN LATERAL (SELECT w.id FROM messages_out w WHERE w.tenant_id = c.tenant_id \
                AND w.conversation_id = c.id AND w.state IN ",
    in_queue!(),
    " AND w.state = 'pending' \
            UNION ALL SELECT d.id FROM messages_out d WHERE d.tenant_id = c.tenant_id AND d.conversation_id = c.id AND ",
    awaits_contact!("d"),
    " UNION ALL SELECT h.id FROM messages_out h WHERE h.tenant_id = c.tenant_id AND h.conversation_id = c.id AND ",
    held!("h"),
    " OFFSET 0) o \
        WHERE a.tenant_id = $1 AND a.identity = $2 ORDER BY o.id) \
    UPDATE messages_out t SET state = 'suppressed', blocked_reason = NULL, last_error = 'opted_out', updated_at = $3 FROM held \
    WHERE t.id = held.id AND t.state || '' IN ('pending', 'deferred') AND t.kind NOT IN ('opt_out_confirmation', 'action') \
    RETURNING t.id, t.correlation_id, t.conversation_id"
);

/// `(tenant, conversation)`: locks the heads of these queues, so that none leaves before the end of the transaction.
/// Rows that are added behind them are seen by the next transaction that unblocks.
pub(in crate::store) const LOCK_HEADS: &str =
    concat!(heads!(), " SELECT t.id FROM head JOIN messages_out t ON t.id = head.id ORDER BY t.id FOR UPDATE OF t");

/// `(tenant, conversation)`: marks the heads of these queues as not blocked.
pub(in crate::store) const UNBLOCK_HEADS: &str = concat!(
    heads!(),
    " UPDATE messages_out t SET behind = false FROM head \
    WHERE t.id = head.id AND t.state || '' = 'pending' AND t.behind"
);

/// `(tenant, conversation, when)`: puts what waits for these contacts back into the queue.
pub(in crate::store) const RELEASE: &str = release!(awaits_contact!("d"));

/// The same for held rows; for those that are scheduled, when their time has come.
pub(in crate::store) const RELEASE_HELD: &str =
    release!(concat!(held!("d"), " AND (d.blocked_reason <> 'scheduled' OR d.next_attempt_at <= j.at)"));

/// After tenant, now, how many tenants, how many rows of each: tenants with rows that wait for the budget, and the
/// conversations of those rows that are due, first come first; null where none is.
pub(in crate::store) const HELD_PAGE: &str = concat!(
    "WITH RECURSIVE page (tenant_id) AS (SELECT $1::text COLLATE \"C\" \
    UNION ALL SELECT n.tenant_id FROM page p CROSS JOIN LATERAL (\
        SELECT h.tenant_id FROM messages_out h WHERE ",
    held!("h"),
    " AND h.tenant_id > p.tenant_id ORDER BY h.tenant_id LIMIT 1) n) \
    SELECT p.tenant_id, d.conversation_id FROM (SELECT tenant_id FROM page OFFSET 1 LIMIT $3) p \
    LEFT JOIN LATERAL (SELECT h.conversation_id FROM messages_out h WHERE ",
    held!("h"),
    " AND h.tenant_id = p.tenant_id AND h.next_attempt_at <= $2 ORDER BY h.next_attempt_at, h.id LIMIT $4) d ON true"
);

/// Tenant, conversation, the message itself: until when the last row before it waits for the budget.
pub(in crate::store) const HELD_BEFORE: &str = concat!(
    "SELECT h.next_attempt_at FROM messages_out h WHERE ",
    held!("h"),
    " AND h.blocked_reason = 'budget' AND h.tenant_id = $1 AND h.conversation_id = $2 AND h.id < $3 \
    ORDER BY h.id DESC LIMIT 1"
);

/// `(tenant, conversation)`: marks every row of these queues as head or blocked.
pub(in crate::store) const REORDER: &str = concat!(
    "WITH queue AS MATERIALIZED (SELECT o.id, row_number() OVER (PARTITION BY j.tenant_id, j.conversation_id \
            ORDER BY o.id) > 1 AS behind \
        FROM unnest($1::text[], $2::text[]) j (tenant_id, conversation_id) \
        CROSS JOIN LATERAL (SELECT o.id FROM messages_out o WHERE o.tenant_id = j.tenant_id \
            AND o.conversation_id = j.conversation_id AND ",
    open_in_queue!("o"),
    " OFFSET 0) o) \
    UPDATE messages_out t SET behind = t.id <> ALL (ARRAY(SELECT id FROM queue WHERE NOT queue.behind)) \
    WHERE t.id = ANY (ARRAY(SELECT id FROM queue)) AND t.state || '' = 'pending'"
);

/// Tenant, now, node, lease until, limit, channel.
pub(in crate::store) const CLAIM: &str = concat!(
    "WITH head AS MATERIALIZED (SELECT p.id FROM messages_out p WHERE p.tenant_id = $1 AND p.channel_id = $6 \
        AND p.state = 'pending' AND NOT p.behind AND p.next_attempt_at <= $2 AND ",
    above_low_watermark!("p", "outbound"),
    " AND p.id = (SELECT o.id FROM messages_out o WHERE o.tenant_id = p.tenant_id \
            AND o.conversation_id = p.conversation_id AND ",
    open_in_queue!("o"),
    " ORDER BY o.id LIMIT 1) ORDER BY p.next_attempt_at, p.id LIMIT $5 FOR UPDATE OF p SKIP LOCKED) \
    UPDATE messages_out t SET state = 'sending', attempts = t.attempts + 1, lease_owner = $3, lease_until = $4, \
        updated_at = $2 FROM head WHERE t.id = head.id RETURNING ",
    message!()
);

/// The same for channels without order (`keep_order = false`).
pub(in crate::store) const CLAIM_IN_ANY_ORDER: &str = concat!(
    "WITH head AS MATERIALIZED (SELECT p.id FROM messages_out p WHERE p.tenant_id = $1 AND p.channel_id = $6 \
        AND p.state = 'pending' AND NOT p.behind AND p.next_attempt_at <= $2 AND ",
    above_low_watermark!("p", "outbound"),
    " ORDER BY p.next_attempt_at, p.id LIMIT $5 FOR UPDATE OF p SKIP LOCKED) \
    UPDATE messages_out t SET state = 'sending', attempts = t.attempts + 1, lease_owner = $3, lease_until = $4, \
        updated_at = $2 FROM head WHERE t.id = head.id RETURNING ",
    message!()
);

/// The same for kinds that are exempt from quotas. They overtake rows that wait, but not rows that are being sent or
/// are of their own kind.
pub(in crate::store) const CLAIM_QUOTA_EXEMPT: &str = concat!(
    "WITH exempt AS MATERIALIZED (SELECT p.id FROM messages_out p WHERE p.tenant_id = $1 AND p.channel_id = $6 \
        AND p.state = 'pending' AND p.kind IN ",
    quota_exempt!(),
    " AND p.next_attempt_at <= $2 AND (SELECT o.id FROM messages_out o WHERE o.tenant_id = p.tenant_id \
            AND o.conversation_id = p.conversation_id AND o.id < p.id AND o.state IN ",
    in_queue!(),
    " AND (o.state || '' <> 'pending' OR o.kind || '' IN ",
    quota_exempt!(),
    ") ORDER BY o.id LIMIT 1) IS NULL ORDER BY p.next_attempt_at, p.id LIMIT $5 FOR UPDATE OF p SKIP LOCKED) \
    UPDATE messages_out t SET state = 'sending', attempts = t.attempts + 1, lease_owner = $3, lease_until = $4, \
        updated_at = $2 FROM exempt WHERE t.id = exempt.id RETURNING ",
    message!()
);

/// Tenant, channel, now, limit, whether any address will do, whether a text is needed: heads that failed in this
/// generation and wait for another attempt become due now.
pub(in crate::store) const EXPEDITE_RETRIES: &str = concat!(
    "WITH failing AS MATERIALIZED (SELECT p.id FROM messages_out p \
        WHERE p.tenant_id = $1 AND p.channel_id = $2 AND p.state = 'pending' AND NOT p.behind \
        AND p.attempts > p.attempts_before AND p.next_attempt_at > $3 \
        AND ($5 OR (",
    same_phone!("p.\"to\""),
    ") IS NOT NULL) AND ($6 OR p.body <> '') ORDER BY p.next_attempt_at, p.id LIMIT $4 FOR UPDATE OF p SKIP LOCKED) \
    UPDATE messages_out t SET next_attempt_at = $3 FROM failing WHERE t.id = failing.id"
);

/// Now, node, lease until, limit.
pub(in crate::store) const CLAIM_UNKNOWN: &str = concat!(
    "WITH lost AS MATERIALIZED (SELECT u.id FROM messages_out u WHERE u.state = 'unknown' AND u.next_attempt_at <= $1 \
        ORDER BY u.next_attempt_at, u.id LIMIT $4 FOR UPDATE OF u SKIP LOCKED) \
    UPDATE messages_out t SET next_attempt_at = $3, lease_owner = $2, lease_until = $3, updated_at = $1 \
    FROM lost WHERE t.id = lost.id RETURNING ",
    message!()
);

/// Node, now, `(end of a lost lease)`, `(id being sent)`. Other nodes are alive until their leases end.
pub(in crate::store) const EXPIRE_LEASES: &str = concat!(
    "WITH over AS MATERIALIZED (SELECT s.id FROM messages_out s WHERE ",
    leased!("s"),
    " AND (s.lease_until IS NULL OR s.lease_until <= $2 \
                OR (s.lease_owner = $1 AND s.lease_until = ANY ($3))) \
            AND NOT (s.lease_owner = $1 AND s.id = ANY ($4)) \
        FOR UPDATE OF s SKIP LOCKED) \
    UPDATE messages_out t SET state = 'unknown', next_attempt_at = $2, lease_owner = NULL, lease_until = NULL, \
        blocked_reason = NULL, last_error = 'lease_expired', updated_at = $2 FROM over WHERE t.id = over.id \
    RETURNING t.id, t.tenant_id, t.correlation_id, t.attempts"
);

/// For each channel the head that is due first; a recursion steps from channel to channel. And rows of quota-exempt
/// kinds, which are few.
pub(in crate::store) const DUE_OUTBOX: &str = concat!(
    "WITH RECURSIVE channel_head AS (\
    (SELECT tenant_id, channel_id, next_attempt_at FROM messages_out WHERE state = 'pending' AND NOT behind \
        ORDER BY tenant_id, channel_id, next_attempt_at LIMIT 1) \
    UNION ALL SELECT n.tenant_id, n.channel_id, n.next_attempt_at FROM channel_head l CROSS JOIN LATERAL (\
        SELECT o.tenant_id, o.channel_id, o.next_attempt_at FROM messages_out o WHERE o.state = 'pending' \
        AND NOT o.behind AND (o.tenant_id, o.channel_id) > (l.tenant_id, l.channel_id) \
        ORDER BY o.tenant_id, o.channel_id, o.next_attempt_at LIMIT 1) n) \
    SELECT tenant_id, channel_id, min(next_attempt_at) FROM (SELECT * FROM channel_head \
        UNION ALL SELECT d.tenant_id, d.channel_id, min(d.next_attempt_at) FROM messages_out d \
            WHERE d.state = 'pending' AND d.kind IN ",
    quota_exempt!(),
    " GROUP BY 1, 2) due GROUP BY 1, 2"
);

/// Now, limit.
pub(in crate::store) const EXPIRE_DEFERRED: &str = "WITH over AS MATERIALIZED (SELECT d.id FROM messages_out d \
        WHERE d.state = 'deferred' AND d.expires_at IS NOT NULL AND d.expires_at <= $1 ORDER BY d.expires_at LIMIT $2 \
        FOR UPDATE OF d SKIP LOCKED) \
    UPDATE messages_out t SET state = 'dead', blocked_reason = NULL, last_error = 'expired', updated_at = $1 FROM over WHERE t.id = over.id \
    RETURNING t.id, t.tenant_id, t.correlation_id, t.channel_id";

/// After tenant and conversation, limit: conversations whose rows wait for the contact, and whether the contact wrote or
/// confirmed since one of them was due.
pub(in crate::store) const DEFERRED_PAGE: &str = concat!(
    "WITH RECURSIVE page (tenant_id, conversation_id) AS (\
    SELECT $1::text COLLATE \"C\", $2::text COLLATE \"C\" \
    UNION ALL SELECT n.tenant_id, n.conversation_id FROM page p CROSS JOIN LATERAL (\
        SELECT d.tenant_id, d.conversation_id FROM messages_out d WHERE ",
    awaits_contact!("d"),
    " AND (d.tenant_id, d.conversation_id) > (p.tenant_id, p.conversation_id) \
        ORDER BY d.tenant_id, d.conversation_id LIMIT 1) n) \
    SELECT p.tenant_id, p.conversation_id, coalesce((SELECT greatest(c.last_inbound_at, y.confirmed_at) > \
            (SELECT min(d.next_attempt_at) FROM messages_out d WHERE d.tenant_id = p.tenant_id \
                AND d.conversation_id = p.conversation_id AND ",
    awaits_contact!("d"),
    ") \
        FROM conversations c LEFT JOIN LATERAL (SELECT o.confirmed_at FROM contacts o WHERE o.id = c.contact_id OFFSET 0) y \
            ON true WHERE c.id = p.conversation_id), false) \
    FROM page p OFFSET 1 LIMIT $3 - 1"
);

/// After tenant and conversation, limit: queues, and whether the head of each is wrongly marked as blocked.
pub(in crate::store) const QUEUE_PAGE: &str = concat!(
    "WITH RECURSIVE page (tenant_id, conversation_id, astray) AS (\
    SELECT $1::text COLLATE \"C\", $2::text COLLATE \"C\", false \
    UNION ALL SELECT n.tenant_id, n.conversation_id, n.astray FROM page p CROSS JOIN LATERAL (\
        SELECT l.tenant_id, l.conversation_id, l.state = 'pending' AND l.behind AS astray FROM messages_out l \
        WHERE l.state IN ",
    in_queue!(),
    " AND (l.tenant_id, l.conversation_id) > (p.tenant_id, p.conversation_id) \
        ORDER BY l.tenant_id, l.conversation_id, l.id LIMIT 1) n) \
    SELECT tenant_id, conversation_id, astray FROM page OFFSET 1 LIMIT $3 - 1"
);

/// Tenant, the message itself, the first id to look at, `(provider id)`: which of these provider ids other messages
/// own. A provider's id is indexed only for messages that were sent late; any other owner was written shortly before
/// the message or after it, and ids grow with time.
pub(in crate::store) const OWNED_BY_OTHERS: &str = "SELECT o.provider_message_id FROM messages_out o \
    WHERE o.id >= $3 AND o.id <> $2 AND o.tenant_id = $1 AND o.provider_message_id = ANY ($4) \
    UNION SELECT l.provider_message_id FROM unnest($4::text[]) j (id) CROSS JOIN LATERAL (\
        SELECT l.provider_message_id FROM messages_out l WHERE l.provider_message_id = j.id \
        AND l.provider_message_id IS NOT NULL \
        AND coalesce(l.sent_at, l.updated_at) - l.created_at > interval '1 hour' \
        AND l.id <> $2 AND l.tenant_id = $1 OFFSET 0) l";

/// Tenant, the message itself, `(channel)`, `(address)`: whether a duplicate candidate is still being sent or
/// unknown, in the queues of the person's conversations.
pub(in crate::store) const AWAITS_DUPLICATE_CANDIDATE: &str = concat!(
    "SELECT (SELECT true FROM contact_addresses a \
        CROSS JOIN LATERAL (SELECT c.id FROM conversations c WHERE c.tenant_id = a.tenant_id \
            AND c.contact_id = a.contact_id AND c.channel_id = ANY ($3) OFFSET 0) c \
        CROSS JOIN LATERAL (SELECT 1 FROM messages_out o WHERE o.tenant_id = $1 AND o.conversation_id = c.id \
            AND o.id <> $2 AND (o.state = 'sending' OR (o.state = 'unknown' AND o.id < $2)) AND o.state IN ",
    in_queue!(),
    " LIMIT 1) o WHERE a.tenant_id = $1 AND a.address = ANY ($4) LIMIT 1) IS NOT NULL"
);

pub(in crate::store) const ASKED_BEFORE: &str =
    "SELECT id FROM messages_asked WHERE tenant_id = $1 AND idempotency_key = $2";

pub(in crate::store) const PAUSES: &str =
    "SELECT tenant_id, channel_id, reason, until FROM channel_pauses ORDER BY tenant_id, channel_id";

/// Channel, tenant, reason, until, now.
pub(in crate::store) const PAUSE: &str = "INSERT INTO channel_pauses (channel_id, tenant_id, reason, until, updated_at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (channel_id) DO UPDATE SET tenant_id = excluded.tenant_id, \
    reason = excluded.reason, until = excluded.until, updated_at = excluded.updated_at";

/// Channel, tenant, reason, until, now. The last node that posts wins.
pub(in crate::store) const POST_CHANNEL_NOTICE: &str = "INSERT INTO channel_notices (channel_id, tenant_id, reason, until, told_at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (channel_id) DO UPDATE SET tenant_id = excluded.tenant_id, \
    reason = excluded.reason, until = excluded.until, told_at = excluded.told_at";

/// Moves the reasons of rows that nodes of the version before deferred, which knew no `blocked_reason`.
pub(in crate::store) const ADOPT_BLOCKED_REASONS: &str = concat!(
    "WITH earlier AS MATERIALIZED (SELECT d.id FROM messages_out d WHERE ",
    awaits_contact!("d"),
    " AND d.blocked_reason IS NULL AND d.last_error IS NOT NULL AND d.tenant_id > '' \
        ORDER BY d.tenant_id, d.conversation_id, d.id FOR UPDATE OF d SKIP LOCKED) \
    UPDATE messages_out t SET blocked_reason = t.last_error, last_error = NULL \
    WHERE t.id = ANY (ARRAY(SELECT id FROM earlier))"
);

/// Makes rows that wait for another day or month due again: the limits may have changed.
pub(in crate::store) const RESET_QUOTA_WAITS: &str = concat!(
    "WITH used_up AS MATERIALIZED (SELECT p.id FROM messages_out p \
        WHERE p.state = 'pending' AND NOT p.behind AND p.next_attempt_at > p.updated_at \
        AND 'per_day' IN (p.blocked_reason, p.last_error) FOR UPDATE OF p SKIP LOCKED), \
    spent AS MATERIALIZED (SELECT h.id FROM messages_out h WHERE ",
    held!("h"),
    " AND h.blocked_reason = 'budget' AND h.next_attempt_at > h.updated_at ORDER BY h.tenant_id, h.next_attempt_at FOR UPDATE OF h SKIP LOCKED) \
    UPDATE messages_out t SET next_attempt_at = t.updated_at \
    WHERE t.id = ANY (ARRAY(SELECT id FROM used_up UNION ALL SELECT id FROM spent))"
);

/// Id, now, since when a channel notice must have been posted: the reasons why a row is not sent. Kind, the message
/// before it, the state of that one, a reason, until when, how many are before it.
pub(in crate::store) const BLOCKED_REASONS: &str = concat!(
    "WITH w AS MATERIALIZED (SELECT w.* FROM messages_out w WHERE w.id = $1), \
    r AS MATERIALIZED (SELECT w.* FROM w WHERE w.state = 'pending') \
    SELECT 'behind', l.id, l.state, l.reason, NULL::timestamptz, 0::bigint FROM r CROSS JOIN LATERAL (\
        SELECT h.id, h.state, ",
    reason!("h"),
    " AS reason FROM messages_out h WHERE h.tenant_id = r.tenant_id \
            AND h.conversation_id = r.conversation_id AND h.id < r.id AND h.state IN ",
    in_queue!(),
    " ORDER BY h.id LIMIT 1) l WHERE r.behind \
    UNION ALL SELECT 'paused', NULL, NULL, p.reason, p.until, 0 FROM r CROSS JOIN LATERAL (\
        SELECT * FROM channel_pauses p WHERE p.channel_id = r.channel_id AND p.tenant_id = r.tenant_id \
            AND p.until > $2 OFFSET 0) p \
    UNION ALL SELECT 'notice', NULL, NULL, p.reason, p.until, 0 FROM r CROSS JOIN LATERAL (\
        SELECT * FROM channel_notices p WHERE p.channel_id = r.channel_id AND p.tenant_id = r.tenant_id \
            AND p.until > $2 AND p.told_at >= $3 OFFSET 0) p \
    UNION ALL SELECT 'time', NULL, NULL, ",
    reason!("w"),
    ", w.next_attempt_at, 0 FROM w \
        WHERE (w.state = 'pending' OR (",
    held!("w"),
    ")) AND w.next_attempt_at > $2 \
    UNION ALL SELECT 'turn', NULL, NULL, NULL, NULL, (SELECT count(*) FROM (SELECT 1 FROM messages_out f \
            WHERE f.tenant_id = r.tenant_id AND f.channel_id = r.channel_id AND f.state = 'pending' AND NOT f.behind \
            AND (f.next_attempt_at, f.id) < (r.next_attempt_at, r.id) LIMIT 10000) f) FROM r"
);
