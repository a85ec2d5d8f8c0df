//! Port: the assistant.

use super::Pending;
use crate::domain::assistant::{AssistantQuestion, AssistantReply, AssistantSilence};

/// Answers questions of a tenant's contacts from what the tenant wrote down. It keeps its own deadline, and never fails: what
/// goes wrong is [`AssistantReply::Silent`].
pub trait Assistant: Send + Sync {
    /// Asks. The future may be dropped at any time.
    fn ask(&self, question: AssistantQuestion) -> Pending<'_, AssistantReply>;
}

/// No assistant at all.
impl Assistant for () {
    fn ask(&self, _: AssistantQuestion) -> Pending<'_, AssistantReply> {
        Box::pin(async { AssistantReply::Silent(AssistantSilence::Absent) })
    }
}
