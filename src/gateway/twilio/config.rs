//! Validation of a Twilio channel's own keys.

use std::time::Duration;

use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::channel::RateLimit;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::Kind;
use crate::config::{
    Capabilities, Configured, OnUnknown, ProviderAccount, ProviderSection, RawSecret, Section, settled,
};

/// Where Twilio's REST API is, unless a channel says otherwise.
pub(super) const API: &str = "https://api.twilio.com";

/// The longest `Body`, in characters; Twilio counts less strictly than UTF-16 units.
const LONGEST_TEXT: usize = 1_600;

/// WhatsApp through Twilio: 80 messages a second for each sender, one message in 6 seconds for each pair in bursts of 45
/// (Meta's error 131056), free text within 24 hours of the contact's last message (error 63016).
const WHATSAPP: Capabilities = Capabilities {
    scheme: Scheme::Whatsapp,
    longest_text: LONGEST_TEXT,
    window: Some(Duration::from_secs(24 * 60 * 60)),
    per_second: Some(80),
    pair: Some(RateLimit { every: Duration::from_secs(6), burst: 45 }),
    templates: true,
    typing: None,
    api_base_url: Some(API),
};

/// SMS from a long code: one segment a second.
const SMS: Capabilities =
    Capabilities { scheme: Scheme::Sms, window: None, per_second: Some(1), pair: None, ..WHATSAPP };

#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// `AC…`
    pub account_sid: String,
    /// The primary auth token: verifies webhooks, and sends.
    pub auth_token: SecretString,
    /// The token before it: its webhooks are believed while Twilio still signs with it.
    pub previous_auth_token: Option<SecretString>,
    /// The secret of a shared key, with which a webhook rule of the account may sign instead.
    pub shared_key: Option<SecretString>,
    /// Where the REST API is, without a trailing slash.
    pub api_base_url: String,
    /// Where it is as well, for when the first cannot be reached.
    pub backup_api_base_url: Option<String>,
    /// Sends through this service when given.
    pub messaging_service_sid: Option<String>,
    /// How long one call may take.
    pub timeout: Duration,
    /// What to do with a message whose fate the provider cannot tell.
    pub on_unknown: OnUnknown,
}

impl TwilioAccount {
    /// As a channel has it.
    #[must_use]
    pub fn of_channel(self, kind: Kind) -> ProviderAccount {
        let (sid, base, backup) =
            (self.account_sid.clone(), self.api_base_url.clone(), self.backup_api_base_url.clone());
        let mut account = ProviderAccount::new(kind.provider(), &sid, self);
        account.api_base_url = Some(base);
        account.backup_api_base_url = backup;
        account
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    account_sid: Option<String>,
    auth_token: Option<RawSecret>,
    previous_auth_token: Option<RawSecret>,
    shared_key: Option<RawSecret>,
    messaging_service_sid: Option<String>,
    api_base_url: Option<String>,
    backup_api_base_url: Option<String>,
}

impl ProviderSection for Kind {
    fn name(&self) -> &'static str {
        self.provider()
    }

    fn capabilities(&self) -> Capabilities {
        match self {
            Self::Whatsapp => WHATSAPP,
            Self::Sms => SMS,
        }
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "account_sid",
            "auth_token",
            "previous_auth_token",
            "shared_key",
            "messaging_service_sid",
            "api_base_url",
            "backup_api_base_url",
        ]
    }

    fn reserved_ids(&self) -> &'static [&'static str] {
        &["incoming", "twilio"]
    }

    fn configure(&self, section: &Section<'_>) -> Configured {
        let keys: Keys = section.read();
        let address = section.address().and_then(|raw| sender(section, *self, raw));
        let is_live = is_twilio(keys.api_base_url.as_deref());
        let account_sid = section
            .required(
                "account_sid",
                keys.account_sid.as_deref(),
                "it stands on the first page of Twilio's console: `AC…`",
            )
            .and_then(|raw| sid(section, "account_sid", raw, ("AC", is_live)));
        let settings = account(section, &keys, account_sid.clone(), is_live);
        let settings = settings.map(|account| account.of_channel(*self));
        Configured { address, account: account_sid, is_live, settings }
    }

    fn template_help(&self) -> &'static str {
        "it stands in Twilio's content template builder: `HX…`"
    }

    fn template_id(&self, section: &Section<'_>, raw: &str, is_live: bool) -> Option<String> {
        sid(section, "content_sid", raw, ("HX", is_live))
    }
}

fn account(section: &Section<'_>, keys: &Keys, account_sid: Option<String>, is_live: bool) -> Option<TwilioAccount> {
    const IN_CLEAR: &str = "the account's token crosses the network in clear";
    let auth_token = section.secret("auth_token", keys.auth_token.as_ref());
    let previous = section.secret_if_any("previous_auth_token", keys.previous_auth_token.as_ref());
    let shared = section.secret_if_any("shared_key", keys.shared_key.as_ref());
    let api_base_url = keys.api_base_url.as_deref().unwrap_or(API);
    let api_base_url = section.base_url("api_base_url", api_base_url, API, IN_CLEAR);
    let backup = keys.backup_api_base_url.as_deref();
    let backup = backup.map(|raw| section.base_url("backup_api_base_url", raw, API, IN_CLEAR));
    if let (Some(first), Some(Some(backup))) = (&api_base_url, &backup)
        && first == backup
    {
        let reason = format!("`{}` is the same as `api_base_url`", section.name("backup_api_base_url"));
        section.warning("backup_api_base_url", reason, "name another way to the same API, or leave it out");
    }
    let service = keys.messaging_service_sid.as_deref();
    let service = service.map(|raw| sid(section, "messaging_service_sid", raw, ("MG", is_live)));
    Some(TwilioAccount {
        account_sid: account_sid?,
        auth_token: auth_token?,
        previous_auth_token: previous?,
        shared_key: shared?,
        api_base_url: api_base_url?,
        backup_api_base_url: settled(backup)?,
        messaging_service_sid: settled(service)?,
        timeout: section.timeout()?,
        on_unknown: section.on_unknown()?,
    })
}

/// Whether calls to this URL, or to none in particular, go to Twilio itself rather than to something that stands in for it.
fn is_twilio(api_base_url: Option<&str>) -> bool {
    let host = |raw| Url::parse(raw).ok().and_then(|url| url.host_str().map(str::to_owned));
    api_base_url.is_none_or(|raw| host(raw).is_some_and(|host| host == "twilio.com" || host.ends_with(".twilio.com")))
}

/// An identifier of Twilio's: two letters for its kind, then 32 hexadecimal digits. Twilio knows no other, so one is refused
/// where it would go there; what stands in for Twilio may have simpler ones, and only what would break a URL is refused.
fn sid(section: &Section<'_>, key: &str, raw: &str, (kind, is_live): (&str, bool)) -> Option<String> {
    let raw = section.text(key, raw)?;
    let help = format!("it is `{kind}` and 32 hexadecimal digits");
    if kind == "AC" && raw.starts_with("SK") {
        let help = "an API key can send, but Twilio signs webhooks with the account's primary auth token";
        section.wrong(key, "is an API key's", help);
        return None;
    }
    if !raw.starts_with(kind) || !raw.chars().all(|c| c.is_ascii_alphanumeric()) {
        section.wrong(key, &format!("must begin with `{kind}` and hold only letters and digits"), &help);
        return None;
    }
    let digits = raw.get(kind.len()..).unwrap_or_default();
    if digits.len() != 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        if is_live {
            section.wrong(key, "is not Twilio's", &help);
            return None;
        }
        section.warning(key, format!("`{}` does not look like Twilio's", section.name(key)), &help);
    }
    Some(raw)
}

/// The sender's address, if Twilio can send from it.
fn sender(section: &Section<'_>, kind: Kind, raw: &str) -> Option<Address> {
    let (reason, help) = match kind {
        Kind::Whatsapp => ("is not a WhatsApp sender", "write it like `whatsapp:+14155238886`"),
        Kind::Sms => (
            "is not an SMS sender",
            "a phone number (`+33755000000`), a short code (`36180`), or up to 11 letters and digits (`TAXI LYON`)",
        ),
    };
    let scheme = kind.scheme();
    // A WhatsApp sender is always a phone number; users' business-scoped ids cannot send for a business.
    let fits = |address: &Address| address.scheme() == scheme && (kind == Kind::Sms || address.is_phone());
    // A number without a `+` would be somebody else's abroad.
    let address = Address::written(raw, Unnamed::Only(scheme), None).ok().filter(fits);
    if address.is_none() {
        section.wrong("address", reason, help);
    }
    address
}
