//! Every SQL text behind the figures of a tenant, in SQLite's words.

/// Tenant, from which id, before which id, from which moment, before which: conversation or null, when, outcome.
pub(in crate::store) const CAME: &str = "SELECT conversation_id, created_at, reason FROM messages_in \
    WHERE +tenant_id = ?1 AND id >= ?2 AND id < ?3 AND created_at >= ?4 AND created_at < ?5 AND role = 'client'";

/// Tenant, from which id, before which id, from which moment, before which: conversation, when, kind, state.
pub(in crate::store) const WENT: &str = "SELECT conversation_id, created_at, kind, state FROM messages_out \
    WHERE +tenant_id = ?1 AND id >= ?2 AND id < ?3 AND created_at >= ?4 AND created_at < ?5 AND kind <> 'action'";

/// Tenant, from which moment, before which: how many said STOP.
pub(in crate::store) const STOPPED: &str = "SELECT count(*) FROM consents WHERE tenant_id = ?1 AND what = 'opted_out' \
    AND created_at >= ?2 AND created_at < ?3";

/// Tenant, from which id, before which id, from which moment, before which: type of event, FAQ entry or null, second entry or
/// null, how many: what FAQ entries answered, what was booked, who left their number.
pub(in crate::store) const ACHIEVED: &str = "SELECT event_type, payload->>'entry', payload->>'second_entry', count(*) FROM event_log \
    WHERE +tenant_id = ?1 AND id >= ?2 AND id < ?3 AND created_at >= ?4 AND created_at < ?5 \
    AND (event_type = 'message_routed' AND payload->>'entry' IS NOT NULL OR event_type IN ('booking_confirmed', 'lead_captured')) \
    GROUP BY 1, 2, 3";

/// Tenant, from which moment, before which: what was spent, in millionths.
pub(in crate::store) const SPENT: &str = "SELECT coalesce(sum(cost_micros), 0) FROM usage \
    WHERE tenant_id = ?1 AND quarter >= ?2 AND quarter < ?3";

/// Tenant, from which day, to which: day, figures, when they were made.
pub(in crate::store) const KEPT: &str = "SELECT day, figures, made_at FROM daily_figures \
    WHERE tenant_id = ?1 AND day >= ?2 AND day <= ?3 ORDER BY day";

/// Tenant, day, figures, now.
pub(in crate::store) const KEEP: &str = "INSERT INTO daily_figures (tenant_id, day, figures, made_at) \
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (tenant_id, day) DO UPDATE SET figures = excluded.figures, \
    made_at = excluded.made_at";
