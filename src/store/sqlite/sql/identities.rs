//! Statements that check the identities of addresses.

/// How many.
pub(in crate::store) const UNCHECKED_ADDRESSES: &str =
    "SELECT tenant_id, address FROM contact_addresses WHERE identity_checked = 0 LIMIT ?1";

/// How many.
pub(in crate::store) const UNCHECKED_OPT_OUTS: &str =
    "SELECT tenant_id, address FROM opt_outs WHERE identity_checked = 0 LIMIT ?1";

/// `[[tenant, address, identity], …]`
pub(in crate::store) const CHECK_ADDRESSES: &str = "UPDATE contact_addresses SET identity = j.value->>2, identity_checked = 1 \
    FROM jsonb_each(+?1) j WHERE contact_addresses.tenant_id = j.value->>0 AND contact_addresses.address = j.value->>1";

/// `[[tenant, address, identity], …]`
pub(in crate::store) const CHECK_OPT_OUTS: &str = "UPDATE opt_outs SET identity = j.value->>2, identity_checked = 1 \
    FROM jsonb_each(+?1) j WHERE opt_outs.tenant_id = j.value->>0 AND opt_outs.address = j.value->>1";

/// `[[tenant, identity], …]`: tenant and contacts of those that several contacts have.
pub(in crate::store) const CONTACTS_OF_IDENTITY: &str = "SELECT j.value->>0, json_group_array(DISTINCT a.contact_id) \
    FROM jsonb_each(+?1) j CROSS JOIN contact_addresses a ON a.tenant_id = j.value->>0 AND a.identity = j.value->>1 \
    GROUP BY j.value->>0, j.value->>1 HAVING count(DISTINCT a.contact_id) > 1";

/// After tenant and message, how many: messages that wait for a turn.
pub(in crate::store) const WAITING_SENDERS: &str = "SELECT tenant_id, id, \"from\", identity FROM messages_in \
    INDEXED BY messages_in_waiting WHERE processed_at IS NULL AND (tenant_id, id) > (?1, ?2) ORDER BY tenant_id, id LIMIT ?3";

/// `[[message, identity], …]`
pub(in crate::store) const CHECK_SENDERS: &str = "UPDATE messages_in SET identity = j.value->>1 \
    FROM jsonb_each(+?1) j WHERE messages_in.id = j.value->>0";
