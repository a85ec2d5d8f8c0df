//! Statements that check and write turns.

use super::{above_low_watermark, awaits_contact, in_queue};

/// The first message of the turn's contact (`j`) that had no turn.
macro_rules! first_unprocessed {
    () => {
        concat!(
            "(SELECT w.id FROM messages_in w WHERE w.tenant_id = j.tenant_id AND w.channel_id = j.channel_id \
                AND w.identity = j.person AND ",
            above_low_watermark!("w", "inbound"),
            " AND w.processed_at IS NULL ORDER BY w.id LIMIT 1)"
        )
    };
}

/// Whether the rows of the turn (`j`) would go before rows that are in the queue.
macro_rules! would_overtake {
    () => {
        concat!(
            "(SELECT true FROM messages_out l WHERE l.tenant_id = j.tenant_id AND l.conversation_id = j.conversation_id \
                AND l.id >= j.first_id AND l.state IN ",
            in_queue!(),
            " LIMIT 1) IS NOT NULL"
        )
    };
}

/// Whether the turn (`j`) finds deferred rows to release.
macro_rules! would_release {
    () => {
        concat!(
            "j.releases AND (SELECT true FROM messages_out d WHERE d.tenant_id = j.tenant_id \
                AND d.conversation_id = j.conversation_id AND ",
            above_low_watermark!("d", "outbound"),
            " AND ",
            awaits_contact!("d"),
            " LIMIT 1) IS NOT NULL"
        )
    };
}

/// `(tenant, conversation, expected version, inbound or null, channel, address, whether it releases, whether it knows
/// of what it releases, first row to send or null, status, handler, session, its opening, recent answers, timer, last
/// inbound, role, reason, now, assignee, flow, whether a person has read it, identity, memory)` of turns of existing conversations, in the order
/// of these: writes the conversation and the message of each turn that may be written. Returns their positions, the positions of those that find
/// deferred rows to release, and how many messages another transaction took at this moment.
///
/// The statement does not see what others commit after it began; but another turn of the conversation has moved its
/// version, and a row that is waited for is compared as it is then. A message that was answered before this one came
/// in was there when the statement began.
pub(in crate::store) const WRITE_TURNS: &str = concat!(
    "WITH free AS MATERIALIZED (SELECT * FROM (SELECT j.*, \
            (j.inbound_id IS NULL OR ",
    first_unprocessed!(),
    " = j.inbound_id) AND NOT ",
    would_overtake!(),
    " AS free, ",
    would_release!(),
    " AS deferred \
        FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::boolean[], \
            $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::timestamptz[], \
            $16::timestamptz[], $17::text[], $18::text[], $19::timestamptz[], $20::text[], $21::text[], \
            $22::boolean[], $23::text[], $24::text[]) WITH ORDINALITY j (tenant_id, \
            conversation_id, version, inbound_id, channel_id, address, releases, knows, first_id, status, handler, \
            session_id, session_opened_at, recent_answers, timer_at, last_inbound_at, role, reason, at, assignee, flow, \
            marks_read, person, memory, place) OFFSET 0) x \
        WHERE x.free AND (x.knows OR NOT x.deferred)), \
    taken AS (UPDATE conversations c SET address = f.address, status = f.status, handler = f.handler, \
            version = c.version + 1, session_id = f.session_id, session_opened_at = f.session_opened_at, \
            recent_answers = f.recent_answers, timer_at = f.timer_at, last_inbound_at = f.last_inbound_at, \
            last_message_at = CASE WHEN f.inbound_id IS NULL AND f.first_id IS NULL THEN c.last_message_at ELSE f.at END, \
            unread = CASE WHEN f.marks_read THEN 0 WHEN f.role = 'client' THEN c.unread + 1 ELSE c.unread END, \
            waiting_since = CASE WHEN f.handler = 'bot' OR f.status = 'resolved' OR f.marks_read THEN NULL \
                WHEN c.waiting_since IS NULL AND (f.role = 'client' OR c.unread > 0) THEN coalesce(f.last_inbound_at, f.at) \
                ELSE c.waiting_since END, \
            assignee = f.assignee, flow = f.flow, memory = f.memory, updated_at = f.at \
        FROM free f WHERE c.id = f.conversation_id AND c.version = f.version AND c.tenant_id = f.tenant_id \
        RETURNING f.place, f.deferred, f.tenant_id, f.inbound_id, f.conversation_id, f.role, f.reason, f.at), \
    used AS (UPDATE messages_in m SET state = 'processed', conversation_id = t.conversation_id, role = t.role, \
            reason = t.reason, processed_at = t.at \
        FROM taken t WHERE m.id = t.inbound_id AND m.tenant_id = t.tenant_id AND m.state || '' = 'accepted' \
        RETURNING 1) \
    SELECT coalesce((SELECT string_agg((place - 1)::text, ' ') FROM taken), ''), \
        coalesce((SELECT string_agg((place - 1)::text, ' ') FROM taken WHERE deferred), ''), \
        (SELECT count(*) FROM taken WHERE inbound_id IS NOT NULL) - (SELECT count(*) FROM used)"
);

/// `(tenant, inbound or null, identity)` of newcomers' turns: locks these messages, and new contacts for these
/// persons, until the end of the transaction. Returns how many newcomers there are, and the positions of the turns
/// whose message waits for its turn: a row that is locked is read as it is, whatever the statement saw when it began.
/// The columns are computed in their order.
pub(in crate::store) const LOCK_TURNS: &str = "WITH j AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::text[], \
        $3::text[]) WITH ORDINALITY j (tenant_id, inbound_id, person, place)), \
    newcomers AS MATERIALIZED (SELECT pg_advisory_xact_lock(k.key) FROM (SELECT DISTINCT \
        hashtextextended(j.tenant_id || ' ' || j.person, 0) AS key FROM j ORDER BY 1) k), \
    used AS MATERIALIZED (SELECT j.place - 1 AS place, m.state = 'accepted' AND m.tenant_id = j.tenant_id AS holds \
        FROM j JOIN messages_in m ON m.id = j.inbound_id ORDER BY m.id FOR UPDATE OF m) \
    SELECT (SELECT count(*) FROM newcomers), \
        coalesce((SELECT string_agg(place::text, ' ') FROM used WHERE holds), '')";

/// `(tenant, inbound or null, conversation, expected version, channel, contact, identity, releases, first row to send
/// or null)` of newcomers' turns, all locked: positions of those that may not be written (true), and of those that
/// find deferred rows to release (false). A message may not overtake one that was accepted before it, on whatever
/// node; nor may its rows go before rows in the queue.
pub(in crate::store) const CONFLICTS: &str = concat!(
    "SELECT x.place - 1, x.conflict FROM (SELECT j.place, coalesce(\
        c.version <> j.version OR other.id IS NOT NULL OR a.contact_id <> j.contact_id, false) \
        OR (j.inbound_id IS NOT NULL AND ",
    first_unprocessed!(),
    " < j.inbound_id) IS TRUE OR ",
    would_overtake!(),
    " AS conflict, ",
    would_release!(),
    " AS deferred \
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::boolean[], \
        $9::text[]) WITH ORDINALITY j (tenant_id, inbound_id, conversation_id, version, channel_id, contact_id, person, \
        releases, first_id, place) \
    LEFT JOIN LATERAL (SELECT c.version FROM conversations c WHERE c.id = j.conversation_id \
        AND j.contact_id IS NOT NULL OFFSET 0) c ON true \
    LEFT JOIN LATERAL (SELECT c.id FROM conversations c WHERE c.tenant_id = j.tenant_id \
        AND c.contact_id = j.contact_id AND c.channel_id = j.channel_id AND c.merged_into IS NULL OFFSET 0) other ON true \
    LEFT JOIN LATERAL (SELECT a.contact_id FROM contact_addresses a WHERE a.tenant_id = j.tenant_id \
        AND a.identity = j.person AND j.contact_id IS NOT NULL ORDER BY a.contact_id LIMIT 1) a ON true OFFSET 0) x \
    WHERE x.conflict OR x.deferred"
);

/// `(inbound, conversation, role, reason, processed_at)`
pub(in crate::store) const MARK_PROCESSED: &str = "UPDATE messages_in m SET state = 'processed', \
        conversation_id = j.conversation_id, role = j.role, reason = j.reason, processed_at = j.at \
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) \
        j (id, conversation_id, role, reason, at) WHERE m.id = j.id";
