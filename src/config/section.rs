//! A provider's section of a `[[channels]]` table, and the trait that reads it.

use std::fmt;
use std::time::Duration;

use figment::value::{Dict, Value};
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::channel::RateLimit;
use palabre_actors::domain::send::OnUnknown;
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use super::document::Scope;
use super::fields;
use super::provider_account::ProviderAccount;
use super::raw::{RawChannel, RawDuration, RawSecret};
use super::secret::Secrets;

/// The key of a template's id at its provider.
pub(super) const TEMPLATE_ID: &str = "content_sid";

/// What a provider can do and bear, unless a channel's own keys say otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// How its addresses are written.
    pub scheme: Scheme,
    /// The longest text of one message, in UTF-16 units.
    pub longest_text: usize,
    /// How long after the contact's last message free text may be sent; `None`: always.
    pub window: Option<Duration>,
    /// Sends of one sender in a second; `None`: as many as there are.
    pub per_second: Option<u32>,
    /// What one contact may get.
    pub pair: Option<RateLimit>,
    /// Whether it has templates.
    pub templates: bool,
    /// How long it shows that somebody is typing; `None`: it has nothing like it.
    pub typing: Option<Duration>,
    /// Where its API is, unless a channel says otherwise; `None`: it has none over HTTP.
    pub api_base_url: Option<&'static str>,
}

/// The part of a provider that reads its own keys of a channel's table.
pub trait ProviderSection: Sync {
    /// The name in configuration, paths and metrics.
    fn name(&self) -> &'static str;

    fn capabilities(&self) -> Capabilities;

    /// Its own keys, beside those that every channel has ([`COMMON_KEYS`]).
    fn keys(&self) -> &'static [&'static str];

    /// Words that cannot be ids of channels, because they stand where an id would stand in one of its paths.
    fn reserved_ids(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reads the section. Everything that is wrong with it is reported, and no report stops the reading.
    fn configure(&self, section: &Section<'_>) -> Configured;

    /// Where an operator finds a template's id.
    fn template_help(&self) -> &'static str {
        "the provider's id of the template"
    }

    /// A template's id at the provider, if it can be one. `is_live`: some channel of the tenant is at the provider itself,
    /// rather than at something that stands in for it.
    fn template_id(&self, section: &Section<'_>, raw: &str, is_live: bool) -> Option<String> {
        let _ = is_live;
        section.text(TEMPLATE_ID, raw)
    }
}

impl fmt::Debug for dyn ProviderSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The providers that a build knows. The configuration is given them, because it may not name the gateways.
pub trait Providers {
    fn sections(&self) -> Vec<&'static dyn ProviderSection>;
}

/// What came of a section. Each part holds, whatever else does not: it is compared with other channels'.
#[derive(Debug, Default)]
pub struct Configured {
    /// The sender, normalised.
    pub address: Option<Address>,
    /// What the provider calls the account: provider, account and address together belong to one channel.
    pub account: Option<String>,
    /// Whether the channel is at the provider itself, rather than at something that stands in for it.
    pub is_live: bool,
    /// The whole. `None`: something was reported.
    pub settings: Option<ProviderAccount>,
}

/// Keys that every channel has, whatever its provider.
pub const COMMON_KEYS: &[&str] = &[
    "id",
    "provider",
    "address",
    "timeout",
    "on_unknown",
    "per_second",
    "pair",
    "window",
    "keep_order",
    "cost",
    "fallback_channel",
    "retry",
    "breaker",
];

/// Takes the keys that are a provider's out of each channel's table, in the channels' order.
pub(super) fn take_own_keys(tenant: &mut Dict) -> Vec<Dict> {
    let Some(Value::Array(_, channels)) = tenant.get_mut("channels") else { return Vec::new() };
    let own = |channel: &mut Value| {
        let Value::Dict(_, table) = channel else { return Dict::new() };
        let keys: Vec<String> = table.keys().filter(|key| !COMMON_KEYS.contains(&key.as_str())).cloned().collect();
        keys.into_iter().filter_map(|key| table.remove_entry(&key)).collect()
    };
    channels.iter_mut().map(own).collect()
}

/// What a provider reads its section with, and reports to.
#[derive(Debug)]
pub struct Section<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) own: Dict,
    pub(super) raw: Option<&'a RawChannel>,
    pub(super) secrets: Secrets<'a>,
    pub(super) timeout: Option<Duration>,
    pub(super) on_unknown: Option<OnUnknown>,
}

impl Section<'_> {
    /// The provider's own keys as `T`, which denies unknown ones. What does not fit is reported, taken out, and missing in
    /// the result.
    pub fn read<T: DeserializeOwned + Default>(&self) -> T {
        self.scope.read(self.own.clone(), COMMON_KEYS)
    }

    /// The sender's address as it was written; that it is missing was reported.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.raw?.address.as_deref()
    }

    /// How long one call may take.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// What to do with a message whose outcome the provider cannot tell.
    #[must_use]
    pub fn on_unknown(&self) -> Option<OnUnknown> {
        self.on_unknown
    }

    /// The full name of a key, for texts.
    #[must_use]
    pub fn name(&self, key: &str) -> String {
        self.scope.name(key)
    }

    /// An error; the key's full name comes in front of the reason.
    pub fn wrong(&self, key: &str, reason: &str, help: &str) {
        self.scope.wrong(key, reason, help);
    }

    /// A doubt, in the provider's own words.
    pub fn warning(&self, key: &str, reason: String, help: &str) {
        self.scope.warning(key, reason, help);
    }

    /// The value, or a report that it is missing.
    pub fn required<T>(&self, key: &str, value: Option<T>, help: &str) -> Option<T> {
        self.scope.required(key, value, help)
    }

    /// A text with something in it.
    #[must_use]
    pub fn text(&self, key: &str, raw: &str) -> Option<String> {
        fields::text(&self.scope, key, raw).map(str::to_owned)
    }

    /// A secret that has to be there, from the environment or a file.
    #[must_use]
    pub fn secret(&self, key: &str, raw: Option<&RawSecret>) -> Option<SecretString> {
        let help = format!("write `{key} = {{ env = \"NAME\" }}` or `{{ file = \"path\" }}`");
        let raw = self.scope.required(key, raw, &help)?;
        self.secrets.resolve(&self.scope, key, raw)
    }

    /// A secret that may be left out. The outer `None`: something was reported.
    #[must_use]
    pub fn secret_if_any(&self, key: &str, raw: Option<&RawSecret>) -> Option<Option<SecretString>> {
        fields::settled(raw.map(|raw| self.secret(key, Some(raw))))
    }

    /// Certificates in PEM.
    #[must_use]
    pub fn certificates(&self, key: &str, raw: &RawSecret) -> Option<Vec<u8>> {
        self.secrets.certificates(&self.scope, key, raw)
    }

    /// An `http(s)` URL that paths can be appended to. `like` is how one is written, `over_plain_http` what would travel
    /// in clear.
    #[must_use]
    pub fn base_url(&self, key: &str, raw: &str, like: &str, over_plain_http: &str) -> Option<String> {
        fields::base_url(&self.scope, key, raw, like, over_plain_http)
    }

    /// A time such as `90s` or `2m`.
    #[must_use]
    pub fn duration(&self, key: &str, raw: &RawDuration) -> Option<Duration> {
        fields::duration(&self.scope, key, raw)
    }

    /// One of a few words.
    #[must_use]
    pub fn choice<T: Copy>(&self, key: &str, raw: &str, choices: &[(&str, T)]) -> Option<T> {
        fields::choice(&self.scope, key, raw, choices)
    }
}
