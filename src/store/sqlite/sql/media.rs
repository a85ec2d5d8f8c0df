//! Statements about `media`.

use super::InsertTable;

pub(in crate::store) const MEDIA: InsertTable = InsertTable {
    insert: "INSERT INTO media (id, tenant_id, channel_id, message_id, correlation_id, position, url, declared_type, name, state, \
        content_type, size, hash, attempts, next_attempt_at, created_at, updated_at) VALUES ",
    columns: 17,
    on_conflict: "",
};

/// Now, until when, how many, how many of one tenant, tenants that have enough: files whose messages had their turn. They are tried
/// again then, unless they are settled before.
pub(in crate::store) const CLAIM_MEDIA: &str = "UPDATE media SET attempts = attempts + 1, next_attempt_at = ?2, updated_at = ?1 WHERE id IN \
        (SELECT id FROM (SELECT d.id, d.next_attempt_at, row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.next_attempt_at, d.id) AS nth \
            FROM media d JOIN messages_in m ON m.id = d.message_id WHERE d.state = 'waiting' AND d.next_attempt_at <= ?1 \
                AND m.processed_at IS NOT NULL AND d.tenant_id NOT IN (SELECT value FROM json_each(+?5))) \
        WHERE nth <= ?4 ORDER BY next_attempt_at, id LIMIT ?3) \
    RETURNING id, tenant_id, channel_id, message_id, correlation_id, url, declared_type, attempts, created_at";

/// Tenant, id, attempts, state, reason, type, size, hash, when again, now: what became of an attempt, unless it was taken over.
pub(in crate::store) const SETTLE_MEDIA: &str = "UPDATE media SET state = ?4, reason = ?5, content_type = ?6, size = ?7, hash = ?8, \
        next_attempt_at = ?9, updated_at = ?10 WHERE tenant_id = ?1 AND id = ?2 AND attempts = ?3 AND state = 'waiting'";

/// Now: whether a file is due.
pub(in crate::store) const DUE_MEDIA: &str =
    "SELECT id FROM media WHERE state = 'waiting' AND next_attempt_at <= ?1 LIMIT 1";

/// How many wait to be fetched.
pub(in crate::store) const WAITING_MEDIA: &str = "SELECT count(*) FROM media WHERE state = 'waiting'";

/// SQLite has one daemon: what an earlier process was fetching is due at once.
pub(in crate::store) const RELEASE_MEDIA: &str =
    "UPDATE media SET next_attempt_at = created_at WHERE state = 'waiting' AND attempts > 0";

/// Tenants, messages: their files.
pub(in crate::store) const MEDIA_OF: &str = "SELECT d.id, d.tenant_id, d.message_id, d.state, d.reason, coalesce(d.content_type, d.declared_type), \
        d.size, d.hash, d.name, d.created_at FROM json_each(+?2) j CROSS JOIN media d ON d.message_id = j.value AND d.tenant_id IN (SELECT value FROM json_each(?1)) \
    ORDER BY d.message_id, d.position";

/// Tenants, id: one file.
pub(in crate::store) const MEDIA_BY_ID: &str = "SELECT id, tenant_id, message_id, state, reason, coalesce(content_type, declared_type), size, hash, \
    name, created_at FROM media WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND id = ?2";

/// Uploads of before, how many: files whose messages were deleted, and old uploads.
pub(in crate::store) const MEDIA_LEFT: &str = "SELECT d.id, d.tenant_id, d.hash FROM media d LEFT JOIN messages_in m ON m.id = d.message_id \
    WHERE d.message_id IS NOT NULL AND m.id IS NULL \
    UNION ALL SELECT id, tenant_id, hash FROM media WHERE message_id IS NULL AND created_at < ?1 LIMIT ?2";

/// How many: files that expired and whose bytes are there yet.
pub(in crate::store) const MEDIA_EXPIRED: &str =
    "SELECT id, tenant_id, hash FROM media WHERE state = 'expired' AND hash IS NOT NULL LIMIT ?1";

/// Tenant, hash, ids: how many other files have these bytes.
pub(in crate::store) const MEDIA_WITH_HASH: &str = "SELECT count(*) FROM media WHERE tenant_id = ?1 AND hash = ?2 AND state = 'stored' \
    AND id NOT IN (SELECT value FROM json_each(+?3))";

/// Ids.
pub(in crate::store) const FORGET_MEDIA: &str = "DELETE FROM media WHERE id IN (SELECT value FROM json_each(+?1))";

/// Ids.
pub(in crate::store) const FORGET_BYTES: &str =
    "UPDATE media SET hash = NULL WHERE state = 'expired' AND id IN (SELECT value FROM json_each(+?1))";

/// Tenant, messages that went out: what they have beside their texts.
pub(in crate::store) const PRESENTATIONS_OF: &str = "SELECT m.id, m.presentation FROM json_each(+?2) j \
    CROSS JOIN messages_out m ON m.id = j.value WHERE m.tenant_id = ?1 AND m.presentation IS NOT NULL";
