//! Validated configuration, one struct per concern.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::address::{Address, HomeCountry};
use palabre_actors::domain::budget::BudgetPolicy;
use palabre_actors::domain::channel::ChannelProfile;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::rules::Rules;
pub use palabre_actors::domain::send::OnUnknown;
use secrecy::SecretString;

pub use super::assistant::AssistantSettings;
pub use super::busy::{BusyCalendar, CalendarAccount};
pub use super::cidr::Cidr;
pub use super::console::{Console, ConsoleOidc};
pub use super::crm::{Crm, CrmSource};
pub use super::journal::Journal;
pub use super::media::{MediaBucketSettings, MediaSettings, TenantMedia};
pub use super::observers::{OtlpCollector, SentryProject};
pub use super::plan::{Sales, StripePlatform};
pub use super::provider_account::ProviderAccount;
pub use super::retention::{Privacy, Retention};
pub use super::spool::Spool;
pub use super::webhooks::{EventEndpoint, WebhookTargets};

/// The whole configuration, valid as it stands.
#[derive(Clone, Debug)]
pub struct Config {
    /// Listeners.
    pub http: Http,
    /// The store.
    pub database: Database,
    /// The shared cache of a cluster, when there is one. Nothing uses it yet.
    pub redis: Option<Redis>,
    /// Where messages wait while the database is away, when there is such a place.
    pub spool: Option<Spool>,
    /// How long what was written is kept.
    pub retention: Retention,
    /// What is kept about people.
    pub privacy: Privacy,
    /// Where files of messages are kept.
    pub media: MediaSettings,
    /// Log lines.
    pub logs: Logs,
    /// How much runs at once.
    pub runtime: Runtime,
    /// The pages for the people of the tenants.
    pub console: Console,
    /// Who may use the API.
    pub api: Api,
    /// The payment platform, when anything is sold by card.
    pub stripe: Option<StripePlatform>,
    /// Where events may go out to.
    pub webhooks: WebhookTargets,
    /// Who is told of errors.
    pub sentry: Option<SentryProject>,
    /// Who is told what took how long.
    pub otlp: Option<OtlpCollector>,
    /// The businesses, in the order of their files' names.
    pub tenants: Vec<Tenant>,
}

/// `[http]`
#[derive(Clone, Debug)]
pub struct Http {
    /// Webhooks and health.
    pub listen: SocketAddr,
    /// Metrics and API; `None`: the same listener.
    pub admin_listen: Option<SocketAddr>,
    /// What providers see, without a trailing slash; signatures are checked against it. `None`: the request's own Host.
    pub public_base_url: Option<String>,
    /// Peers whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// The largest body that is read.
    pub max_body_bytes: usize,
    /// Worker threads; 0: one per core.
    pub workers: usize,
    /// Connections at once, over all workers of a listener.
    pub max_connections: usize,
    /// What bodies beyond [`crate::http::SMALL_BODY_BYTES`] may take of memory together.
    pub large_bodies_bytes: usize,
    /// Webhooks in a minute that one channel cannot believe, of one source; 0: no limit.
    pub failures_per_minute: u32,
}

impl Http {
    /// Where a listener is reached from this machine: one that is open on every interface, by loopback.
    #[must_use]
    pub fn reached_at(listen: SocketAddr) -> SocketAddr {
        match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
            IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
            _ => listen,
        }
    }
}

/// `[database]`. `Debug` shows no URL: it may carry a password.
#[derive(Clone)]
pub struct Database {
    /// `sqlite://palabre.db` (relative paths are made absolute from the configuration file's folder), or
    /// `postgres://user:password@host/database`.
    pub url: String,
    /// Migrate at start.
    pub migrate: bool,
}

impl Database {
    /// Whether it is a server, which may be away.
    #[must_use]
    pub fn is_server(&self) -> bool {
        !self.url.starts_with("sqlite:")
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("migrate", &self.migrate).finish_non_exhaustive()
    }
}

/// `[redis]`
#[derive(Clone, Debug)]
pub struct Redis {
    /// `redis://…`; kept as a secret, because it may carry a password.
    pub url: SecretString,
}

/// `[logs]`
#[derive(Clone, Debug)]
pub struct Logs {
    /// How lines look.
    pub format: LogFormat,
    /// A filter in tracing's syntax (`info`, `palabre=debug,info`).
    pub level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// `[runtime]`
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Arbiters that tenants are spread over; 0: one per core.
    pub shards: usize,
    /// Accepted messages in memory at once, over all tenants; more wait in the store.
    pub max_in_flight: usize,
    /// Accepted messages of one tenant in memory at once.
    pub max_in_flight_per_tenant: usize,
    /// Webhooks that wait for their commit at once; more get 503.
    pub max_waiting_webhooks: usize,
    /// Messages being sent at once.
    pub senders: usize,
    /// A conversation leaves memory after this long without a message.
    pub passivate_after: Duration,
    /// Conversations in memory at once, over all tenants.
    pub max_resident_conversations: usize,
    /// How long SIGTERM waits for turns and sends in flight.
    pub drain: Duration,
    /// How long SIGTERM is announced before the listeners close: a part of [`Runtime::drain`], and shorter.
    pub drain_notice: Duration,
    /// How often the store is asked for what nobody told us about.
    pub sweep_every: Duration,
    /// How often it is measured what only alerts ask for.
    pub watch_every: Duration,
    /// How long to wait before asking a provider about a message whose fate is unknown.
    pub ask_after: Duration,
    /// How long a message is leased to the process that sends it, or asks about it.
    pub lease: Duration,
}

/// `[api]`
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// Without any, the API lets nobody in.
    pub keys: Vec<ApiKey>,
}

/// `[[api.keys]]`: who may do what, to whom.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// What logs call its holder; unique.
    pub name: String,
    /// The bearer key; no two are the same.
    pub key: SecretString,
    /// The tenants it opens.
    pub tenants: ApiTenants,
    /// What it allows, each once.
    pub scopes: Vec<ApiScope>,
}

/// Which tenants a key opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiTenants {
    /// `["*"]`: every one, also those to come.
    All,
    /// Those of the configuration that are named.
    Only(Vec<TenantId>),
}

impl ApiTenants {
    /// Whether it opens a tenant.
    #[must_use]
    pub fn include(&self, tenant: &TenantId) -> bool {
        match self {
            Self::All => true,
            Self::Only(tenants) => tenants.contains(tenant),
        }
    }
}

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiScope {
    /// `read`: look at messages, consents and channels, with masked addresses and without texts.
    Read,
    /// `read-content`: see whole addresses and texts in what `read` shows.
    ReadContent,
    /// `send`: write messages.
    Send,
    /// `operate`: replay, cancel, pause, resume.
    Operate,
    /// `privacy`: export persons, and erase them.
    Privacy,
}

impl ApiScope {
    pub const ALL: [Self; 5] = [Self::Read, Self::ReadContent, Self::Send, Self::Operate, Self::Privacy];

    /// The word of the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadContent => "read-content",
            Self::Send => "send",
            Self::Operate => "operate",
            Self::Privacy => "privacy",
        }
    }
}

/// One business: `config/tenants/*.toml`. Whether it asks for double opt-in stands in its rules.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its slug.
    pub id: TenantId,
    /// The name customers know.
    pub name: String,
    /// Its IANA time zone.
    pub timezone: chrono_tz::Tz,
    /// What phone numbers without `+` mean; `None`: they are refused.
    pub country: Option<HomeCountry>,
    /// Its sender accounts.
    pub channels: Vec<Channel>,
    pub limits: Limits,
    /// What it may spend.
    pub budget: BudgetPolicy,
    /// How long a message waits for the contact's next word before it expires.
    pub deferred_for: Duration,
    /// Who is told when a conversation needs a person.
    pub notify: Vec<Address>,
    /// What decisions need.
    pub rules: Arc<Rules>,
    /// Where each entry of its FAQ stands, in their order.
    pub faq_places: Vec<super::Location>,
    pub assistant: Option<AssistantSettings>,
    /// What it sells.
    pub access: Sales,
    /// Its message events as files, when it wants them.
    pub journal: Option<Journal>,
    /// Where its events go out to.
    pub webhooks: Vec<EventEndpoint>,
    /// Where it keeps whose a number is.
    pub crm: Option<Crm>,
    /// Where else the time of its resources is taken.
    pub calendars: Vec<BusyCalendar>,
    /// Which files of messages it takes.
    pub media: TenantMedia,
}

/// `[limits]`
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Its share of the senders where tenants compete; 1 is ordinary.
    pub weight: u32,
    /// The tenant's sends in any second.
    pub per_second: u32,
    /// The tenant's sends in a day of its time zone.
    pub per_day: u32,
}

/// `[[channels]]`: one sender account.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its slug, unique over all tenants: it stands in webhook paths.
    pub id: ChannelId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The sender's address at the provider.
    pub address: Address,
    /// How to talk to the provider.
    pub provider: ProviderAccount,
    /// Its pace, its order, its way out when it fails.
    pub profile: Arc<ChannelProfile>,
}
