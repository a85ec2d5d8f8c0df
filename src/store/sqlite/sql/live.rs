//! Statements of live sessions and their orders.

use super::InsertTable;

pub(in crate::store) const ORDER_LINES: InsertTable = InsertTable {
    insert: "INSERT INTO order_lines (id, tenant_id, live_session_id, conversation_id, contact_id, reference, size, quantity, \
        state, correlation_id, created_at, updated_at) VALUES ",
    columns: 12,
    on_conflict: "",
};

/// `[[tenant, line, state, now], …]`
pub(in crate::store) const ORDER_STATES: &str = "UPDATE order_lines SET state = j.state, updated_at = j.at \
    FROM (SELECT value->>0 AS tenant_id, value->>1 AS id, value->>2 AS state, value->>3 AS at FROM jsonb_each(+?1)) j \
    WHERE order_lines.id = j.id AND order_lines.tenant_id = j.tenant_id";

/// Tenant, session, now.
pub(in crate::store) const PAUSE_LIVE: &str = "UPDATE live_sessions SET paused_at = coalesce(paused_at, ?3) \
    WHERE tenant_id = ?1 AND id = ?2 AND closed_at IS NULL";

/// Tenant, session.
pub(in crate::store) const RESUME_LIVE: &str =
    "UPDATE live_sessions SET paused_at = NULL WHERE tenant_id = ?1 AND id = ?2 AND closed_at IS NULL";

/// Tenant, session, now, people who wrote, people without an answer.
pub(in crate::store) const CLOSE_LIVE: &str = "UPDATE live_sessions SET closed_at = ?3, clients = ?4, unanswered = ?5 \
    WHERE tenant_id = ?1 AND id = ?2 AND closed_at IS NULL";

/// Tenant.
pub(in crate::store) const OPEN_LIVE: &str = "SELECT l.id, l.opened_at, l.paused_at IS NOT NULL FROM live_sessions l \
    WHERE l.tenant_id = ?1 AND l.closed_at IS NULL";

/// Tenant, session, conversation or null.
pub(in crate::store) const LIVE_LINES: &str = "SELECT o.id, o.conversation_id, o.reference, o.size, o.quantity \
    FROM order_lines o WHERE o.tenant_id = ?1 AND o.live_session_id = ?2 AND o.state = 'noted' \
        AND (?3 IS NULL OR o.conversation_id = ?3) ORDER BY o.id";

/// Tenant, since, how many: who wrote since then.
pub(in crate::store) const LIVE_CLIENTS: &str = "SELECT c.id, c.address, p.name, c.memory, \
        coalesce((SELECT s.what = 'opted_out' FROM consents s WHERE s.tenant_id = ?1 AND s.address = c.address \
            AND s.scope = 'marketing' ORDER BY s.id DESC LIMIT 1), 0) \
    FROM conversations c LEFT JOIN contacts p ON p.id = c.contact_id AND p.tenant_id = c.tenant_id \
    WHERE c.tenant_id = ?1 AND c.last_message_at >= ?2 AND c.last_inbound_at >= ?2 AND c.merged_into IS NULL \
    ORDER BY c.id LIMIT ?3";

/// Tenant, id or null, opened before that or null, how many: the newest first.
pub(in crate::store) const LIST_LIVE: &str = "SELECT l.id, l.opened_at, l.last_message_at, l.paused_at, l.closed_at, l.clients, \
        l.unanswered, coalesce((SELECT sum(o.quantity) FROM order_lines o WHERE o.tenant_id = ?1 AND o.live_session_id = l.id \
            AND o.state = 'noted'), 0), \
        (SELECT count(DISTINCT o.contact_id) FROM order_lines o WHERE o.tenant_id = ?1 AND o.live_session_id = l.id \
            AND o.state = 'noted') \
    FROM live_sessions l WHERE l.tenant_id = ?1 AND (?2 IS NULL OR l.id = ?2) AND (?3 IS NULL OR l.opened_at < ?3) \
    ORDER BY l.opened_at DESC, l.id LIMIT ?4";

/// Tenant, session or null, how many: the newest first.
pub(in crate::store) const LIST_ORDERS: &str = "SELECT o.id, o.live_session_id, o.conversation_id, o.contact_id, p.name, \
        c.address, o.reference, o.size, o.quantity, o.state, o.created_at \
    FROM order_lines o LEFT JOIN contacts p ON p.id = o.contact_id AND p.tenant_id = o.tenant_id \
    LEFT JOIN conversations c ON c.id = o.conversation_id AND c.tenant_id = o.tenant_id \
    WHERE o.tenant_id = ?1 AND (?2 IS NULL OR o.live_session_id = ?2) ORDER BY o.id DESC LIMIT ?3";

/// Opens the tenant's live session or prolongs the open one; returns its id.
pub(in crate::store) const KEEP_LIVE: &str = "INSERT INTO live_sessions (id, tenant_id, opened_at, last_message_at) \
    VALUES (?1, ?2, ?3, ?3) ON CONFLICT (tenant_id) WHERE closed_at IS NULL \
    DO UPDATE SET last_message_at = max(last_message_at, excluded.last_message_at) RETURNING id";

pub(in crate::store) const CLOSE_IDLE_LIVE: &str = "UPDATE live_sessions SET closed_at = ?3 \
    WHERE tenant_id = ?1 AND closed_at IS NULL AND last_message_at < ?2 RETURNING id";
