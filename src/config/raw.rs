//! What may stand in the files: which keys exist and of which kind their values are. Whether the values hold is the next
//! phase's business, so every field is optional and every number is wide.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// `palabre.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) http: RawHttp,
    pub(super) database: RawDatabase,
    pub(super) redis: RawRedis,
    pub(super) tenants: RawTenants,
    pub(super) logs: RawLogs,
    pub(super) runtime: RawRuntime,
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
    pub(super) sweep_every: Option<RawDuration>,
    pub(super) ask_after: Option<RawDuration>,
    pub(super) lease: Option<RawDuration>,
}

/// `tenants/*.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTenant {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) language: Option<String>,
    pub(super) timezone: Option<String>,
    pub(super) sellers: Option<Vec<String>>,
    pub(super) channels: Option<Vec<RawChannel>>,
    pub(super) limits: RawLimits,
    pub(super) session: RawSession,
    pub(super) live_session: RawSession,
    pub(super) keywords: RawKeywords,
    pub(super) faq: Option<Vec<RawFaq>>,
    pub(super) replies: RawReplies,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawChannel {
    pub(super) id: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) address: Option<String>,
    pub(super) account_sid: Option<String>,
    pub(super) auth_token: Option<RawSecret>,
    pub(super) messaging_service_sid: Option<String>,
    pub(super) api_base_url: Option<String>,
    pub(super) timeout: Option<RawDuration>,
    pub(super) on_unknown: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
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
    pub(super) answer: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawReplies {
    pub(super) fallback: Option<String>,
    pub(super) seller: Option<String>,
    pub(super) opt_out: Option<String>,
    pub(super) opt_in: Option<String>,
    pub(super) help: Option<String>,
}

/// `"30s"`. A type of its own so that a bare number is answered with how to write it.
#[derive(Debug)]
pub(super) struct RawDuration(pub(super) String);

impl<'de> Deserialize<'de> for RawDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = RawDuration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration in quotes, with its unit, such as \"30s\" or \"5m\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawDuration, E> {
                Ok(RawDuration(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// Where a secret is kept. Its text never stands in a file of ours, so it cannot be held here.
#[derive(Debug, Default)]
pub(super) struct RawSecret {
    pub(super) env: Option<String>,
    pub(super) file: Option<String>,
}

/// What is said to a secret that is written out.
pub(super) const INLINE_SECRET: &str = "a secret may not be written out in a configuration file";

impl<'de> Deserialize<'de> for RawSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reference;
        impl<'de> Visitor<'de> for Reference {
            type Value = RawSecret;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`{ env = \"NAME\" }` or `{ file = \"path\" }`")
            }
            fn visit_str<E: de::Error>(self, _text: &str) -> Result<RawSecret, E> {
                Err(E::custom(INLINE_SECRET))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawSecret, A::Error> {
                let fields = SecretFields::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(RawSecret { env: fields.env, file: fields.file })
            }
        }
        deserializer.deserialize_any(Reference)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SecretFields {
    env: Option<String>,
    file: Option<String>,
}
