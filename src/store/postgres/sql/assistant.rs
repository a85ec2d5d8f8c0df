//! Statements of what assistants cost.

/// Tenant, day, millionths, limit, now: changes a row unless that would pass the limit.
pub(in crate::store) const TAKE_ASSISTANT: &str = "INSERT INTO assistant_usage AS u (tenant_id, day, spent_micros, updated_at) \
    SELECT $1::text, $2::text, $3::bigint, $5::timestamptz WHERE $3::bigint <= $4::bigint ON CONFLICT (tenant_id, day) \
    DO UPDATE SET spent_micros = u.spent_micros + excluded.spent_micros, updated_at = excluded.updated_at \
    WHERE u.spent_micros + excluded.spent_micros <= $4::bigint";

/// Tenant, day, millionths, now.
pub(in crate::store) const CORRECT_ASSISTANT: &str = "UPDATE assistant_usage SET spent_micros = greatest(0, spent_micros + $3), \
    updated_at = $4 WHERE tenant_id = $1 AND day = $2";
