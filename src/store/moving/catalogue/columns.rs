//! Columns of bookings, leads, offers, claims and requests of persons.

use super::{MoveColumn, flag, long, number, text, time};

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
