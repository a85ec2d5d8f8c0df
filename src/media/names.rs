//! Names of files: what somebody else called one, made safe to be saved and shown.

use palabre_actors::domain::message::ContactCard;

/// The longest name, in characters.
const LONGEST: usize = 100;

/// A name to save a file under: of what the sender called it, nothing that is a path, a control character or a mark that turns
/// text round; and the ending always says what the bytes are. Without a name it is `fallback`.
#[must_use]
pub fn safe_name(name: Option<&str>, fallback: &str, content_type: &str) -> String {
    let base = name.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = base.chars().map(|c| if is_harmless(c) { c } else { '_' }).take(LONGEST).collect();
    let kept = kept.trim_matches(|c: char| c == '.' || c.is_whitespace() || c == '_');
    let stem = if kept.is_empty() { fallback } else { kept };
    let ending = ending_of(content_type);
    let known = stem.rsplit_once('.').map(|(_, known)| known.to_ascii_lowercase());
    match known {
        Some(known) if is_same(&known, ending) => stem.to_owned(),
        _ => format!("{stem}.{ending}"),
    }
}

fn is_same(known: &str, ending: &str) -> bool {
    known == ending || matches!((known, ending), ("jpeg", "jpg") | ("oga" | "opus", "ogg") | ("m4a", "mp4"))
}

/// Not those that end a header, quote, separate paths, or change the direction of what stands around them.
fn is_harmless(c: char) -> bool {
    let is_mark = matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}');
    !c.is_control()
        && !is_mark
        && !matches!(c, '"' | '\'' | '<' | '>' | '|' | ':' | '*' | '?' | ';' | '%' | '&' | '`' | '$')
}

/// What files of a type end with.
#[must_use]
pub fn ending_of(content_type: &str) -> &str {
    match content_type {
        "image/jpeg" => "jpg",
        "text/plain" => "txt",
        card if ContactCard::is_media_type(card) => "vcf",
        "audio/mpeg" => "mp3",
        "audio/x-wav" => "wav",
        "video/3gpp" => "3gp",
        "video/quicktime" => "mov",
        "application/msword" => "doc",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation" => "pptx",
        "application/vnd.oasis.opendocument.text" => "odt",
        "application/vnd.oasis.opendocument.spreadsheet" => "ods",
        "application/vnd.oasis.opendocument.presentation" => "odp",
        other => {
            let rest = other.rsplit('/').next().unwrap_or_default();
            let is_ending = (2..=5).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric());
            if is_ending { rest } else { "bin" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_harmless_ones() {
        for (name, content_type, expected) in [
            (Some("facture.pdf"), "application/pdf", "facture.pdf"),
            (Some("Été à la plage.JPEG"), "image/jpeg", "Été à la plage.JPEG"),
            (None, "image/png", "7.png"),
            (Some(""), "audio/ogg", "7.ogg"),
            (Some("../../etc/passwd"), "text/plain", "passwd.txt"),
            (Some("C:\\temp\\a.pdf"), "application/pdf", "a.pdf"),
            (Some("photo.png.exe"), "image/png", "photo.png.exe.png"),
            (Some("page.html"), "text/plain", "page.html.txt"),
            (Some("a\"; filename=\"b.html"), "image/png", "a__ filename=_b.html.png"),
            (Some("a\r\nSet-Cookie: x=1"), "image/png", "a__Set-Cookie_ x=1.png"),
            (Some("<img src=x onerror=alert(1)>.png"), "image/png", "img src=x onerror=alert(1)_.png"),
            (Some("gnp.\u{202E}exe"), "image/png", "gnp._exe.png"),
            (Some("..."), "image/png", "7.png"),
            (Some(".htaccess"), "text/plain", "htaccess.txt"),
            (Some("x"), "application/octet-stream", "x.bin"),
        ] {
            assert_eq!(safe_name(name, "7", content_type), expected, "{name:?}");
        }
        let long = "é".repeat(300);
        assert_eq!(safe_name(Some(&long), "7", "image/png").chars().count(), LONGEST + 4);
    }
}
