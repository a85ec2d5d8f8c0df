//! Ids of Twilio's, and webhooks whose names and values stand where Twilio put them.
//!
//! The signature joins names and values without a boundary: whoever captured `MessageSid=SM…1&NumMedia=0` can send it again as
//! `MessageSid=SM…1NumMedia0`, with the same signature. So an id has its exact form, ids of one message agree, and an id may not
//! be hidden in another parameter.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use palabre_actors::domain::ids::ProviderMessageId;

use super::form::Form;

/// Two letters and 32 hexadecimal digits (`^(SM|MM)[0-9a-fA-F]{32}$` in Twilio's OpenAPI description).
pub(super) const SID_BYTES: usize = 34;

/// Signatures that are remembered for each channel: 13 minutes of five messages a second, about 400 kB.
const REMEMBERED: usize = 4096;

/// What a name of these holds is an id of the message.
const MESSAGE_SIDS: [&str; 3] = ["MessageSid", "SmsMessageSid", "SmsSid"];

/// Names of which Twilio has no longer ones: what begins with one of them has swallowed the value.
const WHOLE_NAMES: [&str; 5] = ["MessageSid", "SmsMessageSid", "SmsSid", "AccountSid", "NumMedia"];

/// An id, if it has the form of Twilio's.
pub(super) fn sid(text: &str) -> Option<ProviderMessageId> {
    is_sid(text).then(|| ProviderMessageId::new(text))
}

fn is_sid(text: &str) -> bool {
    let Some((kind, digits)) = text.as_bytes().split_at_checked(2) else { return false };
    text.len() == SID_BYTES && kind.iter().all(u8::is_ascii_uppercase) && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Whether names and values stand where Twilio put them, as far as their forms can tell.
pub(super) fn is_whole(form: &Form) -> bool {
    let mut of_message = None;
    form.pairs().all(|(key, value)| {
        let is_one = |names: &[&str]| names.contains(&key);
        if is_one(&MESSAGE_SIDS) {
            return value.is_empty() || is_sid(value) && *of_message.get_or_insert(value) == value;
        }
        if key == "NumMedia" {
            return value.len() <= 3 && value.bytes().all(|byte| byte.is_ascii_digit());
        }
        let has_swallowed = |name: &&str| key.starts_with(*name) && key.len() > name.len();
        !WHOLE_NAMES.iter().any(has_swallowed) && (is_free_text(key) || !hides_an_id(key, value))
    })
}

/// What a contact writes may say anything, an id of Twilio's as well.
fn is_free_text(key: &str) -> bool {
    matches!(key, "Body" | "ButtonText" | "ButtonPayload" | "InteractiveData")
}

/// Whether `essageSidSM…`, of which the first letters may stand in the parameter before, is a part of name and value.
fn hides_an_id(key: &str, value: &str) -> bool {
    const PART: &str = "Sid";
    if key == "OriginalRepliedMessageSid" || key.len() + value.len() < PART.len() + SID_BYTES {
        return false;
    }
    // A name that ends in `Sid` with a whole id is a parameter like any other (`MessagingServiceSid`).
    if key.ends_with(PART) && is_sid(value) {
        return false;
    }
    let text = [key, value].concat();
    text.match_indices(PART).any(|(at, _)| {
        let id = at + PART.len();
        text.get(id..id + SID_BYTES).is_some_and(is_sid)
    })
}

/// Signatures that came lately, and the message that came with each.
#[derive(Debug, Default)]
pub(super) struct Signatures(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    ids: HashMap<Box<str>, ProviderMessageId>,
    order: VecDeque<Box<str>>,
}

impl Signatures {
    /// Whether a signature that was believed came with this message and no other. It is remembered.
    pub(super) fn belongs_to(&self, signature: &str, message: &ProviderMessageId) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = seen.ids.get(signature) {
            return known == message;
        }
        if seen.order.len() >= REMEMBERED
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.ids.remove(&oldest);
        }
        seen.order.push_back(signature.into());
        seen.ids.insert(signature.into(), message.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "SM0123456789abcdef0123456789ABCDEF";
    const OTHER: &str = "SM0123456789abcdef0123456789abcd00";

    #[test]
    fn an_id_has_twilios_exact_form() {
        for good in [SID, "MM00000000000000000000000000000000"] {
            assert_eq!(sid(good).unwrap().as_str(), good);
        }
        let longer = format!("{SID}0");
        let swallowed = format!("{SID}NumMedia0");
        for bad in [
            "",
            "SM",
            "SM1",
            &SID[..33],
            &longer,
            &swallowed,
            "sm0123456789abcdef0123456789abcdef",
            "S\u{e9}123456789abcdef0123456789abcdef0",
            "SM0123456789abcdef0123456789abcdeg",
        ] {
            assert!(sid(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn names_and_values_stand_where_twilio_put_them() {
        let whole = |pairs: &[(&str, &str)]| is_whole(&Form::from_pairs(pairs.iter().copied()).unwrap());
        let key = format!("MessageSid{SID}");
        let rest = format!("essageSid{SID}NumMedia0OriginalReplied");
        let quoted = format!("see MessageSid{SID}");
        let table: [(&[(&str, &str)], bool); 13] = [
            (&[("MessageSid", SID), ("SmsSid", SID), ("SmsMessageSid", SID), ("NumMedia", "0")], true),
            (&[("SmsSid", SID)], true),
            (&[("MessageSid", SID), ("NumMedia", "10"), ("NumSegments", "1")], true),
            (&[("MessageSid", SID), ("OriginalRepliedMessageSid", OTHER)], true),
            (&[("MessageSid", SID), ("MessagingServiceSid", OTHER)], true),
            (&[("MessageSid", SID), ("Body", &quoted)], true),
            (&[("MessageSid", SID), ("SmsSid", OTHER)], false),
            (&[("MessageSid", "SM1")], false),
            (&[("MessageSid", SID), ("NumMedia", "0NumSegments1")], false),
            (&[("MessageSid", SID), ("NumMedia0", "")], false),
            (&[(&key, ""), ("SmsSid", SID)], false),
            (&[("M", &rest), ("MessageSid", OTHER)], false),
            (&[("MessageSid", OTHER), ("ProfileName", &format!("AnneSmsSid{SID}"))], false),
        ];
        for (pairs, expected) in table {
            assert_eq!(whole(pairs), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_signature_belongs_to_one_message() {
        let signatures = Signatures::default();
        let [one, two] = [SID, OTHER].map(ProviderMessageId::new);
        assert!(signatures.belongs_to("a", &one) && signatures.belongs_to("a", &one));
        assert!(!signatures.belongs_to("a", &two), "another id with the same signature");
        assert!(signatures.belongs_to("b", &two));
        (0..2 * REMEMBERED).for_each(|n| assert!(signatures.belongs_to(&n.to_string(), &one)));
        let seen = signatures.0.lock().unwrap();
        assert_eq!((seen.ids.len(), seen.order.len()), (REMEMBERED, REMEMBERED), "memory is bounded");
    }
}
