//! Validation of `[media]`: where files of messages are kept, and which of them a tenant takes.

use std::path::{Path, PathBuf};

use super::document::Scope;
use super::fields::{number, or_default, text};
use super::raw::{RawMedia, RawTenantMedia};

/// A photo or a voice message is a hundredth of it.
const MAX_BYTES: u64 = 25 * 1024 * 1024;
/// More is not held in memory at once.
const MOST_BYTES: i64 = 100 * 1024 * 1024;
/// What customers send of themselves.
const TYPES: [&str; 12] = [
    "image/*",
    "audio/*",
    "video/*",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.*",
    "application/vnd.oasis.opendocument.*",
    "application/msword",
    "application/vnd.ms-excel",
    "text/plain",
    "text/csv",
    "text/vcard",
    "text/x-vcard",
];

/// `[media]` of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSettings {
    /// The folder of the files.
    pub dir: PathBuf,
}

/// `[media]` of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantMedia {
    /// Whether files are fetched at all.
    pub fetch: bool,
    /// Larger ones are not.
    pub max_bytes: u64,
    /// Types that are kept: `image/*`, `application/pdf`.
    pub types: Vec<String>,
}

impl Default for TenantMedia {
    fn default() -> Self {
        Self { fetch: true, max_bytes: MAX_BYTES, types: TYPES.map(str::to_owned).into() }
    }
}

/// `None`: something was reported.
pub(super) fn settings(scope: &Scope<'_>, raw: &RawMedia, folder: &Path) -> Option<MediaSettings> {
    let dir = scope.required("dir", raw.dir.as_deref(), "").and_then(|raw| text(scope, "dir", raw));
    Some(MediaSettings { dir: folder.join(dir?) })
}

/// `None`: something was reported.
pub(super) fn of_tenant(scope: &Scope<'_>, raw: &RawTenantMedia) -> Option<TenantMedia> {
    let usual = TenantMedia::default();
    let max_bytes =
        or_default(raw.max_bytes, usual.max_bytes, |raw| number(scope, "max_bytes", raw, 1024..=MOST_BYTES));
    let types = raw.types.clone().unwrap_or(usual.types);
    let mut holds = true;
    for (at, kind) in types.iter().enumerate() {
        if !is_type(kind) {
            holds = false;
            scope.wrong(&format!("types[{at}]"), "is not a media type", "write it like `image/*` or `application/pdf`");
        }
    }
    let media = TenantMedia { fetch: raw.fetch.unwrap_or(usual.fetch), max_bytes: max_bytes?, types };
    holds.then_some(media)
}

/// `image/*`, `application/pdf`
fn is_type(text: &str) -> bool {
    let is_name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".+-".contains(&byte))
    };
    text.split_once('/').is_some_and(|(family, rest)| {
        !family.is_empty() && is_name(family) && !rest.is_empty() && is_name(rest.strip_suffix('*').unwrap_or(rest))
    })
}
