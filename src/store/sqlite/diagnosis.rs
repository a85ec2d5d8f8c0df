//! SQL of the diagnosis of a database, in SQLite's words.

/// Version, journal mode, size in bytes.
pub(in crate::store) const STATE: &str = "SELECT sqlite_version(), (SELECT journal_mode FROM pragma_journal_mode), \
    (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)";

/// Tenants, before which moment: how many messages have no turn, and the oldest of them.
pub(in crate::store) const UNANSWERED: &str = "SELECT count(*), min(created_at) FROM messages_in \
    WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND processed_at IS NULL AND created_at < ?2";

/// Tenants, before which moment: each tenant with messages that were due then and wait, and since when the first is due.
pub(in crate::store) const OLDEST_DUE: &str = "SELECT tenant_id, min(next_attempt_at) FROM messages_out \
    WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND state = 'pending' AND behind = 0 AND next_attempt_at < ?2 GROUP BY tenant_id";
