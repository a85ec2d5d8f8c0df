//! Validation of `[media]`: where files of messages are kept, and which of them a tenant takes.

use std::path::{Path, PathBuf};

use palabre_actors::domain::message::ContactCard;
use secrecy::SecretString;

use super::document::Scope;
use super::fields::{base_url, number, or_default, settled, text};
use super::raw::{RawMedia, RawMediaBucket, RawTenantMedia};
use super::secret::Secrets;

/// A photo or a voice message is a hundredth of it.
const MAX_BYTES: u64 = 25 * 1024 * 1024;
/// More is not held in memory at once.
const MOST_BYTES: i64 = 100 * 1024 * 1024;
/// What customers send of themselves, beside vCards.
const TYPES: [&str; 10] = [
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
];

/// Where servers of one's own say they are; Amazon's buckets are in the region that they were made in.
const REGION: &str = "us-east-1";

/// `[media]` of the daemon.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// The folder of the files.
    pub dir: PathBuf,
    /// The bucket that has them instead.
    pub bucket: Option<MediaBucketSettings>,
}

impl MediaSettings {
    /// The folder, unless the files are in a bucket.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.bucket.is_none().then_some(&*self.dir)
    }
}

/// `[media.s3]`. `Debug` shows no key.
#[derive(Clone, Debug)]
pub struct MediaBucketSettings {
    pub bucket: String,
    /// Before every name, without slashes around it; may be empty.
    pub prefix: String,
    pub region: String,
    /// A server of one's own, without a trailing slash. `None`: Amazon's.
    pub endpoint: Option<String>,
    pub access_key: SecretString,
    pub secret_key: SecretString,
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
        let types = TYPES.into_iter().chain(ContactCard::MEDIA_TYPES).map(str::to_owned).collect();
        Self { fetch: true, max_bytes: MAX_BYTES, types }
    }
}

/// `None`: something was reported.
pub(super) fn settings(scope: &Scope<'_>, raw: &RawMedia, secrets: Secrets<'_>) -> Option<MediaSettings> {
    let dir = scope.required("dir", raw.dir.as_deref(), "").and_then(|raw| text(scope, "dir", raw));
    let bucket = settled(raw.s3.as_ref().map(|raw| bucket(&scope.table("s3"), raw, secrets)));
    Some(MediaSettings { dir: secrets.folder.join(dir?), bucket: bucket? })
}

fn bucket(scope: &Scope<'_>, raw: &RawMediaBucket, secrets: Secrets<'_>) -> Option<MediaBucketSettings> {
    let name = scope.required("bucket", raw.bucket.as_deref(), "name the bucket, such as `bucket = \"palabre-media\"`");
    let name = name.and_then(|raw| {
        let holds = (3..=63).contains(&raw.len()) && raw.bytes().all(is_of_a_bucket);
        if !holds {
            scope.wrong("bucket", "is not a bucket's name", "3 to 63 lowercase letters, digits, hyphens and dots");
        }
        holds.then(|| raw.to_owned())
    });
    let prefix = raw.prefix.as_deref().unwrap_or_default().trim_matches('/');
    let is_plain = prefix
        .split('/')
        .all(|part| part != "." && part != ".." && part.bytes().all(|byte| is_of_a_bucket(byte) || byte == b'_'));
    let is_plain = is_plain && !prefix.contains("//");
    if !is_plain {
        scope.wrong("prefix", "is not a prefix", "write it like `palabre` or `shops/media`");
    }
    let region = or_default(raw.region.as_deref(), REGION.to_owned(), |raw| {
        let holds = !raw.is_empty() && raw.bytes().all(|byte| is_of_a_bucket(byte) && byte != b'.');
        if !holds {
            scope.wrong("region", "is not a region", "write it like `eu-west-3`");
        }
        holds.then(|| raw.to_owned())
    });
    let lost = "files of customers cross the network in clear";
    let endpoint = settled(
        raw.endpoint.as_deref().map(|raw| base_url(scope, "endpoint", raw, "https://s3.gra.io.cloud.example", lost)),
    );
    let key = |key: &str, raw| {
        let help = format!("write `{key} = {{ env = \"NAME\" }}` or `{{ file = \"path\" }}`");
        scope.required(key, raw, &help).and_then(|raw| secrets.resolve(scope, key, raw))
    };
    let (access_key, secret_key) =
        (key("access_key", raw.access_key.as_ref()), key("secret_key", raw.secret_key.as_ref()));
    is_plain.then_some(())?;
    Some(MediaBucketSettings {
        bucket: name?,
        prefix: prefix.to_owned(),
        region: region?,
        endpoint: endpoint?,
        access_key: access_key?,
        secret_key: secret_key?,
    })
}

fn is_of_a_bucket(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
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
