//! Busy times by CalDAV (RFC 4791): one `calendar-query` for the events of a time range, and its answer.

use std::borrow::Cow;

use chrono_tz::Tz;
use palabre_actors::domain::Timestamp;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
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
    let mut reader = Reader::from_str(answer);
    reader.config_mut().allow_dangling_amp = true;
    let (mut found, mut is_whole) = (Vec::new(), false);
    let mut open: Option<String> = None;
    loop {
        match reader.read_event().map_err(|_| Unreadable)? {
            Event::Eof => break,
            Event::Start(tag) if tag.local_name().into_inner() == b"calendar-data" => open = Some(String::new()),
            Event::End(tag) if tag.local_name().into_inner() == b"calendar-data" => {
                // Servers end lines in either way, and the last one not at all, or with blanks before the next tag.
                let text = open.take().unwrap_or_default();
                found.push(text.trim().lines().map(|line| format!("{line}\r\n")).collect());
            }
            Event::End(tag) => is_whole |= tag.local_name().into_inner() == b"multistatus",
            Event::Empty(tag) => is_whole |= tag.local_name().into_inner() == b"multistatus",
            event => {
                if let Some(text) = &mut open {
                    text.push_str(&plain(&event)?);
                }
            }
        }
    }
    if is_whole { Ok(found) } else { Err(Unreadable) }
}

/// What a part of an element's content says. A reference that names no character stays as it is written.
fn plain(part: &Event<'_>) -> Result<String, Unreadable> {
    let text = match part {
        Event::Text(text) => text.decode(),
        Event::CData(text) => text.decode(),
        Event::GeneralRef(reference) => {
            if let Ok(Some(c)) = reference.resolve_char_ref() {
                return Ok(c.to_string());
            }
            let name = reference.decode().map_err(|_| Unreadable)?;
            return Ok(resolve_xml_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned));
        }
        _ => return Ok(String::new()),
    };
    text.map(Cow::into_owned).map_err(|_| Unreadable)
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
        for free in [answered(&[]), "<d:multistatus xmlns:d=\"DAV:\"/>".to_owned()] {
            assert_eq!(busy(&free, Tz::UTC, within), Ok(vec![]), "nothing is taken");
        }
        for broken in [
            "",
            "<html>Sign in</html>",
            "<html>multistatus</html>",
            "<multistatus><calendar-data>BEGIN",
            "<multistatus><response>",
            "<multistatus <",
        ] {
            assert_eq!(busy(broken, Tz::UTC, within), Err(Unreadable), "{broken}");
        }
    }

    #[test]
    fn a_query_names_its_time_range() {
        let asked = query((at("2026-11-29T09:00:00Z"), at("2027-01-01T00:00:00Z")));
        assert!(asked.contains("<C:time-range start=\"20261129T090000Z\" end=\"20270101T000000Z\"/>"), "{asked}");
    }
}
