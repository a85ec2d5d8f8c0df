//! SQL statements of the store, for both databases.
//!
//! The texts themselves, their parameters and their columns stand in `sqlite/sql.rs` and `postgres/sql.rs`. An empty
//! text is not run, because that database does not need it.

use super::statement::{BulkTable, SqlText};
use super::{postgres, sqlite};

/// The same phone number under the other scheme (`sms:`, `whatsapp:`): it belongs to the same person. Null for other
/// addresses.
macro_rules! same_phone {
    ($address:literal) => {
        concat!(
            "CASE WHEN ",
            $address,
            " LIKE 'whatsapp:+%' THEN 'sms:' || substr(",
            $address,
            ", 10) WHEN ",
            $address,
            " LIKE 'sms:+%' THEN 'whatsapp:' || substr(",
            $address,
            ", 5) END"
        )
    };
}
pub(super) use same_phone;

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText = SqlText { sqlite: sqlite::sql::$name, postgres: postgres::sql::$name };)*
    };
}

macro_rules! tables {
    ($($name:ident)*) => {
        $(pub(super) const $name: BulkTable = BulkTable { sqlite: &sqlite::sql::$name, postgres: postgres::sql::$name };)*
    };
}

tables! {
    MESSAGES_IN EVENT_LOG CONTACTS CONTACT_ADDRESSES CONVERSATIONS SESSIONS CONSENTS MESSAGES_OUT MESSAGES_OUT_FULL USAGE TIMERS
}

texts! {
    FIRST_BY_KEY LAST_INBOUND DEAD_LETTER WRITE_TURNS LOCK_TURNS CONFLICTS MARK_PROCESSED CLOSE_SESSIONS KEEP_LIVE CLOSE_IDLE_LIVE OPT_OUT OPT_IN
    WELCOMED WELCOMED_BY CONFIRMED OPTED_IN UNCONFIRMED INVALIDATE_CONVERSATIONS CONTACT_OF LOAD RECIPIENT_STATUSES BACKLOG BACKLOG_AFTER TENANTS_BEHIND DUE_TURNS DUE_TIMERS
    TIMERS_THERE FORGET_TIMERS CONVERSATION_KEY
}

texts! {
    SUPPRESS OUTBOX_ROWS OUTBOX_ROWS_FREE MARK_SENT OUTBOX_BY_PROVIDER_ID OUTBOX_UPDATE LOCK_HEADS UNBLOCK_HEADS RELEASE RELEASE_HELD HELD_PAGE HELD_BEFORE REORDER CLAIM CLAIM_IN_ANY_ORDER
    CLAIM_QUOTA_EXEMPT EXPEDITE_RETRIES
    CLAIM_UNKNOWN EXPIRE_LEASES DUE_OUTBOX EXPIRE_DEFERRED DEFERRED_PAGE QUEUE_PAGE OWNED_BY_OTHERS AWAITS_DUPLICATE_CANDIDATE
    USAGE_SINCE ASKED_BEFORE PAUSES PAUSE POST_CHANNEL_NOTICE BLOCKED_REASONS
}

texts! {
    INBOUND_BY_ID OUTBOUND_BY_ID OUTBOUND_OF_PROVIDER OUTBOX FLOW_OUTBOUND FLOW_OUTBOUND_NEAR FLOW_EVENTS MESSAGE_EVENTS CONTACT_WROTE
    ALL_INBOUND ALL_OUTBOUND ALL_EVENTS SYNC_TENANT SYNC_CHANNEL STORED_CHANNELS SELLER_PHONES ADD_SELLER_PHONE INBOUND_BY_PROVIDER_ID
    TENANT_OF_FLOW COUNTS VERSIONS LINKS NODE_SEEN NODES_ALIVE NODES_FORGET NODE_GONE KEEP_SECRET SECRET MOVE_MARK KEEP_MOVE_MARK NOTIFY
}

texts! {
    OLD_OUTBOUND OLD_INBOUND OLD_EVENTS FORGET_OUTBOUND FORGET_INBOUND FORGET_EVENTS OPEN_FLOWS OLDEST_OPEN
}
