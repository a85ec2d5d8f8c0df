//! The statements of the store, for either database. The texts themselves, and what each takes and answers, stand in
//! `sqlite/sql.rs` and `postgres/sql.rs`; an empty one is not asked, because that database does not need it.

use super::link::{Table, Text};
use super::{postgres, sqlite};

/// The other name of a phone number: it is one person's, whichever kind of account writes to it. Null for what is none.
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
        $(pub(super) const $name: Text = Text { sqlite: sqlite::sql::$name, postgres: postgres::sql::$name };)*
    };
}

macro_rules! tables {
    ($($name:ident)*) => {
        $(pub(super) const $name: Table = Table { sqlite: &sqlite::sql::$name, postgres: postgres::sql::$name };)*
    };
}

tables! {
    MESSAGES_IN EVENT_LOG CONTACTS CONTACT_ADDRESSES CONVERSATIONS SESSIONS CONSENTS MESSAGES_OUT MESSAGES_OUT_FULL USAGE
}

texts! {
    FIRST_BY_KEY LAST_INBOUND BURY TAKE_TURNS LOCK_TURNS CONFLICTS PROCESS CLOSE_SESSIONS KEEP_LIVE CLOSE_IDLE_LIVE OPT_OUT OPT_IN
    WELCOMED WELCOMED_BY CONFIRMED OPTED_IN UNCONFIRMED UNSETTLE CONTACT_OF LOAD STANDINGS BACKLOG BACKLOG_AFTER TENANTS_BEHIND DUE_TURNS
}

texts! {
    SUPPRESS OUTBOX_ROWS OUTBOX_ROWS_FREE DELIVER OUTBOX_BY_PROVIDER_ID OUTBOX_UPDATE LOCK_HEADS PROMOTE RELEASE RELEASE_HELD HELD_PAGE HELD_BEFORE LINE_UP CLAIM CLAIM_IN_ANY_ORDER
    CLAIM_DUTIES HASTEN
    CLAIM_UNKNOWN EXPIRE_LEASES DUE_OUTBOX EXPIRE_DEFERRED DEFERRED_PAGE LINE_PAGE OWNED_BY_OTHERS AWAITS_TWIN
    USAGE_SINCE ASKED_BEFORE PAUSES PAUSE REST WAITS
}

texts! {
    INBOUND_BY_ID OUTBOUND_BY_ID OUTBOUND_OF_PROVIDER OUTBOX FLOW_OUTBOUND FLOW_OUTBOUND_NEAR FLOW_EVENTS MESSAGE_EVENTS CONTACT_WROTE
    ALL_INBOUND ALL_OUTBOUND ALL_EVENTS SYNC_TENANT SYNC_CHANNEL SELLER_PHONES ADD_SELLER_PHONE INBOUND_BY_PROVIDER_ID
    TENANT_OF_FLOW COUNTS VERSIONS LINKS NODE_SEEN NODES_ALIVE NODES_FORGET NODE_GONE KEEP_SECRET SECRET MOVE_MARK KEEP_MOVE_MARK NOTIFY
}

texts! {
    OLD_OUTBOUND OLD_INBOUND OLD_EVENTS FORGET_OUTBOUND FORGET_INBOUND FORGET_EVENTS OPEN_FLOWS OLDEST_OPEN
}
