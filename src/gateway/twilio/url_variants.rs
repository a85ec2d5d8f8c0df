//! URL variants: the forms of a webhook's URL that Twilio may have signed.
//!
//! Its back ends differ in whether the port is there and how the query string is escaped. The same candidates, in the same order,
//! as the official client tries (twilio-node 6, `src/webhooks/webhooks.ts`).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What Node's `querystring.escape` leaves alone, besides letters and digits.
const NODE_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The most query parameters that Node's `querystring.parse` reads.
const NODE_MAX_KEYS: usize = 1_000;

/// Whether any variant of the URL passes. A variant is given in pieces, to be read as one text: the usual ones cost no
/// allocation.
pub(super) fn any(url: &str, mut passes: impl FnMut([&str; 3]) -> bool) -> bool {
    let received = Parts::of(url);
    if passes(received.without_port()) || passes(received.with_port()) {
        return true;
    }
    let Ok(normal) = reqwest::Url::parse(url) else { return false };
    let normal = Parts::of(normal.as_str());
    if normal != received && (passes(normal.without_port()) || passes(normal.with_port())) {
        return true;
    }
    match legacy_query(normal.rest) {
        Cow::Borrowed(_) => false,
        Cow::Owned(rest) => {
            let legacy = Parts { rest: &rest, ..normal };
            passes(legacy.without_port()) || passes(legacy.with_port())
        }
    }
}

/// A URL cut around its port; nothing is normalised.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Parts<'a> {
    /// Scheme, user and host.
    before: &'a str,
    /// The port with its colon, or empty.
    port: &'a str,
    /// The port to add when there is none.
    standard_port: &'static str,
    /// Path, query and fragment.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let Some((scheme, after)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
            return Self { before: url, port: "", standard_port: "", rest: "" };
        };
        let standard_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        let authority = &after[..after.find(['/', '?', '#']).unwrap_or(after.len())];
        let host = authority.rfind('@').map_or(0, |at| at + 1);
        // Colons inside the brackets of an IPv6 address begin no port.
        let bracket = authority[host..].rfind(']').map_or(host, |at| host + at + 1);
        let port = authority[bracket..].find(':').map_or(authority.len(), |at| bracket + at);
        let before = scheme.len() + "://".len();
        Self { before: &url[..before + port], port: &authority[port..], standard_port, rest: &after[authority.len()..] }
    }

    fn without_port(&self) -> [&'a str; 3] {
        [self.before, "", self.rest]
    }

    fn with_port(&self) -> [&'a str; 3] {
        [self.before, if self.port.is_empty() { self.standard_port } else { self.port }, self.rest]
    }
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
}

/// Re-encodes the query string as Node's legacy `querystring` module writes what it read: repeated keys move together,
/// keys that are array indexes come first in numeric order, and the escapes are its own.
fn legacy_query(rest: &str) -> Cow<'_, str> {
    let Some((path, query)) = rest.split_once('?').filter(|(_, query)| !query.is_empty()) else {
        return Cow::Borrowed(rest);
    };
    let mut keys: Vec<(Cow<'_, str>, Vec<Cow<'_, str>>)> = Vec::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()).take(NODE_MAX_KEYS) {
        match keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => keys.push((key, vec![value])),
        }
    }
    // A stable sort: the other keys keep the order in which they came.
    keys.sort_by_key(|(key, _)| array_index(key).map_or((1, 0), |index| (0, index)));
    let mut text = String::with_capacity(rest.len() + 16);
    text.push_str(path);
    let pairs = keys.iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
    for (nth, (key, value)) in pairs.enumerate() {
        text.push(if nth == 0 { '?' } else { '&' });
        text.extend(utf8_percent_encode(key, NODE_ESCAPES));
        text.push('=');
        text.extend(utf8_percent_encode(value, NODE_ESCAPES));
    }
    if keys.is_empty() {
        text.push('?');
    }
    if text == rest { Cow::Borrowed(rest) } else { Cow::Owned(text) }
}

/// The keys that JavaScript objects list first: `0`, `1`, … `4294967294`, without leading zeros.
fn array_index(key: &str) -> Option<u32> {
    let index: u32 = key.parse().ok()?;
    let canonical = key.bytes().all(|byte| byte.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    (canonical && index != u32::MAX).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variants(url: &str) -> Vec<String> {
        let mut all = Vec::new();
        any(url, |pieces| {
            all.push(pieces.concat());
            false
        });
        all
    }

    #[test]
    fn tries_the_port_both_ways() {
        let table: [(&str, &[&str]); 5] = [
            ("https://a.fr/x", &["https://a.fr/x", "https://a.fr:443/x"]),
            ("http://a.fr/x", &["http://a.fr/x", "http://a.fr:80/x"]),
            ("https://a.fr:8443/x", &["https://a.fr/x", "https://a.fr:8443/x"]),
            ("https://u:p@[::1]:81/x", &["https://u:p@[::1]/x", "https://u:p@[::1]:81/x"]),
            ("/x", &["/x", "/x"]),
        ];
        for (url, expected) in table {
            assert_eq!(variants(url), expected, "{url}");
        }
    }

    #[test]
    fn tries_the_query_re_encoded() {
        assert_eq!(
            variants("https://a.fr/x?b=a'b&2=y&b=c d&1=z"),
            [
                "https://a.fr/x?b=a'b&2=y&b=c d&1=z",
                "https://a.fr:443/x?b=a'b&2=y&b=c d&1=z",
                "https://a.fr/x?b=a%27b&2=y&b=c%20d&1=z",
                "https://a.fr:443/x?b=a%27b&2=y&b=c%20d&1=z",
                "https://a.fr/x?1=z&2=y&b=a'b&b=c%20d",
                "https://a.fr:443/x?1=z&2=y&b=a'b&b=c%20d",
            ]
        );
    }
}
