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
const TYPES: [&str; 11] = [
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
];

/// `[media]` of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaStorage {
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

/// `None`: something was reported.
pub(super) fn storage(scope: &Scope<'_>, raw: &RawMedia, folder: &Path) -> Option<MediaStorage> {
    let dir = scope.required("dir", raw.dir.as_deref(), "").and_then(|raw| text(scope, "dir", raw));
    Some(MediaStorage { dir: folder.join(dir?) })
}

/// `None`: something was reported.
pub(super) fn of_tenant(scope: &Scope<'_>, raw: &RawTenantMedia) -> Option<TenantMedia> {
    let max_bytes = or_default(raw.max_bytes, MAX_BYTES, |raw| number(scope, "max_bytes", raw, 1024..=MOST_BYTES));
    let types: Vec<String> = raw.types.clone().unwrap_or_else(|| TYPES.iter().map(|kind| (*kind).to_owned()).collect());
    let mut holds = true;
    for (at, kind) in types.iter().enumerate() {
        let is_type = kind.split_once('/').is_some_and(|(family, rest)| {
            let fits =
                |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".+-".contains(&b));
            !family.is_empty() && fits(family) && !rest.is_empty() && fits(rest.strip_suffix('*').unwrap_or(rest))
        });
        if !is_type {
            holds = false;
            scope.wrong(&format!("types[{at}]"), "is not a media type", "write it like `image/*` or `application/pdf`");
        }
    }
    let media = TenantMedia { fetch: raw.fetch.unwrap_or(true), max_bytes: max_bytes?, types };
    holds.then_some(media)
}
