//! Statements of retention: pages of old rows.
//!
//! A page is found first, beside the writer, and then deleted by its two ends; that transaction looks again for rows
//! that may not go.

use super::{awaits_contact, held};

/// Whether an outbound message (`m`) stays: it is open, it changed lately (since `?3`), or it proves a consent.
macro_rules! outbound_stays {
    () => {
        "(m.state IN ('pending', 'sending', 'unknown', 'deferred') OR m.updated_at >= ?3 \
        OR EXISTS (SELECT 1 FROM consents c WHERE c.tenant_id = m.tenant_id AND c.address = m.\"to\" \
            AND c.evidence = m.id) \
        OR EXISTS (SELECT 1 FROM opt_outs o WHERE o.tenant_id = m.tenant_id AND o.address = m.\"to\" \
            AND o.message_id = m.id))"
    };
}

/// The same for an inbound message, which also stays while an open answer refers to it.
macro_rules! inbound_stays {
    () => {
        concat!(
            "(m.processed_at IS NULL OR m.processed_at >= ?3 \
        OR EXISTS (SELECT 1 FROM consents c WHERE c.tenant_id = m.tenant_id AND c.address = m.\"from\" \
            AND c.evidence = m.id) \
        OR EXISTS (SELECT 1 FROM opt_outs o WHERE o.tenant_id = m.tenant_id AND o.address = m.\"from\" \
            AND o.message_id = m.id) \
        OR EXISTS (SELECT 1 FROM messages_out l WHERE l.tenant_id = m.tenant_id \
            AND l.conversation_id = m.conversation_id AND l.state IN ('pending', 'sending', 'unknown') \
            AND l.in_reply_to = m.id) \
        OR EXISTS (SELECT 1 FROM messages_out d WHERE d.tenant_id = m.tenant_id \
            AND d.conversation_id = m.conversation_id AND ",
            awaits_contact!("d"),
            " AND d.in_reply_to = m.id) \
        OR EXISTS (SELECT 1 FROM messages_out h WHERE h.tenant_id = m.tenant_id \
            AND h.conversation_id = m.conversation_id AND ",
            held!("h"),
            " AND h.in_reply_to = m.id))"
        )
    };
}

/// Correlation ids of open messages.
macro_rules! open_flows {
    () => {
        concat!(
            "SELECT correlation_id FROM messages_out WHERE state IN ('pending', 'sending', 'unknown') \
        UNION ALL SELECT correlation_id FROM messages_out d WHERE ",
            awaits_contact!("d"),
            " \
        UNION ALL SELECT correlation_id FROM messages_out h WHERE ",
            held!("h"),
            " \
        UNION ALL SELECT correlation_id FROM messages_in WHERE processed_at IS NULL"
        )
    };
}

/// After which id, up to which id (it is not meant), when, how many: the last id of a page, how many rows it has, how many
/// of them may go.
pub(in crate::store) const OLD_OUTBOUND: &str = concat!(
    "SELECT coalesce(max(id), ''), count(*), coalesce(sum(NOT ",
    outbound_stays!(),
    "), 0) FROM (SELECT * FROM messages_out WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?4) m"
);
pub(in crate::store) const OLD_INBOUND: &str = concat!(
    "SELECT coalesce(max(id), ''), count(*), coalesce(sum(NOT ",
    inbound_stays!(),
    "), 0) FROM (SELECT * FROM messages_in WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?4) m"
);

/// After which id, up to which one (it is meant), when.
pub(in crate::store) const FORGET_OUTBOUND: &str =
    concat!("DELETE FROM messages_out AS m WHERE m.id > ?1 AND m.id <= ?2 AND NOT ", outbound_stays!());
pub(in crate::store) const FORGET_INBOUND: &str =
    concat!("DELETE FROM messages_in AS m WHERE m.id > ?1 AND m.id <= ?2 AND NOT ", inbound_stays!());

/// After which row, when, whether there are few open flows (then theirs stay), how many: the last row of a page, how many
/// of its rows are that old, how many of them may go. Rows stand nearly in the order of time.
pub(in crate::store) const OLD_EVENTS: &str = concat!(
    "SELECT coalesce(max(place), ''), coalesce(sum(created_at < ?2), 0), \
        coalesce(sum(created_at < ?2 AND CASE WHEN ?3 THEN correlation_id NOT IN (",
    open_flows!(),
    ") ELSE true END), 0) FROM (SELECT printf('%020d', rowid) AS place, created_at, correlation_id FROM event_log \
        WHERE rowid > CAST(?1 AS INTEGER) ORDER BY rowid LIMIT ?4)"
);

/// After which row, up to which one, when, whether there are few open flows.
pub(in crate::store) const FORGET_EVENTS: &str = concat!(
    "DELETE FROM event_log WHERE rowid > CAST(?1 AS INTEGER) AND rowid <= CAST(?2 AS INTEGER) AND created_at < ?3 \
        AND CASE WHEN ?4 THEN correlation_id NOT IN (",
    open_flows!(),
    ") ELSE true END"
);

/// Limit: how many messages are open; and the oldest of them.
pub(in crate::store) const OPEN_FLOWS: &str = concat!("SELECT count(*) FROM (", open_flows!(), " LIMIT ?1)");
pub(in crate::store) const OLDEST_OPEN: &str = concat!(
    "SELECT min(created_at) FROM (\
    SELECT min(created_at) AS created_at FROM messages_out WHERE state IN ('pending', 'sending', 'unknown') \
    UNION ALL SELECT min(created_at) FROM messages_out d WHERE ",
    awaits_contact!("d"),
    " \
    UNION ALL SELECT min(created_at) FROM messages_out h WHERE ",
    held!("h"),
    " \
    UNION ALL SELECT min(created_at) FROM messages_in WHERE processed_at IS NULL)"
);
