//! SQL statements of conversations and contacts, for both databases.

use crate::store::statement::SqlText;
use crate::store::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText =
            SqlText { sqlite: sqlite::conversations::$name, postgres: postgres::conversations::$name };)*
    };
}

texts! { LIST ONE OF_CONTACTS CONTACTS CONTACT_IDS INBOUND OUTBOUND WAITING READ }
