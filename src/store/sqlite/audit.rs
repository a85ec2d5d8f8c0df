//! Every SQL text behind the audit log, in SQLite's words.

/// The columns of a [`crate::store::audit::AuditRow`], in its order.
macro_rules! row {
    () => {
        "id, tenant_id, position, actor, action, entity_type, entity_id, correlation_id, at, metadata, hash"
    };
}

/// Tenant. A transaction that writes is alone in SQLite.
pub(in crate::store) const LOCK_HEAD: &str = "SELECT position, hash FROM audit_heads WHERE tenant_id = ?1";

/// Not needed: nobody else writes meanwhile.
pub(in crate::store) const MAKE_HEAD: &str = "";

/// Tenant, position, hash.
pub(in crate::store) const SET_HEAD: &str = "INSERT INTO audit_heads (tenant_id, position, hash) VALUES (?1, ?2, ?3) \
    ON CONFLICT (tenant_id) DO UPDATE SET position = excluded.position, hash = excluded.hash";

/// `[[id, tenant, position, actor, action, entity type, entity id, correlation id, at, metadata, hash], …]`
pub(in crate::store) const APPEND: &str = concat!(
    "INSERT INTO audit_log (",
    row!(),
    ") SELECT j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, j.value->>6, j.value->>7, \
    j.value->>8, j.value->>9, j.value->>10 FROM jsonb_each(+?1) j"
);

/// Tenants, actor or null, a word with which the action begins or null, since, until, before which id, how many: the newest
/// first.
pub(in crate::store) const LIST: &str = concat!(
    "SELECT ",
    row!(),
    " FROM audit_log WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND (?2 IS NULL OR actor = ?2) \
    AND (?3 IS NULL OR action = ?3 OR substr(action, 1, length(?3) + 1) = ?3 || '.') AND (?4 IS NULL OR at >= ?4) \
    AND (?5 IS NULL OR at < ?5) AND id < ?6 ORDER BY id DESC LIMIT ?7"
);

/// Tenant, after which position, how many: in their order.
pub(in crate::store) const CHAIN: &str =
    concat!("SELECT ", row!(), " FROM audit_log WHERE tenant_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3");

pub(in crate::store) const HEADS: &str =
    "SELECT tenant_id, position, hash, kept_from, kept_after FROM audit_heads ORDER BY tenant_id";

/// Tenant, before when, how many: the last of the rows that may go, which stand at the beginning of the chain.
pub(in crate::store) const OLD: &str = "SELECT max(position) FROM (SELECT position, at FROM audit_log WHERE tenant_id = ?1 \
    ORDER BY position LIMIT ?3) WHERE at < ?2";

/// Tenant, up to which position.
pub(in crate::store) const FORGET: &str = "DELETE FROM audit_log WHERE tenant_id = ?1 AND position <= ?2";

/// Tenant, position.
pub(in crate::store) const HASH_AT: &str = "SELECT hash FROM audit_log WHERE tenant_id = ?1 AND position = ?2";

/// Tenant, first position that is kept, the hash before it.
pub(in crate::store) const KEEP_FROM: &str =
    "UPDATE audit_heads SET kept_from = ?2, kept_after = ?3 WHERE tenant_id = ?1";
