//! Late failures of the fake store.

use serde_json::json;

use super::Data;
use crate::domain::Timestamp;
use crate::domain::ids::OutboundId;
use crate::domain::late_failure::{FailedRow, LateConsequence, LateFailure};
use crate::domain::send::SendErrorClass;
use crate::domain::status::{OutboxState, Transition};
use crate::ports::Advanced;

impl Data {
    /// Acts on the failure of a row that has just become `failed`. `None`: it stays failed.
    pub(super) fn late_failure(
        &mut self,
        id: OutboundId,
        failure: &LateFailure,
        code: &str,
        at: Timestamp,
    ) -> Option<Advanced> {
        let row = self.outbound.get(&id)?;
        let message = row.message.clone();
        let failed = FailedRow {
            kind: message.kind,
            template: message.template.as_ref().map(|template| template.name.clone()),
            was_template: message.body.is_empty(),
            attempts: message.attempts,
            generation: message.generation,
            expires_at: message.expires_at,
            sent_at: row.sent_at,
            on_own_channel: row.via.is_none(),
        };
        if failure.class == SendErrorClass::OptedOut {
            self.opt_out_by_provider(&message, at);
        }
        let (due, template_only, waits) = match failure.consequence(&failed, at) {
            LateConsequence::Stays => return None,
            LateConsequence::Requeue { at, as_template } => (at, as_template, None),
            LateConsequence::AwaitContact { since, expires_at } => (since, false, Some(expires_at)),
        };
        let life = message.generation.number + 1;
        let payload = json!({ "reason": code, "life": life, "wait_seconds": (due - at).num_seconds().max(0) });
        self.step(&message, Transition::Requeue, payload, at, |row| {
            row.message.generation.number = life;
            if template_only {
                row.message.body.clear();
            }
            row.next_attempt_at = due;
            row.last_error = Some(code.to_owned());
            row.provider_message_id = None;
            row.sent_at = None;
            row.via = None;
        });
        self.unsettle(&message.tenant, &message.to, None);
        if let Some(expires_at) = waits {
            self.step(&message, Transition::Defer, json!({ "reason": code }), at, |row| {
                row.blocked_reason = Some(code.to_owned());
                row.message.expires_at = Some(expires_at);
            });
            return Some(Advanced::To(OutboxState::Deferred));
        }
        if failure.channel.keep_order
            && let Some(head) = self.head(message.conversation)
        {
            self.block_behind(message.conversation, head);
        }
        Some(Advanced::Requeued(due))
    }
}
