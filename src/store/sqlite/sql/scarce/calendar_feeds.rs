//! Statements of busy times from other calendars.

/// Whose each calendar is, what for, and where it stands.
pub(in crate::store) const CALENDAR_FEEDS: &str = "SELECT tenant_id, source, resource, attempts, last_error, fetched_at, next_fetch_at \
    FROM calendar_feeds ORDER BY tenant_id, source";

/// Tenant: resource and busy times of each calendar.
pub(in crate::store) const CALENDAR_BUSY: &str =
    "SELECT resource, busy FROM calendar_feeds WHERE tenant_id = ?1 AND fetched_at IS NOT NULL";

/// Tenant, source, resource, now.
pub(in crate::store) const ADD_CALENDAR: &str = "INSERT INTO calendar_feeds (tenant_id, source, resource, busy, attempts, next_fetch_at) \
    VALUES (?1, ?2, ?3, '[]', 0, ?4) ON CONFLICT (tenant_id, source) DO NOTHING";

/// Tenant, source, now, until: taken until then, if it is due.
pub(in crate::store) const CLAIM_CALENDAR: &str = "UPDATE calendar_feeds SET next_fetch_at = ?4 \
    WHERE tenant_id = ?1 AND source = ?2 AND next_fetch_at <= ?3";

/// Tenant, source, busy times, now, next.
pub(in crate::store) const SETTLE_CALENDAR: &str = "UPDATE calendar_feeds SET busy = ?3, attempts = 0, last_error = NULL, \
    fetched_at = ?4, next_fetch_at = ?5 WHERE tenant_id = ?1 AND source = ?2";

/// Tenant, source, attempts, why, next: what was kept stays.
pub(in crate::store) const FAIL_CALENDAR: &str = "UPDATE calendar_feeds SET attempts = ?3, last_error = ?4, next_fetch_at = ?5 \
    WHERE tenant_id = ?1 AND source = ?2";

/// Tenant, sources that stay.
pub(in crate::store) const KEEP_CALENDARS: &str =
    "DELETE FROM calendar_feeds WHERE tenant_id = ?1 AND source NOT IN (SELECT value FROM json_each(?2))";
