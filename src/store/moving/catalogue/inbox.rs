//! Columns of the tables that the people of a tenant write.

use super::{MoveColumn, long, text, time};

pub(super) const NOTES: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("conversation_id"),
    text("author"),
    text("author_name"),
    long("body"),
    time("created_at"),
];

pub(super) const CANNED_REPLIES: &[MoveColumn] = &[
    text("id"),
    text("tenant_id"),
    text("shortcut"),
    long("body"),
    text("author"),
    time("created_at"),
    time("updated_at"),
];

pub(super) const SETUP_STEPS: &[MoveColumn] = &[text("tenant_id"), text("step"), text("author"), time("confirmed_at")];
