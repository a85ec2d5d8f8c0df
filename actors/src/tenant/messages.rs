//! Messages that a [`super::Tenant`] takes.

use actix::Message;

use crate::domain::conversation::ConversationKey;
use crate::runtime::exit::Exit;

pub use crate::conversation::messages::{Adopt, Deliver, Idle, Perform, Reread, Wake};

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
