//! Columns of `media`.

use super::{MoveColumn, long, number, text, time};

pub(super) const COLUMNS: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("channel_id"),
    text("message_id"),
    text("correlation_id"),
    number("position"),
    long("url"),
    text("declared_type"),
    text("name"),
    text("state"),
    text("reason"),
    text("content_type"),
    number("size"),
    text("hash"),
    number("attempts"),
    time("next_attempt_at"),
    time("created_at"),
    time("updated_at"),
];
