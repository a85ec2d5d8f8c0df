//! Statements for outcomes and status callbacks.

use super::in_queue;

/// `[id, …]`: reads rows whose outcome or status comes in, packed into one JSON text, because a row of a result costs
/// more than a row of a list. The last value is whether others are blocked behind the row.
pub(in crate::store) const OUTBOX_ROWS: &str = concat!(
    "SELECT json_group_array(json_array(o.id, o.tenant_id, o.channel_id, o.state, o.attempts, o.next_attempt_at, \
    o.lease_owner, o.lease_until, o.provider_message_id, o.last_error, o.correlation_id, o.sent_at, o.conversation_id, \
    o.life, o.sent_via, o.cost_micros, o.expires_at, o.blocked_reason, EXISTS (SELECT 1 FROM messages_out l \
        WHERE l.tenant_id = o.tenant_id AND l.conversation_id = o.conversation_id AND l.id > o.id AND l.state IN ",
    in_queue!(),
    "))) FROM json_each(+?1) j CROSS JOIN messages_out o ON o.id = j.value"
);

/// The same: there is one writer.
pub(in crate::store) const OUTBOX_ROWS_FREE: &str = OUTBOX_ROWS;

/// Not needed: reading a row first costs a file next to nothing.
pub(in crate::store) const MARK_SENT: &str = "";

/// Id: what is to be known of a row that failed after its provider had taken it.
pub(in crate::store) const LATE_FAILURE: &str = "SELECT o.state, o.channel_id, o.conversation_id, o.\"to\", o.correlation_id, \
        o.template, o.body, o.attempts, o.life, o.life_since, o.attempts_before, o.created_at, o.expires_at, o.sent_at, o.kind, o.sent_via, \
        EXISTS (SELECT 1 FROM conversations c CROSS JOIN contact_addresses a CROSS JOIN consents y WHERE c.id = o.conversation_id \
            AND a.tenant_id = c.tenant_id AND a.contact_id = c.contact_id AND y.tenant_id = a.tenant_id AND y.address = a.address \
            AND y.what = 'opted_in' AND y.scope = 'all' AND y.created_at > coalesce(o.sent_at, o.created_at)) \
    FROM messages_out o WHERE o.id = ?1";

/// `[[id, state, due, expires_at or null, blocked_reason or null, last_error, template or null, now], …]`: begins another
/// generation, whose attempts and age count with those of the one before.
pub(in crate::store) const REQUEUE: &str = "UPDATE messages_out SET state = j.value->>1, behind = 0, life = life + 1, \
    next_attempt_at = j.value->>2, expires_at = j.value->>3, \
    blocked_reason = j.value->>4, last_error = j.value->>5, template = j.value->>6, \
    provider_message_id = NULL, sent_at = NULL, sent_via = NULL, lease_owner = NULL, lease_until = NULL, \
    updated_at = j.value->>7 FROM jsonb_each(+?1) j WHERE messages_out.id = j.value->>0";

/// The row that a callback without our id is about. Slow: nothing indexes a provider's id here.
pub(in crate::store) const OUTBOX_BY_PROVIDER_ID: &str = "SELECT id FROM messages_out WHERE provider_message_id = ?3 \
    AND tenant_id = ?1 AND (channel_id = ?2 OR sent_via = ?2) ORDER BY id DESC LIMIT 1";

/// `[[id, state, attempts, next_attempt_at, lease_owner, lease_until, provider id, last_error, sent_at, updated_at,
/// sent_via, cost, expires_at, blocked_reason], …]`
pub(in crate::store) const OUTBOX_UPDATE: &str = "UPDATE messages_out SET state = j.value->>1, \
    attempts = j.value->>2, next_attempt_at = j.value->>3, lease_owner = j.value->>4, lease_until = j.value->>5, \
    provider_message_id = j.value->>6, last_error = j.value->>7, sent_at = j.value->>8, updated_at = j.value->>9, \
    sent_via = j.value->>10, cost_micros = j.value->>11, expires_at = j.value->>12, \
    blocked_reason = j.value->>13 \
    FROM jsonb_each(+?1) j WHERE messages_out.id = j.value->>0";
