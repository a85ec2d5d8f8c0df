//! PostgreSQL statements that only a move needs.

/// Whether this connection got the lock for moves. The number is our own.
pub(super) const LOCK_TARGET: &str = "SELECT pg_try_advisory_lock(7305802)";

/// Resets the low watermark: what is copied may be old and open.
pub(super) const RESET_LOW_WATERMARK: &str = "UPDATE low_watermark SET inbound = '', outbound = '' WHERE one";

pub(super) const EMPTY_LOG: &str = "TRUNCATE event_log";

/// Sets the id clock after the last inbound message: the first 48 bits of an id are milliseconds.
pub(super) const ADVANCE_ID_CLOCK: &str = "SELECT setval('inbound_ticks', greatest(c.last_value, \
    (('x0000' || replace(left(m.id, 13), '-', ''))::bit(64)::bigint + 1) * 1000)) \
    FROM inbound_ticks c CROSS JOIN (SELECT id FROM messages_in ORDER BY id DESC LIMIT 1) m";

/// SQLite's oldest messages: ids begin with their times.
pub(super) const OLDEST_MESSAGES: [&str; 2] = ["SELECT min(id) FROM messages_in", "SELECT min(id) FROM messages_out"];
pub(super) const OLDEST_EVENT: &str =
    "SELECT created_at FROM event_log WHERE rowid = (SELECT min(rowid) FROM event_log)";

pub(super) const DURABLE: &str = "SET synchronous_commit = on";
