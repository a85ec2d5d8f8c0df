//! Types of files: what the bytes show, and what a tenant takes.

/// The type that a file is kept with: what its bytes show, or, where they show nothing, what is said about it, if that cannot run.
#[must_use]
pub fn kind_of(bytes: &[u8], declared: &str) -> String {
    if let Some(found) = infer::get(bytes) {
        return found.mime_type().to_owned();
    }
    let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match declared.as_str() {
        "text/plain" | "text/csv" | "text/vcard" | "text/x-vcard" if std::str::from_utf8(bytes).is_ok() => declared,
        _ => "application/octet-stream".to_owned(),
    }
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
    const SHOWN: [&str; 5] = ["image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf"];
    SHOWN.contains(&kind) || kind.starts_with("audio/") || kind.starts_with("video/")
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
            (b"\xff\xfe\xfd\xfc", "text/plain", "application/octet-stream"),
            (b"???", "image/jpeg", "application/octet-stream"),
        ] {
            assert_eq!(kind_of(bytes, declared), expected, "{declared}");
        }
        let html = kind_of(b"<!DOCTYPE html><script>alert(1)</script>", "image/png");
        assert!(!shows_inline(&html), "{html}");
        assert!(!shows_inline("image/svg+xml"));
    }

    #[test]
    fn a_tenant_takes_families_and_types() {
        let types = ["image/*".to_owned(), "application/pdf".to_owned()];
        for (kind, expected) in
            [("image/png", true), ("application/pdf", true), ("application/zip", false), ("imagery", false)]
        {
            assert_eq!(allows(&types, kind), expected, "{kind}");
        }
    }
}
