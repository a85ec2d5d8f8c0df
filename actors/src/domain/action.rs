//! Provider calls that are not messages: rows of the outbox beside them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A provider call that is not a message: an invite link, an approval, a refund. Stored as one JSON column. `Debug` shows
/// only the kind (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What is to be done, as the gateway that can do it names it (`invite_link`).
    pub kind: String,
    /// What the gateway needs for it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The code with which a gateway rejects an action that it does not know: the row is a dead letter with this reason.
pub const UNSUPPORTED_ACTION: &str = "unsupported_action";
