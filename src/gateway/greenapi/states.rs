//! States of an instance: what each means for its channel.

use std::time::Duration;

/// An instance that lost its phone stays so until somebody scans the code again; the pause is renewed by whatever Green-API
/// says next, and ends with `authorized`.
const UNTIL_SOMEBODY_ACTS: Duration = Duration::from_secs(24 * 3_600);

/// An instance that starts is back within minutes.
const STARTING: Duration = Duration::from_secs(5 * 60);

/// The code of a suspension, and for how long; `Some((_, None))`: it works. `None`: nothing that matters here.
pub(super) fn of_instance(state: &str) -> Option<(&'static str, Option<Duration>)> {
    Some(match state {
        "authorized" => ("greenapi_authorized", None),
        "notAuthorized" => ("greenapi_not_authorized", Some(UNTIL_SOMEBODY_ACTS)),
        "blocked" => ("greenapi_blocked", Some(UNTIL_SOMEBODY_ACTS)),
        "suspended" => ("greenapi_suspended", Some(UNTIL_SOMEBODY_ACTS)),
        "yellowCard" => ("greenapi_yellow_card", Some(UNTIL_SOMEBODY_ACTS)),
        "starting" => ("greenapi_starting", Some(STARTING)),
        // The phone is off: Green-API keeps what it takes until the phone is back.
        _ => return None,
    })
}

/// The month's quota is used up: nothing passes until the plan changes.
pub(super) const QUOTA_EXCEEDED: (&str, Option<Duration>) = ("greenapi_466", Some(UNTIL_SOMEBODY_ACTS));
