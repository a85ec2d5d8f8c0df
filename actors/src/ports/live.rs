//! What is read of a live session.

use crate::domain::ids::ConversationId;

/// How much of a live session is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveScope {
    /// All lines, and who takes part: for its seller.
    Whole,
    /// The lines of one conversation; of nobody, when it is new.
    Of(Option<ConversationId>),
}
