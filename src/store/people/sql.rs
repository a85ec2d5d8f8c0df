//! SQL statements of people, for both databases.

use crate::store::statement::SqlText;
use crate::store::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(pub(super) const $name: SqlText = SqlText { sqlite: sqlite::people::$name, postgres: postgres::people::$name };)*
    };
}

texts! {
    ADD_USER USER USER_BY_EMAIL USER_BY_OIDC LINK_OIDC UNLINK_OIDC USERS_OF USERS_OF_NONE MEMBERSHIPS SET_MEMBERSHIP
    END_MEMBERSHIP OTHERS_WITH_ROLE SET_PASSWORD SET_PROFILE SET_DISABLED SET_TOTP TAKE_STEP TAKE_CODE SIGNED_IN
}

texts! {
    ADD_SESSION SESSION SESSIONS SESSION_SEEN SESSION_TENANT END_SESSION END_SESSIONS FORGET_SESSIONS ADD_LINK LINK INVITATIONS TAKE_LINK END_LINK END_LINKS FORGET_LINKS
}

texts! { ADD_KEY KEYS KEY REVOKE_KEY KEY_USED }
