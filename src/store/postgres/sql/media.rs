//! Statements about `media`.

pub(in crate::store) const MEDIA: &str = "INSERT INTO media (id, tenant_id, channel_id, message_id, correlation_id, position, url, \
        declared_type, name, state, content_type, size, hash, attempts, next_attempt_at, created_at, updated_at) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], \
        $10::text[], $11::text[], $12::bigint[], $13::text[], $14::bigint[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[]) j";

/// Now, until when, how many, how many of one tenant, tenants that have enough: files whose messages had their turn. They are tried
/// again then, unless they are settled before.
pub(in crate::store) const CLAIM_MEDIA: &str = "UPDATE media SET attempts = attempts + 1, next_attempt_at = $2, updated_at = $1 WHERE id IN \
        (SELECT l.id FROM media l WHERE l.state = 'waiting' AND l.next_attempt_at <= $1 AND l.id IN \
            (SELECT f.id FROM (SELECT d.id, d.next_attempt_at, row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.next_attempt_at, d.id) AS nth \
                FROM media d JOIN messages_in m ON m.id = d.message_id WHERE d.state = 'waiting' AND d.next_attempt_at <= $1 \
                    AND m.processed_at IS NOT NULL AND d.tenant_id <> ALL ($5::text[])) f \
            WHERE f.nth <= $4 ORDER BY f.next_attempt_at, f.id LIMIT $3) FOR UPDATE SKIP LOCKED) \
    RETURNING id, tenant_id, channel_id, message_id, correlation_id, url, declared_type, attempts, created_at";

/// Tenant, id, attempts, state, reason, type, size, hash, when again, now: what became of an attempt, unless it was taken over.
pub(in crate::store) const SETTLE_MEDIA: &str = "UPDATE media SET state = $4, reason = $5, content_type = $6, size = $7, hash = $8, \
        next_attempt_at = $9, updated_at = $10 WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND state = 'waiting'";

/// Now: whether a file is due.
pub(in crate::store) const DUE_MEDIA: &str =
    "SELECT id FROM media WHERE state = 'waiting' AND next_attempt_at <= $1 LIMIT 1";

/// How many wait to be fetched.
pub(in crate::store) const WAITING_MEDIA: &str = "SELECT count(*) FROM media WHERE state = 'waiting'";

/// Tenants, messages: their files.
pub(in crate::store) const MEDIA_OF: &str = "SELECT d.id, d.tenant_id, d.message_id, d.state, d.reason, coalesce(d.content_type, d.declared_type), \
        d.size, d.hash, d.name, d.created_at FROM unnest($2::text[]) j (value) JOIN media d ON d.message_id = j.value AND d.tenant_id = ANY ($1::text[]) \
    ORDER BY d.message_id, d.position";

/// Tenants, id: one file.
pub(in crate::store) const MEDIA_BY_ID: &str = "SELECT id, tenant_id, message_id, state, reason, coalesce(content_type, declared_type), size, hash, \
    name, created_at FROM media WHERE tenant_id = ANY ($1::text[]) AND id = $2";

/// Uploads of before, how many: files whose messages were deleted, and old uploads.
pub(in crate::store) const MEDIA_LEFT: &str = "SELECT d.id, d.tenant_id, d.hash FROM media d LEFT JOIN messages_in m ON m.id = d.message_id \
    WHERE d.message_id IS NOT NULL AND m.id IS NULL \
    UNION ALL SELECT id, tenant_id, hash FROM media WHERE message_id IS NULL AND created_at < $1 LIMIT $2";

/// How many: files that expired and whose bytes are there yet.
pub(in crate::store) const MEDIA_EXPIRED: &str =
    "SELECT id, tenant_id, hash FROM media WHERE state = 'expired' AND hash IS NOT NULL LIMIT $1";

/// Tenant, hash, ids: how many other files have these bytes.
pub(in crate::store) const MEDIA_WITH_HASH: &str = "SELECT count(*) FROM media WHERE tenant_id = $1 AND hash = $2 AND state = 'stored' \
    AND id <> ALL ($3::text[])";

/// Ids.
pub(in crate::store) const FORGET_MEDIA: &str = "DELETE FROM media WHERE id = ANY ($1::text[])";

/// Ids.
pub(in crate::store) const FORGET_BYTES: &str =
    "UPDATE media SET hash = NULL WHERE state = 'expired' AND id = ANY ($1::text[])";

/// Tenant, messages that went out: what they have beside their texts.
pub(in crate::store) const PRESENTATIONS_OF: &str = "SELECT m.id, m.presentation FROM unnest($2::text[]) j (value) \
    JOIN messages_out m ON m.id = j.value WHERE m.tenant_id = $1 AND m.presentation IS NOT NULL";
