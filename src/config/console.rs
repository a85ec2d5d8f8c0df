//! Validation of `[console]`: the pages for the people of the tenants, and who signs them in.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::document::Scope;
use super::fields::{base_url, duration, is_loopback, or_default, settled, text};
use super::push_key::push_key;
use super::raw::{RawConsole, RawDuration, RawOidc};
use super::secret::Secrets;

/// Shorter, and people sign in all day.
const LEAST: Duration = Duration::from_mins(5);

const ISSUER: &str = "https://id.example.com";

/// `[console]`
#[derive(Clone, Debug)]
pub struct Console {
    pub enabled: bool,
    /// Where people reach it, without a slash at its end. `None`: at the listener's own address.
    pub base_url: Option<String>,
    /// A session that was not used for so long has ended.
    pub session_idle: Duration,
    /// A session ends after so long, however often it is used.
    pub session_lasts: Duration,
    /// Whether browsers are told when somebody waits.
    pub push: bool,
    /// Signs what browsers are told, as PKCS #8 in base64url. `None`: with a key that is made once and kept in the database.
    pub push_key: Option<SecretString>,
    /// `None`: people sign in with their passwords alone.
    pub oidc: Option<ConsoleOidc>,
}

/// `[console.oidc]`: a provider of OpenID Connect. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct ConsoleOidc {
    /// Without a slash at its end.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// The word on the button.
    pub name: Option<String>,
    /// E-mail addresses and domains in lower case. Empty: all.
    pub allow: Vec<String>,
    /// Whether a second factor is asked for as well.
    pub ask_code: bool,
}

impl ConsoleOidc {
    /// Whether an e-mail address in lower case may come in.
    #[must_use]
    pub fn allows(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain);
        self.allow.is_empty() || self.allow.iter().any(|one| one == email || Some(one.as_str()) == domain)
    }
}

/// `None`: something was reported.
pub(super) fn console(scope: &Scope<'_>, raw: &RawConsole, secrets: Secrets<'_>) -> Option<Console> {
    let enabled = scope.required("enabled", raw.enabled, "");
    let lost = "passwords cross the network in clear";
    let url = raw.base_url.as_deref();
    let url = url.map(|raw| base_url(scope, "base_url", raw, "https://console.example.com", lost));
    let time = |key: &str, raw: Option<&RawDuration>| {
        let time = scope.required(key, raw, "").and_then(|raw| duration(scope, key, raw))?;
        if time < LEAST {
            scope.wrong(key, "must be at least five minutes", "");
            return None;
        }
        Some(time)
    };
    let session_idle = time("session_idle", raw.session_idle.as_ref());
    let session_lasts = time("session_lasts", raw.session_lasts.as_ref());
    let push = scope.required("push", raw.push, "");
    let push_key = settled(raw.push_key.as_ref().map(|raw| push_key(scope, raw, secrets)));
    let oidc = settled(raw.oidc.as_ref().map(|raw| oidc(&scope.table("oidc"), raw, secrets)));
    if raw.oidc.is_some() {
        let help = "with `[console.oidc]`, write where people reach the console: the provider sends them back there";
        scope.required("base_url", raw.base_url.as_ref(), help)?;
    }
    Some(Console {
        enabled: enabled?,
        base_url: settled(url)?,
        session_idle: session_idle?,
        session_lasts: session_lasts?,
        push: push?,
        push_key: push_key?,
        oidc: oidc?,
    })
}

fn oidc(scope: &Scope<'_>, raw: &RawOidc, secrets: Secrets<'_>) -> Option<ConsoleOidc> {
    let help = format!("write it as the provider's discovery document has it, like `issuer = \"{ISSUER}\"`");
    let issuer = scope.required("issuer", raw.issuer.as_deref(), &help).and_then(|raw| issuer(scope, raw));
    let help = "write the id that the provider gave to this client";
    let client_id = scope.required("client_id", raw.client_id.as_deref(), help);
    let client_id = client_id.and_then(|raw| text(scope, "client_id", raw));
    let help = "write `client_secret = { env = \"OIDC_CLIENT_SECRET\" }`";
    let client_secret = scope.required("client_secret", raw.client_secret.as_ref(), help);
    let client_secret = client_secret.and_then(|raw| secrets.resolve(scope, "client_secret", raw));
    let name = settled(raw.name.as_deref().map(|raw| text(scope, "name", raw)));
    let allow = or_default(raw.allow.as_deref(), Vec::new(), |list| allow(scope, list));
    Some(ConsoleOidc {
        issuer: issuer?,
        client_id: client_id?.to_owned(),
        client_secret: client_secret?,
        name: name?.map(str::to_owned),
        allow: allow?,
        ask_code: raw.ask_code.unwrap_or_default(),
    })
}

/// Plain HTTP is refused but on loopback: TLS stands in for the signatures of the provider's tokens.
fn issuer(scope: &Scope<'_>, raw: &str) -> Option<String> {
    if Url::parse(raw).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url)) {
        scope.wrong("issuer", "is plain HTTP: whoever is on the way could sign in as anybody", "use https://");
        return None;
    }
    base_url(scope, "issuer", raw, ISSUER, "")
}

fn allow(scope: &Scope<'_>, list: &[String]) -> Option<Vec<String>> {
    if list.is_empty() {
        scope.wrong("allow", "is empty: nobody could come in", "name addresses or domains, or leave it out for all");
        return None;
    }
    // Each is looked at before the first bad one ends it.
    let read: Vec<Option<String>> = list.iter().enumerate().map(|(index, raw)| allowed(scope, index, raw)).collect();
    read.into_iter().collect()
}

fn allowed(scope: &Scope<'_>, index: usize, raw: &str) -> Option<String> {
    let one = raw.trim().to_lowercase();
    let (name, domain) = one.rsplit_once('@').map_or((None, one.as_str()), |(name, domain)| (Some(name), domain));
    let is_plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '/');
    let is_domain = is_plain(domain) && !domain.contains('*') && !domain.starts_with('.') && !domain.ends_with('.');
    if !is_domain || name.is_some_and(|name| !is_plain(name)) {
        let help =
            "write an address (`awa@agency.example`), or a domain (`agency.example`); each subdomain is named itself";
        scope.wrong(&format!("allow[{index}]"), "is neither an e-mail address nor a domain", help);
        return None;
    }
    Some(one)
}
