//! Messages that a [`super::Tenant`] takes.

use actix::Message;

use crate::domain::conversation::ConversationKey;
use crate::runtime::exit::Exit;

pub use crate::conversation::messages::{Deliver, Perform, Reread, Wake};

/// A conversation has nothing to do.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Idle {
    /// The conversation.
    pub key: ConversationKey,
    /// Its instance.
    pub generation: u64,
    /// How many messages it had taken from its mailbox: if the parent sent more, they are still on their way.
    pub taken: u64,
}

/// A conversation ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ConversationExited {
    /// The conversation.
    pub key: ConversationKey,
    /// Its instance.
    pub generation: u64,
    /// How it ended.
    pub exit: Exit,
}
