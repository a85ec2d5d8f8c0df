//! Why a message waits.

use serde::Serialize;
use utoipa::ToSchema;

use super::moment;
use crate::store::BlockedReason;
use crate::store::operator;

/// What holds a pending message back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Waiting {
    /// `line`: another message of its conversation comes first. `pause`: its channel is paused. `rest`: nothing of its
    /// channel is sent for a while. `time`: its own time has not come. `turn`: it is due, and waits for a sender.
    #[schema(example = "rest")]
    pub what: &'static str,
    /// Why: a word of Palabre's or the provider's code (docs/outbox.md), or what an operator wrote.
    #[schema(example = "breaker_open")]
    pub reason: Option<String>,
    /// Until when; null: that is not known, or until somebody resumes the channel.
    pub until: Option<String>,
    /// The message that comes first in its conversation.
    pub behind: Option<String>,
    /// How many messages of its channel come before it, when it is due.
    pub before: Option<u64>,
}

impl Waiting {
    /// The document of a wait.
    #[must_use]
    pub fn of(wait: &BlockedReason) -> Self {
        let (what, behind, before) = match wait {
            BlockedReason::Behind { message, .. } => ("line", Some(message.to_string()), None),
            BlockedReason::Paused { .. } => ("pause", None, None),
            BlockedReason::ChannelNotice { .. } => ("rest", None, None),
            BlockedReason::Time { .. } => ("time", None, None),
            BlockedReason::Turn { before } => ("turn", None, Some(*before)),
        };
        let until = wait.until().filter(|until| *until < operator::endless()).map(moment);
        Self { what, reason: wait.reason().map(str::to_owned), until, behind, before }
    }
}
