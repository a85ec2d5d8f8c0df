//! Raw configuration: which keys exist, and of which type each value is. Values are checked later, so every field is
//! optional and every number is wide.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

pub(super) use super::raw_console::{RawConsole, RawOidc};
use super::raw_flows::{RawBooking, RawCalendar, RawDriver, RawFlow, RawFlowTexts, RawRides, RawService};
pub(super) use super::raw_media::{RawMedia, RawMediaBucket, RawTenantMedia};
pub(super) use super::raw_observers::{RawOtlp, RawSentry};
use super::raw_plans::{RawImprint, RawPlan, RawStripe, RawStripeAccount};
pub(super) use super::raw_values::{INLINE_SECRET, RawPair};
pub use super::raw_values::{RawDuration, RawSecret};
use super::raw_webhooks::{RawWebhook, RawWebhookTargets};

/// `palabre.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) http: RawHttp,
    pub(super) database: RawDatabase,
    pub(super) redis: RawRedis,
    pub(super) spool: RawSpool,
    pub(super) retention: RawRetention,
    pub(super) media: RawMedia,
    pub(super) tenants: RawTenants,
    pub(super) logs: RawLogs,
    pub(super) runtime: RawRuntime,
    pub(super) api: RawApi,
    pub(super) console: RawConsole,
    pub(super) privacy: RawPrivacy,
    pub(super) stripe: RawStripe,
    pub(super) webhooks: RawWebhookTargets,
    pub(super) sentry: RawSentry,
    pub(super) otlp: RawOtlp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHttp {
    pub(super) listen: Option<String>,
    pub(super) admin_listen: Option<String>,
    pub(super) public_base_url: Option<String>,
    pub(super) trusted_proxies: Option<Vec<String>>,
    pub(super) max_body_bytes: Option<i64>,
    pub(super) workers: Option<i64>,
    pub(super) max_connections: Option<i64>,
    pub(super) large_bodies_bytes: Option<i64>,
    pub(super) failures_per_minute: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDatabase {
    pub(super) url: Option<String>,
    pub(super) migrate: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRedis {
    pub(super) url: Option<String>,
}

impl fmt::Debug for RawRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawRedis(masked)")
    }
}

/// `[retention]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRetention {
    pub(super) messages: Option<RawDuration>,
    pub(super) events: Option<RawDuration>,
    pub(super) media: Option<RawDuration>,
}

/// `[spool]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSpool {
    pub(super) dir: Option<String>,
    pub(super) max_bytes: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTenants {
    pub(super) dir: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLogs {
    pub(super) format: Option<String>,
    pub(super) level: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRuntime {
    pub(super) shards: Option<i64>,
    pub(super) max_in_flight: Option<i64>,
    pub(super) max_in_flight_per_tenant: Option<i64>,
    pub(super) max_waiting_webhooks: Option<i64>,
    pub(super) senders: Option<i64>,
    pub(super) passivate_after: Option<RawDuration>,
    pub(super) max_resident_conversations: Option<i64>,
    pub(super) drain: Option<RawDuration>,
    pub(super) drain_notice: Option<RawDuration>,
    pub(super) sweep_every: Option<RawDuration>,
    pub(super) watch_every: Option<RawDuration>,
    pub(super) ask_after: Option<RawDuration>,
    pub(super) lease: Option<RawDuration>,
}

/// `[privacy]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPrivacy {
    pub(super) audit_retention: Option<RawDuration>,
    pub(super) payment_retention: Option<RawDuration>,
    pub(super) export_dir: Option<String>,
    pub(super) export_retention: Option<RawDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawApi {
    pub(super) keys: Option<Vec<RawApiKey>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawApiKey {
    pub(super) name: Option<String>,
    pub(super) key: Option<RawSecret>,
    pub(super) tenants: Option<Vec<String>>,
    pub(super) scopes: Option<Vec<String>>,
}

/// `tenants/*.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTenant {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) language: Option<String>,
    pub(super) timezone: Option<String>,
    pub(super) country: Option<String>,
    pub(super) sellers: Option<Vec<String>>,
    pub(super) channels: Option<Vec<RawChannel>>,
    pub(super) limits: RawLimits,
    pub(super) budget: RawBudget,
    pub(super) consent: RawConsent,
    pub(super) outbox: RawTenantOutbox,
    pub(super) session: RawSession,
    pub(super) live_session: RawSession,
    pub(super) loops: RawLoops,
    pub(super) keywords: RawKeywords,
    pub(super) templates: Option<Vec<RawTemplate>>,
    pub(super) faq: Option<Vec<RawFaq>>,
    pub(super) replies: RawReplies,
    pub(super) hours: RawHours,
    pub(super) services: Option<Vec<RawService>>,
    pub(super) booking: RawBooking,
    pub(super) calendars: Option<Vec<RawCalendar>>,
    pub(super) flows: Option<Vec<RawFlow>>,
    pub(super) flow_texts: RawFlowTexts,
    pub(super) stripe: RawStripeAccount,
    pub(super) plans: Option<Vec<RawPlan>>,
    pub(super) imprint: RawImprint,
    pub(super) drivers: Option<Vec<RawDriver>>,
    pub(super) rides: RawRides,
    pub(super) escalation: Option<RawEscalation>,
    pub(super) notify: RawNotify,
    pub(super) journal: Option<RawJournal>,
    pub(super) webhooks: Option<Vec<RawWebhook>>,
    pub(super) crm: Option<RawCrm>,
    pub(super) media: RawTenantMedia,
    pub(super) assistant: Option<RawAssistant>,
}

/// The keys that every channel has; its provider's own are read apart ([`super::section`]).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawChannel {
    pub(super) id: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) address: Option<String>,
    pub(super) timeout: Option<RawDuration>,
    pub(super) on_unknown: Option<String>,
    pub(super) per_second: Option<i64>,
    pub(super) pair: Option<RawPair>,
    pub(super) window: Option<RawDuration>,
    pub(super) keep_order: Option<bool>,
    pub(super) cost: Option<f64>,
    pub(super) fallback_channel: Option<String>,
    pub(super) retry: RawRetry,
    pub(super) breaker: RawBreaker,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRetry {
    pub(super) initial: Option<RawDuration>,
    pub(super) cap: Option<RawDuration>,
    pub(super) max_attempts: Option<i64>,
    pub(super) max_age: Option<RawDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBreaker {
    pub(super) consecutive_failures: Option<i64>,
    pub(super) error_rate: Option<f64>,
    pub(super) sample: Option<i64>,
    pub(super) period: Option<RawDuration>,
    pub(super) open_for: Option<RawDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBudget {
    pub(super) per_day: Option<f64>,
    pub(super) per_month: Option<f64>,
    pub(super) alert_at: Option<f64>,
    pub(super) hard_stop: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConsent {
    pub(super) double_opt_in: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTenantOutbox {
    pub(super) deferred_for: Option<RawDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTemplate {
    pub(super) name: Option<String>,
    pub(super) language: Option<String>,
    pub(super) content_sid: Option<String>,
    pub(super) variables: Option<Vec<String>>,
    pub(super) body: Option<String>,
    pub(super) channels: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    pub(super) weight: Option<i64>,
    pub(super) per_second: Option<i64>,
    pub(super) per_contact_per_minute: Option<i64>,
    pub(super) per_day: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSession {
    pub(super) idle_after: Option<RawDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLoops {
    pub(super) enabled: Option<bool>,
    pub(super) within: Option<RawDuration>,
    pub(super) same_words: Option<i64>,
    pub(super) turns: Option<i64>,
    pub(super) forget_after: Option<RawDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawKeywords {
    pub(super) stop: Option<Vec<String>>,
    pub(super) start: Option<Vec<String>>,
    pub(super) help: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFaq {
    pub(super) question: Option<String>,
    pub(super) keywords: Option<Vec<String>>,
    pub(super) about: Option<Vec<String>>,
    pub(super) answer: Option<String>,
    pub(super) template: Option<String>,
    pub(super) template_variables: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawReplies {
    pub(super) fallback: Option<String>,
    pub(super) seller: Option<String>,
    pub(super) opt_out: Option<String>,
    pub(super) opt_in: Option<String>,
    pub(super) help: Option<String>,
    pub(super) welcome: Option<String>,
    pub(super) confirmed: Option<String>,
    pub(super) menu: Option<String>,
    pub(super) ask_stop: Option<String>,
    pub(super) voice: Option<String>,
    pub(super) picture: Option<String>,
    pub(super) sign: Option<String>,
    pub(super) person: Option<String>,
    pub(super) person_closed: Option<String>,
}

/// `[hours]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHours {
    pub(super) mon: Option<Vec<String>>,
    pub(super) tue: Option<Vec<String>>,
    pub(super) wed: Option<Vec<String>>,
    pub(super) thu: Option<Vec<String>>,
    pub(super) fri: Option<Vec<String>>,
    pub(super) sat: Option<Vec<String>>,
    pub(super) sun: Option<Vec<String>>,
    pub(super) holidays: Option<String>,
    pub(super) dates: Option<Vec<String>>,
    pub(super) closed_reply: Option<String>,
}

/// `[escalation]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEscalation {
    pub(super) keywords: Option<Vec<String>>,
    pub(super) on_negative_mood: Option<bool>,
    pub(super) after_misses: Option<i64>,
    pub(super) hand_back_after: Option<RawDuration>,
}

/// `[assistant]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAssistant {
    pub(super) base_url: Option<String>,
    pub(super) model: Option<String>,
    pub(super) api_key: Option<RawSecret>,
    pub(super) facts: Option<String>,
    pub(super) timeout: Option<RawDuration>,
    pub(super) budget_per_day: Option<f64>,
    pub(super) price_prompt: Option<f64>,
    pub(super) price_completion: Option<f64>,
    pub(super) max_tokens: Option<i64>,
    pub(super) person: Option<String>,
}

/// `[notify]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNotify {
    pub(super) to: Option<Vec<String>>,
    pub(super) unread_after: Option<RawDuration>,
}

/// `[crm]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCrm {
    pub(super) provider: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) api_key: Option<RawSecret>,
    pub(super) file: Option<String>,
    pub(super) timeout: Option<RawDuration>,
    pub(super) cache: Option<RawDuration>,
    pub(super) log_emails: Option<bool>,
}

/// `[journal]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawJournal {
    pub(super) dir: Option<String>,
    pub(super) reveal: Option<bool>,
}
