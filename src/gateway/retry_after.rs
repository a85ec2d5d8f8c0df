//! `Retry-After`: how long the provider asks us to wait.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The longest wait that a `Retry-After` may ask for: the longest limit of any provider counts over 24 hours.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3), which counts from the reply's own `Date` when there is one, so
/// that our clock does not matter.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let date = |text: &str| chrono::DateTime::parse_from_rfc2822(text).ok();
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    let now = headers.get(DATE).and_then(|now| date(now.to_str().ok()?));
    let now = now.unwrap_or_else(|| chrono::Utc::now().fixed_offset());
    date(text).map(|then| (then - now).to_std().unwrap_or_default().min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |pairs: &[(reqwest::header::HeaderName, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
            retry_after(&headers.collect())
        };
        let now = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        let table = [
            ("0", Some(0)),
            (" 17 ", Some(17)),
            ("99999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("Mon, 06 Nov 2034 08:49:07 GMT", Some(86_400)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(after(&[now.clone(), (RETRY_AFTER, text)]), expected, "{text}");
        }
        assert_eq!(after(&[]), None);
        // Without the server's own date, ours counts.
        assert_eq!(after(&[(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(Duration::ZERO));
    }
}
