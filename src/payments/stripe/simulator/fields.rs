//! Fields of a form with brackets in their names.

use std::collections::HashMap;

use serde_json::{Value, json};

/// `prefix[key]` of a form, as an object.
pub(super) fn metadata(form: &HashMap<String, String>, prefix: &str) -> Value {
    let key = |name: &str| {
        name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']')).map(ToOwned::to_owned)
    };
    form.iter().filter_map(|(name, value)| Some((key(name)?, json!(value)))).collect::<serde_json::Map<_, _>>().into()
}
