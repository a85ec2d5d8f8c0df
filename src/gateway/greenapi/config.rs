//! Validation of a Green-API channel's own keys.

use std::time::Duration;

use palabre_actors::domain::address::{Address, Scheme};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{GreenApi, NAME};
use crate::config::{
    Capabilities, Configured, OnUnknown, ProviderAccount, ProviderSection, RawDuration, RawSecret, Section,
};

/// Where its API is, unless a channel says otherwise.
pub(super) const API: &str = "https://api.green-api.com";

/// WhatsApp by way of an app: no template, and no window for free text. Green-API queues what it takes and sends one message
/// in half a second, unless its console says otherwise (`delaySendMessagesMilliseconds`).
const CAPABILITIES: Capabilities = Capabilities {
    scheme: Scheme::Whatsapp,
    longest_text: 20_000,
    window: None,
    per_second: Some(2),
    pair: None,
    templates: false,
    typing: false,
    api_base_url: Some(API),
};

/// How long Green-API takes at most until its journals show a message (its documentation of `getChatHistory`).
const JOURNAL_DELAY: Duration = Duration::from_secs(120);

/// An instance at Green-API.
#[derive(Clone, Debug)]
pub struct GreenSettings {
    /// `7105440259`
    pub instance_id: String,
    /// Stands in the URL of every call.
    pub api_token: SecretString,
    /// Comes back in `Authorization` of every webhook.
    pub webhook_token: SecretString,
    /// The one before it, while the instance may still have that.
    pub previous_webhook_token: Option<SecretString>,
    /// Where the API is, without a trailing slash.
    pub api_base_url: String,
    /// Whether messages of groups come in.
    pub groups: bool,
    /// How long it takes until its journals show a message.
    pub journal_delay: Duration,
    /// How long one call may take.
    pub timeout: Duration,
    /// What to do with a message whose outcome it cannot tell.
    pub on_unknown: OnUnknown,
}

impl GreenSettings {
    /// As a channel has it.
    #[must_use]
    pub fn of_channel(self) -> ProviderAccount {
        let (id, base) = (self.instance_id.clone(), self.api_base_url.clone());
        let mut account = ProviderAccount::new(NAME, &id, self);
        account.api_base_url = Some(base);
        account
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    instance_id: Option<String>,
    api_token: Option<RawSecret>,
    webhook_token: Option<RawSecret>,
    previous_webhook_token: Option<RawSecret>,
    api_base_url: Option<String>,
    groups: Option<bool>,
    journal_delay: Option<RawDuration>,
}

impl ProviderSection for GreenApi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "instance_id",
            "api_token",
            "webhook_token",
            "previous_webhook_token",
            "api_base_url",
            "groups",
            "journal_delay",
        ]
    }

    fn configure(&self, section: &Section<'_>) -> Configured {
        let keys: Keys = section.read();
        let address = section.address().and_then(|raw| sender(section, raw));
        let is_live = keys.api_base_url.as_deref().is_none_or(is_green_api);
        let help = "it stands in Green-API's console beside the instance: `idInstance`, digits alone";
        let instance_id = section.required("instance_id", keys.instance_id.as_deref(), help);
        let instance_id = instance_id.and_then(|raw| {
            let fits = (1..=20).contains(&raw.len()) && raw.bytes().all(|byte| byte.is_ascii_digit());
            if !fits {
                section.wrong("instance_id", "is not an instance's", help);
            }
            fits.then(|| raw.to_owned())
        });
        let settings = read(section, &keys, instance_id.clone());
        Configured { address, account: instance_id, is_live, settings: settings.map(GreenSettings::of_channel) }
    }
}

fn read(section: &Section<'_>, keys: &Keys, instance_id: Option<String>) -> Option<GreenSettings> {
    const IN_CLEAR: &str = "the instance's token crosses the network in clear";
    let api_token = section.secret("api_token", keys.api_token.as_ref());
    let webhook_token = section.secret("webhook_token", keys.webhook_token.as_ref());
    let previous = section.secret_if_any("previous_webhook_token", keys.previous_webhook_token.as_ref());
    let base = keys.api_base_url.as_deref().unwrap_or(API);
    let api_base_url = section.base_url("api_base_url", base, API, IN_CLEAR);
    let journal_delay = match keys.journal_delay.as_ref() {
        None => Some(JOURNAL_DELAY),
        Some(raw) => section.duration("journal_delay", raw),
    };
    Some(GreenSettings {
        instance_id: instance_id?,
        api_token: api_token?,
        webhook_token: webhook_token?,
        previous_webhook_token: previous?,
        api_base_url: api_base_url?,
        groups: keys.groups.unwrap_or(false),
        journal_delay: journal_delay?,
        timeout: section.timeout()?,
        on_unknown: section.on_unknown()?,
    })
}

fn is_green_api(raw: &str) -> bool {
    let host = Url::parse(raw).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| host.contains("green-api.com") || host.contains("greenapi.com"))
}

/// The number of the phone.
fn sender(section: &Section<'_>, raw: &str) -> Option<Address> {
    let address = Address::parse(Scheme::Whatsapp, raw, None).ok();
    let address = address.filter(|address| address.scheme() == Scheme::Whatsapp && address.is_phone());
    if address.is_none() {
        section.wrong("address", "is not a WhatsApp number", "write it like `whatsapp:+224620000000`");
    }
    address
}
