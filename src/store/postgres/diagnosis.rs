//! SQL of the diagnosis of a database, in PostgreSQL's words.

/// Version, its time, whether it takes no changes, size in bytes, connections in use, connections at most. What other people
/// do on the server is counted as far as this one may see it.
pub(in crate::store) const STATE: &str = "SELECT current_setting('server_version'), clock_timestamp(), \
    pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on', pg_database_size(current_database()), \
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), current_setting('max_connections')::bigint";

/// How many transactions of this database have been open for longer than five minutes, and for how many seconds the longest.
pub(in crate::store) const LONG_TRANSACTIONS: &str = "SELECT count(*), \
    COALESCE(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::bigint FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '5 minutes'";

/// Tenants, before which moment: how many messages have no turn, and the oldest of them.
pub(in crate::store) const UNANSWERED: &str = "SELECT count(*), min(created_at) FROM messages_in \
    WHERE tenant_id = ANY ($1::text[]) AND processed_at IS NULL AND created_at < $2::timestamptz";

/// Tenants, before which moment: each tenant with messages that were due then and wait, and since when the first is due.
pub(in crate::store) const OLDEST_DUE: &str = "SELECT tenant_id, min(next_attempt_at) FROM messages_out \
    WHERE tenant_id = ANY ($1::text[]) AND state = 'pending' AND NOT behind AND next_attempt_at < $2::timestamptz GROUP BY tenant_id";
