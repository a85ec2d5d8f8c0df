//! Raw values that several tables have: durations, secrets, quotas.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// `{ every = "6s", burst = 45 }`, or a word instead: `"off"`.
#[derive(Debug, Default)]
pub(super) struct RawPair {
    pub(super) every: Option<RawDuration>,
    pub(super) burst: Option<i64>,
    pub(super) word: Option<String>,
}

impl<'de> Deserialize<'de> for RawPair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Quota;
        impl<'de> Visitor<'de> for Quota {
            type Value = RawPair;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`{ every = \"6s\", burst = 45 }` or \"off\"")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<RawPair, E> {
                Ok(RawPair { word: Some(word.to_owned()), ..RawPair::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawPair, A::Error> {
                let fields = PairFields::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(RawPair { every: fields.every, burst: fields.burst, word: None })
            }
        }
        deserializer.deserialize_any(Quota)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PairFields {
    every: Option<RawDuration>,
    burst: Option<i64>,
}

/// `"30s"`. A type of its own so that a bare number is answered with how to write it.
#[derive(Debug)]
pub struct RawDuration(pub(super) String);

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
pub struct RawSecret {
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
