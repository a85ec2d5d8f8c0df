//! Every SQL text of paid access, in SQLite's words.

/// The columns of a [`crate::store::paid_access::Subscription`], in its order.
macro_rules! subscription {
    () => {
        "id, tenant_id, plan_id, channel_id, address, contact_id, language, state, current_period_end, \
        grace_until, provider, provider_subscription_id, provider_customer_id, provider_payment_id, account, \
        email, ledger, told, version, next_check_at, bound_at, created_at, invoiced_at, receipt_url, pay_url, moved_at"
    };
}

/// Id, provider, the provider's id, type, live mode, account, subject, its id, when, next attempt, tenant, subscription, amount,
/// currency, outcome, applied: one that is known is left as it is.
pub(in crate::store) const KEEP_PAYMENT_EVENT: &str = "INSERT INTO payment_events (id, provider, provider_event_id, type, livemode, account, subject, \
    subject_id, received_at, next_attempt_at, tenant_id, subscription_id, amount, currency, outcome, \
    applied_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) ON \
    CONFLICT (provider, provider_event_id) DO NOTHING";

/// Now: whether there is an event to apply, or a subscription to look at.
pub(in crate::store) const PAID_ACCESS_IS_DUE: &str = "SELECT EXISTS (SELECT 1 FROM payment_events WHERE next_attempt_at <= ?1) \
    OR EXISTS (SELECT 1 FROM subscriptions WHERE next_check_at <= ?1)";

/// Now, until when they are leased, how many: columns of a [`crate::store::paid_access::PaymentEvent`].
pub(in crate::store) const CLAIM_PAYMENT_EVENTS: &str = "UPDATE payment_events SET next_attempt_at = ?2, attempts = attempts + 1 WHERE id IN (SELECT id FROM \
    payment_events WHERE next_attempt_at <= ?1 ORDER BY next_attempt_at LIMIT ?3) RETURNING id, \
    provider, type, livemode, account, subject, subject_id, attempts, received_at";

/// Id, tenant, subscription, outcome, when, amount, currency.
pub(in crate::store) const SETTLE_PAYMENT_EVENT: &str = "UPDATE payment_events SET tenant_id = ?2, subscription_id = ?3, outcome = ?4, applied_at = ?5, \
    amount = ?6, currency = ?7, next_attempt_at = NULL WHERE id = ?1";

/// Id, outcome so far, until when.
pub(in crate::store) const POSTPONE_PAYMENT_EVENT: &str =
    "UPDATE payment_events SET outcome = ?2, next_attempt_at = ?3 WHERE id = ?1 AND applied_at IS NULL";

/// Provider, before when: when the one came that was kept last. Ids are in the order in which events were kept.
pub(in crate::store) const LAST_PAYMENT_EVENT: &str =
    "SELECT received_at FROM payment_events WHERE provider = ?1 AND received_at < ?2 ORDER BY id DESC LIMIT 1";

/// Tenants, before which id, how many, subscription and type (each may be null): the newest first.
pub(in crate::store) const PAYMENT_EVENTS: &str = "SELECT id, tenant_id, provider, type, livemode, subscription_id, outcome, attempts, received_at, \
    applied_at, amount, currency FROM payment_events WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND id < ?2 \
    AND (?4 IS NULL OR subscription_id = ?4) AND (?5 IS NULL OR type = ?5) ORDER BY id DESC LIMIT ?3";

/// Every column of a [`crate::store::paid_access::Subscription`] in its order: one whose purchase is known is left as it is.
pub(in crate::store) const ADD_SUBSCRIPTION: &str = concat!(
    "INSERT INTO subscriptions (",
    subscription!(),
    ", updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
        ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?22) ON CONFLICT (provider, provider_subscription_id) DO NOTHING"
);

/// Tenants, id.
pub(in crate::store) const SUBSCRIPTION: &str = concat!(
    "SELECT ",
    subscription!(),
    " FROM subscriptions WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND id = ?2"
);

/// Provider, its id.
pub(in crate::store) const SUBSCRIPTION_OF_PROVIDER: &str =
    concat!("SELECT ", subscription!(), " FROM subscriptions WHERE provider = ?1 AND provider_subscription_id = ?2");

/// Tenant, provider, the provider's id of a payment.
pub(in crate::store) const SUBSCRIPTION_OF_CHARGE: &str = concat!(
    "SELECT ",
    subscription!(),
    " FROM subscriptions WHERE tenant_id = ?1 AND id IN (SELECT subscription_id FROM payment_events WHERE tenant_id = ?1 AND \
        provider = ?2 AND provider_event_id = ?3)"
);

/// Tenant, e-mail in small letters.
pub(in crate::store) const SUBSCRIPTIONS_OF_EMAIL: &str =
    concat!("SELECT ", subscription!(), " FROM subscriptions WHERE tenant_id = ?1 AND lower(email) = ?2 ORDER BY id");

/// Tenants, plan, state (each may be null), before which id, how many, part of an address or an e-mail (may be null): the newest
/// first.
pub(in crate::store) const SUBSCRIPTIONS: &str = concat!(
    "SELECT ",
    subscription!(),
    " FROM subscriptions WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR plan_id \
        = ?2) AND (?3 IS NULL OR state = ?3) AND id < ?4 AND (?6 IS NULL OR instr(lower(coalesce(address, '') || ' ' || \
        coalesce(email, '') || ' ' || id), ?6) > 0) ORDER BY id DESC LIMIT ?5"
);

/// Tenant, address.
pub(in crate::store) const SUBSCRIPTIONS_OF_MEMBER: &str =
    concat!("SELECT ", subscription!(), " FROM subscriptions WHERE tenant_id = ?1 AND address = ?2 ORDER BY id");

/// Tenant, chat: those that have, or had, a place in it.
pub(in crate::store) const SUBSCRIPTIONS_OF_CHAT: &str = concat!(
    "SELECT ",
    subscription!(),
    " FROM subscriptions WHERE tenant_id = ?1 AND id IN (SELECT subscription_id FROM access_grants WHERE \
        tenant_id = ?1 AND chat_id = ?2) ORDER BY id"
);

/// Now, until when they are leased, how many.
pub(in crate::store) const CLAIM_SUBSCRIPTIONS: &str = concat!(
    "UPDATE subscriptions SET next_check_at = ?2 WHERE id IN (SELECT id FROM subscriptions WHERE \
        next_check_at <= ?1 ORDER BY next_check_at LIMIT ?3) RETURNING ",
    subscription!(),
    ""
);

/// Id, the version that was read; then address, contact, state, end of the period, end of the grace, subscription, customer
/// and payment at the provider, account, e-mail, ledger, told, next check, bound, now, invoiced, receipt, bill, moved.
pub(in crate::store) const SAVE_SUBSCRIPTION: &str = "UPDATE subscriptions SET version = version + 1, address = ?3, contact_id = ?4, state = ?5, \
    current_period_end = ?6, grace_until = ?7, provider_subscription_id = ?8, provider_customer_id = ?9, \
    provider_payment_id = ?10, account = ?11, email = ?12, ledger = ?13, told = ?14, next_check_at = \
    ?15, bound_at = ?16, updated_at = ?17, invoiced_at = ?18, receipt_url = ?19, pay_url = ?20, moved_at = ?21 WHERE id \
    = ?1 AND version = ?2";

/// Before when they were begun: those of which nothing was ever paid.
pub(in crate::store) const DROP_ABANDONED: &str = "DELETE FROM subscriptions WHERE state = 'pending' AND next_check_at IS NULL AND \
    created_at < ?1 AND (provider = 'stars' OR provider_subscription_id IS NULL)";

/// `[id, …]`, now: they are looked at as soon as may be.
pub(in crate::store) const CHECK_SUBSCRIPTIONS: &str =
    "UPDATE subscriptions SET next_check_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))";

/// `[id, …]`, until when they are leased, until when they wait: those to which nothing has happened since.
pub(in crate::store) const POSTPONE_SUBSCRIPTIONS: &str =
    "UPDATE subscriptions SET next_check_at = ?3 WHERE id IN (SELECT value FROM json_each(?1)) AND next_check_at = ?2";

/// `[[id, tenant, subscription, chat, state], …]`, now: those that are there are left as they are.
pub(in crate::store) const ADD_ACCESS_GRANTS: &str = "INSERT INTO access_grants (id, tenant_id, subscription_id, chat_id, state, updated_at) SELECT \
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, ?2 FROM json_each(?1) j \
    WHERE true ON CONFLICT (subscription_id, chat_id) DO NOTHING";

/// `[subscription, …]`: columns of an [`crate::store::paid_access::AccessGrant`].
pub(in crate::store) const ACCESS_GRANTS: &str = "SELECT g.id, g.tenant_id, g.subscription_id, g.chat_id, g.state, g.message_id, m.state, \
    m.provider_message_id, g.updated_at FROM json_each(?1) j CROSS JOIN access_grants g ON \
    g.subscription_id = j.value LEFT JOIN messages_out m ON m.id = g.message_id ORDER BY g.id";

/// Id, from which state, to which, by which row of the outbox, now.
pub(in crate::store) const MOVE_ACCESS_GRANT: &str =
    "UPDATE access_grants SET state = ?3, message_id = ?4, updated_at = ?5 WHERE id = ?1 AND state = ?2";

/// From which subscription, to which: its places become those of the other one.
pub(in crate::store) const HAND_PLACES_OVER: &str =
    "UPDATE access_grants SET subscription_id = ?2 WHERE subscription_id = ?1";

/// Tenant, id, name, price, currency, how often, Stars, now.
pub(in crate::store) const KEEP_PLAN: &str = "INSERT INTO plans (tenant_id, id, name, price, currency, every, stars, updated_at) VALUES (?1, ?2, \
    ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, price = \
    excluded.price, currency = excluded.currency, every = excluded.every, stars = excluded.stars, \
    updated_at = excluded.updated_at";

/// Tenant, chat, now: whether the bot could let people in and out until now.
pub(in crate::store) const ACCESS_CHAT_IS_STUCK: &str = "INSERT INTO access_chats (tenant_id, chat_id, stuck_since) VALUES (?1, ?2, ?3) ON CONFLICT (tenant_id, \
    chat_id) DO UPDATE SET stuck_since = excluded.stuck_since WHERE access_chats.stuck_since IS NULL";

/// Tenant, chat, now: the bot can let people in and out again. Changes nothing where it could.
pub(in crate::store) const ACCESS_CHAT_IS_MENDED: &str = "UPDATE access_chats SET stuck_since = NULL, mended_at = ?3 WHERE tenant_id = ?1 AND chat_id = ?2 AND \
    stuck_since IS NOT NULL";

/// Tenants: columns of an [`crate::store::paid_access::AccessChat`].
pub(in crate::store) const ACCESS_CHATS: &str = "SELECT tenant_id, chat_id, stuck_since, mended_at, audited_at FROM access_chats WHERE tenant_id IN (SELECT value FROM \
    json_each(?1)) ORDER BY tenant_id, chat_id";

/// Tenant, chat, the id that it has now: whether that is news.
pub(in crate::store) const ACCESS_CHAT_HAS_MIGRATED: &str = "INSERT INTO access_chats (tenant_id, chat_id, migrated_to) VALUES (?1, ?2, ?3) ON CONFLICT (tenant_id, \
    chat_id) DO UPDATE SET migrated_to = excluded.migrated_to WHERE access_chats.migrated_to IS NULL OR access_chats.migrated_to <> \
    excluded.migrated_to";

/// Tenant, chat, the id that it has now: places there are places in the same chat under its other id.
pub(in crate::store) const GRANTS_FOLLOW_CHAT: &str = "UPDATE access_grants SET chat_id = ?3 WHERE tenant_id = ?1 AND chat_id = ?2 AND NOT EXISTS (SELECT 1 FROM \
    access_grants a WHERE a.subscription_id = access_grants.subscription_id AND a.chat_id = ?3)";

/// Tenant, chat, the id that it has now: who was seen there.
pub(in crate::store) const MEMBERS_FOLLOW_CHAT: &str = "UPDATE chat_members SET chat_id = ?3 WHERE tenant_id = ?1 AND chat_id = ?2 AND NOT EXISTS (SELECT 1 FROM \
    chat_members m WHERE m.tenant_id = ?1 AND m.chat_id = ?3 AND m.address = chat_members.address)";

/// Tenant, chat and the id that it has now, of every chat that has another one.
pub(in crate::store) const MIGRATED_CHATS: &str = "SELECT tenant_id, chat_id, migrated_to FROM access_chats WHERE migrated_to IS NOT NULL ORDER BY tenant_id, chat_id";

/// `[[tenant, chat], …]`, now: those that are there stay as they are.
pub(in crate::store) const ADD_ACCESS_CHATS: &str = "INSERT INTO access_chats (tenant_id, chat_id, next_audit_at) SELECT j.value ->> 0, j.value ->> 1, ?2 FROM json_each(?1) j WHERE true \
    ON CONFLICT (tenant_id, chat_id) DO UPDATE SET next_audit_at = excluded.next_audit_at \
    WHERE access_chats.next_audit_at IS NULL";

/// Now, until when it is leased: the tenant and the id of a chat that is due.
pub(in crate::store) const CLAIM_CHAT_AUDIT: &str = "UPDATE access_chats SET next_audit_at = ?2 WHERE (tenant_id, chat_id) IN (SELECT tenant_id, \
    chat_id FROM access_chats WHERE next_audit_at <= ?1 ORDER BY next_audit_at LIMIT 1) RETURNING tenant_id, chat_id";

/// Tenant, chat, when it was audited (null: it could not be), when next.
pub(in crate::store) const SETTLE_CHAT_AUDIT: &str = "UPDATE access_chats SET audited_at = coalesce(?3, audited_at), next_audit_at = ?4 WHERE tenant_id \
    = ?1 AND chat_id = ?2";

/// `[[tenant, chat, address, membership, finding], …]`, now.
pub(in crate::store) const KEEP_CHAT_MEMBERS: &str = "INSERT INTO chat_members (tenant_id, chat_id, address, membership, finding, seen_at) SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, ?2 FROM json_each(?1) j WHERE true ON \
    CONFLICT (tenant_id, chat_id, address) DO UPDATE SET membership = excluded.membership, finding = \
    excluded.finding, seen_at = excluded.seen_at";

/// Tenants, chat or null, address or null, anything but null for findings alone: columns of a
/// [`crate::store::paid_access::ChatMember`].
pub(in crate::store) const CHAT_MEMBERS: &str = "SELECT tenant_id, chat_id, address, membership, finding, seen_at FROM chat_members WHERE tenant_id \
    IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR chat_id = ?2) AND (?3 IS NULL OR address = ?3) \
    AND (?4 IS NULL OR finding IS NOT NULL) ORDER BY tenant_id, chat_id, address";

/// `[[tenant, channel], …]`, now: those that are there stay as they are.
pub(in crate::store) const ADD_ACCESS_BOTS: &str = "INSERT INTO access_bots (tenant_id, channel_id, next_at) SELECT j.value ->> 0, j.value ->> 1, ?2 FROM json_each(?1) j WHERE true \
    ON CONFLICT (tenant_id, channel_id) DO NOTHING";

/// Now, until when it is leased: tenant, channel, and how far it was read.
pub(in crate::store) const CLAIM_ACCESS_BOT: &str = "UPDATE access_bots SET next_at = ?2 WHERE (tenant_id, channel_id) IN (SELECT tenant_id, \
    channel_id FROM access_bots WHERE next_at <= ?1 ORDER BY next_at LIMIT 1) RETURNING tenant_id, channel_id, read_up_to";

/// Tenant, channel, how far it was read, when next.
pub(in crate::store) const SETTLE_ACCESS_BOT: &str =
    "UPDATE access_bots SET read_up_to = ?3, next_at = ?4 WHERE tenant_id = ?1 AND channel_id = ?2";

/// Tenants: month, provider, currency, what was paid, what was given back, and how many payments there were.
pub(in crate::store) const REVENUE: &str = "SELECT month, provider, currency, sum(CASE WHEN is_refund = 0 THEN amount ELSE 0 END), \
    sum(CASE WHEN is_refund = 1 THEN amount ELSE 0 END), sum(1 - is_refund) FROM (SELECT substr(min(received_at), 1, 7) AS month, provider, \
    currency, max(amount) AS amount, CASE WHEN type IN ('charge.refunded', 'refunded_payment') THEN 1 ELSE 0 END AS is_refund FROM payment_events \
    WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND subscription_id IS NOT NULL AND amount IS NOT NULL AND type IN \
    ('charge.succeeded', 'successful_payment', 'charge.refunded', 'refunded_payment') GROUP BY provider, currency, type, \
    CASE WHEN provider = 'stars' THEN provider_event_id ELSE subject_id END) paid GROUP BY month, provider, currency ORDER BY month \
    DESC, provider, currency";

/// Tenants, since when: how many have access, how many got it since then, without those who were in their grace, and how many lost
/// it. The events of a subscription have its id as their flow, which is what the event log is found by.
pub(in crate::store) const CHURN: &str = "SELECT (SELECT count(*) FROM subscriptions WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND state IN \
    ('active', 'grace')), (SELECT count(DISTINCT entity_id) FROM event_log WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND correlation_id IN \
    (SELECT id FROM subscriptions WHERE tenant_id IN (SELECT value FROM json_each(?1))) AND event_type = 'access_granted' AND created_at >= ?2 AND payload ->> 'what' <> \
    'grace'), (SELECT count(DISTINCT entity_id) FROM event_log WHERE tenant_id IN (SELECT value FROM json_each(?1)) AND correlation_id IN \
    (SELECT id FROM subscriptions WHERE tenant_id IN (SELECT value FROM json_each(?1))) AND event_type = 'access_revoked' AND created_at >= ?2)";
