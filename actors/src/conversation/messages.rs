//! What may be said to a [`super::Conversation`].

use actix::Message;

use crate::domain::message::Inbound;
use crate::kit::admission::Permit;

/// An accepted message for this conversation, in order of acceptance.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// The message.
    pub message: Inbound,
    /// Its place in memory, held until its turn ends.
    pub permit: Permit,
}

/// The conversation's timer has come.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake;

/// The parent would like it to leave memory. It answers with [`crate::tenant::messages::Idle`] when nothing is going on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AskIdle;

/// The parent has forgotten it: stop.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Retire;
