//! Texts of PostgreSQL that a move alone needs.

/// Whether this connection is the one that moves something here, from now on. A number of our own.
pub(super) const LOCK_TARGET: &str = "SELECT pg_try_advisory_lock(7305802)";

/// What is brought may be old and open.
pub(super) const LOWER_HORIZON: &str = "UPDATE horizon SET inbound = '', outbound = '' WHERE one";

pub(super) const EMPTY_LOG: &str = "TRUNCATE event_log";

/// The clock that ids of inbound messages are made from goes on after the last of them: their first 48 bits are
/// milliseconds.
pub(super) const FOLLOW_ON: &str = "SELECT setval('inbound_ticks', greatest(c.last_value, \
    (('x0000' || replace(left(m.id, 13), '-', ''))::bit(64)::bigint + 1) * 1000)) \
    FROM inbound_ticks c CROSS JOIN (SELECT id FROM messages_in ORDER BY id DESC LIMIT 1) m";

/// The oldest of SQLite's messages: their ids begin with their times.
pub(super) const OLDEST_MESSAGES: [&str; 2] = ["SELECT min(id) FROM messages_in", "SELECT min(id) FROM messages_out"];
pub(super) const OLDEST_EVENT: &str =
    "SELECT created_at FROM event_log WHERE rowid = (SELECT min(rowid) FROM event_log)";

pub(super) const DURABLY: &str = "SET synchronous_commit = on";
