//! Raw configuration of media.

use serde::Deserialize;

/// `[media]` of the daemon
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMedia {
    pub(super) dir: Option<String>,
}

/// `[media]` of a tenant
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTenantMedia {
    pub(super) fetch: Option<bool>,
    pub(super) max_bytes: Option<i64>,
    pub(super) types: Option<Vec<String>>,
}
