//! Validation of `[[channels]]`. The provider's own keys are read by its [`ProviderSection`].

use std::sync::Arc;
use std::time::Duration;

use figment::value::Dict;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::channel::ChannelProfile;
use palabre_actors::domain::ids::{ChannelId, TenantId};

use super::delivery::{self, Rates};
use super::document::Scope;
use super::fields::{choice, duration, slug};
use super::raw::{RawChannel, RawDuration, RawLimits};
use super::secret::Secrets;
use super::section::{COMMON_KEYS, Configured, ProviderSection, Providers, Section};
use super::suggest;
use super::types::{Channel, OnUnknown};

/// The longest that one call may take: half of what an outbox row is leased for.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one call may take, unless a channel says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Words that stand where a channel id would stand in webhook paths, for every provider.
const RESERVED_IDS: [&str; 2] = ["status", "status-check"];

/// What channels are read with.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) secrets: Secrets<'a>,
    pub(super) providers: &'a dyn Providers,
}

/// A channel, and those of its keys that are compared with other tables' and files': each holds, whatever else does not.
#[derive(Debug)]
pub(super) struct Checked {
    /// The whole. `None`: something was reported.
    pub(super) whole: Option<Channel>,
    pub(super) id: Option<ChannelId>,
    pub(super) provider: Option<&'static dyn ProviderSection>,
    /// Whether it is at the provider itself, rather than at something that stands in for it.
    pub(super) is_live: bool,
    pub(super) address: Option<Address>,
    /// Provider, account and address: together they belong to one channel.
    pub(super) sender: Option<(String, String, String)>,
    /// How long one call may take.
    pub(super) timeout: Option<Duration>,
}

/// One sender account; `own` are the keys that are its provider's.
pub(super) fn channel(
    scope: &Scope<'_>,
    (raw, own): (&RawChannel, Dict),
    (tenant, limits): (Option<&TenantId>, &RawLimits),
    reading: Reading<'_>,
) -> Checked {
    let sections = reading.providers.sections();
    let id = scope
        .required("id", raw.id.as_deref(), "give it a name for webhook paths, such as `id = \"belle-wa\"`")
        .and_then(|raw| slug(scope, "id", raw))
        .and_then(|id| not_reserved(scope, id, &sections))
        .map(ChannelId::new);
    let provider = provider(scope, raw.provider.as_deref(), &sections);
    scope.required("address", raw.address.as_deref(), "the sender's address at the provider");
    let timeout = raw.timeout.as_ref().map_or(Some(TIMEOUT), |raw| call_timeout(scope, raw));
    let choices = [("resend", OnUnknown::Resend), ("park", OnUnknown::Park)];
    let on_unknown = raw.on_unknown.as_deref();
    let on_unknown = on_unknown.map_or(Some(OnUnknown::default()), |raw| choice(scope, "on_unknown", raw, &choices));
    let section = Section { scope: scope.clone(), own, raw: Some(raw), secrets: reading.secrets, timeout, on_unknown };
    let Configured { address, account, is_live, settings } = match provider {
        Some(provider) => provider.configure(&section),
        None => {
            unknown_keys(&section, &sections);
            Configured::default()
        }
    };
    // Whatever the provider is, the rest of the channel is looked at.
    let rates = provider.map_or(Rates::default(), |provider| Rates::of(&provider.capabilities()));
    let profile = delivery::profile(scope, raw, rates.of_tenant(limits));
    let sender = provider.zip(account).zip(address.as_ref());
    let sender =
        sender.map(|((provider, account), address)| (provider.name().to_owned(), account, address.as_str().to_owned()));
    let whole = || {
        let address = address.clone()?;
        let typing = provider.and_then(|provider| provider.capabilities().typing);
        let profile = ChannelProfile { scheme: address.scheme(), typing, ..profile? };
        let (id, tenant) = (id.clone()?, tenant?.clone());
        Some(Channel { id, tenant, address, provider: settings?, profile: Arc::new(profile) })
    };
    let whole = timeout.zip(on_unknown).and_then(|_| whole());
    Checked { whole, id, provider, is_live, address, sender, timeout }
}

fn not_reserved<'r>(scope: &Scope<'_>, id: &'r str, sections: &[&dyn ProviderSection]) -> Option<&'r str> {
    let is_reserved = |words: &[&str]| words.contains(&id);
    if is_reserved(&RESERVED_IDS) || sections.iter().any(|section| is_reserved(section.reserved_ids())) {
        let help = "it has a meaning of its own in webhook paths; choose another";
        scope.wrong("id", &format!("cannot be `{id}`"), help);
        return None;
    }
    Some(id)
}

fn provider(
    scope: &Scope<'_>,
    raw: Option<&str>,
    sections: &[&'static dyn ProviderSection],
) -> Option<&'static dyn ProviderSection> {
    let choices: Vec<(&str, &'static dyn ProviderSection)> =
        sections.iter().map(|section| (section.name(), *section)).collect();
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let raw = scope.required("provider", raw, &format!("one of {}", suggest::list(&names)))?;
    choice(scope, "provider", raw, &choices)
}

/// Keys that no provider has: of a channel whose provider is not known, no more can be said.
fn unknown_keys(section: &Section<'_>, sections: &[&dyn ProviderSection]) {
    let known: Vec<&str> = sections.iter().flat_map(|section| section.keys()).chain(COMMON_KEYS).copied().collect();
    for key in section.own.keys().filter(|key| !known.contains(&key.as_str())) {
        section.scope.unknown_key(key, &known);
    }
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
