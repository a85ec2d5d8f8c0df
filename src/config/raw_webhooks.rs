//! Raw configuration of events out.

use serde::Deserialize;

use super::raw_values::RawSecret;

/// `[webhooks]` of the daemon.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawWebhookTargets {
    pub(super) private_targets: Option<bool>,
}

/// `[[webhooks]]` of a tenant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawWebhook {
    pub(super) id: Option<String>,
    pub(super) url: Option<String>,
    pub(super) events: Option<Vec<String>>,
    pub(super) secret: Option<RawSecret>,
    pub(super) previous_secret: Option<RawSecret>,
    pub(super) reveal: Option<bool>,
}
