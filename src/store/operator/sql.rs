//! SQL statements of the operators' commands, for both databases.

use palabre_actors::domain::status::OutboxState;

pub(super) use crate::store::sql::{
    ADDRESSES_OF_CONTACT, ASKED_BEFORE, CONFIRMED, CONTACT_CONSENT, GIVE_ADDRESSES, GIVE_BOOKINGS, GIVE_CONVERSATIONS,
    GIVE_LEADS, GIVE_OFFERS, GIVE_ORDERS, GIVE_WAITING, LOCK_CONTACTS, LOOK_UP_AGAIN, MERGED_CONTACTS, MERGED_WITH,
    OPT_IN, PART, PAUSE, SHARED_IDENTITY, STOPPED_MARKETING, UNFOLD,
};

use crate::store::statement::{Dialect, SqlText};
use crate::store::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText =
            SqlText { sqlite: sqlite::operator::$name, postgres: postgres::operator::$name };)*
    };
}

texts! {
    ITEM TO_PERSON LATEST_OF_PERSON TENANTS TENANT_NAME TARGETS REPLAY CANCEL PAUSES CHANNEL RESUME OPT_OUTS LEDGER CONSENTS CHANNEL_BLOCKS PUT_FAQ DELETE_FAQ UNANSWERED
    SETUP_STEPS CONFIRM_SETUP_STEP CHANNEL_ACTIVITY
}

/// Rows that fit a filter, newest first. `late`: of those that wait, only what waits longer than it should.
pub(super) fn newest(dialect: Dialect, states: &[OutboxState], late: bool) -> String {
    match dialect {
        Dialect::Sqlite => sqlite::operator::newest(states, late),
        Dialect::Postgres => postgres::operator::newest(states, late),
    }
}

/// The ids of rows that fit a filter, oldest first.
pub(super) fn oldest(dialect: Dialect, states: &[OutboxState]) -> String {
    match dialect {
        Dialect::Sqlite => sqlite::operator::oldest(states),
        Dialect::Postgres => postgres::operator::oldest(states),
    }
}

/// How many rows fit a filter, by tenant, channel, state and reason. `late`: as in [`newest`].
pub(super) fn counts(dialect: Dialect, states: &[OutboxState], late: bool) -> String {
    match dialect {
        Dialect::Sqlite => sqlite::operator::counts(states, late),
        Dialect::Postgres => postgres::operator::counts(states, late),
    }
}
