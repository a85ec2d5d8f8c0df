//! Validation of a Cloud API channel's own keys.

use std::time::Duration;

use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::channel::RateLimit;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{NAME, WhatsappCloud};
use crate::config::{
    Capabilities, Configured, OnUnknown, ProviderAccount, ProviderSection, RawDuration, RawSecret, Section,
};

/// Where its API is, unless a channel says otherwise.
pub(super) const API: &str = "https://graph.facebook.com/v23.0";

/// Meta's limits: 80 messages a second for each number, one in 6 seconds for each pair in bursts of 45 (131056), free text
/// within 24 hours of the contact's last message (131047).
const CAPABILITIES: Capabilities = Capabilities {
    scheme: Scheme::Whatsapp,
    longest_text: 4_096,
    window: Some(Duration::from_secs(24 * 60 * 60)),
    per_second: Some(80),
    pair: Some(RateLimit { every: Duration::from_secs(6), burst: 45 }),
    templates: true,
    typing: true,
    api_base_url: Some(API),
};

/// How long a callback is awaited that says what became of a message whose answer was lost.
const CALLBACK_DELAY: Duration = Duration::from_secs(60);

/// A number at Meta.
#[derive(Clone, Debug)]
pub struct CloudSettings {
    /// `100000000000001`
    pub phone_number_id: String,
    /// The WhatsApp Business account that it belongs to.
    pub business_account_id: String,
    /// Sends.
    pub access_token: SecretString,
    /// The app's: signs webhooks.
    pub app_secret: SecretString,
    /// The one before it, with which Meta may still sign.
    pub previous_app_secret: Option<SecretString>,
    /// Comes with the handshake of a webhook URL.
    pub verify_token: SecretString,
    /// Where the API is, with its version, without a trailing slash.
    pub api_base_url: String,
    /// Of templates whose id names no language.
    pub template_language: String,
    /// How long a callback is awaited when an answer was lost.
    pub callback_delay: Duration,
    /// How long one call may take.
    pub timeout: Duration,
    /// What to do with a message whose outcome nobody told.
    pub on_unknown: OnUnknown,
}

impl CloudSettings {
    /// As a channel has it.
    #[must_use]
    pub fn of_channel(self) -> ProviderAccount {
        let (id, base) = (self.phone_number_id.clone(), self.api_base_url.clone());
        let mut account = ProviderAccount::new(NAME, &id, self);
        account.api_base_url = Some(base);
        account
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    phone_number_id: Option<String>,
    business_account_id: Option<String>,
    access_token: Option<RawSecret>,
    app_secret: Option<RawSecret>,
    previous_app_secret: Option<RawSecret>,
    verify_token: Option<RawSecret>,
    api_base_url: Option<String>,
    template_language: Option<String>,
    callback_delay: Option<RawDuration>,
}

impl ProviderSection for WhatsappCloud {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "phone_number_id",
            "business_account_id",
            "access_token",
            "app_secret",
            "previous_app_secret",
            "verify_token",
            "api_base_url",
            "template_language",
            "callback_delay",
        ]
    }

    fn configure(&self, section: &Section<'_>) -> Configured {
        let keys: Keys = section.read();
        let address = section.address().and_then(|raw| sender(section, raw));
        let is_live = keys.api_base_url.as_deref().is_none_or(is_meta);
        let help = "it stands in Meta's console under WhatsApp, API set-up: digits alone, and not the number itself";
        let phone_number_id = id(section, "phone_number_id", keys.phone_number_id.as_deref(), help);
        let settings = read(section, &keys, phone_number_id.clone());
        let settings = settings.map(CloudSettings::of_channel);
        Configured { address, account: phone_number_id, is_live, settings }
    }

    fn template_help(&self) -> &'static str {
        "it is the template's name in WhatsApp Manager, with its language behind a colon: `rappel_rdv:fr`"
    }

    fn template_id(&self, section: &Section<'_>, raw: &str, _: bool) -> Option<String> {
        const KEY: &str = "content_sid";
        let raw = section.text(KEY, raw)?;
        let (name, language) = raw.split_once(':').unwrap_or((&raw, "fr"));
        let is_name = (1..=512).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_name || !is_language(language) {
            section.wrong(KEY, "is no template's name", self.template_help());
            return None;
        }
        Some(raw)
    }
}

/// `fr`, `en_US`
fn is_language(text: &str) -> bool {
    (2..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn read(section: &Section<'_>, keys: &Keys, phone_number_id: Option<String>) -> Option<CloudSettings> {
    const IN_CLEAR: &str = "the access token crosses the network in clear";
    let help = "it stands in Meta's console under WhatsApp, API set-up: WhatsApp Business Account ID";
    let business_account_id = id(section, "business_account_id", keys.business_account_id.as_deref(), help);
    let access_token = section.secret("access_token", keys.access_token.as_ref());
    let app_secret = section.secret("app_secret", keys.app_secret.as_ref());
    let previous = section.secret_if_any("previous_app_secret", keys.previous_app_secret.as_ref());
    let verify_token = section.secret("verify_token", keys.verify_token.as_ref());
    let base = keys.api_base_url.as_deref().unwrap_or(API);
    let api_base_url = section.base_url("api_base_url", base, API, IN_CLEAR);
    let language = keys.template_language.as_deref().unwrap_or("fr");
    if !is_language(language) {
        section.wrong("template_language", "is no language's code", "write it like `fr` or `en_US`");
    }
    let callback_delay = match &keys.callback_delay {
        None => Some(CALLBACK_DELAY),
        Some(raw) => section.duration("callback_delay", raw),
    };
    Some(CloudSettings {
        phone_number_id: phone_number_id?,
        business_account_id: business_account_id?,
        access_token: access_token?,
        app_secret: app_secret?,
        previous_app_secret: previous?,
        verify_token: verify_token?,
        api_base_url: api_base_url?,
        template_language: is_language(language).then(|| language.to_owned())?,
        callback_delay: callback_delay?,
        timeout: section.timeout()?,
        on_unknown: section.on_unknown()?,
    })
}

fn id(section: &Section<'_>, key: &str, raw: Option<&str>, help: &str) -> Option<String> {
    let raw = section.required(key, raw, help)?;
    let fits = (1..=32).contains(&raw.len()) && raw.bytes().all(|byte| byte.is_ascii_digit());
    if !fits {
        section.wrong(key, "is not Meta's", help);
    }
    fits.then(|| raw.to_owned())
}

fn is_meta(raw: &str) -> bool {
    let host = Url::parse(raw).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| host.ends_with("facebook.com"))
}

/// The business's number.
fn sender(section: &Section<'_>, raw: &str) -> Option<Address> {
    let address = Address::parse(Scheme::Whatsapp, raw, None).ok();
    let address = address.filter(|address| address.scheme() == Scheme::Whatsapp && address.is_phone());
    if address.is_none() {
        section.wrong("address", "is not a WhatsApp number", "write it like `whatsapp:+33639980099`");
    }
    address
}
