//! Statements that check the identities of addresses.

/// How many.
pub(in crate::store) const UNCHECKED_ADDRESSES: &str =
    "SELECT tenant_id, address FROM contact_addresses WHERE NOT identity_checked LIMIT $1";

/// How many.
pub(in crate::store) const UNCHECKED_OPT_OUTS: &str =
    "SELECT tenant_id, address FROM opt_outs WHERE NOT identity_checked LIMIT $1";

/// `(tenant, address, identity)`
pub(in crate::store) const CHECK_ADDRESSES: &str = "UPDATE contact_addresses a SET identity = j.identity, identity_checked = true \
    FROM unnest($1::text[], $2::text[], $3::text[]) j (tenant_id, address, identity) \
    WHERE a.tenant_id = j.tenant_id AND a.address = j.address";

/// `(tenant, address, identity)`
pub(in crate::store) const CHECK_OPT_OUTS: &str = "UPDATE opt_outs a SET identity = j.identity, identity_checked = true \
    FROM unnest($1::text[], $2::text[], $3::text[]) j (tenant_id, address, identity) \
    WHERE a.tenant_id = j.tenant_id AND a.address = j.address";

/// `(tenant, identity)`: tenant and contacts of those that several contacts have.
pub(in crate::store) const CONTACTS_OF_IDENTITY: &str = "SELECT j.tenant_id, json_agg(DISTINCT a.contact_id)::text \
    FROM unnest($1::text[], $2::text[]) j (tenant_id, person) \
    JOIN contact_addresses a ON a.tenant_id = j.tenant_id AND a.identity = j.person \
    GROUP BY j.tenant_id, j.person HAVING count(DISTINCT a.contact_id) > 1";

/// After tenant and message, how many: messages that wait for a turn.
pub(in crate::store) const WAITING_SENDERS: &str = "SELECT tenant_id, id, \"from\", identity FROM messages_in \
    WHERE state = 'accepted' AND (tenant_id, id) > ($1, $2) ORDER BY tenant_id, id LIMIT $3";

/// `(message, identity)`
pub(in crate::store) const CHECK_SENDERS: &str = "UPDATE messages_in m SET identity = j.identity \
    FROM unnest($1::text[], $2::text[]) j (id, identity) WHERE m.id = j.id";
