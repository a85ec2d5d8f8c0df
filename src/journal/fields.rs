//! One line of a journal.

use palabre_actors::domain::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::JournalRow;

/// The fields of a line, in their order. `Debug` shows which event it is, and no text (I10).
#[derive(Clone, Serialize, Deserialize)]
pub struct JournalLine {
    pub id: Uuid,
    pub tenant_id: String,
    pub channel: Option<String>,
    pub provider: Option<String>,
    /// `in` or `out`.
    pub direction: String,
    pub event: String,
    pub contact_id: Option<Uuid>,
    pub lead_id: Option<String>,
    pub correlation_id: Uuid,
    pub created_at: Timestamp,
    pub message_id: Uuid,
    /// These three with `reveal` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl JournalLine {
    #[must_use]
    pub fn of(row: JournalRow) -> Self {
        let (from, to, body) =
            row.content.map_or((None, None, None), |content| (content.from, content.to, content.body));
        Self {
            id: row.id,
            tenant_id: row.tenant.as_str().to_owned(),
            channel: row.channel,
            provider: row.provider,
            direction: if row.is_outbound { "out" } else { "in" }.to_owned(),
            event: row.event,
            contact_id: row.contact,
            lead_id: row.lead,
            correlation_id: row.correlation.0,
            created_at: row.created_at,
            message_id: row.message,
            from,
            to,
            body,
        }
    }
}

impl JournalLine {
    /// Whether address or text is in it.
    pub(super) const fn is_revealed(&self) -> bool {
        self.from.is_some() || self.to.is_some() || self.body.is_some()
    }

    /// The line without address and text.
    pub(super) fn veiled(self) -> Self {
        Self { from: None, to: None, body: None, ..self }
    }
}

impl std::fmt::Debug for JournalLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JournalLine").field("id", &self.id).field("event", &self.event).finish_non_exhaustive()
    }
}
