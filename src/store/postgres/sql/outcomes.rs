//! Statements for outcomes and status callbacks.

macro_rules! outbox_rows {
    ($lock:literal) => {
        concat!(
            "SELECT coalesce(json_agg(json_build_array(o.id, o.tenant_id, \
                o.channel_id, o.state, o.attempts, o.next_attempt_at, o.lease_owner, o.lease_until, o.provider_message_id, \
                o.last_error, o.correlation_id, o.sent_at, o.conversation_id, o.life, o.sent_via, o.cost_micros, \
                o.expires_at, o.blocked_reason, 1)), '[]')::text \
            FROM (SELECT m.* FROM unnest($1::text[]) j (id) JOIN messages_out m ON m.id = j.id ORDER BY m.id ",
            $lock,
            ") o"
        )
    };
}

/// `(id)`: locks and reads rows whose outcome or status comes in, packed into one JSON text. The last value is
/// whether others may be blocked behind the row: always true here, because another node may be adding some.
pub(in crate::store) const OUTBOX_ROWS: &str = outbox_rows!("FOR UPDATE OF m");

/// The same without rows that another transaction has locked.
pub(in crate::store) const OUTBOX_ROWS_FREE: &str = outbox_rows!("FOR UPDATE OF m SKIP LOCKED");

/// `(id, tenant, provider id, cost, now, life)`: marks as sent those that are being sent in that life through their own
/// channel and that no other transaction has locked. Returns their positions.
pub(in crate::store) const MARK_SENT: &str = "WITH held AS MATERIALIZED (SELECT m.id, j.provider_message_id, j.cost_micros, \
        j.at, j.place FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], \
            $6::bigint[]) WITH ORDINALITY j (id, tenant_id, provider_message_id, cost_micros, at, life, place) \
        JOIN messages_out m ON m.id = j.id WHERE m.tenant_id = j.tenant_id AND m.state || '' = 'sending' \
            AND m.life = j.life AND m.sent_via IS NULL ORDER BY m.id FOR UPDATE OF m SKIP LOCKED) \
    UPDATE messages_out o SET state = 'sent', provider_message_id = held.provider_message_id, \
        blocked_reason = NULL, last_error = NULL, \
        sent_at = held.at, updated_at = held.at, lease_owner = NULL, lease_until = NULL, \
        cost_micros = o.cost_micros + held.cost_micros \
    FROM held WHERE o.id = held.id RETURNING held.place - 1";

/// Id: what is to be known of a row that failed after its provider had taken it.
pub(in crate::store) const LATE_FAILURE: &str = "SELECT o.state, o.channel_id, o.conversation_id, o.\"to\", o.correlation_id, \
        o.template, o.body, o.attempts, o.life, o.life_since, o.attempts_before, o.created_at, o.expires_at, o.sent_at, o.kind, o.sent_via, \
        EXISTS (SELECT 1 FROM conversations c CROSS JOIN contact_addresses a CROSS JOIN consents y WHERE c.id = o.conversation_id \
            AND a.tenant_id = c.tenant_id AND a.contact_id = c.contact_id AND y.tenant_id = a.tenant_id AND y.address = a.address \
            AND y.what = 'opted_in' AND y.scope = 'all' AND y.created_at > coalesce(o.sent_at, o.created_at)) \
    FROM messages_out o WHERE o.id = $1";

/// `(id, state, due, expires_at or null, blocked_reason or null, last_error, template or null, now)`: begins another
/// generation, whose attempts and age count with those of the one before. The low watermark falls to these rows.
pub(in crate::store) const REQUEUE: &str = "WITH back AS (UPDATE low_watermark SET outbound = least(outbound, \
        (SELECT min(j.id COLLATE \"C\") FROM unnest($1::text[]) j (id))) WHERE one) \
    UPDATE messages_out t SET state = j.state, behind = false, life = t.life + 1, \
        next_attempt_at = j.due, expires_at = j.expires_at, \
        blocked_reason = j.blocked_reason, last_error = j.last_error, template = j.template, \
        provider_message_id = NULL, sent_at = NULL, sent_via = NULL, lease_owner = NULL, lease_until = NULL, \
        updated_at = j.at \
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], \
        $8::timestamptz[]) j (id, state, due, expires_at, blocked_reason, last_error, template, at) WHERE t.id = j.id";

/// The row that a callback without our id is about. Slow: nothing indexes a provider's id here.
pub(in crate::store) const OUTBOX_BY_PROVIDER_ID: &str = "SELECT id FROM messages_out WHERE provider_message_id = $3 \
    AND tenant_id = $1 AND (channel_id = $2 OR sent_via = $2) ORDER BY id DESC LIMIT 1";

/// `(id, state, attempts, next_attempt_at, lease_owner, lease_until, provider id, last_error, sent_at, updated_at,
/// sent_via, cost, expires_at, blocked_reason)`
pub(in crate::store) const OUTBOX_UPDATE: &str = "UPDATE messages_out o SET state = j.state, attempts = j.attempts, \
        next_attempt_at = j.next_attempt_at, lease_owner = j.lease_owner, lease_until = j.lease_until, \
        provider_message_id = j.provider_message_id, last_error = j.last_error, sent_at = j.sent_at, \
        updated_at = j.updated_at, sent_via = j.sent_via, cost_micros = j.cost_micros, expires_at = j.expires_at, \
        blocked_reason = j.blocked_reason \
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[], $6::timestamptz[], $7::text[], \
        $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::bigint[], $13::timestamptz[], \
        $14::text[]) \
        j (id, state, attempts, next_attempt_at, lease_owner, lease_until, provider_message_id, last_error, sent_at, \
        updated_at, sent_via, cost_micros, expires_at, blocked_reason) WHERE o.id = j.id";
