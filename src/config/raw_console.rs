//! Raw configuration of `[console]`.

use serde::Deserialize;

use super::raw_values::{RawDuration, RawSecret};

/// `[console]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConsole {
    pub(super) enabled: Option<bool>,
    pub(super) base_url: Option<String>,
    pub(super) session_idle: Option<RawDuration>,
    pub(super) session_lasts: Option<RawDuration>,
    pub(super) push: Option<bool>,
    pub(super) push_key: Option<RawSecret>,
    pub(super) oidc: Option<RawOidc>,
}

/// `[console.oidc]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOidc {
    pub(super) issuer: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<RawSecret>,
    pub(super) name: Option<String>,
    pub(super) allow: Option<Vec<String>>,
    pub(super) ask_code: Option<bool>,
}
