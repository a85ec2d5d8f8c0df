//! SQL of the hot paths for PostgreSQL. Lists travel as one array for each column, read by `unnest`.

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
mod quota_leases;
mod retention;
mod scarce;
mod turns;

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
pub(in crate::store) use self::quota_leases::*;
pub(in crate::store) use self::retention::*;
pub(in crate::store) use self::scarce::*;
pub(in crate::store) use self::turns::*;

/// The low watermark as a condition: no open row has a smaller id, so older months are not read. No upper bound of
/// the id may stand beside it: between two unknown bounds the planner expects next to nothing, and would read all of
/// a month's ids between them.
macro_rules! above_low_watermark {
    ($row:literal, $direction:literal) => {
        concat!($row, ".id >= (SELECT h.", $direction, " FROM low_watermark h WHERE h.one)")
    };
}
use above_low_watermark;

/// The states of a row that is in its conversation's queue, as in the partial index `messages_out_line`.
macro_rules! in_queue {
    () => {
        "('pending', 'sending', 'unknown')"
    };
}
use in_queue;

/// A row that is being sent, as in the partial index `messages_out_leased`. The second condition is true of every
/// row: it names the index's second column, so that the planner takes this small index and not `messages_out_line`,
/// which has these rows too.
macro_rules! leased {
    ($row:literal) => {
        concat!($row, ".state = 'sending' AND right(", $row, ".id, 4) >= ''")
    };
}
use leased;

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

/// Whether the person (`j`) said STOP by any of their addresses: those of their contact (`a`), where there is one.
macro_rules! said_stop {
    () => {
        "CASE WHEN a.contact_id IS NULL THEN (SELECT true FROM opt_outs o WHERE o.tenant_id = j.tenant_id \
                AND o.identity = j.person LIMIT 1) IS NOT NULL \
            ELSE (SELECT true FROM contact_addresses b CROSS JOIN LATERAL (SELECT 1 FROM opt_outs o \
                WHERE o.tenant_id = b.tenant_id AND o.identity = b.identity LIMIT 1) o \
                WHERE b.tenant_id = j.tenant_id AND b.contact_id = a.contact_id LIMIT 1) IS NOT NULL END"
    };
}

/// The contact (`a`) of a person (`j`).
macro_rules! contact {
    () => {
        "LEFT JOIN LATERAL (SELECT a.contact_id FROM contact_addresses a WHERE a.tenant_id = j.tenant_id \
            AND a.identity = j.person ORDER BY a.contact_id LIMIT 1) a ON true"
    };
}

/// Tenant (`$1`), person (named so): their contact, or null.
macro_rules! contact_of {
    ($person:literal) => {
        concat!(
            "(SELECT a.contact_id FROM contact_addresses a WHERE a.tenant_id = $1 AND a.identity = ",
            $person,
            " ORDER BY a.contact_id LIMIT 1)"
        )
    };
}
use contact_of;

/// Whether the conversation `c` has rows that fit.
macro_rules! has {
    ($so:expr) => {
        concat!(
            "(SELECT true FROM messages_out o WHERE o.tenant_id = j.tenant_id AND o.conversation_id = c.id AND ",
            above_low_watermark!("o", "outbound"),
            " AND ",
            $so,
            " LIMIT 1) IS NOT NULL"
        )
    };
}

/// How many: the first of as many new ticks of the id clock.
pub(in crate::store) const NEXT_ID_TICKS: &str = "SELECT palabre_ticks($1)";

/// Inserts the messages that are new by `messages_once`. Keys are inserted in their order, so that two nodes with the
/// same messages wait for each other in one direction only. The comparison with a list that is gathered first is a
/// hash look-up.
pub(in crate::store) const MESSAGES_IN: &str = "WITH j AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::text[], \
        $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], \
        $12::timestamptz[], $13::text[]) j (id, tenant_id, channel_id, provider_message_id, \"from\", \"to\", body, \
        profile_name, details, state, correlation_id, created_at, identity)), \
    fresh AS (INSERT INTO messages_once (tenant_id, channel_id, provider_message_id, id, correlation_id) \
        SELECT tenant_id, channel_id, provider_message_id, id, correlation_id FROM j \
        ORDER BY tenant_id COLLATE \"C\", channel_id COLLATE \"C\", provider_message_id COLLATE \"C\", id COLLATE \"C\" \
        ON CONFLICT (tenant_id, channel_id, provider_message_id) DO NOTHING RETURNING id) \
    INSERT INTO messages_in (id, tenant_id, channel_id, provider_message_id, \"from\", \"to\", body, profile_name, \
        details, state, correlation_id, created_at, identity) \
    SELECT * FROM j WHERE (j.id IN (SELECT id FROM fresh)) IS TRUE";

pub(in crate::store) const EVENT_LOG: &str = "INSERT INTO event_log (id, tenant_id, event_type, entity_type, entity_id, \
        correlation_id, actor_type, payload, created_at) \
    SELECT id, tenant_id, event_type, entity_type, entity_id, correlation_id, actor_type, payload::jsonb, created_at \
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
        $9::timestamptz[]) j (id, tenant_id, event_type, entity_type, entity_id, correlation_id, actor_type, payload, \
        created_at)";

pub(in crate::store) const CONTACTS: &str = "INSERT INTO contacts AS c (id, tenant_id, name, created_at, updated_at) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) j ORDER BY 1 \
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at \
        WHERE c.name IS DISTINCT FROM excluded.name";

pub(in crate::store) const CONTACT_ADDRESSES: &str = "INSERT INTO contact_addresses (tenant_id, address, contact_id, \
        created_at, identity, identity_checked) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::boolean[]) j ORDER BY 1, 2 \
    ON CONFLICT (tenant_id, address) DO NOTHING";

/// `unread` of a turn is how many messages it adds, or -1 when a person has read all of them.
pub(in crate::store) const CONVERSATIONS: &str = "INSERT INTO conversations AS c (id, tenant_id, channel_id, contact_id, \
        address, status, handler, version, session_id, session_opened_at, recent_answers, timer_at, last_inbound_at, \
        last_message_at, unread, assignee, flow, created_at, updated_at, waiting_since, memory) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], \
        $8::bigint[], $9::text[], $10::timestamptz[], $11::text[], $12::timestamptz[], $13::timestamptz[], \
        $14::timestamptz[], $15::bigint[], $16::text[], $17::text[], $18::timestamptz[], $19::timestamptz[], \
        $20::timestamptz[], $21::text[]) j ORDER BY 1 \
    ON CONFLICT (id) DO UPDATE SET address = excluded.address, status = excluded.status, \
        handler = excluded.handler, version = excluded.version, session_id = excluded.session_id, \
        session_opened_at = excluded.session_opened_at, recent_answers = excluded.recent_answers, \
        timer_at = excluded.timer_at, last_inbound_at = excluded.last_inbound_at, \
        last_message_at = coalesce(excluded.last_message_at, c.last_message_at), \
        unread = CASE WHEN excluded.unread < 0 THEN 0 ELSE c.unread + excluded.unread END, \
        waiting_since = CASE WHEN excluded.handler = 'bot' OR excluded.status = 'resolved' OR excluded.unread < 0 THEN NULL \
            WHEN c.waiting_since IS NULL AND excluded.unread + c.unread > 0 \
                THEN coalesce(excluded.last_inbound_at, excluded.updated_at) ELSE c.waiting_since END, \
        assignee = excluded.assignee, flow = excluded.flow, memory = excluded.memory, updated_at = excluded.updated_at";

pub(in crate::store) const SESSIONS: &str = "INSERT INTO sessions (id, tenant_id, conversation_id, opened_at) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) j";

pub(in crate::store) const CONSENTS: &str = "INSERT INTO consents (id, tenant_id, channel_id, contact_id, address, what, \
        source, evidence, created_at) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], \
        $8::text[], $9::timestamptz[]) j";

/// `(tenant, channel, provider id)`: id and correlation id of the message that holds each key.
pub(in crate::store) const FIRST_BY_KEY: &str = "SELECT j.place - 1, o.id, o.correlation_id \
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY j (tenant_id, channel_id, provider_message_id, place) \
    JOIN messages_once o ON o.tenant_id = j.tenant_id AND o.channel_id = j.channel_id \
        AND o.provider_message_id = j.provider_message_id";

/// Not needed: the database's id clock makes ids that grow.
pub(in crate::store) const LAST_INBOUND: &str = "";

pub(in crate::store) const DEAD_LETTER: &str = "UPDATE messages_in SET state = 'dead', reason = $3, processed_at = $4 \
    WHERE id = $1 AND tenant_id = $2 AND state = 'accepted'";

/// `(session, closed_at)`
pub(in crate::store) const CLOSE_SESSIONS: &str = "UPDATE sessions s SET closed_at = j.at \
    FROM unnest($1::text[], $2::timestamptz[]) j (id, at) WHERE s.id = j.id AND s.closed_at IS NULL";

/// Id, tenant, address, source, message or null, now, identity.
pub(in crate::store) const OPT_OUT: &str = "INSERT INTO opt_outs (id, tenant_id, address, source, message_id, created_at, \
        identity, identity_checked) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, true) ON CONFLICT (tenant_id, address) DO NOTHING";

/// Tenant, identity: every address of the person.
pub(in crate::store) const OPT_IN: &str = concat!(
    "DELETE FROM opt_outs WHERE tenant_id = $1 AND identity = ANY (ARRAY(SELECT b.identity FROM contact_addresses b \
        WHERE b.tenant_id = $1 AND b.contact_id = ",
    contact_of!("$2"),
    " UNION ALL SELECT $2))"
);

/// Contact, now.
pub(in crate::store) const WELCOMED: &str =
    "UPDATE contacts SET welcomed_at = $2, updated_at = $2 WHERE id = $1 AND welcomed_at IS NULL";

/// Tenant, identity, now.
pub(in crate::store) const CONFIRMED: &str = concat!(
    "UPDATE contacts SET confirmed_at = $3, updated_at = $3 WHERE id = ",
    contact_of!("$2"),
    " AND confirmed_at IS NULL"
);

/// Tenant, channel, address, identity: whether the ledger says that a welcome asked the person there, and whether they
/// confirmed.
pub(in crate::store) const OPTED_IN: &str = concat!(
    "WITH mine AS MATERIALIZED (SELECT b.address FROM contact_addresses b WHERE b.tenant_id = $1 AND b.contact_id = ",
    contact_of!("$4"),
    " UNION ALL SELECT $3) \
    SELECT (SELECT true FROM mine CROSS JOIN LATERAL (SELECT 1 FROM consents w WHERE w.tenant_id = $1 \
        AND w.address = mine.address AND w.what = 'welcomed' AND w.channel_id = $2 LIMIT 1) w LIMIT 1) IS NOT NULL, \
    (SELECT true FROM contacts y WHERE y.id = ",
    contact_of!("$4"),
    " AND y.confirmed_at IS NOT NULL) IS NOT NULL"
);

/// Tenant, identity: conversations in which something waits for the person to confirm.
pub(in crate::store) const UNCONFIRMED: &str = concat!(
    "SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.contact_id = ",
    contact_of!("$2"),
    " AND (SELECT true FROM messages_out d WHERE d.tenant_id = $1 AND d.conversation_id = c.id AND ",
    awaits_contact!("d"),
    " AND d.blocked_reason = 'not_confirmed' LIMIT 1) IS NOT NULL"
);

/// `(message, ledger's id, channel, its scheme, now)`: records welcomes among these messages that left through that
/// channel, which took over. Returns whom they asked there.
pub(in crate::store) const WELCOMED_BY: &str = concat!(
    "WITH t AS MATERIALIZED (SELECT o.id, o.tenant_id, o.conversation_id, j.ledger_id, j.channel_id, j.at, \
        CASE WHEN o.\"to\" LIKE j.scheme || ':%' THEN o.\"to\" ELSE coalesce(",
    same_phone!("o.\"to\""),
    ", o.\"to\") END AS address \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) \
            j (id, ledger_id, channel_id, scheme, at) \
        CROSS JOIN LATERAL (SELECT * FROM messages_out o WHERE o.id = j.id OFFSET 0) o WHERE o.kind = 'welcome') \
    INSERT INTO consents (id, tenant_id, channel_id, contact_id, address, what, source, evidence, created_at) \
    SELECT t.ledger_id, t.tenant_id, t.channel_id, (SELECT c.contact_id FROM conversations c \
        WHERE c.id = t.conversation_id), t.address, 'welcomed', 'message', t.id, t.at FROM t \
    RETURNING tenant_id, address"
);

/// Tenant, identity, now, a conversation that knows or null: the person's conversations in memory, on whatever node, are read
/// again before their next turn.
pub(in crate::store) const INVALIDATE_CONVERSATIONS: &str = concat!(
    "UPDATE conversations SET version = version + 1, updated_at = $3 WHERE tenant_id = $1 AND contact_id = ",
    contact_of!("$2"),
    " AND id IS DISTINCT FROM $4"
);

/// Tenant, identity.
pub(in crate::store) const CONTACT_OF: &str =
    "SELECT contact_id FROM contact_addresses WHERE tenant_id = $1 AND identity = $2 ORDER BY contact_id LIMIT 1";

/// `(tenant, channel, identity, the last message or null)`: everything a conversation starts from, in one reading.
pub(in crate::store) const LOAD: &str = concat!(
    "SELECT j.place - 1, a.contact_id, p.name, c.id, c.version, c.status, c.handler, c.session_id, c.session_opened_at, \
        c.recent_answers, c.timer_at, c.last_inbound_at, c.assignee, c.flow, c.memory, ",
    said_stop!(),
    ", ",
    has!(concat!("o.state IN ", in_queue!())),
    ", coalesce((SELECT json_agg(json_build_array(m.id, m.provider_message_id, m.\"to\", m.body, m.profile_name, \
            m.details, m.correlation_id, m.created_at, m.\"from\") ORDER BY m.id) \
            FROM messages_in m WHERE m.tenant_id = j.tenant_id AND m.channel_id = j.channel_id \
                AND m.identity = j.person AND m.id || '' <= j.through AND ",
    above_low_watermark!("m", "inbound"),
    " AND m.processed_at IS NULL)::text, '[]'), ",
    has!(awaits_contact!("o")),
    ", c.address, (SELECT json_agg(DISTINCT b.identity)::text FROM contact_addresses b WHERE b.tenant_id = j.tenant_id \
        AND b.contact_id = a.contact_id) \
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY \
        j (tenant_id, channel_id, person, through, place) ",
    contact!(),
    " LEFT JOIN LATERAL (SELECT * FROM conversations c WHERE c.tenant_id = j.tenant_id \
        AND c.contact_id = a.contact_id AND c.channel_id = j.channel_id AND c.merged_into IS NULL OFFSET 0) c ON true \
    LEFT JOIN LATERAL (SELECT p.name FROM contacts p WHERE p.id = a.contact_id OFFSET 0) p ON true"
);

/// `(tenant, channel, identity)`: for each, whether the person said STOP by any address, and when they last wrote on the
/// channel.
pub(in crate::store) const RECIPIENT_STATUSES: &str = concat!(
    "SELECT j.place - 1, ",
    said_stop!(),
    ", (SELECT c.last_inbound_at FROM conversations c WHERE c.tenant_id = j.tenant_id AND c.contact_id = a.contact_id \
        AND c.channel_id = j.channel_id AND c.merged_into IS NULL) \
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY j (tenant_id, channel_id, person, place) ",
    contact!()
);

pub(in crate::store) const BACKLOG: &str = "SELECT id, tenant_id, channel_id, provider_message_id, \"from\", \"to\", \
    body, profile_name, details, correlation_id, created_at FROM messages_in \
    WHERE tenant_id = $1 AND state = 'accepted' ORDER BY id LIMIT $2";

pub(in crate::store) const BACKLOG_AFTER: &str = "SELECT id, tenant_id, channel_id, provider_message_id, \"from\", \
    \"to\", body, profile_name, details, correlation_id, created_at FROM messages_in \
    WHERE tenant_id = $1 AND state = 'accepted' AND id > $3 ORDER BY id LIMIT $2";

/// The oldest waiting message of each tenant; a recursion steps from tenant to tenant and skips the rows between.
pub(in crate::store) const TENANTS_BEHIND: &str = "WITH RECURSIVE oldest AS (\
    (SELECT tenant_id, created_at FROM messages_in WHERE state = 'accepted' ORDER BY tenant_id, id LIMIT 1) \
    UNION ALL SELECT n.tenant_id, n.created_at FROM oldest o CROSS JOIN LATERAL (\
        SELECT m.tenant_id, m.created_at FROM messages_in m \
        WHERE m.state = 'accepted' AND m.tenant_id > o.tenant_id ORDER BY m.tenant_id, m.id LIMIT 1) n) \
    SELECT tenant_id FROM oldest WHERE created_at < $1";

pub(in crate::store) const TIMERS: &str = "INSERT INTO timers (id, tenant_id, conversation_id, kind, fires_at, payload, \
        correlation_id, created_at) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], \
        $8::timestamptz[]) j";

/// `(tenant, timer)`: those that are there. They are not locked: whoever deletes a timer moves the version of its
/// conversation with the same commit, and the turn that it leads to is checked against that.
pub(in crate::store) const TIMERS_THERE: &str = "SELECT t.id FROM unnest($1::text[], $2::text[]) j (tenant_id, id) \
    JOIN timers t ON t.id = j.id AND t.tenant_id = j.tenant_id";

/// `(tenant, conversation, timer or null, kind or null)`: deletes that timer, or all of that kind.
pub(in crate::store) const FORGET_TIMERS: &str = "DELETE FROM timers t \
    USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) j (tenant_id, conversation_id, id, kind) \
    WHERE t.conversation_id = j.conversation_id AND t.tenant_id = j.tenant_id AND (t.id = j.id OR t.kind = j.kind)";

/// Now, how many.
pub(in crate::store) const DUE_TIMERS: &str = "SELECT t.tenant_id, c.channel_id, c.address, t.id, t.kind, t.fires_at, \
        t.payload, t.correlation_id, t.created_at \
    FROM (SELECT * FROM timers WHERE fires_at <= $1 AND kind <> 'notify' ORDER BY fires_at, id LIMIT $2) t \
    JOIN conversations c ON c.id = t.conversation_id AND c.tenant_id = t.tenant_id ORDER BY t.fires_at, t.id";

/// Tenant, conversation; where it was merged into another, that one.
pub(in crate::store) const CONVERSATION_KEY: &str = "SELECT c.channel_id, c.address FROM conversations o \
    JOIN conversations c ON c.id = coalesce(o.merged_into, o.id) AND c.tenant_id = o.tenant_id \
    WHERE o.tenant_id = $1 AND o.id = $2";

pub(in crate::store) const DUE_TURNS: &str = "SELECT tenant_id, channel_id, address FROM conversations \
    WHERE timer_at IS NOT NULL AND timer_at <= $1 ORDER BY timer_at LIMIT $2";
