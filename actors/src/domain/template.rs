//! Templates: texts that a provider has approved. Outside the customer-service window only they may be sent.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::ChannelId;

/// A text that a provider has approved, as the tenant's configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// What rules and the API call it; unique within the tenant.
    pub name: String,
    /// The language it was approved in (`fr`, `en_GB`).
    pub language: String,
    /// The provider's id for it.
    pub content_id: String,
    /// Names of its places, in the order in which the provider numbers them from 1.
    pub variables: Vec<String>,
    /// Its text, for people: `{{name}}` stands where a variable goes.
    pub body: Option<String>,
    /// The channels whose provider knows it; none named: all of the tenant's that can carry templates.
    pub channels: Vec<ChannelId>,
}

impl Template {
    /// Whether the provider behind a channel knows it.
    #[must_use]
    pub fn is_for(&self, channel: &ChannelId) -> bool {
        self.channels.is_empty() || self.channels.contains(channel)
    }

    /// Names of places that nothing, or nothing but blanks, would stand in. No provider takes such a message.
    #[must_use]
    pub fn missing(&self, given: &BTreeMap<String, String>) -> Vec<&str> {
        let filled = |name: &str| given.get(name).is_some_and(|value| !value.trim().is_empty());
        self.variables.iter().map(String::as_str).filter(|name| !filled(name)).collect()
    }

    /// Names that were given and that it has no place for.
    #[must_use]
    pub fn unknown<'v>(&self, given: &'v BTreeMap<String, String>) -> Vec<&'v str> {
        given.keys().map(String::as_str).filter(|name| !self.variables.iter().any(|known| known == name)).collect()
    }
}

/// A template as a message uses it: which, and with what in its places. `Debug` shows no value (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateUse {
    /// The name in the tenant's configuration.
    pub name: String,
    /// What stands in its places, by the names (or numbers) that the configuration gives them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

impl TemplateUse {
    /// The same, with values as providers take them: WhatsApp refuses line breaks, tabs and runs of spaces in a
    /// template's places.
    #[must_use]
    pub fn on_one_line(&self) -> Self {
        let variables = self.variables.iter().map(|(name, value)| (name.clone(), one_line(value))).collect();
        Self { name: self.name.clone(), variables }
    }
}

fn one_line(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Debug for TemplateUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateUse")
            .field("name", &self.name)
            .field("variables", &self.variables.len())
            .finish_non_exhaustive()
    }
}
