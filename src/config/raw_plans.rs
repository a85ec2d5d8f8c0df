//! Raw configuration of paid access.

use serde::Deserialize;

use super::raw_values::{RawDuration, RawSecret};

/// `[stripe]` of the daemon.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStripe {
    pub(super) secret_key: Option<RawSecret>,
    pub(super) webhook_secrets: Option<Vec<RawSecret>>,
    pub(super) success_url: Option<String>,
    pub(super) cancel_url: Option<String>,
    pub(super) api_base_url: Option<String>,
}

/// `[stripe]` of a tenant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStripeAccount {
    pub(super) account: Option<String>,
}

/// `[imprint]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawImprint {
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
    pub(super) registration: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) terms_url: Option<String>,
}

/// `[[plans]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPlan {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) price: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) every: Option<String>,
    pub(super) stars: Option<i64>,
    pub(super) chats: Option<Vec<String>>,
    pub(super) bot: Option<String>,
    pub(super) grace: Option<RawDuration>,
    pub(super) trial: Option<RawDuration>,
    pub(super) dispute: Option<String>,
    pub(super) tax: Option<bool>,
    pub(super) promotion_codes: Option<bool>,
    pub(super) removes_strangers: Option<bool>,
}
