//! Statements of the waiting list.

use super::InsertTable;

pub(in crate::store) const WAITING: InsertTable = InsertTable {
    insert: "INSERT INTO waiting_list (id, tenant_id, conversation_id, contact_id, service, resource, from_at, until_at, from_time, until_time, replaces, state, \
        correlation_id, created_at, updated_at, people) VALUES ",
    columns: 16,
    on_conflict: "",
};

/// `[[tenant, entry, state, now], …]`
pub(in crate::store) const WAITING_STATES: &str = "UPDATE waiting_list SET state = j.state, updated_at = j.at \
    FROM (SELECT value->>0 AS tenant_id, value->>1 AS id, value->>2 AS state, value->>3 AS at FROM jsonb_each(+?1)) j \
    WHERE waiting_list.id = j.id AND waiting_list.tenant_id = j.tenant_id";

/// Tenant, identity, now: who waits, whoever asked first before the others, and whether it is the contact's own.
pub(in crate::store) const WAITING_AGENDA: &str = "SELECT w.id, w.conversation_id, w.service, w.resource, w.from_at, w.until_at, \
        w.from_time, w.until_time, w.replaces, w.state, w.created_at, \
        coalesce(w.contact_id = (SELECT min(a.contact_id) FROM contact_addresses a WHERE a.tenant_id = ?1 AND a.identity = ?2), 0), w.people \
    FROM waiting_list w WHERE w.tenant_id = ?1 AND w.state IN ('waiting', 'offered') AND w.until_at > ?3 \
    ORDER BY w.created_at, w.id LIMIT 500";

/// Tenant, now, entry or null, how many: who waits, with whose it is.
pub(in crate::store) const LIST_WAITING: &str = "SELECT w.id, w.conversation_id, p.name, c.address, w.service, w.resource, w.from_at, \
        w.until_at, w.from_time, w.until_time, w.state, w.created_at \
    FROM waiting_list w LEFT JOIN contacts p ON p.id = w.contact_id AND p.tenant_id = w.tenant_id \
    LEFT JOIN conversations c ON c.id = w.conversation_id AND c.tenant_id = w.tenant_id \
    WHERE w.tenant_id = ?1 AND w.state IN ('waiting', 'offered') AND w.until_at > ?2 \
        AND (?3 IS NULL OR w.id = ?3) \
    ORDER BY w.created_at, w.id LIMIT ?4";

/// Tenant, merged contact, the one that goes on.
pub(in crate::store) const TAKE_WAITING: &str =
    "UPDATE waiting_list SET contact_id = ?3 WHERE tenant_id = ?1 AND contact_id = ?2";

/// Tenant, merged contact, the one that goes on: what came of the conversations of the one.
pub(in crate::store) const GIVE_WAITING: &str = "UPDATE waiting_list SET contact_id = ?2 WHERE tenant_id = ?1 AND contact_id = ?3 \
    AND conversation_id IN (SELECT c.id FROM conversations c WHERE c.tenant_id = ?1 AND c.contact_id = ?2)";

/// Tenant, how many: conversations in which a flow goes on, those that wrote last before the others.
pub(in crate::store) const IN_FLOWS: &str = "SELECT c.id, c.flow, c.handler, c.last_inbound_at, p.name, c.address FROM conversations c \
    LEFT JOIN contacts p ON p.id = c.contact_id AND p.tenant_id = c.tenant_id \
    WHERE c.tenant_id = ?1 AND c.flow IS NOT NULL AND c.merged_into IS NULL ORDER BY c.last_inbound_at DESC, c.id LIMIT ?2";
