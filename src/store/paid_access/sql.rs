//! SQL statements of paid access, for both databases.

use crate::store::statement::SqlText;
use crate::store::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText = SqlText { sqlite: sqlite::paid_access::$name, postgres: postgres::paid_access::$name };)*
    };
}

texts! {
    KEEP_PAYMENT_EVENT CLAIM_PAYMENT_EVENTS SETTLE_PAYMENT_EVENT POSTPONE_PAYMENT_EVENT PAYMENT_EVENTS
    ADD_SUBSCRIPTION SUBSCRIPTION SUBSCRIPTION_OF_PROVIDER SUBSCRIPTIONS SUBSCRIPTIONS_OF_MEMBER
    SUBSCRIPTIONS_OF_CHAT CLAIM_SUBSCRIPTIONS SAVE_SUBSCRIPTION CHECK_SUBSCRIPTIONS
    ADD_ACCESS_GRANTS ACCESS_GRANTS MOVE_ACCESS_GRANT KEEP_PLAN
    ACCESS_CHAT_IS_STUCK ACCESS_CHAT_IS_MENDED ACCESS_CHATS
}
