//! SQL statements of broadcasts, for both databases.

use crate::store::statement::SqlText;
use crate::store::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText = SqlText { sqlite: sqlite::broadcasts::$name, postgres: postgres::broadcasts::$name };)*
    };
}

texts! {
    SEGMENT_PAGE FILL_BROADCAST START_BROADCAST DUE_BROADCASTS CLAIM_BROADCASTS REST_BROADCAST END_BROADCAST WAITING_RECIPIENTS SETTLE_RECIPIENT
    DROP_GONE_RECIPIENTS LIST_BROADCASTS BROADCAST_REPORT BROADCAST_ASKED UNSENT_OF_BROADCAST
}
