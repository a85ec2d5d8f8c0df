//! Columns of the tables whose lists are long.

use super::{ColumnKind, MoveColumn, flag, long, number, text, time};

pub(super) const CLAIMS: &[MoveColumn] = &[text("tenant_id"), text("name"), text("owner"), time("created_at")];

pub(super) const BOOKINGS: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("conversation_id"),
    text("contact_id"),
    text("service"),
    text("resource"),
    time("starts_at"),
    time("ends_at"),
    time("free_at"),
    text("state"),
    text("correlation_id"),
    time("created_at"),
    time("updated_at"),
    number("late_minutes"),
    number("people"),
    number("places"),
];

pub(super) const WAITING_LIST: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("conversation_id"),
    text("contact_id"),
    text("service"),
    text("resource"),
    time("from_at"),
    time("until_at"),
    text("from_time"),
    text("until_time"),
    text("replaces"),
    text("state"),
    text("correlation_id"),
    time("created_at"),
    time("updated_at"),
    number("people"),
];

pub(super) const LEADS: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("conversation_id"),
    text("contact_id"),
    text("name"),
    text("email"),
    text("phone"),
    long("need"),
    flag("urgent"),
    text("state"),
    text("source"),
    text("correlation_id"),
    time("created_at"),
    time("updated_at"),
];

pub(super) const CRM_RECORDS: &[MoveColumn] = &[
    text("tenant_id"),
    text("contact_id"),
    text("state"),
    text("kind"),
    text("record_id"),
    number("attempts"),
    text("last_error"),
    time("looked_up_at"),
    time("next_look_up_at"),
    time("created_at"),
];

pub(super) const CRM_EMAILS: &[MoveColumn] = &[
    text("tenant_id"),
    text("message_id"),
    text("state"),
    number("attempts"),
    text("last_error"),
    time("next_attempt_at"),
    time("created_at"),
];

pub(super) const OFFERS: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("conversation_id"),
    text("contact_id"),
    text("kind"),
    long("body"),
    long("details"),
    text("state"),
    text("assigned_to"),
    time("expires_at"),
    text("correlation_id"),
    time("created_at"),
    time("updated_at"),
    number("rating"),
];

pub(super) const ON_DUTY: &[MoveColumn] = &[text("tenant_id"), text("conversation_id"), time("since")];

pub(super) const WEBHOOK_ENDPOINTS: &[MoveColumn] = &[
    text("tenant_id"),
    text("id"),
    text("target"),
    text("events"),
    text("state"),
    text("reason"),
    time("created_at"),
    time("updated_at"),
];

pub(super) const WEBHOOK_DELIVERIES: &[MoveColumn] = &[
    text("tenant_id"),
    text("endpoint_id"),
    text("event_id"),
    text("event_type"),
    text("entity_type"),
    text("entity_id"),
    text("correlation_id"),
    text("actor_type"),
    MoveColumn { name: "payload", kind: ColumnKind::Json },
    time("occurred_at"),
    text("queue"),
    text("state"),
    number("attempts"),
    number("life"),
    time("life_since"),
    number("attempts_before"),
    time("next_attempt_at"),
    text("last_error"),
    time("created_at"),
    time("updated_at"),
];

pub(super) const ORDER_LINES: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("live_session_id"),
    text("conversation_id"),
    text("contact_id"),
    text("reference"),
    text("size"),
    number("quantity"),
    text("state"),
    text("correlation_id"),
    time("created_at"),
    time("updated_at"),
];

pub(super) const LIVE_SESSIONS: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    time("opened_at"),
    time("last_message_at"),
    time("closed_at"),
    time("paused_at"),
    number("clients"),
    number("unanswered"),
];
pub(super) const PLANS: &[MoveColumn] = &[
    text("tenant_id"),
    text("id"),
    text("name"),
    number("price"),
    text("currency"),
    text("every"),
    number("stars"),
    time("updated_at"),
];

pub(super) const ACCESS_CHATS: &[MoveColumn] = &[
    text("tenant_id"),
    text("chat_id"),
    time("stuck_since"),
    time("mended_at"),
    time("next_audit_at"),
    time("audited_at"),
    text("migrated_to"),
];

pub(super) const CHAT_MEMBERS: &[MoveColumn] =
    &[text("tenant_id"), text("chat_id"), text("address"), text("membership"), text("finding"), time("seen_at")];

pub(super) const ACCESS_BOTS: &[MoveColumn] =
    &[text("tenant_id"), text("channel_id"), number("read_up_to"), time("next_at")];

pub(super) const ERASED_ADDRESSES: &[MoveColumn] =
    &[text("tenant_id"), text("digest"), text("scope"), text("source"), time("said_at"), time("erased_at")];

pub(super) const PRIVACY_REQUESTS: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("kind"),
    text("contact_id"),
    text("state"),
    text("requested_by"),
    text("language"),
    number("progress"),
    number("attempts"),
    time("held_until"),
    text("file"),
    number("bytes"),
    text("sha256"),
    time("expires_at"),
    long("report"),
    text("error"),
    time("created_at"),
    time("updated_at"),
    time("finished_at"),
];
pub(super) const ASSISTANT_USAGE: &[MoveColumn] =
    &[text("tenant_id"), text("day"), number("spent_micros"), time("updated_at")];

pub(super) const BROADCASTS: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("channel_id"),
    text("label"),
    time("seen_since"),
    text("body"),
    text("template"),
    number("per_minute"),
    number("budget_micros"),
    text("state"),
    text("reason"),
    text("started_by"),
    time("next_at"),
    time("created_at"),
    time("updated_at"),
];

pub(super) const BROADCAST_RECIPIENTS: &[MoveColumn] = &[
    text("tenant_id"),
    text("broadcast_id"),
    text("conversation_id"),
    text("state"),
    text("reason"),
    text("message_id"),
    time("updated_at"),
];

pub(super) const PUSH_SUBSCRIPTIONS: &[MoveColumn] = &[
    text("id"),
    text("user_id"),
    text("session_id"),
    text("endpoint"),
    text("p256dh"),
    text("auth"),
    text("told"),
    number("failures"),
    time("created_at"),
];

pub(super) const USERS: &[MoveColumn] = &[
    text("id"),
    text("email"),
    text("name"),
    text("language"),
    text("password_hash"),
    text("totp_secret"),
    time("totp_enabled_at"),
    number("totp_last_step"),
    long("recovery_codes"),
    time("disabled_at"),
    time("signed_in_at"),
    time("created_at"),
    time("updated_at"),
    text("oidc_issuer"),
    text("oidc_subject"),
];
