//! `[media]`, as it is written.

use serde::Deserialize;

/// `[media]` of the daemon
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawMedia {
    pub(in crate::config) dir: Option<String>,
}

/// `[media]` of a tenant
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawTenantMedia {
    pub(in crate::config) fetch: Option<bool>,
    pub(in crate::config) max_bytes: Option<i64>,
    pub(in crate::config) types: Option<Vec<String>>,
}
