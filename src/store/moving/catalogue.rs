//! The tables of an installation, as they are read from SQLite and written to PostgreSQL. Everything that is kept stands
//! here; a test holds the list against both schemas.

/// What is in a column, and how both databases show it as one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A text without a bound but a webhook's: pages are cut by its length.
    Long,
    Number,
    Flag,
    Time,
    /// A quarter of an hour, which SQLite has without a fraction.
    Quarter,
    Json,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

/// How a table's rows travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Both sides are read in the order of the key, and what differs is written.
    Compared,
    /// The same, but what is to go goes first, wherever it stands: another row may want its place.
    ClearedFirst,
    /// Rows are only added to it, and nothing orders them but SQLite's own numbers: what has a larger one is new.
    Appended,
}

/// A table of PostgreSQL, and where its rows come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub name: &'static str,
    /// The table of SQLite.
    pub from: &'static str,
    /// Which of its rows; empty: all.
    pub of: &'static str,
    pub columns: &'static [Column],
    /// The first so many columns tell rows apart, and an index has them in this order on both sides.
    pub key: usize,
    /// A column that PostgreSQL alone has, and what stands in it.
    pub beside: Option<(&'static str, &'static str)>,
    pub manner: Manner,
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

const fn long(name: &'static str) -> Column {
    Column { name, kind: Kind::Long }
}

const fn number(name: &'static str) -> Column {
    Column { name, kind: Kind::Number }
}

const fn flag(name: &'static str) -> Column {
    Column { name, kind: Kind::Flag }
}

const fn time(name: &'static str) -> Column {
    Column { name, kind: Kind::Time }
}

const fn compared(name: &'static str, key: usize, columns: &'static [Column]) -> Table {
    Table { name, from: name, of: "", columns, key, beside: None, manner: Manner::Compared }
}

/// In the order in which they are moved: what a message refers to is there before it. Not here, because it is of no use to
/// the next daemon: who is running (`nodes`), and why channels rest (`channel_rests`).
pub(super) const TABLES: &[Table] = &[
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
            time("created_at"),
            time("updated_at"),
        ],
    ),
    compared("contact_addresses", 2, &[text("tenant_id"), text("address"), text("contact_id"), time("created_at")]),
    // A STOP that was taken back and said again is another row with the same address, so that is the key.
    compared(
        "opt_outs",
        2,
        &[text("tenant_id"), text("address"), text("id"), text("source"), text("message_id"), time("created_at")],
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
        ],
    ),
    compared(
        "conversations",
        1,
        &[
            text("id"),
            text("tenant_id"),
            text("channel_id"),
            text("contact_id"),
            text("address"),
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
            time("created_at"),
            time("updated_at"),
        ],
    ),
    compared(
        "sessions",
        1,
        &[text("id"), text("tenant_id"), text("conversation_id"), time("opened_at"), time("closed_at")],
    ),
    Table {
        // One session of a tenant is open, and the next may have the smaller id.
        manner: Manner::ClearedFirst,
        ..compared(
            "live_sessions",
            1,
            &[text("id"), text("tenant_id"), time("opened_at"), time("last_message_at"), time("closed_at")],
        )
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
    Table {
        name: "messages_once",
        ..compared(
            "messages_in",
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
        ],
    ),
    Table {
        name: "messages_asked",
        of: "idempotency_key IS NOT NULL",
        ..compared("messages_out", 2, &[text("tenant_id"), text("idempotency_key"), text("id")])
    },
    Table {
        beside: Some(("share", "0")),
        ..compared(
            "usage",
            3,
            &[
                text("tenant_id"),
                Column { name: "quarter", kind: Kind::Quarter },
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
    // What is said about the move itself stands there too, and stays where it is.
    Table { of: "name <> 'move'", ..compared("installation", 1, &[text("name"), text("value")]) },
    Table {
        manner: Manner::Appended,
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
                Column { name: "payload", kind: Kind::Json },
                time("created_at"),
            ],
        )
    },
];
