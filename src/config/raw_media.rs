//! Raw configuration of media.

use serde::Deserialize;

use super::raw_values::RawSecret;

/// `[media]` of the daemon
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMedia {
    pub(super) dir: Option<String>,
    pub(super) s3: Option<RawMediaBucket>,
}

/// `[media.s3]` of the daemon
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMediaBucket {
    pub(super) bucket: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) access_key: Option<RawSecret>,
    pub(super) secret_key: Option<RawSecret>,
}

/// `[media]` of a tenant
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTenantMedia {
    pub(super) fetch: Option<bool>,
    pub(super) max_bytes: Option<i64>,
    pub(super) types: Option<Vec<String>>,
}
