//! Catalogue of the tables that a move copies.
//!
//! Every table and column that is kept stands here; a test compares the list with both schemas.

mod columns;
mod inbox;
mod media;

/// The type of a column, and how both databases show it as one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Text,
    /// A long text: pages are cut by its length.
    Long,
    Number,
    Flag,
    Time,
    /// A quarter of an hour, which SQLite has without a fraction.
    Quarter,
    Json,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MoveColumn {
    pub name: &'static str,
    pub kind: ColumnKind,
}

/// How a table's rows are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopyMethod {
    /// Both sides are read in the order of the key, and what differs is written.
    Compared,
    /// The same, but rows that are to go are deleted first everywhere: another row may want their unique key.
    ClearedFirst,
    /// Rows are only appended, and only SQLite's rowid orders them: a row with a larger one is new.
    Appended,
}

/// A table of PostgreSQL, and where its rows come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct MoveTable {
    pub name: &'static str,
    /// The table of SQLite.
    pub from: &'static str,
    /// Which of its rows; empty: all.
    pub of: &'static str,
    pub columns: &'static [MoveColumn],
    /// The first so many columns tell rows apart, and an index has them in this order on both sides.
    pub key: usize,
    /// A column that only PostgreSQL has, and its value.
    pub beside: Option<(&'static str, &'static str)>,
    pub copy_method: CopyMethod,
}

const fn text(name: &'static str) -> MoveColumn {
    MoveColumn { name, kind: ColumnKind::Text }
}

const fn long(name: &'static str) -> MoveColumn {
    MoveColumn { name, kind: ColumnKind::Long }
}

const fn number(name: &'static str) -> MoveColumn {
    MoveColumn { name, kind: ColumnKind::Number }
}

const fn flag(name: &'static str) -> MoveColumn {
    MoveColumn { name, kind: ColumnKind::Flag }
}

const fn time(name: &'static str) -> MoveColumn {
    MoveColumn { name, kind: ColumnKind::Time }
}

const fn compared(name: &'static str, key: usize, columns: &'static [MoveColumn]) -> MoveTable {
    MoveTable { name, from: name, of: "", columns, key, beside: None, copy_method: CopyMethod::Compared }
}

/// In the order in which they are copied: what a message refers to comes before it. Tables of no use to the next
/// daemon are missing: running nodes (`nodes`), channel notices (`channel_notices`), and how far
/// journals are (`journals`), which their files tell as well.
pub(super) const TABLES: &[MoveTable] = &[
    compared(
        "tenants",
        1,
        &[text("id"), text("name"), text("language"), text("timezone"), time("created_at"), time("updated_at")],
    ),
    compared(
        "channels",
        1,
        &[text("id"), text("tenant_id"), text("provider"), text("address"), time("created_at"), time("updated_at")],
    ),
    compared("setup_steps", 2, inbox::SETUP_STEPS),
    compared(
        "faq_entries",
        1,
        &[
            text("id"),
            text("tenant_id"),
            long("question"),
            long("keywords"),
            long("about"),
            long("answer"),
            text("language"),
            flag("enabled"),
            text("source"),
            time("created_at"),
            time("updated_at"),
            text("author"),
        ],
    ),
    compared("seller_phones", 1, &[text("id"), text("tenant_id"), text("phone_number"), time("created_at")]),
    compared(
        "contacts",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("name"),
            time("welcomed_at"),
            time("confirmed_at"),
            text("merged_into"),
            time("merged_at"),
            time("created_at"),
            time("updated_at"),
        ],
    ),
    compared(
        "contact_addresses",
        2,
        &[
            text("tenant_id"),
            text("address"),
            text("contact_id"),
            time("created_at"),
            text("identity"),
            flag("identity_checked"),
            text("origin_contact_id"),
        ],
    ),
    // A STOP that was revoked and repeated is another row with the same address, so the address is the key.
    compared(
        "opt_outs",
        2,
        &[
            text("tenant_id"),
            text("address"),
            text("id"),
            text("source"),
            text("message_id"),
            time("created_at"),
            text("identity"),
            flag("identity_checked"),
        ],
    ),
    compared(
        "consents",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("channel_id"),
            text("contact_id"),
            text("address"),
            text("what"),
            text("source"),
            text("evidence"),
            time("created_at"),
            text("scope"),
        ],
    ),
    compared("erased_addresses", 3, columns::ERASED_ADDRESSES),
    compared("privacy_requests", 1, columns::PRIVACY_REQUESTS),
    compared(
        "conversations",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("channel_id"),
            text("contact_id"),
            text("address"),
            text("merged_into"),
            text("origin_contact_id"),
            text("status"),
            text("handler"),
            text("assignee"),
            number("version"),
            text("session_id"),
            time("session_opened_at"),
            text("recent_answers"),
            time("timer_at"),
            time("last_inbound_at"),
            time("last_message_at"),
            number("unread"),
            long("flow"),
            long("memory"),
            time("waiting_since"),
            time("snoozed_until"),
            time("snoozed_at"),
            time("created_at"),
            time("updated_at"),
        ],
    ),
    compared("notes", 1, inbox::NOTES),
    compared("canned_replies", 1, inbox::CANNED_REPLIES),
    compared("daily_figures", 2, &[text("tenant_id"), text("day"), long("figures"), time("made_at")]),
    compared(
        "conversation_labels",
        3,
        &[text("tenant_id"), text("conversation_id"), text("label"), time("created_at")],
    ),
    compared("media", 1, media::COLUMNS),
    compared(
        "poll_cursors",
        2,
        &[
            text("tenant_id"),
            text("channel_id"),
            number("position"),
            text("held_by"),
            time("held_until"),
            time("updated_at"),
        ],
    ),
    compared(
        "timers",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("conversation_id"),
            text("kind"),
            time("fires_at"),
            long("payload"),
            text("correlation_id"),
            time("created_at"),
        ],
    ),
    compared("claims", 2, columns::CLAIMS),
    compared("bookings", 1, columns::BOOKINGS),
    compared("leads", 1, columns::LEADS),
    compared("crm_records", 2, columns::CRM_RECORDS),
    compared("crm_emails", 2, columns::CRM_EMAILS),
    compared("offers", 1, columns::OFFERS),
    compared("on_duty", 2, columns::ON_DUTY),
    compared("order_lines", 1, columns::ORDER_LINES),
    compared("waiting_list", 1, columns::WAITING_LIST),
    compared("assistant_usage", 2, columns::ASSISTANT_USAGE),
    compared("broadcasts", 1, columns::BROADCASTS),
    compared("broadcast_recipients", 3, columns::BROADCAST_RECIPIENTS),
    compared("plans", 2, columns::PLANS),
    compared(
        "subscriptions",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("plan_id"),
            text("channel_id"),
            text("address"),
            text("contact_id"),
            text("language"),
            text("state"),
            time("current_period_end"),
            time("grace_until"),
            text("provider"),
            text("provider_subscription_id"),
            text("provider_customer_id"),
            text("provider_payment_id"),
            text("account"),
            text("email"),
            long("ledger"),
            long("told"),
            number("version"),
            time("next_check_at"),
            time("bound_at"),
            time("created_at"),
            time("updated_at"),
            time("invoiced_at"),
            text("receipt_url"),
            text("pay_url"),
            time("moved_at"),
        ],
    ),
    compared("access_chats", 2, columns::ACCESS_CHATS),
    compared("chat_members", 3, columns::CHAT_MEMBERS),
    compared("access_bots", 2, columns::ACCESS_BOTS),
    compared(
        "payment_events",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("provider"),
            text("provider_event_id"),
            text("type"),
            flag("livemode"),
            text("account"),
            text("subject"),
            text("subject_id"),
            text("subscription_id"),
            number("amount"),
            text("currency"),
            text("outcome"),
            number("attempts"),
            time("next_attempt_at"),
            time("received_at"),
            time("applied_at"),
        ],
    ),
    compared(
        "access_grants",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("subscription_id"),
            text("chat_id"),
            text("state"),
            text("invite_link"),
            text("message_id"),
            time("updated_at"),
        ],
    ),
    compared(
        "sessions",
        1,
        &[text("id"), text("tenant_id"), text("conversation_id"), time("opened_at"), time("closed_at")],
    ),
    MoveTable {
        // One session of a tenant is open, and the next may have the smaller id.
        copy_method: CopyMethod::ClearedFirst,
        ..compared("live_sessions", 1, columns::LIVE_SESSIONS)
    },
    compared(
        "messages_in",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("channel_id"),
            text("conversation_id"),
            text("provider_message_id"),
            text("from"),
            text("identity"),
            text("to"),
            long("body"),
            text("profile_name"),
            long("details"),
            text("role"),
            text("state"),
            text("reason"),
            text("correlation_id"),
            time("created_at"),
            time("processed_at"),
        ],
    ),
    MoveTable {
        name: "messages_once",
        ..compared(
            "messages_known",
            3,
            &[text("tenant_id"), text("channel_id"), text("provider_message_id"), text("id"), text("correlation_id")],
        )
    },
    compared(
        "messages_out",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("channel_id"),
            text("conversation_id"),
            text("in_reply_to"),
            text("to"),
            long("body"),
            text("kind"),
            text("state"),
            number("attempts"),
            time("next_attempt_at"),
            text("lease_owner"),
            time("lease_until"),
            text("provider_message_id"),
            text("blocked_reason"),
            text("last_error"),
            text("correlation_id"),
            time("created_at"),
            time("sent_at"),
            time("updated_at"),
            flag("behind"),
            long("template"),
            flag("urgent"),
            time("expires_at"),
            number("life"),
            time("life_since"),
            number("attempts_before"),
            text("sent_via"),
            number("cost_micros"),
            text("idempotency_key"),
            long("action"),
            long("choices"),
            long("presentation"),
        ],
    ),
    MoveTable {
        name: "messages_asked",
        of: "idempotency_key IS NOT NULL",
        ..compared("messages_out", 2, &[text("tenant_id"), text("idempotency_key"), text("id")])
    },
    MoveTable {
        beside: Some(("share", "0")),
        ..compared(
            "usage",
            3,
            &[
                text("tenant_id"),
                MoveColumn { name: "quarter", kind: ColumnKind::Quarter },
                text("channel_id"),
                number("messages"),
                number("cost_micros"),
            ],
        )
    },
    compared(
        "channel_pauses",
        1,
        &[text("channel_id"), text("tenant_id"), text("reason"), time("until"), time("updated_at")],
    ),
    compared("users", 1, columns::USERS),
    compared("memberships", 2, &[text("tenant_id"), text("user_id"), text("role"), time("created_at")]),
    compared(
        "user_sessions",
        1,
        &[
            text("id"),
            text("user_id"),
            text("digest"),
            text("tenant_id"),
            text("stage"),
            text("device"),
            time("created_at"),
            time("seen_at"),
            time("ends_at"),
        ],
    ),
    compared("push_subscriptions", 1, columns::PUSH_SUBSCRIPTIONS),
    compared(
        "user_links",
        1,
        &[
            text("id"),
            text("user_id"),
            text("purpose"),
            text("tenant_id"),
            text("role"),
            text("digest"),
            time("created_at"),
            time("ends_at"),
        ],
    ),
    compared(
        "api_keys",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("user_id"),
            text("name"),
            text("digest"),
            text("scopes"),
            text("created_by"),
            time("created_at"),
            time("used_at"),
            time("ends_at"),
            time("revoked_at"),
        ],
    ),
    compared(
        "audit_log",
        1,
        &[
            text("id"),
            text("tenant_id"),
            number("position"),
            text("actor"),
            text("action"),
            text("entity_type"),
            text("entity_id"),
            text("correlation_id"),
            time("at"),
            long("metadata"),
            text("hash"),
        ],
    ),
    compared(
        "audit_heads",
        1,
        &[text("tenant_id"), number("position"), text("hash"), number("kept_from"), text("kept_after")],
    ),
    // The mark of the move is in this table too, and is not copied.
    MoveTable { of: "name <> 'move'", ..compared("installation", 1, &[text("name"), text("value")]) },
    MoveTable {
        copy_method: CopyMethod::Appended,
        ..compared(
            "event_log",
            0,
            &[
                text("id"),
                text("tenant_id"),
                text("event_type"),
                text("entity_type"),
                text("entity_id"),
                text("correlation_id"),
                text("actor_type"),
                MoveColumn { name: "payload", kind: ColumnKind::Json },
                time("created_at"),
            ],
        )
    },
    // After the event log: on both sides a trigger writes deliveries with its events.
    compared("webhook_endpoints", 2, columns::WEBHOOK_ENDPOINTS),
    compared("webhook_deliveries", 3, columns::WEBHOOK_DELIVERIES),
];
