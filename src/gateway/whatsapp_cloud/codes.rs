//! Meta's error codes: the class of each, and a sentence and a next step for people.
//!
//! What a code means is on Meta's page of error codes ([`PAGE`]). What to do about it is our reading of that page.

mod table;

use std::time::Duration;

use palabre_actors::domain::send::SendErrorClass;

pub(super) use self::table::CODES;
use crate::gateway::{Bilingual, Code};

/// The page of all codes.
const PAGE: &str = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes";

/// The account cannot send.
pub(super) const BLOCKED: &str = "cloud_368";

/// A restriction lasts until somebody acts in Meta's console; a pause is renewed by the next refusal.
pub(super) const UNTIL_SOMEBODY_ACTS: Duration = Duration::from_secs(24 * 3_600);

/// A code as it is kept: Meta's own number where it is long enough to be nobody else's, with a name in front else. `None`: no
/// number.
pub(super) fn of_number(number: &str) -> Option<String> {
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    Some(if number < 100_000 { format!("cloud_{number}") } else { number.to_string() })
}

/// Looks a code up.
#[must_use]
pub(super) fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}

const MISCONFIGURED: SendErrorClass = SendErrorClass::Misconfigured;
const OPTED_OUT_OF_MARKETING: SendErrorClass = SendErrorClass::Reject;
const REJECT: SendErrorClass = SendErrorClass::Reject;
const RETRY: SendErrorClass = SendErrorClass::Retry { after: None };
const UNKNOWN: SendErrorClass = SendErrorClass::Unknown;
const WINDOW_CLOSED: SendErrorClass = SendErrorClass::WindowClosed;
/// One message in six seconds for each pair.
const RETRY_THE_PAIR: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(12)) };
/// A limit that is counted over hours: asking again within seconds only uses attempts up.
const RETRY_MUCH_LATER: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(3_600)) };
/// The number or the account is kept from sending until somebody acts.
const SUSPENDED: SendErrorClass = SendErrorClass::Suspended { after: Duration::from_secs(3_600) };

const fn code(code: &'static str, class: SendErrorClass, meaning: Bilingual, advice: Bilingual) -> Code {
    Code { code, class, throttled: false, meaning, advice, page: PAGE }
}

/// A code that says that we are too fast.
const fn throttled(code: &'static str, class: SendErrorClass, meaning: Bilingual, advice: Bilingual) -> Code {
    Code { code, class, throttled: true, meaning, advice, page: PAGE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_as_agreed() {
        let class = |number: u32| find(&of_number(&number.to_string()).unwrap()).unwrap().class;
        assert_eq!(class(131_047), SendErrorClass::WindowClosed);
        for number in [131_056, 130_429, 80_007, 4] {
            let known = find(&of_number(&number.to_string()).unwrap()).unwrap();
            assert!(known.throttled && matches!(known.class, SendErrorClass::Retry { .. }), "{number}");
        }
        for number in [131_048, 368, 131_031] {
            assert!(matches!(class(number), SendErrorClass::Suspended { .. }), "{number}");
        }
        for number in
            [131_026, 131_050, 131_051, 131_030, 132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016]
        {
            assert_eq!(class(number), SendErrorClass::Reject, "{number}");
        }
        for number in [190, 10, 200, 133_010] {
            assert_eq!(class(number), SendErrorClass::Misconfigured, "{number}");
        }
        assert_eq!((of_number("0"), of_number("x"), of_number("190").as_deref()), (None, None, Some("cloud_190")));
    }
}
