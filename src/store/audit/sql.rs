//! SQL statements of the audit log, for both databases.

use crate::store::statement::SqlText;
use crate::store::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText = SqlText { sqlite: sqlite::audit::$name, postgres: postgres::audit::$name };)*
    };
}

texts! { LOCK_HEAD MAKE_HEAD SET_HEAD APPEND LIST CHAIN HEADS OLD FORGET HASH_AT KEEP_FROM }
