//! How a file is served: its headers, and the part of it that is asked for.

use std::fmt;

use bytes::Bytes;

use crate::media::{safe_name, shows_inline};
use crate::store::operator::MediaRow;

/// The policy of a served file: nothing in it runs, loads, or is part of us.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'; frame-ancestors 'none'; sandbox";
/// The viewers of browsers show no PDF in a sandbox. They run it in one of their own, which reaches no page of ours.
const PDF_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'";

/// A file that may be served.
pub struct ServedMedia {
    pub(super) row: MediaRow,
    pub(super) bytes: Bytes,
}

/// Shows nothing of name and content.
impl fmt::Debug for ServedMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedMedia").field("row", &self.row).finish_non_exhaustive()
    }
}

/// An answer with a file, or with a part of it.
#[derive(Debug)]
pub struct MediaAnswer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl ServedMedia {
    /// The answer to a request with this `Range`, which players send: one range of bytes is understood, and anything else gets
    /// the whole file.
    #[must_use]
    pub fn answer(self, range: Option<&str>) -> MediaAnswer {
        let whole = self.bytes.len();
        let mut headers = self.headers();
        let (status, body) = match range.and_then(|range| asked_part(range, whole)) {
            None => (200, self.bytes),
            Some(Some((first, last))) => {
                headers.push(("Content-Range", format!("bytes {first}-{last}/{whole}")));
                (206, self.bytes.slice(first..=last))
            }
            Some(None) => {
                headers.push(("Content-Range", format!("bytes */{whole}")));
                (416, Bytes::new())
            }
        };
        MediaAnswer { status, headers, body }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let kind = self.row.content_type.as_str();
        let shown = if shows_inline(kind) { "inline" } else { "attachment" };
        let policy = if kind == "application/pdf" { PDF_POLICY } else { POLICY };
        // A text's letters are ours to name: what a browser guesses may be another alphabet.
        let content_type = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
        vec![
            ("Content-Type", content_type),
            ("Content-Disposition", format!("{shown}; {}", file_name(&self.row))),
            ("Content-Security-Policy", policy.to_owned()),
            ("X-Content-Type-Options", "nosniff".to_owned()),
            ("Cross-Origin-Resource-Policy", "same-origin".to_owned()),
            ("Referrer-Policy", "no-referrer".to_owned()),
            ("Accept-Ranges", "bytes".to_owned()),
            // Not shared, and not longer than an erasure may take.
            ("Cache-Control", "private, max-age=600".to_owned()),
        ]
    }
}

/// The name as RFC 6266 has it: in ASCII for old programs, and as it is.
fn file_name(row: &MediaRow) -> String {
    let id = row.id.to_string();
    let name = safe_name(row.name.as_deref(), &id, &row.content_type);
    let ascii: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    if ascii == name {
        return format!("filename=\"{name}\"");
    }
    let whole = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
    format!("filename=\"{ascii}\"; filename*=UTF-8''{whole}")
}

/// The bytes that a `Range` asks for, both included. `Some(None)`: there are none such; `None`: it is none that is understood.
#[expect(clippy::option_option, reason = "there is no range, or one that cannot be satisfied")]
fn asked_part(range: &str, whole: usize) -> Option<Option<(usize, usize)>> {
    let (first, last) = range.strip_prefix("bytes=").filter(|range| !range.contains(','))?.split_once('-')?;
    let end = whole.checked_sub(1);
    let part = match (first.trim(), last.trim()) {
        ("", suffix) => {
            let length: usize = suffix.parse().ok()?;
            end.filter(|_| length > 0).map(|end| (whole.saturating_sub(length), end))
        }
        (first, "") => {
            let first: usize = first.parse().ok()?;
            end.filter(|end| first <= *end).map(|end| (first, end))
        }
        (first, last) => {
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            if first > last {
                return None;
            }
            end.filter(|end| first <= *end).map(|end| (first, last.min(end)))
        }
    };
    Some(part)
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::Timestamp;
    use palabre_actors::domain::ids::TenantId;
    use uuid::Uuid;

    use super::*;

    fn served(name: &str, content_type: &str) -> ServedMedia {
        let row = MediaRow {
            id: Uuid::nil(),
            tenant: TenantId::new("belle"),
            message: None,
            state: "stored".to_owned(),
            reason: None,
            content_type: content_type.to_owned(),
            size: Some(10),
            hash: Some("0".repeat(64)),
            name: Some(name.to_owned()),
            created_at: Timestamp::UNIX_EPOCH,
        };
        ServedMedia { row, bytes: Bytes::from_static(b"0123456789") }
    }

    fn header(answer: &MediaAnswer, name: &str) -> String {
        let found = answer.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[test]
    fn what_could_run_is_saved_and_what_is_shown_cannot_run() {
        for (kind, shown) in [
            ("image/png", "inline"),
            ("audio/ogg", "inline"),
            ("application/pdf", "inline"),
            ("text/html", "attachment"),
            ("image/svg+xml", "attachment"),
            ("text/plain", "attachment"),
            ("application/octet-stream", "attachment"),
        ] {
            let answer = served("a", kind).answer(None);
            assert!(header(&answer, "Content-Disposition").starts_with(shown), "{kind}");
            assert_eq!(header(&answer, "X-Content-Type-Options"), "nosniff");
            let policy = header(&answer, "Content-Security-Policy");
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
            assert_eq!(policy.ends_with("sandbox"), kind != "application/pdf", "{kind}");
        }
    }

    #[test]
    fn hostile_names_stay_within_their_header() {
        let disposition = |name: &str| header(&served(name, "image/png").answer(None), "Content-Disposition");
        assert_eq!(disposition("a\"\r\nX: 1.png"), "inline; filename=\"a___X_ 1.png\"");
        assert_eq!(disposition("été.png"), "inline; filename=\"_t_.png\"; filename*=UTF-8''%C3%A9t%C3%A9%2Epng");
        for name in ["\u{202E}gnp.exe", "../../x", "a;b=\"c\"", "\0", "<script>"] {
            let told = disposition(name);
            assert!(told.bytes().all(|b| (0x20..0x7f).contains(&b)), "{told}");
            assert_eq!(told.matches('"').count(), 2, "{told}");
        }
    }

    #[test]
    fn players_get_the_part_that_they_ask_for() {
        for (range, status, body, told) in [
            (None, 200, "0123456789", ""),
            (Some("bytes=0-1"), 206, "01", "bytes 0-1/10"),
            (Some("bytes=5-"), 206, "56789", "bytes 5-9/10"),
            (Some("bytes=-3"), 206, "789", "bytes 7-9/10"),
            (Some("bytes=-30"), 206, "0123456789", "bytes 0-9/10"),
            (Some("bytes=8-100"), 206, "89", "bytes 8-9/10"),
            (Some("bytes=10-"), 416, "", "bytes */10"),
            (Some("bytes=-0"), 416, "", "bytes */10"),
            (Some("bytes=3-1"), 200, "0123456789", ""),
            (Some("bytes=0-1,4-5"), 200, "0123456789", ""),
            (Some("bytes=a-b"), 200, "0123456789", ""),
            (Some("lines=1-2"), 200, "0123456789", ""),
        ] {
            let answer = served("a", "audio/ogg").answer(range);
            assert_eq!((answer.status, &*answer.body), (status, body.as_bytes()), "{range:?}");
            assert_eq!(header(&answer, "Content-Range"), told, "{range:?}");
        }
    }
}
