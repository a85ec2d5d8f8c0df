//! Every SQL text of events out, in SQLite's words.

/// The columns of a [`crate::store::events_out::EventDelivery`], in its order.
macro_rules! delivery {
    () => {
        "tenant_id, endpoint_id, event_id, event_type, entity_type, entity_id, correlation_id, actor_type, payload, \
        occurred_at, queue, state, attempts, life, life_since, attempts_before, next_attempt_at, last_error, created_at, updated_at"
    };
}

/// Tenant, id, target, events, now. Another target is tried again; an endpoint that said 410 stays disabled otherwise.
pub(in crate::store) const KEEP_ENDPOINT: &str = "INSERT INTO webhook_endpoints (tenant_id, id, target, events, state, \
    created_at, updated_at) VALUES (?1, ?2, ?3, ?4, 'active', ?5, ?5) ON CONFLICT (tenant_id, id) DO UPDATE SET \
    state = CASE WHEN webhook_endpoints.state = 'disabled' AND webhook_endpoints.target = excluded.target \
        THEN 'disabled' ELSE 'active' END, \
    reason = CASE WHEN webhook_endpoints.target = excluded.target THEN webhook_endpoints.reason END, \
    target = excluded.target, events = excluded.events, updated_at = excluded.updated_at \
    WHERE webhook_endpoints.events <> excluded.events OR webhook_endpoints.target <> excluded.target \
        OR webhook_endpoints.state = 'removed'";

/// Tenant and id of those that a file named.
pub(in crate::store) const KEPT_ENDPOINTS: &str =
    "SELECT tenant_id, id FROM webhook_endpoints WHERE state <> 'removed'";

/// Tenant, id, state, reason, now.
pub(in crate::store) const MOVE_ENDPOINT: &str =
    "UPDATE webhook_endpoints SET state = ?3, reason = ?4, updated_at = ?5 WHERE tenant_id = ?1 AND id = ?2";

/// Tenants, id, now: those that were disabled.
pub(in crate::store) const ENABLE_ENDPOINT: &str = "UPDATE webhook_endpoints SET state = 'active', reason = NULL, \
    updated_at = ?3 WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND id = ?2 AND state = 'disabled'";

/// Now: tenant and id of the endpoints that something is due for.
pub(in crate::store) const DUE_ENDPOINTS: &str = "SELECT w.tenant_id, w.id FROM webhook_endpoints w WHERE w.state = 'active' \
    AND EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.endpoint_id = w.id \
        AND d.state = 'pending' AND d.next_attempt_at <= ?1)";

/// Tenants: tenant, id, events, state, reason, how many wait, how many are dead, since when the oldest waits, when one last arrived.
pub(in crate::store) const ENDPOINTS: &str = "SELECT w.tenant_id, w.id, w.events, w.state, w.reason, \
    (SELECT count(*) FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.endpoint_id = w.id AND d.state = 'pending'), \
    (SELECT count(*) FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.endpoint_id = w.id AND d.state = 'dead'), \
    (SELECT min(d.created_at) FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.endpoint_id = w.id \
        AND d.state = 'pending'), \
    (SELECT max(d.updated_at) FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.endpoint_id = w.id \
        AND d.state = 'delivered') \
    FROM webhook_endpoints w WHERE w.tenant_id IN (SELECT value FROM json_each(?1)) AND w.state <> 'removed' ORDER BY w.tenant_id, w.id";

/// Tenant, endpoint, a moment ago, how many: finds the queues of those that have none. A message that came in waits for its turn, which
/// finds its conversation, unless it is older than that moment.
pub(in crate::store) const FIND_QUEUES: &str = "UPDATE webhook_deliveries AS d SET queue = coalesce(CASE d.entity_type WHEN 'conversation' THEN d.entity_id \
        WHEN 'session' THEN (SELECT x.conversation_id FROM sessions x WHERE x.id = d.entity_id) \
        WHEN 'booking' THEN (SELECT x.conversation_id FROM bookings x WHERE x.id = d.entity_id) \
        WHEN 'lead' THEN (SELECT x.conversation_id FROM leads x WHERE x.id = d.entity_id) \
        WHEN 'offer' THEN (SELECT x.conversation_id FROM offers x WHERE x.id = d.entity_id) \
        WHEN 'message_out' THEN (SELECT x.conversation_id FROM messages_out x WHERE x.id = d.entity_id) \
        WHEN 'message_in' THEN (SELECT x.conversation_id FROM messages_in x WHERE x.id = d.entity_id) END, \
        CASE WHEN d.entity_type <> 'message_in' OR d.entity_id IS NULL OR d.created_at < ?3 \
        THEN coalesce(d.entity_id, d.correlation_id) END) \
    WHERE d.tenant_id = ?1 AND d.endpoint_id = ?2 AND d.state = 'pending' AND d.queue IS NULL AND d.event_id IN (\
        SELECT n.event_id FROM webhook_deliveries n WHERE n.tenant_id = ?1 AND n.endpoint_id = ?2 AND n.state = 'pending' \
        AND n.queue IS NULL ORDER BY n.event_id LIMIT ?4)";

/// Tenant, endpoint, now, until when they are leased, how many: the first of each queue that is due.
pub(in crate::store) const CLAIM_DELIVERIES: &str = concat!(
    "UPDATE webhook_deliveries SET attempts = attempts + 1, next_attempt_at = ?4, updated_at = ?3 WHERE tenant_id = ?1 \
        AND endpoint_id = ?2 AND state = 'pending' AND event_id IN (SELECT d.event_id FROM webhook_deliveries d \
        WHERE d.tenant_id = ?1 AND d.endpoint_id = ?2 AND d.state = 'pending' AND d.next_attempt_at <= ?3 \
        AND d.queue IS NOT NULL AND NOT EXISTS (SELECT 1 FROM webhook_deliveries b WHERE b.tenant_id = ?1 AND b.endpoint_id = ?2 \
            AND b.queue = d.queue AND b.state = 'pending' AND (b.created_at, b.event_id) < (d.created_at, d.event_id)) \
        ORDER BY d.next_attempt_at LIMIT ?5) RETURNING ",
    delivery!()
);

/// Tenant, endpoint, event, state, why, when it is tried again (null: not), now.
pub(in crate::store) const SETTLE_DELIVERY: &str = "UPDATE webhook_deliveries SET state = ?4, last_error = ?5, \
    next_attempt_at = coalesce(?6, next_attempt_at), updated_at = ?7 \
    WHERE tenant_id = ?1 AND endpoint_id = ?2 AND event_id = ?3 AND state = 'pending'";

/// Tenant, endpoint, queue, until when: what stands behind the first of a queue waits as long.
pub(in crate::store) const HOLD_QUEUE: &str = "UPDATE webhook_deliveries SET next_attempt_at = ?4 WHERE tenant_id = ?1 \
    AND endpoint_id = ?2 AND queue = ?3 AND state = 'pending' AND next_attempt_at < ?4";

/// Tenant, endpoint, why, now: everything that waits for a disabled endpoint.
pub(in crate::store) const GIVE_UP: &str = "UPDATE webhook_deliveries SET state = 'dead', last_error = ?3, updated_at = ?4 \
    WHERE tenant_id = ?1 AND endpoint_id = ?2 AND state = 'pending'";

/// Tenants, endpoint and state (each may be null), before which event, how many: the newest first.
pub(in crate::store) const DELIVERIES: &str = concat!(
    "SELECT ",
    delivery!(),
    " FROM webhook_deliveries WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR endpoint_id = ?2) \
        AND (?3 IS NULL OR state = ?3) AND event_id < ?4 ORDER BY event_id DESC LIMIT ?5"
);

/// Tenants, endpoint, event (null: all that are dead), since when they were made, now.
pub(in crate::store) const REPLAY_DELIVERIES: &str = "UPDATE webhook_deliveries SET state = 'pending', life = life + 1, \
    life_since = ?5, attempts_before = attempts, next_attempt_at = ?5, updated_at = ?5 \
    WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND endpoint_id = ?2 AND state IN ('dead', 'delivered') \
    AND (event_id = ?3 OR (?3 IS NULL AND state = 'dead' AND created_at >= ?4))";

/// Tenants, those that arrived before then, and those that are dead since before then.
pub(in crate::store) const FORGET_DELIVERIES: &str = "DELETE FROM webhook_deliveries WHERE tenant_id IN (SELECT value FROM json_each(?1)) \
    AND ((state = 'delivered' AND updated_at < ?2) OR (state = 'dead' AND updated_at < ?3))";

/// Tenant, kind of entity, its id: conversation, contact, channel, and of a message from whom, to whom, text.
pub(in crate::store) const EVENT_DETAILS: &str = "SELECT c.id, coalesce(c.contact_id, CASE WHEN e.entity_type = 'contact' \
        THEN e.entity_id END), c.channel_id, i.\"from\", coalesce(i.\"to\", o.\"to\"), coalesce(i.body, o.body) \
    FROM (SELECT ?2 AS entity_type, ?3 AS entity_id) e \
    LEFT JOIN messages_in i ON e.entity_type = 'message_in' AND i.id = e.entity_id AND i.tenant_id = ?1 \
    LEFT JOIN messages_out o ON e.entity_type = 'message_out' AND o.id = e.entity_id AND o.tenant_id = ?1 \
    LEFT JOIN conversations c ON c.tenant_id = ?1 AND c.id = CASE e.entity_type WHEN 'conversation' THEN e.entity_id \
        WHEN 'session' THEN (SELECT x.conversation_id FROM sessions x WHERE x.id = e.entity_id) \
        WHEN 'booking' THEN (SELECT x.conversation_id FROM bookings x WHERE x.id = e.entity_id) \
        WHEN 'lead' THEN (SELECT x.conversation_id FROM leads x WHERE x.id = e.entity_id) \
        WHEN 'offer' THEN (SELECT x.conversation_id FROM offers x WHERE x.id = e.entity_id) \
        WHEN 'message_out' THEN (SELECT x.conversation_id FROM messages_out x WHERE x.id = e.entity_id) \
        WHEN 'message_in' THEN (SELECT x.conversation_id FROM messages_in x WHERE x.id = e.entity_id) END";
