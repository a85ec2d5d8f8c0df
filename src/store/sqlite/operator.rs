//! SQL of the operators' commands for SQLite.
//!
//! Each statement begins with the tenants that may be seen (`?1`, a JSON array). Where a state has an index of its
//! own, the statement names that state literally, so that a million sent messages cost a look at the dead ones
//! nothing.

use palabre_actors::domain::status::OutboxState;

/// States that one index, or one scan along the ids, finds.
pub(in crate::store) struct StateGroup {
    pub states: &'static [OutboxState],
    condition: &'static str,
}

/// Every state is in one group; `deferred` in two.
pub(in crate::store) const STATE_GROUPS: [StateGroup; 7] = [
    StateGroup { states: &[OutboxState::Dead, OutboxState::Failed], condition: "state IN ('dead', 'failed')" },
    StateGroup { states: &[OutboxState::Unknown], condition: "state = 'unknown'" },
    StateGroup {
        states: &[OutboxState::Deferred],
        condition: "state = 'deferred' AND blocked_reason IS DISTINCT FROM 'budget' AND blocked_reason IS DISTINCT FROM 'quiet_hours' \
            AND blocked_reason IS DISTINCT FROM 'scheduled'",
    },
    StateGroup {
        states: &[OutboxState::Deferred],
        condition: "state = 'deferred' AND blocked_reason IN ('budget', 'quiet_hours', 'scheduled')",
    },
    StateGroup { states: &[OutboxState::Sending], condition: "state = 'sending'" },
    StateGroup {
        states: &[OutboxState::Pending],
        condition: "state IN ('pending', 'sending', 'unknown') AND state = 'pending'",
    },
    StateGroup {
        states: &[
            OutboxState::Sent,
            OutboxState::Delivered,
            OutboxState::Read,
            OutboxState::Suppressed,
            OutboxState::Cancelled,
        ],
        condition: "state IN ('sent', 'delivered', 'read', 'suppressed', 'cancelled')",
    },
];

/// The columns of an [`crate::store::operator::Item`], in its order.
macro_rules! item {
    () => {
        "id, tenant_id, channel_id, conversation_id, \"to\", body, template, kind, state, COALESCE(blocked_reason, last_error), \
        attempts, life, \
        urgent, next_attempt_at, expires_at, provider_message_id, sent_via, cost_micros, correlation_id, created_at, \
        sent_at, updated_at, in_reply_to, behind"
    };
}

/// Tenants, states, channel, reason, kind, since, until: all but the first two may be null.
const FILTER: &str = "tenant_id IN (SELECT value FROM json_each(+?1)) AND state IN (SELECT value FROM json_each(+?2)) \
    AND (?3 IS NULL OR channel_id = ?3) \
    AND (?4 IS NULL OR COALESCE(blocked_reason, last_error) IN (?4, 'exhausted:' || ?4)) \
    AND (?5 IS NULL OR kind = ?5) AND (?6 IS NULL OR created_at >= ?6) AND (?7 IS NULL OR created_at < ?7)";

/// The reason of a row. A pending row without a reason of its own gets one from where it is: `line` (blocked behind
/// another), `time`, or `turn` when its own time does not hold it back, though its channel may. Now (`?8`), since
/// when a channel notice must have been posted (`?9`).
const REASON: &str = "COALESCE(blocked_reason, last_error, CASE WHEN state <> 'pending' THEN NULL WHEN behind THEN 'line' \
    WHEN next_attempt_at <= ?8 THEN 'turn' \
    WHEN next_attempt_at <= (SELECT max(h.until) FROM (\
        SELECT p.until FROM channel_pauses p WHERE p.channel_id = messages_out.channel_id \
            AND p.tenant_id = messages_out.tenant_id \
        UNION ALL SELECT r.until FROM channel_notices r WHERE r.channel_id = messages_out.channel_id \
            AND r.tenant_id = messages_out.tenant_id AND r.told_at >= ?9) h) THEN 'turn' \
    ELSE 'time' END)";

impl StateGroup {
    /// Joins a part for each group that these states are in.
    pub fn union(states: &[OutboxState], part: impl Fn(&str) -> String) -> String {
        let wanted = STATE_GROUPS.iter().filter(|group| group.states.iter().any(|state| states.contains(state)));
        let parts: Vec<String> = wanted.map(|group| part(group.condition)).collect();
        parts.join(" UNION ALL ")
    }
}

/// What waits longer than it should: it was written before this id (`?11`), and nobody asked for a later time. Now (`?12`).
const LATE: &str = " AND blocked_reason IS DISTINCT FROM 'scheduled' \
    AND (state <> 'pending' OR (id < ?11 AND (behind OR attempts > attempts_before \
    OR blocked_reason IS NOT NULL OR next_attempt_at <= ?12)))";

/// Rows that fit a filter, newest first. Before which id (`?8`), the first id that may be meant (`?9`), how many (`?10`).
/// `late`: of those that wait, only what waits longer than it should.
pub(in crate::store) fn newest(states: &[OutboxState], late: bool) -> String {
    let late = if late { LATE } else { "" };
    let parts = StateGroup::union(states, |group| {
        format!(
            "SELECT * FROM (SELECT {} FROM messages_out WHERE {FILTER} AND {group} AND id < ?8 AND id >= ?9{late} \
            ORDER BY id DESC LIMIT ?10)",
            item!()
        )
    });
    format!("{parts} ORDER BY id DESC LIMIT ?10")
}

/// Rows that fit a filter, oldest first: their ids. After which id (`?8`), how many (`?9`).
pub(in crate::store) fn oldest(states: &[OutboxState]) -> String {
    let parts = StateGroup::union(states, |group| {
        format!(
            "SELECT * FROM (SELECT id FROM messages_out WHERE {FILTER} AND {group} AND id > ?8 ORDER BY id LIMIT ?9)"
        )
    });
    format!("{parts} ORDER BY id LIMIT ?9")
}

/// How many rows fit a filter, by tenant, channel, state and reason, with the parameters of [`REASON`]. `late`: as in
/// [`newest`], before which id (`?10`).
pub(in crate::store) fn counts(states: &[OutboxState], late: bool) -> String {
    let late = if late { LATE.replace("?11", "?10").replace("?12", "?8") } else { String::new() };
    let parts = StateGroup::union(states, |group| {
        format!(
            "SELECT tenant_id, channel_id, state, {REASON}, count(*), min(created_at), max(created_at) \
            FROM messages_out WHERE {FILTER} AND {group}{late} GROUP BY 1, 2, 3, 4"
        )
    });
    format!("{parts} ORDER BY 5 DESC, 1, 2, 3, 4")
}

/// Tenants, id.
pub(in crate::store) const ITEM: &str =
    concat!("SELECT ", item!(), " FROM messages_out WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND id = ?2");

pub(in crate::store) const TENANTS: &str = "SELECT id FROM tenants ORDER BY id";
/// Tenant.
pub(in crate::store) const TENANT_NAME: &str = "SELECT name FROM tenants WHERE id = ?1";

/// Tenants, `[id, …]`: what a change needs to know of a row.
pub(in crate::store) const TARGETS: &str = "SELECT id, tenant_id, channel_id, conversation_id, state, attempts, life, \
    life_since, expires_at, provider_message_id, correlation_id, created_at FROM messages_out \
    WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND id IN (SELECT value FROM json_each(+?2)) AND \"to\" <> '' ORDER BY id";

/// `[[id, due, expires_at or null], …]`, now. Begins another generation, which keeps only the attempts of the one
/// before.
pub(in crate::store) const REPLAY: &str = "UPDATE messages_out SET state = 'pending', behind = 0, life = life + 1, \
    life_since = j.value->>1, next_attempt_at = j.value->>1, expires_at = j.value->>2, attempts_before = attempts, \
    provider_message_id = NULL, blocked_reason = NULL, last_error = NULL, sent_at = NULL, sent_via = NULL, lease_owner = NULL, \
    lease_until = NULL, updated_at = ?2 FROM jsonb_each(+?1) j WHERE messages_out.id = j.value->>0";

/// Id, now.
pub(in crate::store) const CANCEL: &str = "UPDATE messages_out SET state = 'cancelled', blocked_reason = NULL, \
    last_error = 'cancelled', \
    lease_owner = NULL, lease_until = NULL, updated_at = ?2 WHERE id = ?1";

/// Tenants.
pub(in crate::store) const PAUSES: &str = "SELECT channel_id, tenant_id, reason, until FROM channel_pauses \
    WHERE tenant_id IN (SELECT value FROM json_each(+?1)) ORDER BY tenant_id, channel_id";

/// Tenants, now, since when a channel notice must have been posted: what blocks channels.
pub(in crate::store) const CHANNEL_BLOCKS: &str = "SELECT channel_id, 'paused', reason, until FROM channel_pauses \
    WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND until > ?2 \
    UNION ALL SELECT channel_id, 'notice', reason, until FROM channel_notices \
    WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND until > ?2 AND told_at >= ?3";

/// Tenants, channel.
pub(in crate::store) const CHANNEL: &str =
    "SELECT tenant_id FROM channels WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND id = ?2";

/// Tenants, channel.
pub(in crate::store) const RESUME: &str =
    "DELETE FROM channel_pauses WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND channel_id = ?2";

/// Tenants, before which id, how many.
pub(in crate::store) const OPT_OUTS: &str = "SELECT id, tenant_id, address, source, message_id, created_at FROM opt_outs \
    WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND id < ?2 ORDER BY id DESC LIMIT ?3";

/// Id, tenant, contact or null, address, what, evidence or null, now.
pub(in crate::store) const LEDGER: &str = "INSERT INTO consents (id, tenant_id, contact_id, address, what, source, evidence, \
    created_at) VALUES (?1, ?2, ?3, ?4, ?5, 'operator', ?6, ?7)";

/// Tenants, after which id, how many, identity or null, its addresses as they are written: whatever the person's address was.
pub(in crate::store) const CONSENTS: &str = "SELECT s.id, s.tenant_id, s.channel_id, s.contact_id, s.address, s.what, s.source, \
    s.evidence, s.created_at, s.scope FROM consents s WHERE s.tenant_id IN (SELECT value FROM json_each(+?1)) AND s.id > ?2 \
    AND (?4 IS NULL OR s.address IN (SELECT value FROM json_each(+?5)) \
        OR s.address IN (SELECT a.address FROM contact_addresses b CROSS JOIN contact_addresses a \
            ON a.tenant_id = b.tenant_id AND a.contact_id = b.contact_id WHERE b.tenant_id = s.tenant_id AND b.identity = ?4) \
        OR s.contact_id IN (SELECT b.contact_id FROM contact_addresses b WHERE b.tenant_id = s.tenant_id AND b.identity = ?4) \
        OR s.address IN (SELECT o.address FROM opt_outs o WHERE o.tenant_id = s.tenant_id AND o.identity = ?4)) \
    ORDER BY s.id LIMIT ?3";

/// Id, tenant, question, keywords, about, answer, language or null, whether it answers, source, now, author or null.
pub(in crate::store) const PUT_FAQ: &str = "INSERT INTO faq_entries (id, tenant_id, question, keywords, about, answer, language, \
        enabled, source, created_at, updated_at, author) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11) \
    ON CONFLICT (id) DO UPDATE SET question = excluded.question, keywords = excluded.keywords, about = excluded.about, \
        answer = excluded.answer, language = excluded.language, enabled = excluded.enabled, \
        updated_at = excluded.updated_at, author = excluded.author \
    WHERE faq_entries.tenant_id = excluded.tenant_id";

/// Tenant: the steps of its set-up that somebody went through.
pub(in crate::store) const SETUP_STEPS: &str = "SELECT step FROM setup_steps WHERE tenant_id = ?1 ORDER BY step";

/// Tenant, step, who, now.
pub(in crate::store) const CONFIRM_SETUP_STEP: &str = "INSERT INTO setup_steps (tenant_id, step, author, confirmed_at) \
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (tenant_id, step) DO UPDATE SET author = excluded.author, \
    confirmed_at = excluded.confirmed_at";

/// Tenant: when something last came in by each of its channels, and in which quarter of an hour something last went out.
pub(in crate::store) const CHANNEL_ACTIVITY: &str = "SELECT channel_id, max(came), max(went) FROM (\
    SELECT channel_id, last_inbound_at AS came, NULL AS went FROM conversations WHERE tenant_id = ?1 AND last_inbound_at IS NOT NULL \
    UNION ALL SELECT channel_id, NULL, quarter FROM usage WHERE tenant_id = ?1 AND messages > 0) GROUP BY channel_id";

/// Tenant, id.
pub(in crate::store) const DELETE_FAQ: &str = "DELETE FROM faq_entries WHERE tenant_id = ?1 AND id = ?2";

/// Tenant, from which id, how many: what no entry answered, the newest first.
pub(in crate::store) const UNANSWERED: &str = "SELECT id, body, created_at, conversation_id FROM messages_in \
    WHERE +tenant_id = ?1 AND id >= ?2 AND role = 'client' AND body <> '' AND reason IN ('answered_fallback', 'silent_no_rule', \
        'answered_closed', 'offered_faq') ORDER BY id DESC LIMIT ?3";

/// Conversations of whoever has an identity (second parameter), of these tenants (first).
macro_rules! of_person {
    () => {
        "SELECT c.id FROM contact_addresses a JOIN conversations c ON c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id \
        WHERE a.tenant_id IN (SELECT value FROM json_each(+?1)) AND a.identity = ?2"
    };
}

/// Tenants, identity, before which id, how many: messages to a person in whatever state, the newest first.
pub(in crate::store) const TO_PERSON: &str = concat!(
    "SELECT ",
    item!(),
    " FROM messages_out WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND conversation_id IN (",
    of_person!(),
    ") AND id < ?3 ORDER BY id DESC LIMIT ?4"
);

/// Tenants, identity: the newest message from or to a person.
pub(in crate::store) const LATEST_OF_PERSON: &str = concat!(
    "SELECT m.id FROM (SELECT id FROM messages_out WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND conversation_id IN (",
    of_person!(),
    ") UNION ALL SELECT id FROM messages_in WHERE tenant_id IN (SELECT value FROM json_each(+?1)) AND conversation_id IN (",
    of_person!(),
    ")) m ORDER BY m.id DESC LIMIT 1"
);
