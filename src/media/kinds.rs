//! Types of files: what the bytes show, and what a tenant takes.

use palabre_actors::domain::message::ContactCard;

/// Where nothing is known of a file.
const UNKNOWN: &str = "application/octet-stream";

/// The type that a file is kept with: what its bytes show, or, where they show nothing, what is said about it, if that cannot
/// run.
#[must_use]
pub fn kind_of(bytes: &[u8], declared: &str) -> String {
    let found = infer::get(bytes).map(|found| found.mime_type());
    let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match (found, declared.as_str()) {
        // One container for both: what is said about it cannot make it run.
        (Some("video/mp4"), "audio/mp4" | "audio/m4a" | "audio/aac") => "audio/mp4".to_owned(),
        (Some("video/webm"), "audio/webm") => "audio/webm".to_owned(),
        (Some(found), _) => found.to_owned(),
        (None, text) if is_known_text(text) && is_plain_text(bytes) => declared,
        (None, _) => UNKNOWN.to_owned(),
    }
}

fn is_known_text(declared: &str) -> bool {
    matches!(declared, "text/plain" | "text/csv") || ContactCard::is_media_type(declared)
}

/// Text, and none that a browser would take for a page although nothing found it out: `infer` looks at the first bytes alone.
fn is_plain_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'))
}

/// Whether a type is one of a tenant's (`image/*`, `application/pdf`).
#[must_use]
pub fn allows(types: &[String], kind: &str) -> bool {
    types.iter().any(|allowed| match allowed.strip_suffix('*') {
        Some(family) => kind.starts_with(family),
        None => allowed == kind,
    })
}

/// Whether a browser may show a file in a page. Everything else is saved: what runs there would run as us.
#[must_use]
pub fn shows_inline(kind: &str) -> bool {
    const SHOWN: [&str; 18] = [
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "application/pdf",
        "audio/mpeg",
        "audio/mp4",
        "audio/m4a",
        "audio/aac",
        "audio/ogg",
        "audio/opus",
        "audio/amr",
        "audio/x-wav",
        "audio/webm",
        "video/mp4",
        "video/webm",
        "video/3gpp",
    ];
    SHOWN.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for (bytes, declared, expected) in [
            (&png[..], "image/jpeg", "image/png"),
            (b"%PDF-1.7\n", "image/png", "application/pdf"),
            (b"bonjour", "text/plain; charset=utf-8", "text/plain"),
            (b"a;b\n1;2", "Text/CSV", "text/csv"),
            (b"\xff\xfe\xfd\xfc", "text/plain", UNKNOWN),
            (b"a\0b", "text/plain", UNKNOWN),
            (b"???", "image/jpeg", UNKNOWN),
            (b"", "image/jpeg", UNKNOWN),
            (b"<!DOCTYPE html><script>alert(1)</script>", "image/png", "text/html"),
            (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "audio/mp4", "audio/mp4"),
            (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "text/html", "video/mp4"),
            (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", "image/png", "application/vnd.microsoft.portable-executable"),
        ] {
            assert_eq!(kind_of(bytes, declared), expected, "{declared}");
        }
    }

    #[test]
    fn pages_and_programs_are_never_shown() {
        for kind in ["text/html", "image/svg+xml", "text/xml", "application/xhtml+xml", "text/plain", UNKNOWN, ""] {
            assert!(!shows_inline(kind), "{kind}");
        }
        assert!(shows_inline("image/png") && shows_inline("audio/ogg") && shows_inline("application/pdf"));
    }

    #[test]
    fn a_tenant_takes_families_and_types() {
        let types = ["image/*".to_owned(), "application/pdf".to_owned()];
        for (kind, expected) in
            [("image/png", true), ("application/pdf", true), ("application/zip", false), ("imagex/png", false)]
        {
            assert_eq!(allows(&types, kind), expected, "{kind}");
        }
    }
}
