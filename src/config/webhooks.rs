//! Validation of `[[webhooks]]`: endpoints that a tenant's events go out to.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palabre_actors::domain::event::EventType;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use url::Url;

use super::document::Scope;
use super::fields::{is_loopback, quoted, settled, slug};
use super::raw::{RawSecret, RawTenant};
use super::raw_webhooks::RawWebhook;
use super::secret::Secrets;
use super::suggest;

/// How secrets begin (Standard Webhooks).
const PREFIX: &str = "whsec_";
/// Shorter keys can be guessed; longer ones are none (Standard Webhooks).
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const SECRET_HELP: &str =
    "a secret is `whsec_` and 24 to 64 random bytes in Base64: `echo whsec_$(openssl rand -base64 32)` makes one";
/// All events.
const EVERY: &str = "*";

/// `[webhooks]` of the daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookTargets {
    /// Whether events may go to addresses that are not public.
    pub private_targets: bool,
}

/// `[[webhooks]]`: an endpoint that events go out to.
#[derive(Clone)]
pub struct EventEndpoint {
    /// Its slug, unique within the tenant.
    pub id: String,
    /// Where events are posted. It may carry a token, so `Debug` shows its host alone.
    pub url: Url,
    /// Which events; none: all of them.
    pub events: Vec<EventType>,
    /// The keys that sign, the present one first.
    pub keys: Vec<SecretSlice<u8>>,
    /// Whether texts and addresses go out as well.
    pub reveal: bool,
}

impl fmt::Debug for EventEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("EventEndpoint").field("id", &self.id).field("host", &host).finish_non_exhaustive()
    }
}

/// `None`: something was reported.
pub(super) fn webhooks(root: &Scope<'_>, raw: &RawTenant, secrets: Secrets<'_>) -> Option<Vec<EventEndpoint>> {
    let each = raw.webhooks.iter().flatten().enumerate();
    let read: Vec<_> = each.map(|(at, raw)| webhook(&root.element("webhooks", at), raw, secrets)).collect();
    let read: Vec<EventEndpoint> = read.into_iter().collect::<Option<_>>()?;
    for (at, endpoint) in read.iter().enumerate() {
        if read.iter().take(at).any(|earlier| earlier.id == endpoint.id) {
            let scope = root.element("webhooks", at);
            scope.error("id", format!("another webhook of this tenant is called {} already", quoted(&endpoint.id)), "");
            return None;
        }
    }
    Some(read)
}

fn webhook(scope: &Scope<'_>, raw: &RawWebhook, secrets: Secrets<'_>) -> Option<EventEndpoint> {
    let id = scope
        .required("id", raw.id.as_deref(), "name the endpoint, such as `id = \"crm\"`")
        .and_then(|raw| slug(scope, "id", raw));
    let url = scope
        .required("url", raw.url.as_deref(), "write where events are posted, such as `https://example.com/palabre`")
        .and_then(|raw| target(scope, raw));
    let events = raw.events.as_deref().map_or(Some(Vec::new()), |raw| events(scope, raw));
    let secret = scope
        .required("secret", raw.secret.as_ref(), "write `secret = { env = \"BELLE_WEBHOOK_SECRET\" }`")
        .and_then(|raw| key(scope, "secret", raw, secrets));
    let previous = settled(raw.previous_secret.as_ref().map(|raw| key(scope, "previous_secret", raw, secrets)));
    Some(EventEndpoint {
        id: id?.to_owned(),
        url: url?,
        events: events?,
        keys: [Some(secret?), previous?].into_iter().flatten().collect(),
        reveal: raw.reveal.unwrap_or(false),
    })
}

fn target(scope: &Scope<'_>, raw: &str) -> Option<Url> {
    let help = "write it like `https://example.com/palabre`";
    let url = Url::parse(raw).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let Some(url) = url else {
        scope.wrong("url", "must be a URL that begins with `https://` (or `http://`)", help);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        scope.wrong("url", "must not carry a user, a password or a `#`", help);
        return None;
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        let reason = format!("`{}` is plain HTTP: events cross the network in clear", scope.name("url"));
        scope.warning("url", reason, "use https://");
    }
    Some(url)
}

fn events(scope: &Scope<'_>, raw: &[String]) -> Option<Vec<EventType>> {
    if raw.is_empty() {
        scope.wrong("events", "is empty", "name event types, write `[\"*\"]` for all, or leave it out");
        return None;
    }
    if raw.iter().any(|word| word == EVERY) {
        return Some(Vec::new());
    }
    let mut valid = true;
    let mut events = Vec::new();
    for (at, word) in raw.iter().enumerate() {
        match word.parse::<EventType>() {
            Ok(event) => events.push(event),
            Err(_) => {
                valid = false;
                let known: Vec<&str> = EventType::ALL.iter().map(|event| event.as_str()).collect();
                let help = match suggest::closest(word, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "docs/events.md lists them all; `[\"*\"]` is every one".to_owned(),
                };
                scope.wrong(&format!("events[{at}]"), &format!("is no event type: {}", quoted(word)), &help);
            }
        }
    }
    valid.then_some(events)
}

fn key(scope: &Scope<'_>, key: &str, raw: &RawSecret, secrets: Secrets<'_>) -> Option<SecretSlice<u8>> {
    let secret: SecretString = secrets.resolve(scope, key, raw)?;
    if secrets.left_out {
        return Some(SecretSlice::default());
    }
    let encoded = secret.expose_secret().strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
    let Some(bytes) = encoded.filter(|bytes| KEY_BYTES.contains(&bytes.len())) else {
        scope.wrong(key, "is not a secret of webhooks", SECRET_HELP);
        return None;
    };
    Some(bytes.into())
}
