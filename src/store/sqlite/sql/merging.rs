//! Statements that merge contacts.

use super::{awaits_contact, held, in_queue};

/// Tenant, `[contact, …]`: those that are there and were not merged into another.
pub(in crate::store) const LOCK_CONTACTS: &str = "SELECT id FROM contacts WHERE tenant_id = ?1 \
    AND id IN (SELECT value FROM json_each(+?2)) AND merged_into IS NULL ORDER BY id";

/// Tenant, `[contact, …]`: their conversations that go on.
pub(in crate::store) const PERSON_CONVERSATIONS: &str = "SELECT c.id, c.channel_id, c.status, c.handler, c.assignee, \
        c.session_id, c.recent_answers, c.last_inbound_at, c.last_message_at, c.unread, c.flow, c.address \
    FROM json_each(+?2) j CROSS JOIN conversations c ON c.tenant_id = ?1 AND c.contact_id = j.value \
    WHERE c.merged_into IS NULL ORDER BY c.id";

/// Conversation, status, handler, assignee, recent answers, last inbound, last message, unread, flow, address.
pub(in crate::store) const FOLD_INTO: &str = "UPDATE conversations SET status = ?2, handler = ?3, assignee = ?4, \
    recent_answers = ?5, last_inbound_at = ?6, last_message_at = ?7, unread = ?8, flow = ?9, address = ?10 WHERE id = ?1";

/// Conversation, the one that it goes on in.
pub(in crate::store) const FOLDED: &str = "UPDATE conversations SET merged_into = ?2, session_id = NULL, \
    session_opened_at = NULL, timer_at = NULL WHERE id = ?1 OR merged_into = ?1";

/// Conversation, the one that it goes on in.
pub(in crate::store) const MOVE_TIMERS: &str = "UPDATE timers SET conversation_id = ?2 WHERE conversation_id = ?1";

/// Tenant, conversation, the one that it goes on in: moves what is not settled.
pub(in crate::store) const MOVE_ROWS: &str = concat!(
    "UPDATE messages_out SET conversation_id = ?3 WHERE id IN (\
    SELECT o.id FROM messages_out o WHERE o.tenant_id = ?1 AND o.conversation_id = ?2 AND o.state IN ",
    in_queue!(),
    " UNION ALL SELECT o.id FROM messages_out o WHERE o.tenant_id = ?1 AND o.conversation_id = ?2 AND ",
    awaits_contact!("o"),
    " UNION ALL SELECT o.id FROM messages_out o WHERE o.tenant_id = ?1 AND o.conversation_id = ?2 AND ",
    held!("o"),
    ")"
);

/// Tenant, contact, the one that goes on.
pub(in crate::store) const TAKE_CONVERSATIONS: &str = "UPDATE conversations SET contact_id = ?3, \
    origin_contact_id = coalesce(origin_contact_id, contact_id) WHERE tenant_id = ?1 AND contact_id = ?2";

/// Tenant, contact, the one that goes on.
pub(in crate::store) const TAKE_ADDRESSES: &str = "UPDATE contact_addresses SET contact_id = ?3, \
    origin_contact_id = coalesce(origin_contact_id, contact_id) WHERE tenant_id = ?1 AND contact_id = ?2";

/// Contact, the one that goes on, now.
pub(in crate::store) const MERGED: &str = "UPDATE contacts SET merged_into = ?2, merged_at = coalesce(merged_at, ?3), updated_at = ?3 WHERE id = ?1 OR merged_into = ?1";

/// The contact that goes on, the other, now.
pub(in crate::store) const KEEP_CONTACT: &str = "UPDATE contacts SET name = coalesce(contacts.name, g.name), \
    welcomed_at = coalesce(min(contacts.welcomed_at, g.welcomed_at), contacts.welcomed_at, g.welcomed_at), \
    confirmed_at = coalesce(min(contacts.confirmed_at, g.confirmed_at), contacts.confirmed_at, g.confirmed_at), \
    updated_at = ?3 FROM contacts g WHERE contacts.id = ?1 AND g.id = ?2";

/// Tenant, contact, now: all their conversations are read again.
pub(in crate::store) const REREAD_CONTACT: &str = "UPDATE conversations SET version = version + 1, updated_at = ?3 \
    WHERE tenant_id = ?1 AND contact_id = ?2";

/// Tenant, contact: an identity by which they are known, whether they said STOP by any, and whether they confirmed.
pub(in crate::store) const CONTACT_CONSENT: &str = "SELECT b.identity, EXISTS (SELECT 1 FROM contact_addresses x \
        CROSS JOIN opt_outs o ON o.tenant_id = ?1 AND o.identity = x.identity WHERE x.tenant_id = ?1 AND x.contact_id = ?2), \
        EXISTS (SELECT 1 FROM contacts y WHERE y.id = ?2 AND y.confirmed_at IS NOT NULL) \
    FROM contact_addresses b WHERE b.tenant_id = ?1 AND b.contact_id = ?2 LIMIT 1";

/// Tenant, contact, the one that goes on.
pub(in crate::store) const TAKE_BOOKINGS: &str =
    "UPDATE bookings SET contact_id = ?3 WHERE tenant_id = ?1 AND contact_id = ?2";

/// Tenant, contact, the one that goes on.
pub(in crate::store) const TAKE_LEADS: &str =
    "UPDATE leads SET contact_id = ?3 WHERE tenant_id = ?1 AND contact_id = ?2";

/// Tenant, contact, the one that goes on.
pub(in crate::store) const TAKE_OFFERS: &str =
    "UPDATE offers SET contact_id = ?3 WHERE tenant_id = ?1 AND contact_id = ?2";

/// Tenant, contact: the one that it is merged into.
pub(in crate::store) const MERGED_WITH: &str =
    "SELECT merged_into FROM contacts WHERE tenant_id = ?1 AND id = ?2 AND merged_into IS NOT NULL";

/// Tenant, contact: those that are merged into it.
pub(in crate::store) const MERGED_CONTACTS: &str =
    "SELECT id FROM contacts WHERE merged_into = ?2 AND tenant_id = ?1 ORDER BY id";

/// Tenant, contact: their addresses.
pub(in crate::store) const ADDRESSES_OF_CONTACT: &str =
    "SELECT address FROM contact_addresses WHERE tenant_id = ?1 AND contact_id = ?2 ORDER BY address";

/// Tenant, merged contact, the one that goes on: an address of the one that is the same person as one of the other.
pub(in crate::store) const SHARED_IDENTITY: &str = "SELECT a.address FROM contact_addresses a WHERE a.tenant_id = ?1 \
    AND a.contact_id = ?3 AND a.origin_contact_id = ?2 AND EXISTS (SELECT 1 FROM contact_addresses b WHERE b.tenant_id = ?1 \
        AND b.contact_id = ?3 AND b.identity = a.identity AND (b.origin_contact_id IS NULL OR b.origin_contact_id <> ?2)) LIMIT 1";

/// Tenant, merged contact.
pub(in crate::store) const PART: &str =
    "UPDATE contacts SET merged_into = NULL, merged_at = NULL WHERE tenant_id = ?1 AND id = ?2";

/// Tenant, merged contact, the one that goes on.
pub(in crate::store) const GIVE_ADDRESSES: &str = "UPDATE contact_addresses SET contact_id = ?2, origin_contact_id = NULL \
    WHERE tenant_id = ?1 AND contact_id = ?3 AND origin_contact_id = ?2";

/// Tenant, merged contact, the one that goes on.
pub(in crate::store) const GIVE_CONVERSATIONS: &str = "UPDATE conversations SET contact_id = ?2, origin_contact_id = NULL \
    WHERE tenant_id = ?1 AND contact_id = ?3 AND origin_contact_id = ?2";

/// Tenant, merged contact, the one that goes on: conversations that went on in one of the other go on by themselves.
pub(in crate::store) const UNFOLD: &str = "UPDATE conversations SET merged_into = NULL WHERE tenant_id = ?1 \
    AND contact_id IN (?2, ?3) AND merged_into IS NOT NULL \
    AND (SELECT s.contact_id FROM conversations s WHERE s.id = conversations.merged_into) <> contact_id";

/// Tenant, merged contact, the one that goes on: what came of the conversations of the one.
pub(in crate::store) const GIVE_BOOKINGS: &str = "UPDATE bookings SET contact_id = ?2 WHERE tenant_id = ?1 AND contact_id = ?3 \
    AND conversation_id IN (SELECT c.id FROM conversations c WHERE c.tenant_id = ?1 AND c.contact_id = ?2)";

/// Tenant, merged contact, the one that goes on: what came of the conversations of the one.
pub(in crate::store) const GIVE_LEADS: &str = "UPDATE leads SET contact_id = ?2 WHERE tenant_id = ?1 AND contact_id = ?3 \
    AND conversation_id IN (SELECT c.id FROM conversations c WHERE c.tenant_id = ?1 AND c.contact_id = ?2)";

/// Tenant, merged contact, the one that goes on: what came of the conversations of the one.
pub(in crate::store) const GIVE_OFFERS: &str = "UPDATE offers SET contact_id = ?2 WHERE tenant_id = ?1 AND contact_id = ?3 \
    AND conversation_id IN (SELECT c.id FROM conversations c WHERE c.tenant_id = ?1 AND c.contact_id = ?2)";

/// Tenant, contact, the one that goes on.
pub(in crate::store) const TAKE_ORDERS: &str =
    "UPDATE order_lines SET contact_id = ?3 WHERE tenant_id = ?1 AND contact_id = ?2";

/// Tenant, merged contact, the one that goes on: what came of the conversations of the one.
pub(in crate::store) const GIVE_ORDERS: &str = "UPDATE order_lines SET contact_id = ?2 WHERE tenant_id = ?1 AND contact_id = ?3 \
    AND conversation_id IN (SELECT c.id FROM conversations c WHERE c.tenant_id = ?1 AND c.contact_id = ?2)";

/// Tenant, two contacts, now: they are looked up again, because they became one person or ceased to be.
pub(in crate::store) const LOOK_UP_AGAIN: &str =
    "UPDATE crm_records SET next_look_up_at = ?4 WHERE tenant_id = ?1 AND contact_id IN (?2, ?3)";
