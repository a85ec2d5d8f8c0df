//! Statements of retention: whole months, and pages of the default partitions.

use super::{awaits_contact, held};

/// Whether an outbound message (`m`) stays: it is open, it changed lately, or it proves a consent.
macro_rules! outbound_stays {
    ($since:literal) => {
        concat!(
            "(m.state IN ('pending', 'sending', 'unknown', 'deferred') OR m.updated_at >= ",
            $since,
            " OR EXISTS (SELECT 1 FROM consents c WHERE c.tenant_id = m.tenant_id AND c.address = m.\"to\" \
                AND c.evidence = m.id) \
            OR EXISTS (SELECT 1 FROM opt_outs o WHERE o.tenant_id = m.tenant_id AND o.address = m.\"to\" \
                AND o.message_id = m.id))"
        )
    };
}

/// The same for an inbound message, which also stays while an open answer refers to it.
macro_rules! inbound_stays {
    ($since:literal) => {
        concat!(
            "(m.processed_at IS NULL OR m.processed_at >= ",
            $since,
            " OR EXISTS (SELECT 1 FROM consents c WHERE c.tenant_id = m.tenant_id AND c.address = m.\"from\" \
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

/// After which id, up to which id (it is not meant), when, how many: the last id of a page of the default partition, how
/// many rows it has, how many of them may go.
pub(in crate::store) const OLD_OUTBOUND: &str = concat!(
    "SELECT coalesce(max(m.id), ''), count(*), count(*) FILTER (WHERE NOT ",
    outbound_stays!("$3"),
    ") FROM (SELECT * FROM messages_out_rest WHERE id > $1 AND id < $2 ORDER BY id LIMIT $4) m"
);
pub(in crate::store) const OLD_INBOUND: &str = concat!(
    "SELECT coalesce(max(m.id), ''), count(*), count(*) FILTER (WHERE NOT ",
    inbound_stays!("$3"),
    ") FROM (SELECT * FROM messages_in_rest WHERE id > $1 AND id < $2 ORDER BY id LIMIT $4) m"
);

/// After which id, up to which one (it is meant), when. Keys of the API go with their messages; `messages_once` keeps the ids of
/// the provider, so that a webhook that is sent again later is known as old (I2).
pub(in crate::store) const FORGET_OUTBOUND: &str = concat!(
    "WITH page AS MATERIALIZED (SELECT m.id, m.tenant_id, m.idempotency_key FROM messages_out_rest m \
        WHERE m.id > $1 AND m.id <= $2 AND NOT ",
    outbound_stays!("$3"),
    " ORDER BY m.id FOR UPDATE OF m), \
    keys AS (DELETE FROM messages_asked k USING page p \
        WHERE k.tenant_id = p.tenant_id AND k.idempotency_key = p.idempotency_key AND k.id = p.id) \
    DELETE FROM messages_out_rest t USING page p WHERE t.id = p.id"
);
pub(in crate::store) const FORGET_INBOUND: &str = concat!(
    "WITH page AS MATERIALIZED (SELECT m.id FROM messages_in_rest m WHERE m.id > $1 AND m.id <= $2 AND NOT ",
    inbound_stays!("$3"),
    " ORDER BY m.id FOR UPDATE OF m) \
    DELETE FROM messages_in_rest t USING page p WHERE t.id = p.id"
);

/// After which row, when, whether there are few open flows (then theirs stay), how many: the last row of a page of the
/// default partition, how many rows it has, how many of them may go.
pub(in crate::store) const OLD_EVENTS: &str = concat!(
    "SELECT coalesce((max(place))::text, ''), count(*), count(*) FILTER (WHERE created_at < $2 \
        AND CASE WHEN $3 THEN correlation_id NOT IN (",
    open_flows!(),
    ") ELSE true END) FROM (SELECT ctid AS place, created_at, correlation_id FROM event_log_rest \
        WHERE ctid > (CASE $1::text WHEN '' THEN '(0,0)' ELSE $1 END)::tid ORDER BY ctid LIMIT $4) e"
);

/// After which row, up to which one, when, whether there are few open flows.
pub(in crate::store) const FORGET_EVENTS: &str = concat!(
    "DELETE FROM event_log_rest WHERE ctid > (CASE $1::text WHEN '' THEN '(0,0)' ELSE $1 END)::tid \
        AND ctid <= $2::text::tid AND created_at < $3 AND CASE WHEN $4 THEN correlation_id NOT IN (",
    open_flows!(),
    ") ELSE true END"
);

/// Limit: how many messages are open.
pub(in crate::store) const OPEN_FLOWS: &str =
    concat!("SELECT count(*) FROM (SELECT 1 FROM (", open_flows!(), ") f LIMIT $1) f");
pub(in crate::store) const OLDEST_OPEN: &str = concat!(
    "SELECT min(created_at) FROM (\
    SELECT min(created_at) AS created_at FROM messages_out WHERE state IN ('pending', 'sending', 'unknown') \
    UNION ALL SELECT min(created_at) FROM messages_out d WHERE ",
    awaits_contact!("d"),
    " \
    UNION ALL SELECT min(created_at) FROM messages_out h WHERE ",
    held!("h"),
    " \
    UNION ALL SELECT min(created_at) FROM messages_in WHERE processed_at IS NULL) oldest"
);

/// Whether this connection got the lock for deleting months. The number is our own.
pub(in crate::store) const LOCK_MONTHS: &str = "SELECT pg_try_advisory_lock(7305803)";

/// A table: its months, as `messages_in_2026_11`.
pub(in crate::store) const MONTHS: &str = "SELECT c.relname::text FROM pg_inherits i \
    JOIN pg_class c ON c.oid = i.inhrelid \
    WHERE i.inhparent = to_regclass($1) AND c.relname ~ ('^' || $1 || '_[0-9]{4}_[0-9]{2}$') ORDER BY 1";

/// Ids of a month's rows that stay.
pub(in crate::store) const STAYING: &str =
    "CREATE TEMP TABLE IF NOT EXISTS staying (id text COLLATE \"C\" PRIMARY KEY); TRUNCATE staying";

/// A table whose months go, and what is said about its rows.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Monthly {
    pub table: &'static str,
    /// Fills `staying`: when (`$1`), how many at most (`$2`). Empty: rows that stay are found at the removal.
    staying: &'static str,
    /// Deletes keys: after which id (`$1`), how many (`$2`); returns the last id. Empty: none go.
    keys: &'static str,
    /// Whether a row (`m`) stays, by a quick condition: includes rows that became open since `staying` was filled.
    stays: &'static str,
}

pub(in crate::store) const MONTHLY_OUTBOUND: Monthly = Monthly {
    table: "messages_out",
    staying: concat!("INSERT INTO staying SELECT m.id FROM \"{month}\" m WHERE ", outbound_stays!("$1"), " LIMIT $2"),
    keys: "WITH page AS MATERIALIZED (SELECT m.id, m.tenant_id, m.idempotency_key FROM \"{month}\" m WHERE m.id > $1 \
            ORDER BY m.id LIMIT $2), \
        gone AS (DELETE FROM messages_asked k USING page p WHERE k.tenant_id = p.tenant_id \
            AND k.idempotency_key = p.idempotency_key AND k.id = p.id \
            AND p.id NOT IN (SELECT id FROM staying)) \
        SELECT max(id) FROM page",
    stays: concat!(
        "m.id IN (SELECT id FROM staying \
        UNION ALL SELECT id FROM \"{month}\" WHERE state IN ('pending', 'sending', 'unknown') \
        UNION ALL SELECT id FROM \"{month}\" d WHERE ",
        awaits_contact!("d"),
        " \
        UNION ALL SELECT id FROM \"{month}\" h WHERE ",
        held!("h"),
        ")"
    ),
};

pub(in crate::store) const MONTHLY_INBOUND: Monthly = Monthly {
    table: "messages_in",
    staying: concat!("INSERT INTO staying SELECT m.id FROM \"{month}\" m WHERE ", inbound_stays!("$1"), " LIMIT $2"),
    keys: "",
    stays: "m.id IN (SELECT id FROM staying UNION ALL SELECT id FROM \"{month}\" WHERE processed_at IS NULL)",
};

pub(in crate::store) const MONTHLY_EVENTS: Monthly =
    Monthly { table: "event_log", staying: "", keys: "", stays: concat!("m.correlation_id IN (", open_flows!(), ")") };

impl Monthly {
    pub fn staying(&self, month: &str) -> Option<String> {
        (!self.staying.is_empty()).then(|| self.staying.replace("{month}", month))
    }

    pub fn keys(&self, month: &str) -> Option<String> {
        (!self.keys.is_empty()).then(|| self.keys.replace("{month}", month))
    }

    /// How many rows there are, and how many stay, counted up to `$1`.
    pub fn counts(&self, month: &str) -> String {
        let stays = self.stays.replace("{month}", month);
        format!(
            "SELECT (SELECT count(*) FROM \"{month}\"), \
                (SELECT count(*) FROM (SELECT 1 FROM \"{month}\" m WHERE {stays} LIMIT $1) s)"
        )
    }

    /// Drops the month and moves what stays into the default partition. Nobody reads or writes the table meanwhile,
    /// so it gives up after a second of waiting for the lock.
    pub fn removal(&self, month: &str) -> String {
        let (table, stays) = (self.table, self.stays.replace("{month}", month));
        format!(
            "SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '10s'; \
            LOCK TABLE ONLY \"{table}\" IN ACCESS EXCLUSIVE MODE; \
            ALTER TABLE \"{table}\" DETACH PARTITION \"{month}\"; \
            INSERT INTO \"{table}\" SELECT m.* FROM \"{month}\" m WHERE {stays}; \
            DROP TABLE \"{month}\""
        )
    }
}
