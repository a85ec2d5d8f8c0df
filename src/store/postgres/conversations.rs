//! Every SQL text behind conversations, their messages and contacts, in PostgreSQL's words.

/// Whether the tenant's people blocked the contact of a conversation (`c`).
macro_rules! blocked {
    () => {
        "coalesce(c.memory LIKE '%\"blocked_at\"%', false)"
    };
}
pub(super) use blocked;

/// The columns of a [`crate::store::conversations::ConversationRow`], in its order.
macro_rules! conversation {
    () => {
        concat!(
            "c.id, c.tenant_id, c.channel_id, c.contact_id, p.name, c.address, c.status, c.handler, c.assignee, c.version, \
            c.last_message_at, c.last_inbound_at, c.unread, c.created_at, ",
            blocked!()
        )
    };
}
pub(super) use conversation;

/// The columns of a [`crate::store::conversations::ContactRow`], in its order.
macro_rules! contact {
    () => {
        "p.id, p.tenant_id, p.name, \
        (SELECT string_agg(a.address, chr(10)) FROM contact_addresses a WHERE a.tenant_id = p.tenant_id \
        AND a.contact_id = p.id), p.welcomed_at, p.confirmed_at, p.created_at"
    };
}

/// Tenant, status, handler, channel, assignee (empty: nobody; each may be null), before which moment and id, how many: the
/// newest first.
pub(in crate::store) const LIST: &str = concat!(
    "SELECT ",
    conversation!(),
    " FROM conversations c LEFT JOIN contacts p ON p.id = c.contact_id WHERE c.tenant_id = $1 AND c.merged_into IS NULL \
        AND ($2::text IS NULL OR c.status = $2) AND ($3::text IS NULL OR c.handler = $3) AND ($4::text IS NULL OR \
        c.channel_id = $4) AND ($5::text IS NULL OR coalesce(c.assignee, '') = $5) AND (c.last_message_at, c.id) < \
        ($6, $7) ORDER BY c.last_message_at DESC, c.id DESC LIMIT $8"
);

/// Tenants, id; of a conversation that was merged into another, that one.
pub(in crate::store) const ONE: &str = concat!(
    "SELECT ",
    conversation!(),
    " FROM conversations c LEFT JOIN contacts p ON p.id = c.contact_id WHERE c.tenant_id = ANY \
        ($1::text[]) AND c.id = (SELECT coalesce(o.merged_into, o.id) FROM conversations o WHERE o.id = $2)"
);

/// Tenants, `[contact, …]`: their conversations, the newest first.
pub(in crate::store) const OF_CONTACTS: &str = concat!(
    "SELECT ",
    conversation!(),
    " FROM unnest($2::text[]) j (value) JOIN conversations c ON c.contact_id = j.value AND \
        c.tenant_id = ANY ($1::text[]) AND c.merged_into IS NULL LEFT JOIN contacts p ON p.id = c.contact_id ORDER BY c.last_message_at DESC, \
        c.id DESC"
);

/// Tenants, `[id, …]`.
pub(in crate::store) const CONTACTS: &str = concat!(
    "SELECT ",
    contact!(),
    " FROM unnest($2::text[]) j (value) JOIN contacts p ON p.id = j.value WHERE p.merged_into IS NULL \
        AND p.tenant_id = ANY ($1::text[])"
);

/// Tenant, before which id, how many: ids of contacts, the newest first.
pub(in crate::store) const CONTACT_IDS: &str = "SELECT DISTINCT contact_id FROM contact_addresses WHERE tenant_id = $1 AND contact_id < $2 \
        ORDER BY contact_id DESC LIMIT $3";

/// Tenants, `[id, …]`: columns of a [`crate::store::conversations::MessageRow`].
pub(in crate::store) const INBOUND: &str = "SELECT m.id, m.tenant_id, m.conversation_id, m.channel_id, m.body, m.state, m.reason, \
        m.role, m.processed_at, m.correlation_id, m.created_at FROM unnest($2::text[]) j (value) JOIN messages_in m ON \
        m.id = j.value WHERE m.tenant_id = ANY ($1::text[])";

/// Tenants, `[id, …]`: columns of a [`crate::store::conversations::MessageRow`].
pub(in crate::store) const OUTBOUND: &str = "SELECT m.id, m.tenant_id, m.conversation_id, m.channel_id, m.body, m.state, \
        coalesce(m.blocked_reason, m.last_error), \
        m.kind, m.sent_at, m.correlation_id, m.created_at FROM unnest($2::text[]) j (value) JOIN messages_out m ON \
        m.id = j.value WHERE m.tenant_id = ANY ($1::text[])";

/// Tenant, id: who wrote a message, and what the provider calls it.
pub(in crate::store) const INBOUND_ORIGIN: &str =
    "SELECT \"from\", provider_message_id FROM messages_in WHERE tenant_id = $1 AND id = $2";

/// Tenant, channel, identity: what came in and waits for its turn, so that no conversation is known of it.
pub(in crate::store) const WAITING: &str = "SELECT id FROM messages_in WHERE tenant_id = $1 AND channel_id = $2 AND identity = $3 AND \
        processed_at IS NULL AND conversation_id IS NULL";

/// Tenants, conversation.
pub(in crate::store) const READ: &str = "UPDATE conversations SET unread = 0 WHERE tenant_id = ANY ($1::text[]) AND id = $2 AND \
        unread > 0";

/// Tenant, conversation: those that were merged into it.
pub(in crate::store) const PARTS: &str = "SELECT id FROM conversations WHERE tenant_id = $1 AND merged_into = $2";

/// Tenants, contact: the one that it was merged into.
pub(in crate::store) const MERGED_INTO: &str = "SELECT merged_into FROM contacts WHERE tenant_id = ANY ($1::text[]) AND id = $2 \
    AND merged_into IS NOT NULL";
