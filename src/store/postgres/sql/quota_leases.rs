//! What each node may send of a tenant's day and budget, and what went out of it.

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

/// Tenant. One question after another for each tenant; a client that stands still in the middle of its own holds nobody up
/// for long.
pub(in crate::store) const LOCK_RESERVES: &str = "SELECT set_config('idle_in_transaction_session_timeout', '2s', true), \
    set_config('lock_timeout', '3s', true), pg_advisory_xact_lock(hashtextextended($1, 7305804))::text";

/// Tenant, node, since when it is today, since when this month, now, how many seconds a node may be silent. What went out
/// today (messages, cost), and this month; what may have gone out; what others hold (messages, cost), and how many of them.
/// What a node holds that was silent for longer is nobody's, and goes.
pub(in crate::store) const COUNT_QUOTA_LEASES: &str = concat!(
    "WITH gone AS (DELETE FROM reserves r \
        WHERE r.tenant_id = $1 AND r.node_id <> $2 AND NOT EXISTS (SELECT FROM nodes n WHERE n.id = r.node_id \
            AND n.seen_at > now() - $6::bigint::float8 * interval '1 second') RETURNING r.node_id), \
    sent AS (SELECT coalesce(sum(messages) FILTER (WHERE quarter >= $3::text::timestamptz), 0)::bigint AS day, \
            coalesce(sum(cost_micros) FILTER (WHERE quarter >= $3::text::timestamptz), 0)::bigint AS day_cost, \
            coalesce(sum(messages), 0)::bigint AS month, coalesce(sum(cost_micros), 0)::bigint AS month_cost \
        FROM usage WHERE tenant_id = $1 AND quarter >= $4::text::timestamptz), \
    others AS (SELECT coalesce(sum(messages), 0)::bigint AS messages, \
            coalesce(sum(cost_micros), 0)::bigint AS cost_micros, count(*) AS nodes FROM reserves \
        WHERE tenant_id = $1 AND node_id <> $2 AND node_id NOT IN (SELECT node_id FROM gone)) \
    SELECT sent.day, sent.day_cost, sent.month, sent.month_cost, \
        (SELECT count(*) FROM messages_out WHERE tenant_id = $1 AND state = 'unknown') \
        + (SELECT count(*) FROM messages_out s WHERE s.tenant_id = $1 AND s.lease_until <= $5 AND ",
    leased!("s"),
    "), others.messages, others.cost_micros, others.nodes FROM sent, others"
);

/// Tenant, node, messages, cost, whether it lacks more. What it holds from now on; what others hold is wanted then.
pub(in crate::store) const KEEP_QUOTA_LEASE: &str = "WITH mine AS (INSERT INTO reserves (tenant_id, node_id, messages, \
            cost_micros, wanted, updated_at) VALUES ($1, $2, $3, $4, false, now()) \
        ON CONFLICT (tenant_id, node_id) DO UPDATE SET messages = excluded.messages, \
            cost_micros = excluded.cost_micros, wanted = false, updated_at = excluded.updated_at) \
    UPDATE reserves SET wanted = true WHERE $5 AND tenant_id = $1 AND node_id <> $2 AND NOT wanted \
        AND (messages > 0 OR cost_micros > 0)";

/// Node.
pub(in crate::store) const WANTED_QUOTA_LEASES: &str = "SELECT tenant_id FROM reserves WHERE node_id = $1 AND wanted";

/// Node. It holds nothing any more.
pub(in crate::store) const FORGET_RESERVES: &str = "DELETE FROM reserves WHERE node_id = $1";
