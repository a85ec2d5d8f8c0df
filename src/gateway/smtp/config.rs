//! Validation of an e-mail channel's own keys.

use std::net::IpAddr;
use std::time::Duration;

use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use secrecy::SecretString;
use serde::Deserialize;

use super::{NAME, Smtp};
use crate::config::{
    Capabilities, Configured, OnUnknown, ProviderAccount, ProviderSection, RawSecret, Section, settled,
};

/// A sender's account at a mail server.
#[derive(Clone, Debug)]
pub struct MailAccount {
    /// The name beside the sender's address.
    pub from_name: Option<String>,
    /// Where answers go, when not to the sender.
    pub reply_to: Option<Address>,
    /// The subject of mails that have none.
    pub subject: Option<String>,
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// More certificates to believe, in PEM.
    pub ca: Option<Vec<u8>>,
    /// What a relay proves its webhooks with.
    pub webhook_token: Option<SecretString>,
    /// The one before it, while the relay may still have that.
    pub previous_webhook_token: Option<SecretString>,
    /// What the links of List-Unsubscribe are signed with; the password where it is left out.
    pub unsubscribe_secret: Option<SecretString>,
    /// What the links of older mails were signed with.
    pub previous_unsubscribe_secret: Option<SecretString>,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// What to do with a mail whose fate nobody can tell.
    pub on_unknown: OnUnknown,
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Login {
    pub username: String,
    pub password: SecretString,
}

/// How the connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Plain at first, TLS before anything that matters (587). A server that does not offer it is not used.
    Starttls,
    /// TLS from the first byte (465).
    Tls,
    /// None at all, on this machine.
    None,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    from_name: Option<String>,
    reply_to: Option<String>,
    subject: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    security: Option<String>,
    username: Option<String>,
    password: Option<RawSecret>,
    ca: Option<RawSecret>,
    webhook_token: Option<RawSecret>,
    previous_webhook_token: Option<RawSecret>,
    unsubscribe_secret: Option<RawSecret>,
    previous_unsubscribe_secret: Option<RawSecret>,
}

impl ProviderSection for Smtp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            scheme: Scheme::Mailto,
            // A letter of a hundred pages. Servers take some 10 to 50 MB.
            longest_text: 200_000,
            window: None,
            per_second: None,
            pair: None,
            templates: false,
            typing: None,
            api_base_url: None,
        }
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "from_name",
            "reply_to",
            "subject",
            "host",
            "port",
            "security",
            "username",
            "password",
            "ca",
            "webhook_token",
            "previous_webhook_token",
            "unsubscribe_secret",
            "previous_unsubscribe_secret",
        ]
    }

    fn configure(&self, section: &Section<'_>) -> Configured {
        let keys: Keys = section.read();
        let address = section.address().and_then(|raw| mailbox(section, "address", raw));
        let host = section.required("host", keys.host.as_deref(), "the mail server, such as `ssl0.ovh.net`");
        let host = host.and_then(|raw| host_name(section, raw));
        let choices = [("starttls", Security::Starttls), ("tls", Security::Tls), ("none", Security::None)];
        let security = keys.security.as_deref();
        let security = security.map_or(Some(Security::Starttls), |raw| section.choice("security", raw, &choices));
        let in_clear = security == Some(Security::None) && host.as_deref().is_some_and(|host| !is_loopback(host));
        if in_clear {
            let help = "`none` is for a server on this machine; write `starttls` (587) or `tls` (465)";
            section.wrong("security", "would send passwords and mails in clear", help);
        }
        let login = login(section, &keys);
        let one_line = |key: &str, raw: Option<&String>| one_line(section, key, raw);
        let (from_name, subject) =
            (one_line("from_name", keys.from_name.as_ref()), one_line("subject", keys.subject.as_ref()));
        let reply_to = keys.reply_to.as_deref().map(|raw| mailbox(section, "reply_to", raw));
        let ca = keys.ca.as_ref().map(|raw| section.certificates("ca", raw));
        let secret = |key: &str, raw: &Option<RawSecret>| section.secret_if_any(key, raw.as_ref());
        let webhook_token = secret("webhook_token", &keys.webhook_token);
        let previous_webhook_token = secret("previous_webhook_token", &keys.previous_webhook_token);
        let unsubscribe_secret = secret("unsubscribe_secret", &keys.unsubscribe_secret);
        let previous_unsubscribe_secret = secret("previous_unsubscribe_secret", &keys.previous_unsubscribe_secret);
        let account = host.clone();
        let whole = || {
            let security = security.filter(|_| !in_clear)?;
            let usual = if security == Security::Tls { 465 } else { 587 };
            let account = MailAccount {
                from_name: from_name?,
                reply_to: settled(reply_to)?,
                subject: subject?,
                host: host.clone()?,
                port: keys.port.unwrap_or(usual),
                security,
                login: login?,
                ca: settled(ca)?,
                webhook_token: webhook_token?,
                previous_webhook_token: previous_webhook_token?,
                unsubscribe_secret: unsubscribe_secret?,
                previous_unsubscribe_secret: previous_unsubscribe_secret?,
                timeout: section.timeout()?,
                on_unknown: section.on_unknown()?,
            };
            Some(ProviderAccount::new(NAME, &account.host.clone(), account))
        };
        Configured { address, account, is_live: true, settings: whole() }
    }
}

fn mailbox(section: &Section<'_>, key: &str, raw: &str) -> Option<Address> {
    let address = Address::written(raw, Unnamed::Only(Scheme::Mailto), None).ok();
    let address =
        address.filter(|address| address.scheme() == Scheme::Mailto && super::mailbox::wire(address).is_some());
    if address.is_none() {
        section.wrong(key, "is not an e-mail address", "write it like `mailto:contact@institut-belle.example`");
    }
    address
}

fn host_name(section: &Section<'_>, raw: &str) -> Option<String> {
    let is_name = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    if !is_name {
        section.wrong(
            "host",
            "is not the name of a server",
            "write it like `ssl0.ovh.net`, without a scheme or a port",
        );
    }
    is_name.then(|| raw.to_owned())
}

/// Both, or neither.
fn login(section: &Section<'_>, keys: &Keys) -> Option<Option<Login>> {
    let Some(username) = &keys.username else {
        if keys.password.is_some() {
            section.wrong("username", "is missing beside `password`", "write the name that logs in, or leave both out");
            return None;
        }
        return Some(None);
    };
    let password = section.secret("password", keys.password.as_ref())?;
    Some(Some(Login { username: section.text("username", username)?, password }))
}

/// A text that stands in a header.
fn one_line(section: &Section<'_>, key: &str, raw: Option<&String>) -> Option<Option<String>> {
    let Some(raw) = raw else { return Some(None) };
    if raw.chars().any(char::is_control) {
        section.wrong(key, "has a line break or another control character", "write it on one line");
        return None;
    }
    section.text(key, raw).map(Some)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
