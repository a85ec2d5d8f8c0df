//! SQL of backups, in PostgreSQL's words. What is copied is pg_dump's affair.

/// Now: what was due counts as claimed by a process that is gone.
pub(in crate::store) const SUSPECT_SENDS: &str = "UPDATE messages_out SET state = 'sending', attempts = attempts + 1, \
    lease_owner = 'backup', lease_until = $1::timestamptz, blocked_reason = NULL, updated_at = $1::timestamptz \
    WHERE state = 'pending' AND next_attempt_at <= $1::timestamptz";
