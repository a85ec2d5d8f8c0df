//! What is looked up for a message before its turn is decided.

use super::assistant::{AssistantKnowledge, AssistantQuestion};
use super::live::LiveKnowledge;

/// What a turn needs to know before it can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The tenant's open live session ([`Prepared::live`]).
    Live {
        /// With everybody who takes part: for sellers.
        clients: bool,
    },
    /// What the tenant's assistant answers ([`Prepared::assistant`]).
    Assistant(AssistantQuestion),
}

/// What was looked up for the message that is decided next. It is thrown away with the message's turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// The tenant's open live session.
    pub live: LiveKnowledge,
    /// What came of asking the assistant.
    pub assistant: AssistantKnowledge,
}
