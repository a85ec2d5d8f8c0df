//! Requests to write a message at a later time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::send::{Refused, SendRequest, write_message};
use super::{Request, open};
use crate::domain::Timestamp;
use crate::domain::conversation::State;
use crate::domain::ids::{CorrelationId, TimerId};
use crate::domain::message::{Category, Choice};
use crate::domain::presentation::Presentation;
use crate::domain::rules::Rules;
use crate::domain::template::TemplateUse;
use crate::domain::timer::{Timer, TimerChange, TimerKind};
use crate::domain::turn::Turn;

/// A message that waits for its time: the payload of [`TimerKind::Send`]. It has no idempotency key, because that belongs to
/// a row of the outbox, which is not there yet. `Debug` does not show the text (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledMessage {
    /// As [`SendRequest::text`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// As [`SendRequest::template`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateUse>,
    /// As [`SendRequest::choices`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// As [`SendRequest::presentation`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presentation: Option<Presentation>,
    /// As [`SendRequest::category`].
    #[serde(default, skip_serializing_if = "Category::is_default")]
    pub category: Category,
    /// As [`SendRequest::urgent`].
    pub urgent: bool,
    /// As [`SendRequest::expires_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for ScheduledMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduledMessage")
            .field("text_bytes", &self.text.as_ref().map(String::len))
            .field("template", &self.template)
            .field("urgent", &self.urgent)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

impl ScheduledMessage {
    /// The same, to be written now.
    pub(in crate::domain::turn) fn into_request(self, correlation: CorrelationId) -> SendRequest {
        let Self { text, template, choices, presentation, category, urgent, expires_at } = self;
        let idempotency_key = None;
        SendRequest {
            text,
            template,
            choices,
            presentation,
            category,
            urgent,
            send_at: None,
            expires_at,
            idempotency_key,
            correlation,
        }
    }
}

/// Sets the timer, when the message could be written now; what changes until then is judged then.
pub(super) fn decide(
    state: &State,
    (request, at): (&Request, Timestamp),
    message: &ScheduledMessage,
    rules: &Rules,
    now: Timestamp,
) -> Result<Turn, Refused> {
    let by = (request.by.actor_type, request.by.name.as_deref());
    let written = write_message(state, &message.clone().into_request(request.correlation), rules, now, by)?;
    if at <= now {
        return Ok(written);
    }
    if message.expires_at.is_some_and(|expires_at| expires_at <= at) {
        return Err(Refused::Expired);
    }
    let mut turn = open(state, request, now);
    turn.timers.push(TimerChange::Set(Timer {
        id: TimerId::fresh(),
        kind: TimerKind::Send,
        fires_at: at,
        payload: serde_json::to_string(message).map_err(|_| Refused::Empty)?,
        correlation: request.correlation,
        created_at: now,
    }));
    Ok(turn)
}

pub(super) fn cancel(mut turn: Turn, timer: TimerId) -> Turn {
    turn.timers.push(TimerChange::Cancel(timer));
    turn
}
