//! What may be said to a [`super::Conversation`].

use actix::Message;
use tokio::sync::oneshot;

use crate::domain::conversation::ConversationKey;
use crate::domain::ids::OutboundId;
use crate::domain::message::Inbound;
use crate::domain::turn::{Refused, SendRequest};
use crate::runtime::admission::Permit;

/// An accepted message for this conversation, in order of acceptance.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// The message.
    pub message: Inbound,
    /// Its place in memory, held until its turn ends.
    pub permit: Permit,
}

/// Somebody asks for a message: write it into the conversation's line.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Compose {
    /// In which conversation.
    pub key: ConversationKey,
    /// What is asked for.
    pub request: SendRequest,
    /// Answered once the message is durable, or refused.
    pub answer: oneshot::Sender<Result<OutboundId, SendRefusal>>,
}

/// Why a message that was asked for was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// It must not be, or cannot be, sent.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The configuration does not have this tenant.
    #[error("no such tenant")]
    UnknownTenant,
    /// The tenant does not have this channel.
    #[error("the tenant has no such channel")]
    UnknownChannel,
    /// A message with this idempotency key was written before.
    #[error("a message with this idempotency key was written before")]
    AskedBefore,
    /// Too much waits already.
    #[error("too much waits already")]
    Overloaded,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
    /// The store or the conversation did not answer. The message may have been written all the same: ask again with the
    /// same idempotency key.
    #[error("the message may or may not have been written")]
    Unavailable,
}

/// The conversation's timer has come.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake;

/// Somebody else changed what it holds in memory: read it again before the next turn.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reread;

/// The parent would like it to leave memory. It answers with [`crate::tenant::messages::Idle`] when nothing is going on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AskIdle;

/// The parent has forgotten it: stop.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Retire;
