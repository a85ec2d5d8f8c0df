//! SQL of the hot paths for SQLite.
//!
//! Texts are constant, so that each is prepared once per connection. Lists travel as one JSON array (`?1`), read by
//! `json_each`; where a table has partial indexes it is `+?1`, because SQLite compares a bare parameter with their
//! conditions and would prepare the statement anew for each value.

mod assistant;
mod cold;
mod identities;
mod journals;
mod live;
mod marketing;
mod media;
mod merging;
mod outbox;
mod outcomes;
mod polling;
mod retention;
mod scarce;

pub(in crate::store) use self::assistant::*;
pub(in crate::store) use self::cold::*;
pub(in crate::store) use self::identities::*;
pub(in crate::store) use self::journals::*;
pub(in crate::store) use self::live::*;
pub(in crate::store) use self::marketing::*;
pub(in crate::store) use self::media::*;
pub(in crate::store) use self::merging::*;
pub(in crate::store) use self::outbox::*;
pub(in crate::store) use self::outcomes::*;
pub(in crate::store) use self::polling::*;
pub(in crate::store) use self::retention::*;
pub(in crate::store) use self::scarce::*;

/// The states of a row that is in its conversation's queue, as in the partial index `messages_out_line`.
macro_rules! in_queue {
    () => {
        "('pending', 'sending', 'unknown')"
    };
}
use in_queue;

/// A row that waits for the contact, as in the partial index `messages_out_deferred`.
macro_rules! awaits_contact {
    ($row:literal) => {
        concat!(
            $row,
            ".state = 'deferred' AND ",
            $row,
            ".blocked_reason IS DISTINCT FROM 'budget' AND ",
            $row,
            ".blocked_reason IS DISTINCT FROM 'quiet_hours' AND ",
            $row,
            ".blocked_reason IS DISTINCT FROM 'scheduled'"
        )
    };
}
use awaits_contact;

/// Why a row is not sent, or what its last attempt said.
macro_rules! reason {
    ($row:literal) => {
        concat!("coalesce(", $row, ".blocked_reason, ", $row, ".last_error)")
    };
}
use reason;

/// A row that waits for a time outside its queue, as in the partial indexes `messages_out_held` and `messages_out_held_line`.
macro_rules! held {
    ($row:literal) => {
        concat!($row, ".state = 'deferred' AND ", $row, ".blocked_reason IN ('budget', 'quiet_hours', 'scheduled')")
    };
}
use held;

/// Kinds that are exempt from quotas (`OutboundKind::QUOTA_EXEMPT`), as in the partial index `messages_out_duties`.
macro_rules! quota_exempt {
    () => {
        "('opt_out_confirmation', 'help', 'action')"
    };
}
use quota_exempt;

use crate::store::same_phone::same_phone;

/// A table that rows are appended to in bulk.
#[derive(Debug)]
pub(in crate::store) struct InsertTable {
    /// `INSERT INTO table (columns) VALUES `
    pub insert: &'static str,
    /// How many columns.
    pub columns: usize,
    /// The ON CONFLICT clause.
    pub on_conflict: &'static str,
}

/// Whether the person (`j`) said STOP by any of their addresses: those of their contact, where there is one.
macro_rules! said_stop {
    () => {
        "EXISTS (SELECT 1 FROM opt_outs o WHERE o.tenant_id = j.tenant_id AND o.identity = j.person) \
            OR EXISTS (SELECT 1 FROM contact_addresses b CROSS JOIN opt_outs o \
                ON o.tenant_id = j.tenant_id AND o.identity = b.identity \
                WHERE b.tenant_id = j.tenant_id AND b.contact_id = j.contact_id)"
    };
}

/// Tenant, person (named so): their contact, or null.
macro_rules! contact_of {
    ($tenant:literal, $person:literal) => {
        concat!(
            "(SELECT min(a.contact_id) FROM contact_addresses a WHERE a.tenant_id = ",
            $tenant,
            " AND a.identity = ",
            $person,
            ")"
        )
    };
}
use contact_of;

pub(in crate::store) const MESSAGES_IN: InsertTable = InsertTable {
    insert: "INSERT INTO messages_in (id, tenant_id, channel_id, provider_message_id, \"from\", \"to\", body, \
        profile_name, details, state, correlation_id, created_at, identity) VALUES ",
    columns: 13,
    on_conflict: " ON CONFLICT (tenant_id, channel_id, provider_message_id) DO NOTHING",
};

pub(in crate::store) const EVENT_LOG: InsertTable = InsertTable {
    insert: "INSERT INTO event_log (id, tenant_id, event_type, entity_type, entity_id, correlation_id, actor_type, \
        payload, created_at) VALUES ",
    columns: 9,
    on_conflict: "",
};

pub(in crate::store) const CONTACTS: InsertTable = InsertTable {
    insert: "INSERT INTO contacts (id, tenant_id, name, created_at, updated_at) VALUES ",
    columns: 5,
    on_conflict: " ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at \
        WHERE name IS NOT excluded.name",
};

pub(in crate::store) const CONTACT_ADDRESSES: InsertTable = InsertTable {
    insert: "INSERT INTO contact_addresses (tenant_id, address, contact_id, created_at, identity, identity_checked) VALUES ",
    columns: 6,
    on_conflict: " ON CONFLICT (tenant_id, address) DO NOTHING",
};

/// `unread` of a turn is how many messages it adds, or -1 when a person has read all of them.
pub(in crate::store) const CONVERSATIONS: InsertTable = InsertTable {
    insert: "INSERT INTO conversations (id, tenant_id, channel_id, contact_id, address, status, handler, version, \
        session_id, session_opened_at, recent_answers, timer_at, last_inbound_at, last_message_at, unread, assignee, \
        flow, created_at, updated_at, waiting_since, memory) VALUES ",
    columns: 21,
    on_conflict: " ON CONFLICT (id) DO UPDATE SET address = excluded.address, status = excluded.status, \
        handler = excluded.handler, version = excluded.version, session_id = excluded.session_id, \
        session_opened_at = excluded.session_opened_at, recent_answers = excluded.recent_answers, \
        timer_at = excluded.timer_at, last_inbound_at = excluded.last_inbound_at, \
        last_message_at = coalesce(excluded.last_message_at, last_message_at), \
        unread = CASE WHEN excluded.unread < 0 THEN 0 ELSE unread + excluded.unread END, \
        waiting_since = CASE WHEN excluded.handler = 'bot' OR excluded.status = 'resolved' OR excluded.unread < 0 THEN NULL WHEN \
        waiting_since IS NULL AND excluded.unread + unread > 0 THEN coalesce(excluded.last_inbound_at, excluded.updated_at) ELSE waiting_since END, \
        assignee = excluded.assignee, flow = excluded.flow, memory = excluded.memory, updated_at = excluded.updated_at",
};

pub(in crate::store) const SESSIONS: InsertTable = InsertTable {
    insert: "INSERT INTO sessions (id, tenant_id, conversation_id, opened_at) VALUES ",
    columns: 4,
    on_conflict: "",
};

pub(in crate::store) const CONSENTS: InsertTable = InsertTable {
    insert: "INSERT INTO consents (id, tenant_id, channel_id, contact_id, address, what, source, evidence, \
        created_at) VALUES ",
    columns: 9,
    on_conflict: "",
};

/// `[[tenant, channel, provider id], …]`: id and correlation id of the message that holds each key, or held it.
pub(in crate::store) const FIRST_BY_KEY: &str = "SELECT j.key, m.id, m.correlation_id FROM jsonb_each(+?1) j \
    CROSS JOIN messages_in m ON (m.tenant_id, m.channel_id, m.provider_message_id) = (j.value->>0, j.value->>1, j.value->>2) \
    UNION ALL SELECT j.key, d.id, d.correlation_id FROM jsonb_each(+?1) j CROSS JOIN messages_deleted d \
    ON (d.tenant_id, d.channel_id, d.provider_message_id) = (j.value->>0, j.value->>1, j.value->>2)";

pub(in crate::store) const LAST_INBOUND: &str = "SELECT max(id) FROM messages_in";

pub(in crate::store) const DEAD_LETTER: &str = "UPDATE messages_in SET state = 'dead', reason = ?3, processed_at = ?4 \
    WHERE id = ?1 AND tenant_id = ?2 AND state = 'accepted'";

/// Not needed: there is one writer.
pub(in crate::store) const LOCK_TURNS: &str = "";

/// Not needed: checking and writing are two statements here.
pub(in crate::store) const WRITE_TURNS: &str = "";

/// `[[tenant, inbound or null, conversation, expected version, channel, contact, identity, releases, first to send or null], …]`:
/// positions of the turns that may not be written (1), and of those that find deferred rows to release (0). The
/// contact is null when the conversation is there already.
pub(in crate::store) const CONFLICTS: &str = concat!(
    "SELECT key, conflict FROM (SELECT j.key, coalesce(\
        (j.value->>1 IS NOT NULL AND (m.state IS NOT 'accepted' OR m.tenant_id IS NOT j.value->>0)) \
        OR coalesce(c.version, 0) <> j.value->>3 \
        OR (c.id IS NOT NULL AND c.tenant_id <> j.value->>0) \
        OR other.id IS NOT NULL \
        OR (j.value->>5 IS NOT NULL AND ",
    contact_of!("j.value->>0", "j.value->>6"),
    " <> j.value->>5), 0) AS conflict, \
        j.value->>7 AND EXISTS (SELECT 1 FROM messages_out d WHERE d.tenant_id = j.value->>0 \
            AND d.conversation_id = j.value->>2 AND ",
    awaits_contact!("d"),
    ") AS deferred \
    FROM jsonb_each(+?1) j \
    LEFT JOIN messages_in m ON m.id = j.value->>1 \
    LEFT JOIN conversations c ON c.id = j.value->>2 \
    LEFT JOIN conversations other ON other.tenant_id = j.value->>0 AND other.contact_id = j.value->>5 \
        AND other.channel_id = j.value->>4 AND other.merged_into IS NULL) \
    WHERE conflict OR deferred"
);

/// `[[inbound, conversation, role, reason, processed_at], …]`
pub(in crate::store) const MARK_PROCESSED: &str = "UPDATE messages_in SET state = 'processed', conversation_id = j.value->>1, \
    role = j.value->>2, reason = j.value->>3, processed_at = j.value->>4 \
    FROM jsonb_each(+?1) j WHERE messages_in.id = j.value->>0";

/// `[[session, closed_at], …]`
pub(in crate::store) const CLOSE_SESSIONS: &str = "UPDATE sessions SET closed_at = j.value->>1 \
    FROM jsonb_each(+?1) j WHERE sessions.id = j.value->>0 AND sessions.closed_at IS NULL";

/// Tenant, identity: every address of the person.
pub(in crate::store) const OPT_IN: &str = concat!(
    "DELETE FROM opt_outs WHERE tenant_id = ?1 AND identity IN (SELECT ?2 UNION SELECT b.identity FROM contact_addresses b \
        WHERE b.tenant_id = ?1 AND b.contact_id = ",
    contact_of!("?1", "?2"),
    ")"
);

/// Contact, now.
pub(in crate::store) const WELCOMED: &str =
    "UPDATE contacts SET welcomed_at = ?2, updated_at = ?2 WHERE id = ?1 AND welcomed_at IS NULL";

/// Tenant, identity, now.
pub(in crate::store) const CONFIRMED: &str = concat!(
    "UPDATE contacts SET confirmed_at = ?3, updated_at = ?3 WHERE id = ",
    contact_of!("?1", "?2"),
    " AND confirmed_at IS NULL"
);

/// Tenant, channel, address, identity: whether the ledger says that a welcome asked the person there, and whether they
/// confirmed.
pub(in crate::store) const OPTED_IN: &str = concat!(
    "WITH mine AS (SELECT ?3 AS address UNION SELECT b.address FROM contact_addresses b \
        WHERE b.tenant_id = ?1 AND b.contact_id = ",
    contact_of!("?1", "?4"),
    ") \
    SELECT EXISTS (SELECT 1 FROM mine CROSS JOIN consents w ON w.tenant_id = ?1 AND w.address = mine.address \
        AND w.what = 'welcomed' AND w.channel_id = ?2), \
    EXISTS (SELECT 1 FROM contacts y WHERE y.id = ",
    contact_of!("?1", "?4"),
    " AND y.confirmed_at IS NOT NULL)"
);

/// Tenant, identity: conversations in which something waits for the person to confirm.
pub(in crate::store) const UNCONFIRMED: &str = concat!(
    "SELECT c.id FROM conversations c WHERE c.tenant_id = ?1 AND c.contact_id = ",
    contact_of!("?1", "?2"),
    " AND EXISTS (SELECT 1 FROM messages_out d WHERE d.tenant_id = ?1 AND d.conversation_id = c.id AND ",
    awaits_contact!("d"),
    " AND d.blocked_reason = 'not_confirmed')"
);

/// `[[message, ledger's id, channel, its scheme, now], …]`: records welcomes among these messages that left through
/// that channel, which took over. Returns whom they asked there.
pub(in crate::store) const WELCOMED_BY: &str = concat!(
    "INSERT INTO consents (id, tenant_id, channel_id, contact_id, address, what, source, evidence, created_at) \
    SELECT t.ledger_id, t.tenant_id, t.channel_id, \
        (SELECT c.contact_id FROM conversations c WHERE c.id = t.conversation_id), \
        t.address, 'welcomed', 'message', t.id, t.at \
    FROM (SELECT o.id, o.tenant_id, o.conversation_id, j.value->>1 AS ledger_id, j.value->>2 AS channel_id, j.value->>4 AS at, \
        CASE WHEN o.\"to\" LIKE (j.value->>3) || ':%' THEN o.\"to\" ELSE coalesce(",
    same_phone!("o.\"to\""),
    ", o.\"to\") END AS address \
        FROM jsonb_each(+?1) j CROSS JOIN messages_out o ON o.id = j.value->>0 WHERE o.kind = 'welcome') t \
    RETURNING tenant_id, address"
);

/// Tenant, identity, now, a conversation that knows or null: the person's conversations in memory are read again before their
/// next turn.
pub(in crate::store) const INVALIDATE_CONVERSATIONS: &str = concat!(
    "UPDATE conversations SET version = version + 1, updated_at = ?3 WHERE tenant_id = ?1 AND contact_id = ",
    contact_of!("?1", "?2"),
    " AND id IS NOT ?4"
);

/// Tenant, identity.
pub(in crate::store) const CONTACT_OF: &str = "SELECT contact_id FROM contact_addresses WHERE tenant_id = ?1 AND identity = ?2 \
    ORDER BY contact_id LIMIT 1";

/// `[[tenant, channel, identity, the last message or null], …]`: everything a conversation starts from, in one reading.
pub(in crate::store) const LOAD: &str = concat!(
    "WITH k AS MATERIALIZED (SELECT key, value->>0 AS tenant_id, value->>1 AS channel_id, value->>2 AS person, \
        value->>3 AS through FROM jsonb_each(+?1)), \
    j AS MATERIALIZED (SELECT k.*, ",
    contact_of!("k.tenant_id", "k.person"),
    " AS contact_id FROM k) \
    SELECT j.key, j.contact_id, p.name, c.id, c.version, c.status, c.handler, c.session_id, c.session_opened_at, \
        c.recent_answers, c.timer_at, c.last_inbound_at, c.assignee, c.flow, c.memory, \
        ",
    said_stop!(),
    ", \
        EXISTS (SELECT 1 FROM messages_out o \
            WHERE o.tenant_id = j.tenant_id AND o.conversation_id = c.id AND o.state IN ",
    in_queue!(),
    "), \
        (SELECT json_group_array(json_array(m.id, m.provider_message_id, m.\"to\", m.body, m.profile_name, m.details, \
            m.correlation_id, m.created_at, m.\"from\")) \
            FROM (SELECT * FROM messages_in w WHERE w.tenant_id = j.tenant_id AND w.id <= j.through \
                AND w.channel_id = j.channel_id AND w.identity = j.person AND w.processed_at IS NULL \
                ORDER BY w.id) m), \
        EXISTS (SELECT 1 FROM messages_out o \
            WHERE o.tenant_id = j.tenant_id AND o.conversation_id = c.id AND ",
    awaits_contact!("o"),
    "), \
        c.address, \
        (SELECT json_group_array(DISTINCT b.identity) FROM contact_addresses b WHERE b.tenant_id = j.tenant_id \
            AND b.contact_id = j.contact_id) \
    FROM j \
    LEFT JOIN contacts p ON p.id = j.contact_id \
    LEFT JOIN conversations c ON c.tenant_id = j.tenant_id AND c.contact_id = j.contact_id \
        AND c.channel_id = j.channel_id AND c.merged_into IS NULL"
);

/// `[[tenant, channel, identity], …]`: for each, whether the person said STOP by any address, and when they last wrote on the
/// channel.
pub(in crate::store) const RECIPIENT_STATUSES: &str = concat!(
    "WITH k AS MATERIALIZED (\
        SELECT key, value->>0 AS tenant_id, value->>1 AS channel_id, value->>2 AS person FROM jsonb_each(+?1)), \
    j AS MATERIALIZED (SELECT k.*, ",
    contact_of!("k.tenant_id", "k.person"),
    " AS contact_id FROM k) \
    SELECT j.key, ",
    said_stop!(),
    ", c.last_inbound_at \
    FROM j \
    LEFT JOIN conversations c ON c.tenant_id = j.tenant_id AND c.contact_id = j.contact_id \
        AND c.channel_id = j.channel_id AND c.merged_into IS NULL"
);

/// The first page: by the small index of waiting rows.
pub(in crate::store) const BACKLOG: &str = "SELECT id, tenant_id, channel_id, provider_message_id, \"from\", \"to\", body, \
    profile_name, details, correlation_id, created_at FROM messages_in INDEXED BY messages_in_waiting \
    WHERE tenant_id = ?1 AND processed_at IS NULL ORDER BY id LIMIT ?2";

/// Further pages: in the order of insertion, which is that of ids, because what waits stands close together there.
pub(in crate::store) const BACKLOG_AFTER: &str = "SELECT id, tenant_id, channel_id, provider_message_id, \"from\", \"to\", body, \
    profile_name, details, correlation_id, created_at FROM messages_in NOT INDEXED \
    WHERE rowid > coalesce((SELECT rowid FROM messages_in WHERE id = ?3), 0) \
    AND tenant_id = ?1 AND processed_at IS NULL ORDER BY rowid LIMIT ?2";

/// The oldest waiting message of each tenant; a recursion steps from tenant to tenant and skips the rows between.
pub(in crate::store) const TENANTS_BEHIND: &str = "WITH RECURSIVE oldest (head) AS (\
    SELECT json_array('', NULL) UNION ALL \
    SELECT (SELECT json_array(m.tenant_id, m.created_at) FROM messages_in m INDEXED BY messages_in_waiting \
        WHERE m.processed_at IS NULL AND m.tenant_id > head->>0 ORDER BY m.tenant_id, m.id LIMIT 1) \
    FROM oldest WHERE head IS NOT NULL) \
    SELECT head->>0 FROM oldest WHERE head->>1 < ?1";

pub(in crate::store) const TIMERS: InsertTable = InsertTable {
    insert: "INSERT INTO timers (id, tenant_id, conversation_id, kind, fires_at, payload, correlation_id, created_at) \
        VALUES ",
    columns: 8,
    on_conflict: "",
};

/// `[[tenant, timer], …]`: those that are there.
pub(in crate::store) const TIMERS_THERE: &str = "SELECT t.id FROM jsonb_each(?1) j \
    CROSS JOIN timers t ON t.id = j.value->>1 AND t.tenant_id = j.value->>0";

/// `[[tenant, conversation, timer or null, kind or null], …]`: deletes that timer, or all of that kind.
pub(in crate::store) const FORGET_TIMERS: &str = "DELETE FROM timers WHERE id IN (SELECT t.id FROM jsonb_each(?1) j \
    CROSS JOIN timers t ON t.conversation_id = j.value->>1 AND t.tenant_id = j.value->>0 \
        AND (t.id = j.value->>2 OR t.kind = j.value->>3))";

/// Now, how many.
pub(in crate::store) const DUE_TIMERS: &str = "SELECT t.tenant_id, c.channel_id, c.address, t.id, t.kind, t.fires_at, \
        t.payload, t.correlation_id, t.created_at \
    FROM (SELECT * FROM timers WHERE fires_at <= ?1 AND kind <> 'notify' ORDER BY fires_at, id LIMIT ?2) t \
    JOIN conversations c ON c.id = t.conversation_id AND c.tenant_id = t.tenant_id ORDER BY t.fires_at, t.id";

/// Tenant, conversation; where it was merged into another, that one.
pub(in crate::store) const CONVERSATION_KEY: &str = "SELECT c.channel_id, c.address FROM conversations o \
    JOIN conversations c ON c.id = coalesce(o.merged_into, o.id) AND c.tenant_id = o.tenant_id \
    WHERE o.tenant_id = ?1 AND o.id = ?2";

pub(in crate::store) const DUE_TURNS: &str = "SELECT tenant_id, channel_id, address FROM conversations \
    WHERE timer_at IS NOT NULL AND timer_at <= ?1 ORDER BY timer_at LIMIT ?2";

/// Checkpoints the whole log.
pub(in crate::store) const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Checkpoints what no reader is using: whether it was held up, pages in the log, pages copied.
pub(in crate::store) const CHECKPOINT_PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
