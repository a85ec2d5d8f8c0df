//! Bookmark: the message whose turn is going on.

use std::cell::Cell;
use std::rc::Rc;

use crate::domain::conversation::State;
use crate::domain::ids::{ConversationId, CorrelationId, InboundId};
use crate::domain::message::Inbound;

/// The message whose turn is going on. The parent shares it, so that it survives a panic of the conversation.
pub type Bookmark = Rc<Cell<Option<Bookmarked>>>;

/// What a panic's log line says of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bookmarked {
    /// Its row.
    pub message: InboundId,
    /// The flow it started.
    pub correlation: CorrelationId,
    /// Its conversation's row, when there is one.
    pub conversation: Option<ConversationId>,
}

impl Bookmarked {
    pub(super) fn of(message: &Inbound, state: &State) -> Self {
        let conversation = state.conversation.as_ref().map(|conversation| conversation.id);
        Self { message: message.id, correlation: message.correlation, conversation }
    }
}
