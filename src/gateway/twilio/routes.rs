//! Paths of older settings in Twilio's console, on which the form names the channel.

use std::borrow::Cow;

use super::FORM;
use crate::gateway::{Located, Rejection, Route, RouteKind, WebhookRequest};

/// WhatsApp and SMS on one path.
pub(super) const OF_ALL: &[Route] = &[
    Route { path: "/api/webhooks/twilio", provider: "twilio", kind: RouteKind::Messages(by_recipient) },
    Route { path: "/api/webhooks/twilio/status", provider: "twilio", kind: RouteKind::Statuses(by_sender) },
    Route { path: "/api/webhooks/twilio/status-check", provider: "twilio", kind: RouteKind::Check },
];

/// SMS alone.
pub(super) const OF_SMS: &[Route] = &[
    Route { path: "/webhooks/twilio-sms/incoming", provider: "twilio-sms", kind: RouteKind::Messages(by_recipient) },
    Route { path: "/webhooks/twilio-sms/status", provider: "twilio-sms", kind: RouteKind::Statuses(by_sender) },
    Route { path: "/webhooks/twilio-sms/incoming/status-check", provider: "twilio-sms", kind: RouteKind::Check },
];

/// Our sender is whom a message goes to.
fn by_recipient<'a>(request: &WebhookRequest<'a>) -> Result<Located<'a>, Rejection> {
    locate(request, "To")
}

/// Our sender is whom a status is about.
fn by_sender<'a>(request: &WebhookRequest<'a>) -> Result<Located<'a>, Rejection> {
    locate(request, "From")
}

fn locate<'a>(request: &WebhookRequest<'a>, ours: &str) -> Result<Located<'a>, Rejection> {
    if !request.is(FORM) {
        return Err(Rejection::MediaType("the body must be application/x-www-form-urlencoded"));
    }
    match find_fields(request.body, ours) {
        (Some(account), Some(address)) => Ok(Located { account, address }),
        _ => Err(Rejection::Malformed("the form needs AccountSid and our own number, each once and in UTF-8")),
    }
}

/// `AccountSid` and one more field. A repeated field or one that is no UTF-8 counts as absent: the pair must be exact.
fn find_fields<'a>(body: &'a [u8], ours: &str) -> (Option<Cow<'a, str>>, Option<Cow<'a, str>>) {
    let (mut account, mut address) = (Field::Absent, Field::Absent);
    for (name, value) in form_urlencoded::parse(body) {
        if name == "AccountSid" {
            account.put(value);
        } else if name == ours {
            address.put(value);
        }
    }
    (account.once(), address.once())
}

enum Field<'a> {
    Absent,
    Once(Cow<'a, str>),
    Repeated,
}

impl<'a> Field<'a> {
    fn put(&mut self, value: Cow<'a, str>) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    fn once(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Once(value) if !value.is_empty() && !value.contains('\u{fffd}') => Some(value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::JSON;
    use super::*;

    #[test]
    fn the_pair_must_be_exact() {
        let table: [(&[u8], Option<&str>, Option<&str>); 7] = [
            (b"AccountSid=AC1&To=%2B33612345678", Some("AC1"), Some("+33612345678")),
            (b"To=whatsapp%3A%2B336&Body=hi&AccountSid=AC1", Some("AC1"), Some("whatsapp:+336")),
            (b"AccountSid=AC1&To=a&To=b", Some("AC1"), None),
            (b"AccountSid=AC1&AccountSid=AC1&To=a", None, Some("a")),
            (b"AccountSid=&To=%FF%FE", None, None),
            (b"accountsid=AC1&to=a", None, None),
            (b"", None, None),
        ];
        for (body, account, address) in table {
            let found = find_fields(body, "To");
            assert_eq!((found.0.as_deref(), found.1.as_deref()), (account, address), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn media_types() {
        let is = |content_type, media_type| {
            let headers: &[(&str, &str); 0] = &[];
            let request = WebhookRequest { url: "", query: "", content_type, headers, is_local: false, body: b"" };
            request.is(media_type)
        };
        assert!(is("application/x-www-form-urlencoded", FORM));
        assert!(is("Application/X-WWW-Form-Urlencoded; charset=UTF-8", FORM));
        assert!(is("application/json;charset=utf-8", JSON));
        assert!(!is("", FORM) && !is("text/json", JSON) && !is("application/x-www-form-urlencoded2", FORM));
    }
}
