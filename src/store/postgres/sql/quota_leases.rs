//! Statements of quota leases and usage.

use super::leased;

/// Each connection counts in a row of its own.
pub(in crate::store) const USAGE: &str = "INSERT INTO usage AS u (tenant_id, quarter, channel_id, share, messages, \
        cost_micros) \
    SELECT tenant_id, quarter::timestamptz, channel_id, pg_backend_pid() % 64, messages, cost_micros \
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) \
        j (tenant_id, quarter, channel_id, messages, cost_micros) ORDER BY 1, 2, 3 \
    ON CONFLICT (tenant_id, quarter, channel_id, share) DO UPDATE SET messages = u.messages + excluded.messages, \
        cost_micros = u.cost_micros + excluded.cost_micros";

pub(in crate::store) const USAGE_SINCE: &str = "SELECT coalesce(sum(messages), 0)::bigint, \
    coalesce(sum(cost_micros), 0)::bigint FROM usage WHERE tenant_id = $1 AND quarter >= $2::text::timestamptz";

/// Tenant. Locks the tenant's leases; a client that hangs in its transaction holds the lock for two seconds at most.
pub(in crate::store) const LOCK_QUOTA: &str = "SELECT set_config('idle_in_transaction_session_timeout', '2s', true), \
    set_config('lock_timeout', '3s', true), pg_advisory_xact_lock(hashtextextended($1, 7305804))::text";

/// Tenant, node, start of the day, start of the month, now, how many seconds a node may be silent: what was sent
/// today (messages, cost) and this month; what may have been sent; what other nodes hold (messages, cost), and how
/// many hold any. Leases of nodes that were silent for longer are deleted.
pub(in crate::store) const COUNT_QUOTA_LEASES: &str = concat!(
    "WITH gone AS (DELETE FROM quota_leases r \
        WHERE r.tenant_id = $1 AND r.node_id <> $2 AND NOT EXISTS (SELECT FROM nodes n WHERE n.id = r.node_id \
            AND n.seen_at > now() - $6::bigint::float8 * interval '1 second') RETURNING r.node_id), \
    sent AS (SELECT coalesce(sum(messages) FILTER (WHERE quarter >= $3::text::timestamptz), 0)::bigint AS day, \
            coalesce(sum(cost_micros) FILTER (WHERE quarter >= $3::text::timestamptz), 0)::bigint AS day_cost, \
            coalesce(sum(messages), 0)::bigint AS month, coalesce(sum(cost_micros), 0)::bigint AS month_cost \
        FROM usage WHERE tenant_id = $1 AND quarter >= $4::text::timestamptz), \
    others AS (SELECT coalesce(sum(messages), 0)::bigint AS messages, \
            coalesce(sum(cost_micros), 0)::bigint AS cost_micros, count(*) AS nodes FROM quota_leases \
        WHERE tenant_id = $1 AND node_id <> $2 AND node_id NOT IN (SELECT node_id FROM gone)) \
    SELECT sent.day, sent.day_cost, sent.month, sent.month_cost, \
        (SELECT count(*) FROM messages_out WHERE tenant_id = $1 AND state = 'unknown') \
        + (SELECT count(*) FROM messages_out s WHERE s.tenant_id = $1 AND s.lease_until <= $5 AND ",
    leased!("s"),
    "), others.messages, others.cost_micros, others.nodes FROM sent, others"
);

/// Tenant, node, messages, cost, whether it lacks more: stores the node's lease; if it lacks more, the other leases
/// are marked as wanted.
pub(in crate::store) const KEEP_QUOTA_LEASE: &str = "WITH mine AS (INSERT INTO quota_leases (tenant_id, node_id, messages, \
            cost_micros, wanted, updated_at) VALUES ($1, $2, $3, $4, false, now()) \
        ON CONFLICT (tenant_id, node_id) DO UPDATE SET messages = excluded.messages, \
            cost_micros = excluded.cost_micros, wanted = false, updated_at = excluded.updated_at) \
    UPDATE quota_leases SET wanted = true WHERE $5 AND tenant_id = $1 AND node_id <> $2 AND NOT wanted \
        AND (messages > 0 OR cost_micros > 0)";

/// Node.
pub(in crate::store) const WANTED_QUOTA_LEASES: &str =
    "SELECT tenant_id FROM quota_leases WHERE node_id = $1 AND wanted";

/// Node. Deletes its leases.
pub(in crate::store) const DELETE_QUOTA_LEASES: &str = "DELETE FROM quota_leases WHERE node_id = $1";
