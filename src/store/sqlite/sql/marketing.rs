//! Statements about consent to marketing.

use super::{contact_of, same_phone};

/// As `CONSENTS`, about marketing alone.
pub(in crate::store) const MARKETING_LEDGER: &str = "INSERT INTO consents (id, tenant_id, channel_id, contact_id, address, \
    what, source, evidence, created_at, scope) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'marketing')";

/// Tenant, address, identity: whether the last that the person said of marketing, by any address, is that they do not want it. START
/// ends that as well.
pub(in crate::store) const STOPPED_MARKETING: &str = concat!(
    "WITH mine AS (SELECT ?2 AS address UNION SELECT b.address FROM contact_addresses b \
        WHERE b.tenant_id = ?1 AND b.contact_id = ",
    contact_of!("?1", "?3"),
    ") \
    SELECT coalesce((SELECT s.what = 'opted_out' FROM consents s WHERE s.tenant_id = ?1 \
        AND s.address IN (SELECT address FROM mine UNION SELECT ",
    same_phone!("mine.address"),
    " FROM mine) AND (s.scope = 'marketing' OR s.what = 'opted_in') ORDER BY s.id DESC LIMIT 1), 0)"
);

/// Id, tenant, address, source, message or null, now, identity.
pub(in crate::store) const OPT_OUT: &str = "INSERT INTO opt_outs (id, tenant_id, address, source, message_id, created_at, \
        identity, identity_checked) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1) ON CONFLICT (tenant_id, address) DO NOTHING";
