//! Every SQL text behind people, their sessions, links and keys, in SQLite's words.

/// The columns of a [`crate::store::people::UserRow`], in its order.
macro_rules! user {
    () => {
        "u.id, u.email, u.name, u.language, u.password_hash, u.totp_secret, u.totp_enabled_at, u.totp_last_step, \
        u.recovery_codes, u.disabled_at, u.signed_in_at, u.created_at"
    };
}

/// The columns of a [`crate::store::people::UserSession`], in its order.
macro_rules! session {
    () => {
        "s.id, s.user_id, s.tenant_id, s.stage, s.device, s.created_at, s.seen_at, s.ends_at"
    };
}

/// The columns of a [`crate::store::people::UserLink`], in its order.
macro_rules! link {
    () => {
        "l.id, l.purpose, l.tenant_id, l.role, l.created_at, l.ends_at"
    };
}

/// The columns of a [`crate::store::people::StoredKey`], in its order.
macro_rules! key {
    () => {
        "k.id, k.tenant_id, k.user_id, k.name, k.scopes, k.created_by, k.created_at, k.used_at, k.ends_at, k.revoked_at"
    };
}

/// Id, e-mail, name, language, now.
pub(in crate::store) const ADD_USER: &str = "INSERT INTO users (id, email, name, language, created_at, updated_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (email) DO NOTHING";

/// Id.
pub(in crate::store) const USER: &str = concat!("SELECT ", user!(), " FROM users u WHERE u.id = ?1");

/// E-mail.
pub(in crate::store) const USER_BY_EMAIL: &str = concat!("SELECT ", user!(), " FROM users u WHERE u.email = ?1");

/// Issuer, subject.
pub(in crate::store) const USER_BY_OIDC: &str =
    concat!("SELECT ", user!(), " FROM users u WHERE u.oidc_issuer = ?1 AND u.oidc_subject = ?2");

/// User, issuer, subject, now: unless another account of this issuer is theirs.
pub(in crate::store) const LINK_OIDC: &str = "UPDATE users SET oidc_issuer = ?2, oidc_subject = ?3, updated_at = ?4 \
    WHERE id = ?1 AND (oidc_subject IS NULL OR oidc_issuer <> ?2 OR oidc_subject = ?3)";

/// User.
pub(in crate::store) const UNLINK_OIDC: &str = "UPDATE users SET oidc_issuer = NULL, oidc_subject = NULL WHERE id = ?1";

/// Tenants, `*` among them when those who see all are meant as well.
pub(in crate::store) const USERS_OF: &str = concat!(
    "SELECT ",
    user!(),
    ", m.tenant_id, m.role, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id \
    WHERE m.tenant_id IN (SELECT value FROM json_each(+?1)) ORDER BY m.tenant_id, u.name, u.id"
);

/// People of no tenant.
pub(in crate::store) const USERS_OF_NONE: &str = concat!(
    "SELECT ",
    user!(),
    " FROM users u WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id) ORDER BY u.id"
);

/// User.
pub(in crate::store) const MEMBERSHIPS: &str =
    "SELECT user_id, tenant_id, role, created_at FROM memberships WHERE user_id = ?1 ORDER BY tenant_id";

/// Tenant, user, role, now.
pub(in crate::store) const SET_MEMBERSHIP: &str = "INSERT INTO memberships (tenant_id, user_id, role, created_at) \
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role";

/// Tenant, user.
pub(in crate::store) const END_MEMBERSHIP: &str = "DELETE FROM memberships WHERE tenant_id = ?1 AND user_id = ?2";

/// Tenant, role, but for this user: how many others there are who can sign in.
pub(in crate::store) const OTHERS_WITH_ROLE: &str = "SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id \
    WHERE m.tenant_id = ?1 AND m.role = ?2 AND m.user_id <> ?3 AND u.disabled_at IS NULL AND u.password_hash IS NOT NULL";

/// User, hash, now.
pub(in crate::store) const SET_PASSWORD: &str = "UPDATE users SET password_hash = ?2, updated_at = ?3 WHERE id = ?1";

/// User, name, language, now.
pub(in crate::store) const SET_PROFILE: &str =
    "UPDATE users SET name = ?2, language = ?3, updated_at = ?4 WHERE id = ?1";

/// User, when or null, now.
pub(in crate::store) const SET_DISABLED: &str = "UPDATE users SET disabled_at = ?2, updated_at = ?3 WHERE id = ?1";

/// User, secret or null, when it was enabled or null, codes, now.
pub(in crate::store) const SET_TOTP: &str = "UPDATE users SET totp_secret = ?2, totp_enabled_at = ?3, recovery_codes = ?4, \
    totp_last_step = 0, updated_at = ?5 WHERE id = ?1";

/// User, step: none is taken twice.
pub(in crate::store) const TAKE_STEP: &str =
    "UPDATE users SET totp_last_step = ?2 WHERE id = ?1 AND totp_last_step < ?2";

/// User, the codes as they were, the codes that are left.
pub(in crate::store) const TAKE_CODE: &str =
    "UPDATE users SET recovery_codes = ?3 WHERE id = ?1 AND recovery_codes = ?2";

/// User, now.
pub(in crate::store) const SIGNED_IN: &str = "UPDATE users SET signed_in_at = ?2 WHERE id = ?1";

/// Id, user, digest, stage, device, now, end.
pub(in crate::store) const ADD_SESSION: &str = "INSERT INTO user_sessions \
    (id, user_id, digest, tenant_id, stage, device, created_at, seen_at, ends_at) \
    VALUES (?1, ?2, ?3, NULL, ?4, ?5, ?6, ?6, ?7)";

/// Digest.
pub(in crate::store) const SESSION: &str = concat!(
    "SELECT ",
    session!(),
    ", ",
    user!(),
    " FROM user_sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = ?1"
);

/// User: the newest first.
pub(in crate::store) const SESSIONS: &str =
    concat!("SELECT ", session!(), " FROM user_sessions s WHERE s.user_id = ?1 ORDER BY s.seen_at DESC, s.id");

/// Id, now.
pub(in crate::store) const SESSION_SEEN: &str = "UPDATE user_sessions SET seen_at = ?2 WHERE id = ?1";

/// Id, tenant.
pub(in crate::store) const SESSION_TENANT: &str = "UPDATE user_sessions SET tenant_id = ?2 WHERE id = ?1";

/// User, id.
pub(in crate::store) const END_SESSION: &str = "DELETE FROM user_sessions WHERE user_id = ?1 AND id = ?2";

/// User, but for this one.
pub(in crate::store) const END_SESSIONS: &str = "DELETE FROM user_sessions WHERE user_id = ?1 AND id <> ?2";

/// Now, idle since.
pub(in crate::store) const FORGET_SESSIONS: &str = "DELETE FROM user_sessions WHERE ends_at < ?1 OR seen_at < ?2";

/// Id, user, purpose, tenant or null, role or null, digest, now, end.
pub(in crate::store) const ADD_LINK: &str = "INSERT INTO user_links \
    (id, user_id, purpose, tenant_id, role, digest, created_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Digest, now.
pub(in crate::store) const LINK: &str = concat!(
    "SELECT ",
    link!(),
    ", ",
    user!(),
    " FROM user_links l JOIN users u ON u.id = l.user_id WHERE l.digest = ?1 AND l.ends_at > ?2"
);

/// Tenants, `*` among them when invitations to all are meant as well; now.
pub(in crate::store) const INVITATIONS: &str = concat!(
    "SELECT ",
    link!(),
    ", ",
    user!(),
    " FROM user_links l JOIN users u ON u.id = l.user_id WHERE l.tenant_id IN (SELECT value FROM json_each(+?1)) \
    AND l.ends_at > ?2 AND l.purpose = 'invitation' ORDER BY l.created_at"
);

/// Digest, now: whoever deletes it has used it.
pub(in crate::store) const TAKE_LINK: &str = "DELETE FROM user_links WHERE digest = ?1 AND ends_at > ?2";

/// User, purpose, tenant or null.
pub(in crate::store) const END_LINK: &str =
    "DELETE FROM user_links WHERE user_id = ?1 AND purpose = ?2 AND tenant_id IS NOT DISTINCT FROM ?3";

/// User.
pub(in crate::store) const END_LINKS: &str = "DELETE FROM user_links WHERE user_id = ?1";

/// Now.
pub(in crate::store) const FORGET_LINKS: &str = "DELETE FROM user_links WHERE ends_at < ?1";

/// Id, tenant, user or null, name, digest, scopes, who made it, now, end or null.
pub(in crate::store) const ADD_KEY: &str = "INSERT INTO api_keys \
    (id, tenant_id, user_id, name, digest, scopes, created_by, created_at, ends_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Tenants.
pub(in crate::store) const KEYS: &str = concat!(
    "SELECT ",
    key!(),
    " FROM api_keys k WHERE k.tenant_id IN (SELECT value FROM json_each(+?1)) ORDER BY k.tenant_id, k.id DESC"
);

/// Digest, now.
pub(in crate::store) const KEY: &str = concat!(
    "SELECT ",
    key!(),
    ", u.disabled_at, m.role, a.role FROM api_keys k LEFT JOIN users u ON u.id = k.user_id \
    LEFT JOIN memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.user_id \
    LEFT JOIN memberships a ON a.tenant_id = '*' AND a.user_id = k.user_id \
    WHERE k.digest = ?1 AND k.revoked_at IS NULL AND (k.ends_at IS NULL OR k.ends_at > ?2)"
);

/// Tenants, id, now.
pub(in crate::store) const REVOKE_KEY: &str = "UPDATE api_keys SET revoked_at = ?3 \
    WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND id = ?2 AND revoked_at IS NULL";

/// Id, now.
pub(in crate::store) const KEY_USED: &str = "UPDATE api_keys SET used_at = ?2 WHERE id = ?1";
