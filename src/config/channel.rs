//! `[[channels]]`: from raw to validated.

use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::channel::ChannelProfile;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use url::Url;

use super::delivery::{self, Habits};
use super::document::Scope;
use super::fields::{base_url, choice, duration, settled, slug, text};
use super::raw::{RawChannel, RawDuration, RawLimits};
use super::secret::Secrets;
use super::suggest;
use super::types::{Channel, OnUnknown, Provider, TwilioAccount};

/// Where Twilio's REST API is, unless a channel says otherwise.
const TWILIO_API: &str = "https://api.twilio.com";
/// The longest that one call may take: half of what an outbox row is leased for.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one call may take, unless a channel says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Words that stand where a channel id would stand in webhook paths.
const RESERVED_IDS: [&str; 4] = ["incoming", "status", "status-check", "twilio"];

/// Providers of the vocabulary that this version does not speak to yet.
const LATER_PROVIDERS: [&str; 4] = ["greenapi-whatsapp", "telegram", "smtp", "sandbox"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TwilioWhatsapp,
    TwilioSms,
}

impl Kind {
    fn habits(self) -> Habits {
        match self {
            Self::TwilioWhatsapp => delivery::WHATSAPP,
            Self::TwilioSms => delivery::SMS,
        }
    }

    fn name(self) -> String {
        KINDS.iter().find(|(_, kind)| *kind == self).map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }
}

const KINDS: [(&str, Kind); 2] = [("twilio-whatsapp", Kind::TwilioWhatsapp), ("twilio-sms", Kind::TwilioSms)];

/// A channel, and those of its keys that are compared with other tables' and files': each holds, whatever else does not.
#[derive(Debug)]
pub(super) struct Checked {
    /// The whole. `None`: something was reported.
    pub(super) whole: Option<Channel>,
    pub(super) id: Option<ChannelId>,
    pub(super) address: Option<Address>,
    /// Provider, account and address: together they belong to one channel.
    pub(super) sender: Option<(String, String, String)>,
    /// How long one call may take.
    pub(super) timeout: Option<Duration>,
}

/// One sender account.
pub(super) fn channel(
    scope: &Scope<'_>,
    raw: &RawChannel,
    (tenant, limits): (Option<&TenantId>, &RawLimits),
    secrets: Secrets<'_>,
) -> Checked {
    let id = scope
        .required("id", raw.id.as_deref(), "give it a name for webhook paths, such as `id = \"belle-wa\"`")
        .and_then(|raw| slug(scope, "id", raw))
        .and_then(|id| not_reserved(scope, id))
        .map(ChannelId::new);
    let kind = scope
        .required("provider", raw.provider.as_deref(), "`twilio-whatsapp` or `twilio-sms`")
        .and_then(|raw| kind(scope, raw));
    let address = scope.required("address", raw.address.as_deref(), "the sender's address at the provider");
    let address = kind.zip(address).and_then(|(kind, raw)| sender(scope, kind, raw));
    let at_twilio = is_twilio(raw.api_base_url.as_deref());
    let account_sid = scope
        .required("account_sid", raw.account_sid.as_deref(), "it stands on the first page of Twilio's console: `AC…`")
        .and_then(|raw| sid(scope, "account_sid", raw, ("AC", at_twilio)));
    let timeout = raw.timeout.as_ref().map_or(Some(TIMEOUT), |raw| call_timeout(scope, raw));
    let account = twilio_account(scope, raw, (account_sid.clone(), timeout), secrets);
    // Whatever the provider is, the rest of the channel is looked at.
    let profile = delivery::profile(scope, raw, kind.map_or(delivery::WHATSAPP, Kind::habits).of_tenant(limits));
    let sender = kind.zip(account_sid).zip(address.as_ref());
    let sender = sender.map(|((kind, account), address)| (kind.name(), account, address.as_str().to_owned()));
    let whole = whole(id.clone(), tenant, (kind, account), address.clone(), profile);
    Checked { whole, id, address, sender, timeout }
}

fn whole(
    id: Option<ChannelId>,
    tenant: Option<&TenantId>,
    (kind, account): (Option<Kind>, Option<TwilioAccount>),
    address: Option<Address>,
    profile: Option<ChannelProfile>,
) -> Option<Channel> {
    let provider = match kind? {
        Kind::TwilioWhatsapp => Provider::TwilioWhatsapp(account?),
        Kind::TwilioSms => Provider::TwilioSms(account?),
    };
    let address = address?;
    let profile = ChannelProfile { scheme: address.scheme(), ..profile? };
    Some(Channel { id: id?, tenant: tenant?.clone(), address, provider, profile: Arc::new(profile) })
}

fn not_reserved<'r>(scope: &Scope<'_>, id: &'r str) -> Option<&'r str> {
    if RESERVED_IDS.contains(&id) {
        let help = "it has a meaning of its own in webhook paths; choose another";
        scope.wrong("id", &format!("cannot be `{id}`"), help);
        return None;
    }
    Some(id)
}

fn kind(scope: &Scope<'_>, raw: &str) -> Option<Kind> {
    if LATER_PROVIDERS.contains(&raw) {
        let known: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let help = format!("this version has {}", suggest::list(&known));
        scope.wrong("provider", &format!("is `{raw}`, which this version cannot talk to yet"), &help);
        return None;
    }
    choice(scope, "provider", raw, &KINDS)
}

fn twilio_account(
    scope: &Scope<'_>,
    raw: &RawChannel,
    (account_sid, timeout): (Option<String>, Option<Duration>),
    secrets: Secrets<'_>,
) -> Option<TwilioAccount> {
    let at_twilio = is_twilio(raw.api_base_url.as_deref());
    let help = "write `auth_token = { env = \"NAME\" }` or `{ file = \"path\" }`";
    let auth_token = scope
        .required("auth_token", raw.auth_token.as_ref(), help)
        .and_then(|raw| secrets.resolve(scope, "auth_token", raw));
    let in_clear = "the account's token crosses the network in clear";
    let api_base_url = raw.api_base_url.as_deref().unwrap_or(TWILIO_API);
    let api_base_url = base_url(scope, "api_base_url", api_base_url, in_clear);
    let backup = raw.backup_api_base_url.as_deref();
    let backup = settled(backup.map(|raw| base_url(scope, "backup_api_base_url", raw, in_clear)));
    if let (Some(first), Some(Some(backup))) = (&api_base_url, &backup)
        && first == backup
    {
        let reason = format!("`{}` is the same as `api_base_url`", scope.name("backup_api_base_url"));
        scope.warning("backup_api_base_url", reason, "name another way to the same API, or leave it out");
    }
    let service =
        raw.messaging_service_sid.as_deref().map(|raw| sid(scope, "messaging_service_sid", raw, ("MG", at_twilio)));
    let choices = [("resend", OnUnknown::Resend), ("park", OnUnknown::Park)];
    let on_unknown = raw.on_unknown.as_deref();
    let on_unknown = on_unknown.map_or(Some(OnUnknown::default()), |raw| choice(scope, "on_unknown", raw, &choices));
    let messaging_service_sid = match service {
        None => None,
        Some(sid) => Some(sid?),
    };
    Some(TwilioAccount {
        account_sid: account_sid?,
        auth_token: auth_token?,
        api_base_url: api_base_url?,
        backup_api_base_url: backup?,
        messaging_service_sid,
        timeout: timeout?,
        on_unknown: on_unknown?,
    })
}

/// Whether calls to this URL, or to none in particular, go to Twilio itself rather than to something that stands in for it.
pub(super) fn is_twilio(api_base_url: Option<&str>) -> bool {
    let host = |raw| Url::parse(raw).ok().and_then(|url| url.host_str().map(str::to_owned));
    api_base_url.is_none_or(|raw| host(raw).is_some_and(|host| host == "twilio.com" || host.ends_with(".twilio.com")))
}

/// An identifier of Twilio's: two letters for its kind, then 32 hexadecimal digits. Twilio knows no other, so one is refused
/// where it would go there; what stands in for Twilio may have simpler ones, and only what would break a URL is refused.
pub(super) fn sid(scope: &Scope<'_>, key: &str, raw: &str, (kind, at_twilio): (&str, bool)) -> Option<String> {
    let raw = text(scope, key, raw)?;
    let help = format!("it is `{kind}` and 32 hexadecimal digits");
    if kind == "AC" && raw.starts_with("SK") {
        let help = "an API key can send, but Twilio signs webhooks with the account's primary auth token";
        scope.wrong(key, "is an API key's", help);
        return None;
    }
    if !raw.starts_with(kind) || !raw.chars().all(|c| c.is_ascii_alphanumeric()) {
        scope.wrong(key, &format!("must begin with `{kind}` and hold only letters and digits"), &help);
        return None;
    }
    let digits = raw.get(kind.len()..).unwrap_or_default();
    if digits.len() != 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        if at_twilio {
            scope.wrong(key, "is not Twilio's", &help);
            return None;
        }
        scope.warning(key, format!("`{}` does not look like Twilio's", scope.name(key)), &help);
    }
    Some(raw.to_owned())
}

/// The sender's address, if the provider can send from it.
fn sender(scope: &Scope<'_>, kind: Kind, raw: &str) -> Option<Address> {
    let (scheme, reason, help) = match kind {
        Kind::TwilioWhatsapp => (Scheme::Whatsapp, "is not a WhatsApp sender", "write it like `whatsapp:+14155238886`"),
        Kind::TwilioSms => (
            Scheme::Sms,
            "is not an SMS sender",
            "a phone number (`+33755000000`), a short code (`36180`), or up to 11 letters and digits (`TAXI LYON`)",
        ),
    };
    // A WhatsApp sender is always a phone number; users' business-scoped ids cannot send for a business.
    let fits = |address: &Address| address.scheme() == scheme && (kind == Kind::TwilioSms || address.is_phone());
    let address = Address::parse(scheme, raw, None).ok().filter(fits);
    match &address {
        None => scope.wrong("address", reason, help),
        // A national number would be somebody else's abroad. Digits without a `+` are how some consoles show senders, though.
        Some(address) if address.is_phone() && !says_its_country(raw) => {
            let reason = format!("`{}` has no `+`: its first digits are taken for its country", scope.name("address"));
            scope.warning("address", reason, help);
        }
        Some(_) => {}
    }
    address
}

/// `+33…` or `0033…`, whatever stands before it.
fn says_its_country(raw: &str) -> bool {
    let digits = raw.trim_start_matches(|c: char| !c.is_ascii_digit());
    raw.contains(['+', '＋']) || digits.starts_with("00")
}

/// A call that outlived its outbox row's lease would be looked into, and perhaps repeated, while it still runs (I5).
fn call_timeout(scope: &Scope<'_>, raw: &RawDuration) -> Option<Duration> {
    let timeout = duration(scope, "timeout", raw)?;
    if timeout > LONGEST_TIMEOUT {
        scope.wrong(
            "timeout",
            "must not be longer than 30 seconds",
            "one call to the provider may take `\"30s\"` at most",
        );
        return None;
    }
    Some(timeout)
}
