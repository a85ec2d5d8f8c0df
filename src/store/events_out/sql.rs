//! SQL statements of events out, for both databases.

use crate::store::statement::SqlText;
use crate::store::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText = SqlText { sqlite: sqlite::events_out::$name, postgres: postgres::events_out::$name };)*
    };
}

texts! {
    KEEP_ENDPOINT KEPT_ENDPOINTS MOVE_ENDPOINT ENABLE_ENDPOINT DUE_ENDPOINTS ENDPOINTS FIND_QUEUES CLAIM_DELIVERIES SETTLE_DELIVERY
    HOLD_QUEUE GIVE_UP DELIVERIES REPLAY_DELIVERIES FORGET_DELIVERIES EVENT_DETAILS
}
