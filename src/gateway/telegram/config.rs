//! Validation of a Telegram channel's own keys.

use std::time::Duration;

use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::channel::RateLimit;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::{NAME, Telegram};
use crate::config::{
    Capabilities, Configured, OnUnknown, ProviderAccount, ProviderSection, RawSecret, Section, settled,
};

/// Where the Bot API is, unless a channel says otherwise.
const API: &str = "https://api.telegram.org";

/// The longest text: one message has 4,096 UTF-16 units, and nobody reads more than a few.
const LONGEST_TEXT: usize = 16_384;

/// What Telegram takes as `secret_token`.
const LONGEST_SECRET: usize = 256;

#[derive(Clone, Debug)]
pub struct TelegramBot {
    /// The number before the colon of its token.
    pub id: String,
    /// `7000000001:AA…`; it stands in every URL of the API.
    pub bot_token: SecretString,
    /// What comes back with every webhook.
    pub webhook_secret: Option<SecretString>,
    /// The one before it, until Telegram was told the new one.
    pub previous_webhook_secret: Option<SecretString>,
    /// How updates come in.
    pub updates: UpdateSource,
    /// The groups whose messages are read: their chats' addresses.
    pub groups: Vec<Address>,
    /// What people find it by, without `@`; links to it need it.
    pub username: Option<String>,
    /// Where the API is, without a trailing slash.
    pub api_base_url: String,
    /// How long one call may take.
    pub timeout: Duration,
    /// What to do with a message whose fate nobody can tell.
    pub on_unknown: OnUnknown,
}

/// How updates come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateSource {
    /// Telegram posts them.
    Webhook,
    /// We ask for them (`getUpdates`).
    Poll,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    bot_token: Option<RawSecret>,
    webhook_secret: Option<RawSecret>,
    previous_webhook_secret: Option<RawSecret>,
    updates: Option<String>,
    groups: Vec<String>,
    username: Option<String>,
    api_base_url: Option<String>,
}

impl ProviderSection for Telegram {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Rates: <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>: one message a second in one
    /// chat with short bursts, 30 a second in all.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            scheme: Scheme::Telegram,
            // Several messages, cut where people pause.
            longest_text: LONGEST_TEXT,
            window: None,
            per_second: Some(30),
            pair: Some(RateLimit { every: Duration::from_secs(1), burst: 3 }),
            templates: false,
            typing: Some(Duration::from_secs(5)),
            api_base_url: Some(API),
        }
    }

    fn keys(&self) -> &'static [&'static str] {
        &["bot_token", "webhook_secret", "previous_webhook_secret", "updates", "groups", "username", "api_base_url"]
    }

    fn configure(&self, section: &Section<'_>) -> Configured {
        let keys: Keys = section.read();
        let address = section.address().and_then(|raw| sender(section, raw));
        let id = address.as_ref().map(|address| address.path().to_owned());
        let bot_token = section.secret("bot_token", keys.bot_token.as_ref());
        let fits =
            bot_token.as_ref().is_none_or(|token| id.as_deref().is_none_or(|id| is_token_of(section, token, id)));
        let updates = keys.updates.as_deref().map_or(Some(UpdateSource::Webhook), |raw| {
            section.choice("updates", raw, &[("webhook", UpdateSource::Webhook), ("poll", UpdateSource::Poll)])
        });
        let secret = secret(section, &keys, updates);
        let previous = section.secret_if_any("previous_webhook_secret", keys.previous_webhook_secret.as_ref());
        let groups = groups(section, &keys.groups);
        let username = keys.username.as_deref().map(|raw| username(section, raw));
        let raw_base = keys.api_base_url.as_deref();
        let in_clear = "the bot's token crosses the network in clear";
        let api_base_url = section.base_url("api_base_url", raw_base.unwrap_or(API), API, in_clear);
        let whole = || {
            let (id, base) = (id.clone()?, api_base_url.clone()?);
            let bot = TelegramBot {
                id: id.clone(),
                bot_token: bot_token?,
                webhook_secret: secret?,
                previous_webhook_secret: previous?,
                updates: updates?,
                groups: groups?,
                username: settled(username)?,
                api_base_url: base.clone(),
                timeout: section.timeout()?,
                on_unknown: section.on_unknown()?,
            };
            let mut account = ProviderAccount::new(NAME, &id, bot);
            account.api_base_url = Some(base);
            Some(account)
        };
        let settings = whole().filter(|_| fits);
        Configured { address, account: id, is_live: is_telegram(raw_base), settings }
    }
}

/// The bot's own address: its id is positive, unlike a group's.
fn sender(section: &Section<'_>, raw: &str) -> Option<Address> {
    let address = Address::written(raw, Unnamed::Only(Scheme::Telegram), None).ok();
    let address = address.filter(|address| address.scheme() == Scheme::Telegram && !address.path().starts_with('-'));
    if address.is_none() {
        let help = "write it like `telegram:7000000001`: the number before the colon of the bot's token";
        section.wrong("address", "is not a bot's id", help);
    }
    address
}

/// Whether the token belongs to the address; a text without a colon says nothing of it.
fn is_token_of(section: &Section<'_>, token: &SecretString, id: &str) -> bool {
    let fits = token.expose_secret().split_once(':').is_none_or(|(owner, _)| owner == id);
    if !fits {
        let help = "the number before the colon of the token is the bot's id, and `address` names another";
        section.wrong("bot_token", "is another bot's", help);
    }
    fits
}

/// `None`: something was reported. With webhooks there has to be one: nothing else proves where an update comes from.
fn secret(section: &Section<'_>, keys: &Keys, updates: Option<UpdateSource>) -> Option<Option<SecretString>> {
    if keys.webhook_secret.is_none() && updates == Some(UpdateSource::Poll) {
        return Some(None);
    }
    let secret = section.secret("webhook_secret", keys.webhook_secret.as_ref())?;
    let text = secret.expose_secret();
    // One that is empty was left out with all others: a file or a variable without anything was reported.
    let fits =
        text.len() <= LONGEST_SECRET && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if !fits {
        section.wrong("webhook_secret", "is not one that Telegram takes", "1 to 256 letters, digits, `_` and `-`");
        return None;
    }
    Some(Some(secret))
}

fn groups(section: &Section<'_>, raw: &[String]) -> Option<Vec<Address>> {
    let group = |raw: &String| {
        let address = Address::written(raw, Unnamed::Only(Scheme::Telegram), None).ok();
        let address = address.filter(|address| address.scheme() == Scheme::Telegram && address.path().starts_with('-'));
        if address.is_none() {
            section.wrong("groups", "has something that is no group", "write each like `telegram:-1001234567890`");
        }
        address
    };
    let read: Vec<Option<Address>> = raw.iter().map(group).collect();
    read.into_iter().collect()
}

/// 5 to 32 letters, digits and underscores (<https://core.telegram.org/bots/features#creating-a-new-bot>).
fn username(section: &Section<'_>, raw: &str) -> Option<String> {
    let name = raw.trim_start_matches('@');
    let fits = (5..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !fits {
        section.wrong("username", "is not a bot's username", "write it like `institut_belle_bot`");
    }
    fits.then(|| name.to_owned())
}

/// Whether calls go to Telegram itself rather than to something that stands in for it.
fn is_telegram(api_base_url: Option<&str>) -> bool {
    let host = |raw| Url::parse(raw).ok().and_then(|url| url.host_str().map(str::to_owned));
    api_base_url
        .is_none_or(|raw| host(raw).is_some_and(|host| host == "telegram.org" || host.ends_with(".telegram.org")))
}

impl TelegramBot {
    /// The token as the simulator compares it.
    pub(super) fn token(&self) -> String {
        self.bot_token.expose_secret().to_owned()
    }

    /// The webhook's secret as the simulator sends it.
    pub(super) fn secret(&self) -> Option<String> {
        self.webhook_secret.as_ref().map(|secret| secret.expose_secret().to_owned())
    }
}
