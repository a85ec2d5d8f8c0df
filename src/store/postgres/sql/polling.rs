//! Statements about `poll_cursors`.

/// Tenant, channel, node, now, until when. Nothing comes back while another node has the lease.
pub(in crate::store) const LEASE_POLLING: &str = "INSERT INTO poll_cursors AS c (tenant_id, channel_id, held_by, held_until, updated_at) VALUES ($1, $2, $3, $5, $4) \
    ON CONFLICT (tenant_id, channel_id) DO UPDATE SET held_by = excluded.held_by, held_until = excluded.held_until \
    WHERE c.held_by = excluded.held_by OR c.held_until <= $4 RETURNING c.position";

/// Tenant, channel, node, position, now.
pub(in crate::store) const ADVANCE_POLLING: &str = "UPDATE poll_cursors SET position = $4, updated_at = $5 \
    WHERE tenant_id = $1 AND channel_id = $2 AND held_by = $3";

/// Node. A time long ago.
pub(in crate::store) const RELEASE_POLLING: &str = "UPDATE poll_cursors SET held_until = 'epoch' WHERE held_by = $1";
