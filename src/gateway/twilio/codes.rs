//! Twilio's error codes: the class of each, and a sentence and a next step for people.
//!
//! What a code means is on its own page of Twilio's error dictionary, `https://www.twilio.com/docs/api/errors/{code}`
//! ([`Code::source`]). What to do about it is our reading of that page: a code that may pass later is
//! tried again, one that says that the contact does not want us is obeyed, everything else is permanent.

mod advice;
mod carriers;
mod channels;
mod requests;
mod table;

use std::sync::LazyLock;
use std::time::Duration;

use palabre_actors::domain::send::SendErrorClass;

use self::carriers::CARRIERS;
use self::channels::CHANNELS;
use self::requests::REQUESTS;
use self::table::USUAL;
use crate::gateway::{Bilingual, Code};

/// The page of a code.
const PAGE: &str = "https://www.twilio.com/docs/api/errors/";

/// All codes, in the order of their numbers.
pub(super) static CODES: LazyLock<Vec<Code>> = LazyLock::new(|| {
    let mut codes = [USUAL, REQUESTS, CARRIERS, CHANNELS].concat();
    codes.sort_by_key(|known| known.code);
    codes
});

/// Looks a code up.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.binary_search_by_key(&code, |known| known.code).ok().and_then(|at| CODES.get(at))
}

/// Whether a second refusal with this code is final: Twilio does not know what became of the message.
#[must_use]
pub fn is_worth_one_more_try(code: &str) -> bool {
    matches!(code, "30008" | "30410" | "30500")
}

const MISCONFIGURED: SendErrorClass = SendErrorClass::Misconfigured;
const OPTED_OUT: SendErrorClass = SendErrorClass::OptedOut;
const REJECT: SendErrorClass = SendErrorClass::Reject;
const RETRY: SendErrorClass = SendErrorClass::Retry { after: None };
const UNKNOWN: SendErrorClass = SendErrorClass::Unknown;
const WINDOW_CLOSED: SendErrorClass = SendErrorClass::WindowClosed;
/// A limit that is counted over hours: asking again within seconds only uses attempts up.
const RETRY_MUCH_LATER: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(3_600)) };
/// The whole account is kept from sending until somebody talks with Twilio: no message of it needs to be tried meanwhile.
const SUSPENDED: SendErrorClass = SendErrorClass::Suspended { after: Duration::from_secs(3_600) };
/// A queue that needs to drain first.
const RETRY_LATER: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(30)) };

/// A limit over a rolling day: room comes back in the course of it. Well within `channels.retry.max_age`, which would
/// end the message otherwise.
const RETRY_IN_THE_DAY: SendErrorClass = SendErrorClass::Retry { after: Some(Duration::from_secs(6 * 3_600)) };

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
    fn the_table_is_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
        for known in CODES.iter() {
            assert_eq!(find(known.code), Some(known));
        }
        assert_eq!(find("1"), None);
    }

    #[test]
    fn classes_are_as_agreed() {
        let class = |number: u32| find(&number.to_string()).unwrap().class;
        for number in [20429, 63012, 21611, 30001, 30022, 30008, 63017, 63009, 30017, 30410] {
            assert!(matches!(class(number), SendErrorClass::Retry { .. }), "{number}");
        }
        for number in [63018, 63038, 30047, 30023, 30027, 30454] {
            assert!(matches!(class(number), SendErrorClass::Retry { after: Some(after) } if after.as_secs() >= 3_600));
        }
        for number in [21610, 63014, 63033] {
            assert_eq!(class(number), SendErrorClass::OptedOut);
        }
        assert_eq!(class(63016), SendErrorClass::WindowClosed);
        assert!(is_worth_one_more_try("30008") && !is_worth_one_more_try("30001"));
        let throttled = CODES.iter().filter(|known| known.throttled).map(|known| known.code);
        assert!(throttled.eq(["20429", "21611", "30022", "30023", "30027", "30047", "30454", "63018", "63038"]));
        for number in [30002, 30037, 63020, 63051, 63112] {
            assert!(matches!(class(number), SendErrorClass::Suspended { .. }), "{number}");
        }
        for number in [20003, 21212, 21660, 21703, 63002] {
            assert_eq!(class(number), SendErrorClass::Misconfigured, "{number}");
        }
        let permanent = [
            21211, 21408, 21614, 21617, 21656, 30003, 30004, 30005, 30006, 30007, 63003, 63005, 63007, 63013, 63015,
            63024, 63027, 63028, 63032, 21606, 21608, 30034, 63021, 63049,
        ];
        for number in permanent {
            assert_eq!(class(number), SendErrorClass::Reject, "{number}");
        }
    }

    /// A number that Twilio adds to its dictionary is to be put under one of the headings.
    #[test]
    fn every_code_that_a_message_can_end_with_has_words() {
        let dictionary = include_str!("codes/dictionary.txt");
        let mut lists = dictionary.split('[').skip(1).map(|list| {
            let (_, numbers) = list.split_once(']').unwrap();
            numbers.split_whitespace().collect::<Vec<_>>()
        });
        let (ends, others) = (lists.next().unwrap(), lists.next().unwrap());
        let without: Vec<_> = ends.iter().filter(|number| find(number).is_none()).collect();
        assert!(without.is_empty(), "{} of {} have no words: {without:?}", without.len(), ends.len());
        assert!(others.iter().all(|number| find(number).is_none()));
        let unlisted: Vec<_> = CODES.iter().map(|known| known.code).filter(|code| !ends.contains(code)).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}");
        assert!(ends.len() >= 160 && others.len() >= 190);
        for known in CODES.iter() {
            for (english, french) in [known.meaning, known.advice] {
                assert!(!english.is_empty() && !french.is_empty(), "{}", known.code);
                assert!(english != french || english == "{later}", "{}", known.code);
            }
        }
    }
}
