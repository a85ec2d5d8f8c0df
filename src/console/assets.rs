//! Stylesheet and script of the console, embedded, with a hash in each URL.

use std::io::Write as _;
use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::routes::PageRoutes;
use crate::gateway::channel_setup::said;
use crate::gateway::provider;

const STYLE: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");

/// The same, compressed once. Pages are not: they have secrets beside what others wrote, and their length would tell of both.
static STYLE_GZ: LazyLock<Option<Bytes>> = LazyLock::new(|| compressed(STYLE));
static SCRIPT_GZ: LazyLock<Option<Bytes>> = LazyLock::new(|| compressed(SCRIPT));

/// `None`: it is sent as it is.
fn compressed(content: &str) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content.as_bytes()).ok()?;
    Some(Bytes::from(encoder.finish().ok()?))
}

/// Where browsers find them: a content that changes has another URL, so that they may keep each for ever.
#[derive(Clone, Debug)]
pub struct AssetUrls {
    pub style: String,
    pub script: String,
}

impl AssetUrls {
    #[must_use]
    pub fn built_in() -> Self {
        let url = |name: &str, content: &str| format!("/console/assets/{name}?v={}", hash(content));
        Self { style: url("console.css", STYLE), script: url("console.js", SCRIPT) }
    }
}

fn hash(content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/assets/{name}", show);
}

/// `GET /console/assets/{name}`
pub async fn show(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let (content_type, content, compressed) = match name.as_str() {
        "console.css" => ("text/css; charset=utf-8", STYLE, &STYLE_GZ),
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT, &SCRIPT_GZ),
        name => return picture(name),
    };
    let takes = request.headers().get(header::ACCEPT_ENCODING).and_then(|line| line.to_str().ok()).unwrap_or_default();
    let takes_gzip = takes.split(',').any(|word| matches!(word.trim(), "gzip" | "gzip;q=1.0"));
    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type)
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    match compressed.as_ref().filter(|_| takes_gzip) {
        Some(compressed) => response.insert_header((header::CONTENT_ENCODING, "gzip")).body(compressed.clone()),
        None => response.body(content),
    }
}

/// A picture of where to click at a provider: `setup.NAME.LANGUAGE.svg`.
fn picture(name: &str) -> HttpResponse {
    let parts = name.strip_prefix("setup.").and_then(|rest| rest.strip_suffix(".svg")?.rsplit_once('.'));
    let found =
        parts.and_then(|(name, language)| Some(said(provider(name)?.setup()?.picture?, language.parse().ok()?)));
    let Some(picture) = found else { return HttpResponse::NotFound().finish() };
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // It brings its own style, and runs nothing.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .body(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of the light and of the dark theme.
    fn tokens() -> [Vec<(String, [f64; 3])>; 2] {
        let mut themes = STYLE.split(":root {").skip(1).map(|theme| {
            let theme = theme.split('}').next().unwrap();
            let token = |line: &str| {
                let (name, value) = line.trim().strip_prefix("--")?.split_once(": #")?;
                let channel = |at: usize| f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap()) / 255.0;
                Some((name.to_owned(), [channel(0), channel(2), channel(4)]))
            };
            theme.split(';').filter_map(token).collect()
        });
        [themes.next().unwrap(), themes.next().unwrap()]
    }

    fn luminance(colour: [f64; 3]) -> f64 {
        let [r, g, b] =
            colour.map(|part| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
        0.0722f64.mul_add(b, 0.2126f64.mul_add(r, 0.7152 * g))
    }

    #[test]
    fn every_pair_of_text_and_ground_can_be_read() {
        const PAIRS: &[(&str, &[&str])] = &[
            ("ink", &["paper", "accent-soft", "bot", "person", "note", "customer", "warn-ground"]),
            ("soft", &["paper", "accent-soft", "bot", "person", "note", "customer"]),
            ("accent", &["paper", "accent-soft", "customer"]),
            ("accent-ink", &["accent"]),
            ("warn", &["paper", "warn-ground"]),
            ("bad", &["paper", "bad-ground", "bot", "person"]),
            ("bot-ink", &["bot", "paper"]),
        ];
        for (theme, name) in tokens().iter().zip(["light", "dark"]) {
            let of = |token: &str| theme.iter().find(|(name, _)| name == token).expect(token).1;
            for (text, grounds) in PAIRS {
                for ground in *grounds {
                    let (one, two) = (luminance(of(text)), luminance(of(ground)));
                    let contrast = (one.max(two) + 0.05) / (one.min(two) + 0.05);
                    assert!(contrast >= 4.5, "{name}: {text} on {ground} has {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn a_url_changes_with_its_content() {
        assert_ne!(hash("a"), hash("b"));
        let urls = AssetUrls::built_in();
        assert!(urls.style.starts_with("/console/assets/console.css?v=") && urls.script.len() > 40, "{urls:?}");
    }
}
