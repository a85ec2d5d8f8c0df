//! SQL statements of conversations and contacts, for both databases.

use crate::store::statement::SqlText;
use crate::store::{postgres, sqlite};

/// Of merged conversations and contacts.
pub(super) const PARTS: SqlText =
    SqlText { sqlite: sqlite::conversations::PARTS, postgres: postgres::conversations::PARTS };
pub(super) const MERGED_INTO: SqlText =
    SqlText { sqlite: sqlite::conversations::MERGED_INTO, postgres: postgres::conversations::MERGED_INTO };

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText =
            SqlText { sqlite: sqlite::conversations::$name, postgres: postgres::conversations::$name };)*
    };
}

texts! { LIST ONE OF_CONTACTS CONTACTS CONTACT_IDS INBOUND INBOUND_ORIGIN OUTBOUND WAITING READ }

/// Of the inbox.
pub(super) mod inbox {
    use crate::store::statement::SqlText;
    use crate::store::{postgres, sqlite};

    macro_rules! texts {
        ($($name:ident)*) => {
            $(pub(in crate::store::conversations) const $name: SqlText =
                SqlText { sqlite: sqlite::inbox::$name, postgres: postgres::inbox::$name };)*
        };
    }

    texts! {
        WAITING OTHERS ONE COUNTS COUNTS_OF_TENANTS NEWEST_INDEXED NEWEST_INBOUND NEWEST_OUTBOUND INBOUND_DETAILS FLOW_EVENTS
        CONVERSATION_EVENTS FEED_END FEED MISSED WITH_ADDRESS SNOOZE ADD_LABEL REMOVE_LABEL LABELS ADD_NOTE NOTES CANNED_REPLIES
        KEEP_CANNED_REPLY REMOVE_CANNED_REPLY
    }
}
