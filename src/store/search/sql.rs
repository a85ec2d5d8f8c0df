//! SQL statements of the search index, for both databases.

use crate::store::statement::SqlText;
use crate::store::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(in crate::store) const $name: SqlText =
            SqlText { sqlite: sqlite::search::$name, postgres: postgres::search::$name };)*
    };
}

texts! {
    TAKE TRIGRAMS POSITIONS KEEP_POSITIONS INBOUND_AFTER OUTBOUND_AFTER INBOUND_LATE OUTBOUND_LATE INBOUND_DOCUMENTS
    OUTBOUND_DOCUMENTS KNOWN NUMBERS IN_USE ADD ADD_TEXT ADD_WORDS ADD_CONTACTS UNPLACED PLACES PLACE REMOVE_TEXT REMOVE CONTACTS_OF
    CONTACTS_AFTER PAGE CONTACT_PAGE WORD_PAGE REMOVE_WORDS REMOVE_CONTACTS INBOUND_THERE OUTBOUND_THERE CONTACTS_THERE FIND FLOOR SIMILAR
    FIND_CONTACTS READ_CONTACTS TIMELINE_NEWEST TIMELINE_OLDEST INBOUND_TAIL OUTBOUND_TAIL
}
