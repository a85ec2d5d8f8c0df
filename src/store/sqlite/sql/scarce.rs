//! Statements of bookings, leads, offers and claims.

mod calendar_feeds;
mod waiting;

pub(in crate::store) use self::calendar_feeds::*;
pub(in crate::store) use self::waiting::*;
use super::InsertTable;

pub(in crate::store) const CLAIMS: InsertTable = InsertTable {
    insert: "INSERT INTO claims (tenant_id, name, owner, created_at) VALUES ",
    columns: 4,
    on_conflict: "",
};

pub(in crate::store) const BOOKINGS: InsertTable = InsertTable {
    insert: "INSERT INTO bookings (id, tenant_id, conversation_id, contact_id, service, resource, starts_at, ends_at, \
        free_at, state, correlation_id, created_at, updated_at, people, places) VALUES ",
    columns: 15,
    on_conflict: "",
};

pub(in crate::store) const LEADS: InsertTable = InsertTable {
    insert: "INSERT INTO leads (id, tenant_id, conversation_id, contact_id, name, email, phone, need, urgent, state, source, \
        correlation_id, created_at, updated_at) VALUES ",
    columns: 14,
    on_conflict: "",
};

pub(in crate::store) const OFFERS: InsertTable = InsertTable {
    insert: "INSERT INTO offers (id, tenant_id, conversation_id, contact_id, kind, body, details, state, assigned_to, \
        expires_at, correlation_id, created_at, updated_at) VALUES ",
    columns: 13,
    on_conflict: "",
};

pub(in crate::store) const ON_DUTY: InsertTable = InsertTable {
    insert: "INSERT INTO on_duty (tenant_id, conversation_id, since) VALUES ",
    columns: 3,
    on_conflict: " ON CONFLICT (tenant_id, conversation_id) DO NOTHING",
};

pub(in crate::store) const CONVERSATION_LABELS: InsertTable = InsertTable {
    insert: "INSERT INTO conversation_labels (tenant_id, conversation_id, label, created_at) VALUES ",
    columns: 4,
    on_conflict: " ON CONFLICT (tenant_id, conversation_id, label) DO NOTHING",
};

/// `[[tenant, owner], …]`
pub(in crate::store) const FORGET_CLAIMS: &str = "DELETE FROM claims WHERE rowid IN (SELECT c.rowid FROM jsonb_each(?1) j \
    CROSS JOIN claims c ON c.tenant_id = j.value->>0 AND c.owner = j.value->>1)";

/// `[[tenant, booking, resource, from, to, free from, now, places], …]`
pub(in crate::store) const BOOKING_TIMES: &str = "UPDATE bookings SET resource = j.resource, starts_at = j.starts_at, \
        ends_at = j.ends_at, free_at = j.free_at, late_minutes = NULL, updated_at = j.at, places = j.places \
    FROM (SELECT value->>0 AS tenant_id, value->>1 AS id, value->>2 AS resource, value->>3 AS starts_at, value->>4 AS ends_at, \
        value->>5 AS free_at, value->>6 AS at, value->>7 AS places FROM jsonb_each(+?1)) j \
    WHERE bookings.id = j.id AND bookings.tenant_id = j.tenant_id";

/// `[[tenant, booking, free from, minutes late, now], …]`
pub(in crate::store) const BOOKING_LATE: &str = "UPDATE bookings SET free_at = j.free_at, late_minutes = j.minutes, updated_at = j.at \
    FROM (SELECT value->>0 AS tenant_id, value->>1 AS id, value->>2 AS free_at, value->>3 AS minutes, value->>4 AS at \
        FROM jsonb_each(+?1)) j \
    WHERE bookings.id = j.id AND bookings.tenant_id = j.tenant_id";

/// `[[tenant, booking, state, now], …]`
pub(in crate::store) const BOOKING_STATES: &str = "UPDATE bookings SET state = j.state, updated_at = j.at \
    FROM (SELECT value->>0 AS tenant_id, value->>1 AS id, value->>2 AS state, value->>3 AS at FROM jsonb_each(+?1)) j \
    WHERE bookings.id = j.id AND bookings.tenant_id = j.tenant_id";

/// `[[tenant, offer, state, conversation that has it or null, now], …]`
pub(in crate::store) const OFFER_STATES: &str = "UPDATE offers SET state = j.state, assigned_to = j.assigned, updated_at = j.at \
    FROM (SELECT value->>0 AS tenant_id, value->>1 AS id, value->>2 AS state, value->>3 AS assigned, value->>4 AS at \
        FROM jsonb_each(+?1)) j \
    WHERE offers.id = j.id AND offers.tenant_id = j.tenant_id";

/// `[[tenant, offer, rating, now], …]`
pub(in crate::store) const OFFER_RATINGS: &str = "UPDATE offers SET rating = j.rating, updated_at = j.at \
    FROM (SELECT value->>0 AS tenant_id, value->>1 AS id, value->>2 AS rating, value->>3 AS at FROM jsonb_each(+?1)) j \
    WHERE offers.id = j.id AND offers.tenant_id = j.tenant_id";

/// `[[tenant, conversation], …]`
pub(in crate::store) const OFF_DUTY: &str = "DELETE FROM on_duty WHERE rowid IN (SELECT d.rowid FROM jsonb_each(?1) j \
    CROSS JOIN on_duty d ON d.tenant_id = j.value->>0 AND d.conversation_id = j.value->>1)";

/// Tenant, identity, now: what is taken from now on, and whether it is the contact's own.
pub(in crate::store) const AGENDA: &str = "SELECT b.id, b.service, b.resource, b.starts_at, b.ends_at, b.free_at, b.state, \
        coalesce(b.contact_id = (SELECT min(a.contact_id) FROM contact_addresses a WHERE a.tenant_id = ?1 AND a.identity = ?2), 0), \
        b.people, b.places \
    FROM bookings b WHERE b.tenant_id = ?1 AND b.state IN ('held', 'confirmed') AND b.free_at > ?3 \
    ORDER BY b.starts_at, b.id";

/// Tenant, identity, since when: open offers, and those that the contact has taken and not done.
pub(in crate::store) const OPEN_OFFERS: &str = "SELECT o.id, o.conversation_id, o.body, o.details, o.expires_at, o.state \
    FROM offers o WHERE o.tenant_id = ?1 AND o.state = 'open' \
    UNION ALL SELECT o.id, o.conversation_id, o.body, o.details, o.expires_at, o.state FROM offers o \
    WHERE o.tenant_id = ?1 AND o.state = 'accepted' AND o.updated_at > ?3 AND o.assigned_to IN (SELECT c.id FROM conversations c \
        WHERE c.tenant_id = ?1 AND c.contact_id = (SELECT min(a.contact_id) FROM contact_addresses a \
            WHERE a.tenant_id = ?1 AND a.identity = ?2)) ORDER BY 1";

/// Tenant: who takes offers.
pub(in crate::store) const PEOPLE_ON_DUTY: &str =
    "SELECT d.conversation_id FROM on_duty d WHERE d.tenant_id = ?1 ORDER BY d.since";

/// An offer with whose it is and who has it; a condition follows.
macro_rules! offer_row {
    () => {
        "SELECT o.id, o.conversation_id, p.name, c.address, o.body, o.state, o.assigned_to, d.address, o.expires_at, \
        o.created_at, o.updated_at, o.rating \
    FROM offers o LEFT JOIN contacts p ON p.id = o.contact_id AND p.tenant_id = o.tenant_id \
    LEFT JOIN conversations c ON c.id = o.conversation_id AND c.tenant_id = o.tenant_id \
    LEFT JOIN conversations d ON d.id = o.assigned_to AND d.tenant_id = o.tenant_id "
    };
}

/// Tenant, how many: offers, the newest first.
pub(in crate::store) const LIST_OFFERS: &str =
    concat!(offer_row!(), "WHERE o.tenant_id = ?1 ORDER BY o.id DESC LIMIT ?2");

/// Tenant, contact, how many: their offers, the newest first.
pub(in crate::store) const CONTACT_OFFERS: &str =
    concat!(offer_row!(), "WHERE o.tenant_id = ?1 AND o.contact_id = ?2 ORDER BY o.id DESC LIMIT ?3");

/// Tenant, offer.
pub(in crate::store) const ONE_OFFER: &str = concat!(offer_row!(), "WHERE o.tenant_id = ?1 AND o.id = ?2");

/// Tenant: who takes offers, the longest on duty first.
pub(in crate::store) const LIST_ON_DUTY: &str = "SELECT d.conversation_id, c.address, d.since FROM on_duty d \
    JOIN conversations c ON c.id = d.conversation_id AND c.tenant_id = d.tenant_id WHERE d.tenant_id = ?1 ORDER BY d.since";

/// A booking with whose it is; a condition follows.
macro_rules! booking_row {
    () => {
        "SELECT b.id, b.conversation_id, b.contact_id, p.name, c.address, c.channel_id, \
        b.service, b.resource, b.starts_at, b.ends_at, b.state, b.created_at, b.free_at, b.late_minutes, b.people, b.places \
    FROM bookings b LEFT JOIN contacts p ON p.id = b.contact_id AND p.tenant_id = b.tenant_id \
    LEFT JOIN conversations c ON c.id = b.conversation_id AND c.tenant_id = b.tenant_id "
    };
}

/// Tenant, from, to, state or null, resource or null, how many.
pub(in crate::store) const LIST_BOOKINGS: &str = concat!(
    booking_row!(),
    "WHERE b.tenant_id = ?1 AND b.starts_at >= ?2 AND b.starts_at < ?3 AND (?4 IS NULL OR b.state = ?4) \
        AND (?5 IS NULL OR b.resource = ?5) ORDER BY b.starts_at, b.id LIMIT ?6"
);

/// Tenant, contact, how many: their bookings, the latest first.
pub(in crate::store) const CONTACT_BOOKINGS: &str =
    concat!(booking_row!(), "WHERE b.tenant_id = ?1 AND b.contact_id = ?2 ORDER BY b.starts_at DESC, b.id LIMIT ?3");

/// Tenant, booking.
pub(in crate::store) const ONE_BOOKING: &str = concat!(booking_row!(), "WHERE b.tenant_id = ?1 AND b.id = ?2");

/// A lead; a condition follows.
macro_rules! lead_row {
    () => {
        "SELECT l.id, l.conversation_id, l.contact_id, l.name, l.email, l.phone, l.need, \
        l.urgent, l.state, l.source, l.created_at FROM leads l "
    };
}

/// Tenant, state or null, before (id) or null, how many: the newest first.
pub(in crate::store) const LIST_LEADS: &str = concat!(
    lead_row!(),
    "WHERE l.tenant_id = ?1 AND (?2 IS NULL OR l.state = ?2) AND (?3 IS NULL OR l.id < ?3) \
        ORDER BY l.id DESC LIMIT ?4"
);

/// Tenant, contact, how many: their leads, the newest first.
pub(in crate::store) const CONTACT_LEADS: &str =
    concat!(lead_row!(), "WHERE l.tenant_id = ?1 AND l.contact_id = ?2 ORDER BY l.id DESC LIMIT ?3");

/// Tenant: how many stand where.
pub(in crate::store) const LEAD_COUNTS: &str =
    "SELECT l.state, count(*) FROM leads l WHERE l.tenant_id = ?1 GROUP BY l.state";

/// Tenant, lead, state, now.
pub(in crate::store) const LEAD_STATE: &str =
    "UPDATE leads SET state = ?3, updated_at = ?4 WHERE tenant_id = ?1 AND id = ?2";
