//! Statements about `journals`, and the events that they are written from.

/// Rows of tenant, newest, complete; node, now, until: which journals the node writes, and how far each is. Those of other nodes do
/// not come back.
pub(in crate::store) const LEASE_JOURNALS: &str = "INSERT INTO journals AS j (tenant_id, newest, complete, held_by, held_until, since, updated_at) \
        SELECT t.tenant, t.newest, t.complete, $4, $6, $5, $5 FROM unnest($1::text[], $2::text[], $3::text[]) t (tenant, newest, complete) \
    ON CONFLICT (tenant_id) DO UPDATE SET held_by = excluded.held_by, held_until = excluded.held_until, \
        newest = coalesce(excluded.newest, j.newest), complete = coalesce(excluded.complete, j.complete), updated_at = excluded.updated_at \
        WHERE j.held_by = excluded.held_by OR j.held_until <= excluded.updated_at \
    RETURNING j.tenant_id, j.newest, j.complete";

/// Node. A time long ago.
pub(in crate::store) const RELEASE_JOURNALS: &str = "UPDATE journals SET held_until = 'epoch' WHERE held_by = $1";

/// Ids are positions: nothing to ask.
pub(in crate::store) const JOURNAL_START: &str = "";

/// After which id, up to which, tenants, those of them whose texts are meant, how many: events in the order of their ids, and
/// whether each stands in a journal.
pub(in crate::store) const JOURNAL_PAGE: &str = "SELECT e.id, e.id, e.tenant_id, e.event_type, e.entity_type = 'message_out', e.entity_id, \
        coalesce(i.channel_id, o.channel_id), h.provider, c.contact_id, \
        coalesce((SELECT r.record_id FROM crm_records r WHERE r.tenant_id = e.tenant_id AND r.contact_id = c.contact_id), \
            (SELECT max(l.id) FROM leads l WHERE l.tenant_id = e.tenant_id AND l.contact_id = c.contact_id)), e.correlation_id, \
        e.created_at, e.shown AND coalesce(i.id, o.id) IS NOT NULL, CASE WHEN e.shown THEN coalesce(i.\"from\", h.address) END, \
        CASE WHEN e.shown THEN coalesce(o.\"to\", i.\"to\") END, CASE WHEN e.shown THEN coalesce(i.body, o.body) END, \
        e.wanted AND NOT EXISTS (SELECT 1 FROM event_log f WHERE f.correlation_id = e.correlation_id \
            AND f.entity_id = e.entity_id AND f.event_type = e.event_type AND f.id < e.id) \
    FROM (SELECT *, tenant_id = ANY ($4::text[]) AS shown, \
            tenant_id = ANY ($3::text[]) AND entity_type IN ('message_in', 'message_out') \
                AND entity_id IS NOT NULL AND event_type IN ('webhook_received', 'message_routed', 'message_queued', \
                'message_unknown', 'message_deferred', 'message_cancelled', 'message_sent', 'message_delivered', 'message_read', \
                'message_failed', 'message_dead', 'message_suppressed') AS wanted \
        FROM event_log WHERE id > $1 AND id < $2 ORDER BY id LIMIT $5) e \
    LEFT JOIN messages_in i ON e.wanted AND e.entity_type = 'message_in' AND i.id = e.entity_id \
    LEFT JOIN messages_out o ON e.wanted AND e.entity_type = 'message_out' AND o.id = e.entity_id \
    LEFT JOIN channels h ON h.id = coalesce(i.channel_id, o.channel_id) \
    LEFT JOIN conversations c ON c.id = coalesce(i.conversation_id, o.conversation_id) ORDER BY e.id";

/// Tenant: since when its journal is written.
pub(in crate::store) const JOURNAL_SINCE: &str = "SELECT since FROM journals WHERE tenant_id = $1";

/// Tenant, from, until: what its journal has to say of that time.
pub(in crate::store) const JOURNAL_OF: &str = "SELECT message_id, event, created_at FROM message_events \
    WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3";
