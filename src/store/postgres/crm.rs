//! Every SQL text of CRM records, in PostgreSQL's words.

/// Tenant, after which contact, now: one row when a contact was never looked up, or its look-up is due.
pub(in crate::store) const WAITING_CONTACTS: &str = "SELECT 1 WHERE \
    EXISTS (SELECT 1 FROM crm_records r JOIN contacts c ON c.id = r.contact_id \
        WHERE r.tenant_id = $1 AND r.next_look_up_at <= $3 AND c.merged_into IS NULL) \
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = $1 AND c.id > $2 AND c.merged_into IS NULL \
        AND NOT EXISTS (SELECT 1 FROM crm_records r WHERE r.tenant_id = c.tenant_id AND r.contact_id = c.id))";

/// Tenant, after which contact, now, until, how many: contacts that were never looked up, taken until then.
pub(in crate::store) const NEW_CONTACTS: &str = "INSERT INTO crm_records (tenant_id, contact_id, state, attempts, next_look_up_at, created_at) \
        SELECT c.tenant_id, c.id, 'pending', 0, $4, $3 FROM contacts c WHERE c.tenant_id = $1 AND c.id > $2 AND c.merged_into IS NULL \
            AND NOT EXISTS (SELECT 1 FROM crm_records r WHERE r.tenant_id = c.tenant_id AND r.contact_id = c.id) \
        ORDER BY c.id LIMIT $5 \
    ON CONFLICT DO NOTHING RETURNING contact_id, attempts, kind, record_id";

/// Tenant, now, until, how many: contacts whose look-up is due, taken until then.
pub(in crate::store) const DUE_CONTACTS: &str = "UPDATE crm_records SET next_look_up_at = $3 WHERE tenant_id = $1 AND next_look_up_at <= $2 \
        AND contact_id IN (SELECT r.contact_id FROM crm_records r WHERE r.tenant_id = $1 AND r.next_look_up_at <= $2 \
            AND EXISTS (SELECT 1 FROM contacts c WHERE c.id = r.contact_id AND c.merged_into IS NULL) \
            ORDER BY r.next_look_up_at LIMIT $4 FOR UPDATE SKIP LOCKED) \
    RETURNING contact_id, attempts, kind, record_id";

/// Tenant, contacts: their addresses.
pub(in crate::store) const ADDRESSES_OF_CONTACTS: &str = "SELECT contact_id, address FROM contact_addresses WHERE tenant_id = $1 AND contact_id = ANY ($2) ORDER BY contact_id, address";

/// Tenant, contact, state, kind, record, attempts, error, now, next look-up.
pub(in crate::store) const SETTLE_CONTACT: &str = "UPDATE crm_records SET state = $3, kind = $4, record_id = $5, attempts = $6, last_error = $7, \
        looked_up_at = $8, next_look_up_at = $9 WHERE tenant_id = $1 AND contact_id = $2";

/// Tenant, contact, attempts, error, next look-up: what was known stays.
pub(in crate::store) const RETRY_CONTACT: &str = "UPDATE crm_records SET attempts = $3, last_error = $4, next_look_up_at = $5 WHERE tenant_id = $1 AND contact_id = $2";

/// Tenants: how many contacts are in which state, and the last failure.
pub(in crate::store) const CRM_COUNTS: &str = "SELECT tenant_id, state, count(*), max(last_error) FROM crm_records WHERE tenant_id = ANY ($1) GROUP BY tenant_id, state ORDER BY tenant_id, state";

/// Tenant, contact.
pub(in crate::store) const CRM_RECORD: &str =
    "SELECT kind, record_id FROM crm_records WHERE tenant_id = $1 AND contact_id = $2 AND state = 'found'";

/// Tenant, after which message, channels: one row when an e-mail is not noted yet.
pub(in crate::store) const UNNOTED_EMAILS: &str = "SELECT 1 FROM messages_out o \
    WHERE o.tenant_id = $1 AND o.id > $2 AND substr(o.\"to\", 1, 7) = 'mailto:' AND o.channel_id = ANY ($3) \
        AND NOT EXISTS (SELECT 1 FROM crm_emails e WHERE e.tenant_id = o.tenant_id AND e.message_id = o.id) LIMIT 1";

/// Tenant, after which message, channels, now: e-mails that are to be logged once they were sent.
pub(in crate::store) const NOTE_EMAILS: &str = "INSERT INTO crm_emails (tenant_id, message_id, state, attempts, next_attempt_at, created_at) \
        SELECT o.tenant_id, o.id, 'pending', 0, $4, $4 FROM messages_out o \
        WHERE o.tenant_id = $1 AND o.id > $2 AND substr(o.\"to\", 1, 7) = 'mailto:' AND o.channel_id = ANY ($3) \
            AND NOT EXISTS (SELECT 1 FROM crm_emails e WHERE e.tenant_id = o.tenant_id AND e.message_id = o.id) \
    ON CONFLICT DO NOTHING";

/// Tenant, now: one row when an e-mail is due.
pub(in crate::store) const WAITING_EMAILS: &str =
    "SELECT 1 FROM crm_emails WHERE tenant_id = $1 AND state = 'pending' AND next_attempt_at <= $2 LIMIT 1";

/// Tenant, now, until, how many: e-mails that are due, taken until then.
pub(in crate::store) const DUE_EMAILS: &str = "UPDATE crm_emails SET next_attempt_at = $3 WHERE tenant_id = $1 AND state = 'pending' AND next_attempt_at <= $2 \
        AND message_id IN (SELECT e.message_id FROM crm_emails e WHERE e.tenant_id = $1 AND e.state = 'pending' \
            AND e.next_attempt_at <= $2 ORDER BY e.next_attempt_at LIMIT $4 FOR UPDATE SKIP LOCKED) \
    RETURNING message_id, attempts, created_at";

/// Tenant, messages: what they say, and the record of who they went to.
pub(in crate::store) const EMAILS: &str = "SELECT o.id, o.state, o.\"to\", o.body, o.presentation, coalesce(o.sent_at, o.updated_at), c.address, r.kind, r.record_id, coalesce(r.state, 'pending') \
    FROM messages_out o LEFT JOIN channels c ON c.id = o.channel_id LEFT JOIN conversations v ON v.id = o.conversation_id \
    LEFT JOIN crm_records r ON r.tenant_id = o.tenant_id AND r.contact_id = v.contact_id WHERE o.tenant_id = $1 AND o.id = ANY ($2)";

/// Tenant, message, state, attempts, error, next attempt.
pub(in crate::store) const SETTLE_EMAIL: &str = "UPDATE crm_emails SET state = $3, attempts = $4, last_error = $5, next_attempt_at = $6 WHERE tenant_id = $1 AND message_id = $2";
