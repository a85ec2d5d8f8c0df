//! Columns of bookings, leads, offers, claims and events out.

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
