//! Busy times by CalDAV (RFC 4791): one `calendar-query` for the events of a time range, and its answer.

use chrono_tz::Tz;
use palabre_actors::domain::Timestamp;
use reqwest::{Client, Method, RequestBuilder, header};
use secrecy::ExposeSecret;
use url::Url;

use super::reading::{self, Taken, Unreadable, merged};
use crate::config::CalendarAccount;

/// Asks a calendar for its events between two moments.
pub(super) fn request(client: &Client, url: Url, account: &CalendarAccount, within: Taken) -> RequestBuilder {
    // A method of RFC 3253, which the client has no name for.
    let method = Method::from_bytes(b"REPORT").unwrap_or(Method::POST);
    client
        .request(method, url)
        .basic_auth(&account.user, Some(account.password.expose_secret()))
        .header("Depth", "1")
        .header(header::CONTENT_TYPE, "application/xml; charset=utf-8")
        .body(query(within))
}

fn query((from, until): Taken) -> String {
    let stamp = |at: Timestamp| at.format("%Y%m%dT%H%M%SZ");
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
        <C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><D:prop><C:calendar-data/></D:prop>\
        <C:filter><C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\">\
        <C:time-range start=\"{}\" end=\"{}\"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>",
        stamp(from),
        stamp(until)
    )
}

/// The time that the events of an answer take between two moments, in order and without overlaps.
///
/// # Errors
/// [`Unreadable`]: it is no answer to such a query, or one of its events cannot be read. Time that might be taken is not offered.
pub(super) fn busy(answer: &str, zone: Tz, within: Taken) -> Result<Vec<Taken>, Unreadable> {
    let mut times = Vec::new();
    for calendar in calendars(answer)? {
        times.extend(reading::busy(&calendar, zone, within)?);
    }
    Ok(merged(times))
}

/// The iCalendar texts of an answer: the contents of its `calendar-data` elements, whatever their prefix.
fn calendars(answer: &str) -> Result<Vec<String>, Unreadable> {
    if !answer.contains("multistatus") {
        return Err(Unreadable);
    }
    let mut found = Vec::new();
    let mut rest = answer;
    while let Some((_, tail)) = rest.split_once('<') {
        let (tag, behind) = tail.split_once('>').ok_or(Unreadable)?;
        rest = behind;
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        if name.rsplit(':').next() != Some("calendar-data") || tag.ends_with('/') {
            continue;
        }
        let (content, tail) = behind.split_once(&format!("</{name}")).ok_or(Unreadable)?;
        // Servers end lines in either way, and the last one not at all, or with blanks before the next tag.
        found.push(plain(content).trim().lines().map(|line| format!("{line}\r\n")).collect());
        rest = tail;
    }
    Ok(found)
}

/// The text of an element without elements in it.
fn plain(content: &str) -> String {
    let trimmed = content.trim();
    if let Some(inner) = trimmed.strip_prefix("<![CDATA[").and_then(|rest| rest.strip_suffix("]]>")) {
        return inner.to_owned();
    }
    let mut out = String::with_capacity(trimmed.len());
    let mut rest = trimmed;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let known = behind.split_once(';').and_then(|(name, behind)| Some((entity(name)?, behind)));
        rest = match known {
            Some((c, behind)) => {
                out.push(c);
                behind
            }
            None => {
                out.push('&');
                behind
            }
        };
    }
    out.push_str(rest);
    out
}

/// The character that a reference names.
fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn event(start: &str, end: &str, more: &str) -> String {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:{start}\r\nDTSTART:{start}\r\nDTEND:{end}\r\n{more}END:VEVENT\r\n\
            END:VCALENDAR\r\n"
        )
    }

    fn answered(parts: &[String]) -> String {
        let responses: String = parts
            .iter()
            .map(|data| {
                format!(
                    "<d:response><d:href>/a.ics</d:href><d:propstat><d:prop>{data}</d:prop></d:propstat></d:response>"
                )
            })
            .collect();
        format!("<?xml version=\"1.0\"?><d:multistatus xmlns:d=\"DAV:\">{responses}</d:multistatus>")
    }

    #[test]
    fn events_of_an_answer_take_their_time() {
        let within = (at("2026-12-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
        let plain =
            event("20261202T140000Z", "20261202T150000Z", "SUMMARY:Anne &amp; Bob &lt;3\r\n").replace('\r', "&#13;");
        let whole = event("20261203T090000Z", "20261203T100000Z", "RRULE:FREQ=DAILY;COUNT=2\r\n");
        let answer = answered(&[
            format!("<cal:calendar-data xmlns:cal=\"urn:ietf:params:xml:ns:caldav\">{plain}</cal:calendar-data>"),
            format!("<C:calendar-data><![CDATA[{whole}]]></C:calendar-data>"),
            "<C:calendar-data/>".to_owned(),
        ]);
        assert_eq!(
            busy(&answer, Tz::Europe__Paris, within).unwrap(),
            [
                (at("2026-12-02T14:00:00Z"), at("2026-12-02T15:00:00Z")),
                (at("2026-12-03T09:00:00Z"), at("2026-12-03T10:00:00Z")),
                (at("2026-12-04T09:00:00Z"), at("2026-12-04T10:00:00Z")),
            ]
        );
        assert_eq!(busy(&answered(&[]), Tz::UTC, within), Ok(vec![]), "nothing is taken");
        for broken in ["", "<html>Sign in</html>", "<multistatus><calendar-data>BEGIN", "<multistatus <"] {
            assert_eq!(busy(broken, Tz::UTC, within), Err(Unreadable), "{broken}");
        }
    }

    #[test]
    fn a_query_names_its_time_range() {
        let asked = query((at("2026-11-29T09:00:00Z"), at("2027-01-01T00:00:00Z")));
        assert!(asked.contains("<C:time-range start=\"20261129T090000Z\" end=\"20270101T000000Z\"/>"), "{asked}");
    }
}
