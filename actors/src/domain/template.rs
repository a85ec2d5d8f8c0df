//! Templates: texts that the provider has approved, and the only ones that may pass outside the customer-service window.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A template as a message uses it: which, and with what in its places. `Debug` shows no value (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateUse {
    /// The name in the tenant's configuration.
    pub name: String,
    /// What stands in its places, by the names (or numbers) that the configuration gives them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

impl fmt::Debug for TemplateUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateUse")
            .field("name", &self.name)
            .field("variables", &self.variables.len())
            .finish_non_exhaustive()
    }
}
