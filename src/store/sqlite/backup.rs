//! SQL of backups, in SQLite's words.

/// A file: a whole copy of the database is written there. Rowids stay, which `VACUUM` alone does not promise: positions are kept by
/// them.
pub(in crate::store) const SNAPSHOT: &str = "VACUUM INTO ?1";

/// Rows that say what is damaged, or `ok`.
pub(in crate::store) const INTEGRITY: &str = "PRAGMA integrity_check";

/// Messages in, messages out, messages without a turn, messages that wait to be sent or may have been.
pub(in crate::store) const SNAPSHOT_COUNTS: &str = "SELECT (SELECT count(*) FROM messages_in), (SELECT count(*) FROM messages_out), \
    (SELECT count(*) FROM messages_in WHERE processed_at IS NULL), \
    (SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending', 'unknown'))";

/// Now: what was due counts as claimed by a process that is gone.
pub(in crate::store) const SUSPECT_SENDS: &str = "UPDATE messages_out SET state = 'sending', attempts = attempts + 1, \
    lease_owner = 'backup', lease_until = ?1, blocked_reason = NULL, updated_at = ?1 \
    WHERE state = 'pending' AND next_attempt_at <= ?1";
